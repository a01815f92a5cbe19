"""Optimizers whose update is one kernel: clip, update and measures are one native call."""

from __future__ import annotations

from typing import Any, ClassVar

from nnscratch.arrays import Array
from nnscratch.backend import kernels, load_module
from nnscratch.clipping import Clip, ClipReport, compiled_report
from nnscratch.errors import require_number
from nnscratch.optimizers.base import Optimizer, Rates
from nnscratch.optimizers.measures import ParameterMeasures
from nnscratch.parameters import Parameters
from nnscratch.schedules import Schedule, is_fixed

# The kernel, states and scalars of an update: ``kernel(params, *states, grads, *scalars)``.
KernelCall = tuple[str, tuple[Array, ...], tuple[float, ...]]

_FRACTION, _SIZE = {"least": 0.0, "below": 1.0}, {"least": 0.0}
_LIMITS = {
    "decay": _FRACTION,
    "beta1": _FRACTION,
    "beta2": _FRACTION,
    "momentum": _FRACTION,
    "epsilon": {"above": 0.0},
    "initial": _SIZE,
    "weight_decay": _SIZE,
    "momentum_decay": _SIZE,
}


class KernelOptimizer(Optimizer):
    """An optimizer whose update is one call of a kernel; a subclass says which.

    With the compiled kernels a step is one native call, in which whatever happens to a block of the
    parameters happens while it is in the nearest cache: see `nnscratch_kernels.compiled.stepping`.
    The bits are those of ``clip.clip(grads)`` and `update` one after the other.
    """

    kernel: ClassVar[str]
    """The kernel of its updates, where that is always the same."""

    def __init__(
        self,
        lr: float | Schedule,
        clip: Clip | None = None,
        rates: Rates = None,
        **settings: float,
    ) -> None:
        super().__init__(lr, clip, rates)
        self._compiled: dict[bool, Any] = {}
        self._settings: tuple[str, ...] = ()
        self._set(**settings)

    def _set(self, **settings: float) -> None:
        """Take settings over as attributes; `ConfigError` for a number that is out of range."""
        for name, value in settings.items():
            what = f"{type(self).__name__} {name}"
            setattr(self, name, require_number(what, value, **_LIMITS[name]))
        self._settings += tuple(settings)

    def options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._settings}

    def kernel_call(self, lr: float, t: int) -> KernelCall:
        """Return the kernel of the t-th update (from 1), the state it works on, its scalars."""
        places = self.state.places
        states = [places[name] for name in self.state_names]
        # Not a tuple of a generator: made anew at its end, one more would lie about at each step.
        return self.kernel, (*states,), self.scalars(lr, t)

    def scalars(self, lr: float, t: int) -> tuple[float, ...]:
        """Return what the kernel of the t-th update takes behind the gradients."""
        return (lr, *self.options().values())

    def update(self, params: Parameters, grads: Parameters, lr: float) -> None:
        kernel, states, scalars = self.kernel_call(lr, self.steps + 1)
        getattr(kernels, kernel)(params.memory, *states, grads.memory, *scalars)

    def _make_step(
        self, params: Parameters, grads: Parameters, lr: float, measures: ParameterMeasures | None
    ) -> ClipReport | None:
        found = self._find(params, grads, lr, measures)
        if found is None:
            return super()._make_step(params, grads, lr, measures)
        step, scalars = found
        step.run(scalars)
        return None if self.clip is None else compiled_report(step, grads)

    def compiled_step(self, params: Parameters, grads: Parameters) -> Any:
        """Return the native call that makes a step (`compiled.stepping.step.Step`).

        None where a step is more than that. Raises what `step` does.
        """
        if type(self).step is not Optimizer.step or "step" in self.__dict__:
            return None
        self._ready(params, grads)
        found = self._find(params, grads, self.lr, None)
        return None if found is None else found[0]

    def numbers(self, t: int) -> tuple[float, ...] | None:
        """Return the scalars of the t-th update; None where the rate may depend on the others."""
        if not is_fixed(self._schedule):
            return None
        return self.kernel_call(self.lr_at(t - 1), t)[2]

    def _find(
        self, params: Parameters, grads: Parameters, lr: float, measures: ParameterMeasures | None
    ) -> tuple[Any, tuple[float, ...]] | None:
        """Return the native call that makes a step, and its scalars, if there is one."""
        if kernels.name != "numba" or "update" in self.__dict__ or self._pieces is not None:
            return None
        target = None if measures is None else measures.target
        step: Any = self._compiled.get(measures is not None)
        call = self.kernel_call(lr, self.steps + 1) if step is not None else None
        if call is None or not step.fits(params.memory, grads.memory, call, target, self.clip):
            if not self._is_one_call():
                return None
            call = self.kernel_call(lr, self.steps + 1)
            step = self._compile(call, params, grads, measures)
            self._compiled[measures is not None] = step
        return step, call[2]

    def _is_one_call(self) -> bool:
        """Whether neither the update nor the clip was redefined by somebody's subclass."""
        return type(self).update is KernelOptimizer.update and (
            self.clip is None or (type(self.clip).clip is Clip.clip and self.clip.kind != "")
        )

    def _compile(
        self,
        call: KernelCall,
        params: Parameters,
        grads: Parameters,
        measures: ParameterMeasures | None,
    ) -> Any:
        stepping = load_module("nnscratch_kernels.compiled.stepping.step")
        clip = self.clip
        return stepping.Step(
            grads.memory,
            grads.offsets,
            params=params.memory,
            update=call[:2],
            made=self._made,
            clip=None if clip is None else clip.kind,
            limit=0.0 if clip is None else clip.limit,
            measures=None if measures is None else measures.target,
            owner=clip,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes over: not the addresses of this one's arrays."""
        return {**super().__getstate__(), "_compiled": {}}
