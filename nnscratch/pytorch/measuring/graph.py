"""Which modules a network calls, in which order, and which reads which: found in one pass.

What reads what is asked of autograd: from a module's input back to the nearest outputs of others.
So functions between modules are seen too, as far as a module receives or returns their result.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from nnscratch.flow.infos import INPUT, LayerInfo
from nnscratch.pytorch.kinds import SHAPES, Kind, function_kind, kind_of
from nnscratch.pytorch.tensors import is_measured, tensors_in


@dataclass
class Found:
    """A call that is recorded: of a module, or of functions in front of one.

    Attributes
    ----------
    info : LayerInfo
    module : str
        Name of the module that it belongs to.
    output, whole : tensors
        A copy, since what comes after may overwrite it; and the tensor itself.
    received : tensor or None
        What a norm by the batch was given.
    """

    info: LayerInfo
    module: str
    output: Any
    whole: Any
    received: Any = None


@dataclass
class Discovery:
    """A pass as it is found: `enter` and `leave` are told of every module that is called.

    Attributes
    ----------
    found : list of Found
        In order, each after its sources.
    before, after : dict
        Names of recorded calls by module and number of its call: of what it was given, with the
        place among the tensors given; and of what it gave.
    inputs : tensor or None
        The first tensor given to the network, or what it makes of that for its first layer.
    reads : str
        The module of that layer, where it is given other numbers; empty if not.
    axes : int
        That what is recorded has at least: 1 where a layer is given a single example.
    """

    found: list[Found] = field(default_factory=list)
    before: dict[tuple[str, int], list[tuple[int, str]]] = field(default_factory=dict)
    after: dict[tuple[str, int], str] = field(default_factory=dict)
    inputs: Any = None
    reads: str = ""
    axes: int = 2

    def __post_init__(self) -> None:
        self._made: dict[Any, str] = {}  # by node of autograd, or by tensor where there is none
        self._kept: list[Any] = []  # so that no identity is given twice
        self._axes: dict[str, int] = {INPUT: -1}
        self._calls: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._stack: list[str] = []
        self._known = False  # a module that is recorded was called
        self._within = 0  # known modules that have modules of their own

    def enter(self, name: str, module: nn.Module, given: Any) -> None:
        """Note that a module is called."""
        call = self._calls.get(name, -1) + 1
        self._calls[name] = call
        self._stack.append(name)
        tensors = list(tensors_in(given))
        if self.inputs is None and name == "" and tensors:
            self.inputs = tensors[0]
        if isinstance(module, nn.Linear) and tensors and tensors[0].ndim == 1:
            self.axes = 1
        if self._within == 0 and is_recorded(module):
            if not self._known and tensors and _is_made_of(tensors[0], self.inputs):
                self.inputs, self.reads = tensors[0], name
            self._known = True
            for place, tensor in enumerate(tensors):
                made = self._function(tensor, self._stack[-2] if len(self._stack) > 1 else "")
                if made:
                    self.before.setdefault((name, call), []).append((place, made))
        self._within += is_recorded(module)

    def leave(self, name: str, module: nn.Module, given: Any, output: Any) -> None:
        """Note what a module gave."""
        self._stack.pop()
        recorded = is_recorded(module)
        self._within -= recorded
        tensor = first_measured(output, self.axes)
        if self._within or tensor is None:
            return
        if not recorded:
            made = self._function(tensor, name, last=True)
        else:
            tensors = list(tensors_in(given))
            sources, _ = self._sources(tensors)
            kind = kind_of(module) or Kind(type(module).__name__.lower())
            if not module.training and getattr(module, "running_mean", None) is not None:
                kind = replace(kind, by_batch=False)  # it goes by what it kept
            received = first_measured(tensors) if kind.by_batch else None
            block = name.rpartition(".")[0]
            called = f"{name}.{kind.kind}" if name.rpartition(".")[2].isdecimal() else name
            made = self._note(called or kind.kind, name, block, kind, sources, tensor, received)
        if made:
            self.after[name, self._calls[name]] = made

    def _function(self, tensor: Any, inside: str, last: bool = False) -> str:
        """Note the result of functions, if there are any since the last modules; return its name.

        inside : name of the module that called them; of its output they are named after it
        """
        fits = is_measured(tensor, self.axes) and tensor.grad_fn is not None
        if not fits or _key(tensor) in self._made:
            return ""
        sources, functions = self._sources([tensor])
        if all(name.rstrip("0123456789") in SHAPES for name in functions):
            return ""
        kind = function_kind(functions)
        name = inside
        if not (last and inside) or inside.rpartition(".")[2].isdecimal():
            # Brackets tell a function from a module.
            name = kind.kind if kind.role == "join" else f"{kind.kind}()"
            name = f"{inside}.{name}" if inside else name
        return self._note(name, inside, inside, kind, sources, tensor)

    def _note(
        self,
        name: str,
        module: str,
        block: str,
        kind: Kind,
        sources: list[str],
        tensor: Any,
        received: Any = None,
    ) -> str:
        count = self._names.get(name, 0) + 1
        self._names[name] = count
        if count > 1:  # a module that is called again
            name = f"{name}#{count}"
        axis = kind.axis
        if axis is None:
            axis = self._axes.get(sources[0], -1)
            # Of images the channels come second, of sequences the features last.
            if tensor.ndim >= 4 and sources[0] == INPUT:
                axis = 1
        self._axes[name] = axis = axis if axis < tensor.ndim - 1 else -1
        info = LayerInfo(
            name=name,
            kind=kind.kind,
            features=tensor.shape[axis],
            saturation=kind.saturation,
            role=kind.role,
            block=block,
            sources=sources,
            rectifies=kind.rectifies,
            by_batch=kind.by_batch,
            axis=axis,
        )
        self._made[_key(tensor)] = name
        self._kept.append(tensor)
        self.found.append(Found(info, module, tensor.detach().clone(), tensor, received))
        return name

    def _sources(self, tensors: list[Any]) -> tuple[list[str], list[str]]:
        """Return the nearest recorded calls that tensors come from, and the functions between."""
        sources: dict[str, None] = {}
        functions: list[str] = []
        seen: set[Any] = set()
        waiting = [_key(tensor) for tensor in tensors]
        while waiting:
            node = waiting.pop(0)
            if node in seen:
                continue
            seen.add(node)
            if node in self._made:
                sources[self._made[node]] = None
            elif not isinstance(node, int) and type(node).__name__ != "AccumulateGrad":
                functions.append(type(node).__name__)
                waiting += [other for other, _ in node.next_functions if other is not None]
        return list(sources) or [INPUT], functions


def _is_made_of(given: Any, inputs: Any) -> bool:
    """Whether a first layer is given other numbers than the network, one in the place of each."""
    if not is_measured(given) or given.grad_fn is not None or not torch.is_tensor(inputs):
        return False
    same = given.numel() == inputs.numel() and len(given) == len(inputs)
    return same and given.data_ptr() != inputs.data_ptr()


def _key(tensor: Any) -> Any:
    return id(tensor) if tensor.grad_fn is None else tensor.grad_fn


def is_recorded(module: nn.Module) -> bool:
    """Whether a module's calls are recorded, and not those of the modules inside it."""
    if isinstance(module, torch.nn.Sequential | torch.nn.ModuleList | torch.nn.ModuleDict):
        return False
    return kind_of(module) is not None or next(module.children(), None) is None


def first_measured(value: Any, axes: int = 2) -> Any:
    """Return the first tensor that can be measured, see `is_measured`; None if there is none."""
    return next((tensor for tensor in tensors_in(value) if is_measured(tensor, axes)), None)
