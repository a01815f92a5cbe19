"""Hooks where something is recorded, and only there; and which parameter belongs to what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from torch import nn

from nnscratch.flow.infos import ParamInfo
from nnscratch.pytorch.graph import Discovery, Found
from nnscratch.pytorch.kinds import fan_in, param_role
from nnscratch.pytorch.tensors import tensors_in


class Watcher(Protocol):
    """Who is told of recorded calls."""

    @property
    def pass_number(self) -> int:
        """The number of the pass at hand; 0: nobody looks."""

    def saw(self, name: str, output: Any, received: Any) -> None:
        """Take what a call gave, and was given first."""


def hooks(
    flow: Watcher,
    modules: Mapping[str, nn.Module],
    found: Discovery,
    recorded: Collection[str],
    outside: Callable[..., Any],
) -> list[Any]:
    """Hook the modules of which calls are recorded, and return what removes that again.

    outside : makes of a hook one that a compiler leaves alone
    """
    made = []
    for after, calls in ((False, found.before), (True, found.after)):
        by_module: dict[str, dict[int, list[tuple[int, str]]]] = {}
        for (module, call), names in calls.items():
            wanted = [(0, names)] if isinstance(names, str) else names
            kept = [(place, name) for place, name in wanted if name in recorded]
            if kept:
                by_module.setdefault(module, {})[call] = kept
        for module, kept_calls in by_module.items():
            seen = outside(_Seen(flow, kept_calls, after).see)
            if after:
                made.append(modules[module].register_forward_hook(seen))
            else:
                made.append(modules[module].register_forward_pre_hook(seen, with_kwargs=True))
    return made


class _Seen:
    """A hook of a module some of whose calls are recorded."""

    def __init__(self, flow: Watcher, names: dict[int, list[tuple[int, str]]], after: bool) -> None:
        self._flow, self._names, self._after = flow, names, after
        self._number, self._call = 0, 0

    def see(self, module: nn.Module, args: Any, more: Any) -> None:
        """Hand on what a call gave, or what it was given."""
        number = self._flow.pass_number
        if number == 0:
            return
        if self._number != number:
            self._number, self._call = number, 0
        names = self._names.get(self._call)
        self._call += 1
        if names is None:
            return
        if self._after:
            self._flow.saw(names[0][1], more, args[0] if args else None)
            return
        tensors = list(tensors_in((args, more)))
        for place, name in names:
            if place < len(tensors):
                self._flow.saw(name, tensors[place], None)


def parameters_of(model: nn.Module, found: list[Found], tensors: dict[str, Any]) -> list[ParamInfo]:
    """Return the parameters, each with the recorded call that it belongs to."""
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
        module, shape = model.get_submodule(owner), tuple(tensor.shape)
        inputs, rate = fan_in(module, own, shape), float(tensor.requires_grad)
        made.append(ParamInfo(name, layer, param_role(module, own), shape, inputs, rate))
    return made
