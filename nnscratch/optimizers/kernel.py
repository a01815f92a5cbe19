"""Optimizers whose update is one kernel: clip, update and measures are one native call."""

from __future__ import annotations

from typing import Any, ClassVar

from nnscratch.arrays import Array
from nnscratch.backend import kernels, load_module
from nnscratch.clipping import Clip, ClipReport, compiled_report
from nnscratch.errors import ShapeError, require_number
from nnscratch.optimizers.base import Optimizer, Rates
from nnscratch.optimizers.measures import ParameterMeasures
from nnscratch.parameters import Parameters
from nnscratch.schedules import Schedule

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

    def kernel_call(self, lr: float) -> KernelCall:
        """Return the kernel of the next update, the state it works on, and its scalars."""
        states = [self.state[name] for name in self.state_names]
        # Not a tuple of a generator: made anew at its end, one more would lie about at each step.
        return self.kernel, (*states,), self.scalars(lr)

    def scalars(self, lr: float) -> tuple[float, ...]:
        """Return what the kernel takes behind the gradients."""
        return (lr, *self.options().values())

    def update(self, params: Parameters, grads: Parameters, lr: float) -> None:
        kernel, states, scalars = self._fitting_call(params, lr)
        getattr(kernels, kernel)(params.flat, *states, grads.flat, *scalars)

    def _make_step(
        self, params: Parameters, grads: Parameters, lr: float, measures: ParameterMeasures | None
    ) -> ClipReport | None:
        if kernels.name != "numba" or "update" in self.__dict__ or self._pieces is not None:
            return super()._make_step(params, grads, lr, measures)
        target = None if measures is None else measures.target
        step: Any = self._compiled.get(measures is not None)
        call = self.kernel_call(lr) if step is not None else None
        if call is None or not step.fits(params.flat, grads.flat, call, target, self.clip):
            if not self._is_one_call():
                return super()._make_step(params, grads, lr, measures)
            call = self._fitting_call(params, lr)
            step = self._compile(call, params, grads, measures)
            self._compiled[measures is not None] = step
        step.run(call[2])
        return None if self.clip is None else compiled_report(step, grads)

    def _fitting_call(self, params: Parameters, lr: float) -> KernelCall:
        """Return the kernel's call; `ShapeError` if state was replaced by what does not fit."""
        if not self._state_fits(params):
            raise ShapeError(
                f"the state of this {type(self).__name__} no longer fits the parameters, "
                f"{params.flat.size:,} values of {params.flat.dtype}: "
                f"write into its arrays, state[name][...] = values, instead of replacing them"
            )
        return self.kernel_call(lr)

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
            grads.flat,
            grads.offsets,
            params=params.flat,
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
