"""Hooks where something is recorded, and only there; and which parameter belongs to what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import torch
from torch import nn

from nnscratch.flow.builder import Recorder
from nnscratch.flow.infos import ParamInfo
from nnscratch.pytorch.kinds import fan_in, param_role
from nnscratch.pytorch.measuring.graph import Discovery, Found, first_measured
from nnscratch.pytorch.measuring.on_device import Afar
from nnscratch.pytorch.measuring.places import Place, await_gradient
from nnscratch.pytorch.tensors import is_measured, tensors_in

Say = Callable[[str, str], None]


class Watcher(Protocol):
    """Who is told of recorded calls.

    Attributes
    ----------
    looking : int
        The number of the pass at hand; 0: nobody looks.
    scale : float
        Of the loss that is sent back.
    closely : bool
        Whether outputs have to be arrays.
    """

    looking: int
    scale: float
    closely: bool

    def probed(self, name: str, tensor: Any) -> bool:
        """Whether the pass is only a probe, which takes the output."""

    def goes_back(self) -> None:
        """Note that gradients arrive."""

    def normed(self, name: str, received: Any, output: Any) -> None:
        """Take what a norm by the batch was given, and gives."""


class Call:
    """A recorded call: its output is measured when it comes, its gradient when that arrives."""

    def __init__(self, flow: Watcher, recorder: Recorder, afar: Afar, name: str, say: Say) -> None:
        self._flow, self._name = flow, name
        self._output, self._gradient = (
            Place(recorder, afar, what, name, say) for what in ("output", "gradient")
        )
        self._by_batch = recorder.layers[name].by_batch

    def gave(self, output: Any, received: Any, number: int) -> None:
        """Take what the call gave in the pass of that number, and was given first."""
        flow = self._flow
        tensor = output if type(output) is torch.Tensor else first_measured(output)
        if tensor is None:
            tensor = first_measured(output, 1)  # of a single example
        if tensor is None or (number < 0 and flow.probed(self._name, tensor)):
            return
        if flow.closely and is_measured(tensor):
            self._output.give(tensor)
        else:
            self._output.take(tensor)
        await_gradient(tensor, partial(self.arrived, number))
        if self._by_batch and is_measured(received):
            flow.normed(self._name, received, tensor)

    def arrived(self, number: int, dy: Any) -> None:
        """Take the gradient of that pass."""
        flow = self._flow
        if number != flow.looking:
            return
        flow.goes_back()
        self._gradient.take(dy, flow.scale)


class Hook:
    """A hook that stays behind: a copy of the model, or what is read of its file, has none."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *given: Any) -> Any:
        return self._call(*given)

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (Hook, "nothing")

    @staticmethod
    def nothing(*given: Any) -> None:
        """Do nothing."""


_Wanted = list[tuple[int, Call]]


class Seen(Hook):
    """A hook of a module some of whose calls are recorded.

    calls : by the number of the module's call; what it gave, or else in which places of what it
        was given
    """

    def __init__(self, flow: Watcher, calls: dict[int, _Wanted], after: bool) -> None:
        super().__init__(self.gave if after else self.given)
        self._flow, self._calls = flow, calls
        self._number, self._count = 0, 0

    def _which(self) -> _Wanted:
        number = self._flow.looking
        if self._number != number:
            self._number, self._count = number, 0
        self._count += 1
        return self._calls.get(self._count - 1, _NONE)

    def gave(self, module: nn.Module, args: Any, output: Any) -> None:
        """Hand on what a call gave."""
        if self._flow.looking:
            for _, call in self._which():
                call.gave(output, args[0] if args else None, self._number)

    def given(self, module: nn.Module, args: Any, more: Any) -> None:
        """Hand on what a call was given."""
        if not self._flow.looking:
            return
        wanted = self._which()
        tensors = list(tensors_in((args, more))) if wanted else []
        for place, call in wanted:
            if place < len(tensors):
                call.gave(tensors[place], None, self._number)


_NONE: _Wanted = []


def hooks(
    flow: Watcher,
    modules: Mapping[str, nn.Module],
    found: Discovery,
    calls: Mapping[str, Call],
    outside: Callable[..., Any],
) -> list[Any]:
    """Hook the modules of which calls are recorded, and return what removes that again.

    outside : makes of a hook one that a compiler leaves alone
    """
    made = []
    for after, which in ((False, found.before), (True, found.after)):
        by_module: dict[str, dict[int, _Wanted]] = {}
        for (module, count), names in which.items():
            wanted = [(0, names)] if isinstance(names, str) else names
            kept = [(place, calls[name]) for place, name in wanted if name in calls]
            if kept:
                by_module.setdefault(module, {})[count] = kept
        for module, kept_calls in by_module.items():
            seen = outside(Seen(flow, kept_calls, after))
            if after:
                made.append(modules[module].register_forward_hook(seen))
            else:
                made.append(modules[module].register_forward_pre_hook(seen, with_kwargs=True))
    return made


def before_update(args: Any, kwargs: Any, prepare: Callable[..., None]) -> Any:
    """Prepare for an update: once its closure, where it has one, has given the loss its value.

    Returns what the optimizer is given in the place of `args` and `kwargs`; None: these.
    """
    closure = args[1] if len(args) > 1 else kwargs.get("closure")  # args[0] is the optimizer
    if closure is None:
        prepare()
        return None

    def seen() -> Any:
        value = closure()
        prepare(value)
        return value

    if len(args) > 1:
        return (args[0], seen, *args[2:]), kwargs
    return args, {**kwargs, "closure": seen}


def parameters_of(
    modules: Mapping[str, nn.Module],
    found: list[Found],
    tensors: Mapping[str, Any],
    rates: Mapping[int, float],
) -> list[ParamInfo]:
    """Return the parameters, each with the recorded call that it belongs to.

    modules, tensors : by name
    rates : the factors of the learning rate, by the identities of what the optimizer has
    """
    layers: dict[str, str] = {}
    for one in found:
        layers.setdefault(one.module, one.info.name)
    made = []
    for name, tensor in tensors.items():
        owner, _, own = name.rpartition(".")
        at = owner
        while at not in layers and at:
            at = at.rpartition(".")[0]
        inside = f"{owner}." if owner else ""
        layer = layers.get(at) or next(
            (one.info.name for one in found if one.module.startswith(inside)), ""
        )
        if not layer:
            continue
        module, shape = modules[owner], tuple(tensor.shape)
        inputs = fan_in(module, own, shape)
        rate = tensor.requires_grad * rates.get(id(tensor), 0.0)
        made.append(ParamInfo(name, layer, param_role(module, own), shape, inputs, rate))
    return made
