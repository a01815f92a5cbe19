"""Examples that a move of axes mixes: every number of an example is followed to where it goes.

Of each number below a move it is known, exactly, in which row of what a layer is given it arrives.
A row is that of an example where it holds no other's.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nnscratch.pytorch.losses.following import (
    MOST,
    VIEWS,
    Source,
    chain,
    met,
    places_of,
    rows_below,
    rows_of,
    together,
)
from nnscratch.pytorch.losses.sent_back import name_of, shape_of
from nnscratch.pytorch.tensors import IDS, tensors_in

_SORTED = 2**21  # of an input
_BY_HEAD = frozenset({"BmmBackward"})
_PLAIN = (nn.Linear, nn.LayerNorm, nn.RNNCellBase)
_CHANNELS = (nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)


@dataclass
class _Taken:
    """What a layer was given: its name, the axes that may be that of the examples."""

    name: str
    tensor: Any
    axes: tuple[int, ...]


class Moves:
    """Looks at what the layers of a pass are given, and what the network gives."""

    def __init__(self) -> None:
        self._given: list[Any] = []
        self._made: dict[Any, str] = {}  # names by node of autograd
        self._ends: dict[Any, tuple[int, ...]] = {}  # of layers of weights, and what `_axes` says
        self._taken: list[_Taken] = []
        self._told: tuple[str, ...] = ()

    def called(self, name: str, module: nn.Module, given: Any) -> None:
        """Look at what a module is given."""
        tensors = [one for one in tensors_in(given) if one.ndim and one.layout is torch.strided]
        if name == "":
            self._forget()
            self._given, self._told = tensors, ()
        axes = _axes(module, tensors[0].ndim) if tensors else ()
        if axes and self._moved(tensors[0]):
            self._taken.append(_Taken(name, tensors[0], axes))

    def _forget(self) -> None:
        self._given, self._made, self._ends, self._taken = [], {}, {}, []

    def returned(self, name: str, module: nn.Module, output: Any) -> None:
        """Look at what a module gives; at the end of the pass follow what was given."""
        for tensor in tensors_in(output):
            if tensor.grad_fn is not None:
                self._made.setdefault(tensor.grad_fn, name)
                axes = _axes(module, tensor.ndim)
                if axes and tensor.grad_fn not in self._ends and _first(output) is tensor:
                    self._ends[tensor.grad_fn] = axes
        if name:
            return
        whole = _first(output)
        if whole is not None:
            if self._moved(whole):
                self._taken.append(_Taken("", whole, (0,) if whole.ndim != 3 else (0, 1)))
            with contextlib.suppress(RuntimeError, TypeError):  # tensors that are more than numbers
                self._follow(whole)
        self._forget()  # nobody is kept alive

    def told(self) -> tuple[str, ...]:
        """Return what was seen, as a line of `Mistakes`; nothing where no examples are mixed."""
        return self._told

    def _moved(self, tensor: Any) -> bool:
        """Whether a view stands between a tensor and what was computed last, or what came in."""
        if not 0 < tensor.numel() <= MOST:
            return False
        if tensor.grad_fn is None:
            return tensor.numel() <= _SORTED and any(_other(tensor, one) for one in self._given)
        moves, _ = chain(tensor.grad_fn, tensor.output_nr, self._ends)
        return any(name_of(node) in VIEWS for node in moves)

    def _follow(self, whole: Any) -> None:
        count, other = _counts(whole, self._given)
        if count < 2:
            return
        for taken in self._taken:
            axes = taken.axes
            if other:  # it may be time that comes first
                last = taken.tensor.ndim - 1
                axes = tuple(i for i in range(last + 1) if i < last or taken.axes in ((0,), (1,)))
            source = self._source(taken.tensor, axes)
            if source is None:
                continue
            mixes = _mixes(taken, axes, source, count)
            if not mixes or (other and _mixes(taken, axes, source, other) == ()):
                continue
            self._told = _line(taken, source, *mixes)
            return

    def _source(self, tensor: Any, axes: tuple[int, ...]) -> Source | None:
        if tensor.grad_fn is None:
            return self._among_inputs(tensor, axes)
        moves, (node, place) = chain(tensor.grad_fn, tensor.output_nr, self._ends)
        leaf = getattr(node, "variable", None)
        if leaf is not None and not any(one is leaf for one in self._given):
            return None  # a parameter
        shape = shape_of(node, place) if leaf is None else tuple(leaf.shape)
        if shape is None or math.prod(shape) > MOST:
            return None
        with torch.no_grad():
            labels = [rows_below(tensor, axis, moves) for axis in axes]
        name = self._made.get(node, "")
        what = "what goes in" if leaf is not None else name and f"what {name} gives"
        return Source(what, shape, labels, self._ends.get(node, ()), name_of(node) in _BY_HEAD)

    def _among_inputs(self, tensor: Any, axes: tuple[int, ...]) -> Source | None:
        """Return the input that a tensor was moved from, of which autograd knows nothing."""
        for one in self._given:
            if not _other(tensor, one):
                continue
            where = places_of(tensor.detach(), one.detach())
            if where is None:
                continue
            labels = []
            for axis in axes:
                found = torch.zeros(one.numel(), device=one.device)
                found[where[1]] = rows_of(tensor, axis).reshape(-1)[where[0]]
                labels.append(found.view(one.shape))
            return Source("what goes in", tuple(one.shape), labels)
        return None


def _first(value: Any) -> Any:
    """Return the first tensor with axes; None if there is none."""
    return next((one for one in tensors_in(value) if one.ndim), None)


def _other(tensor: Any, given: Any) -> bool:
    """Whether a tensor has the numbers of an input, as far as one sees, in rows that differ."""
    if tensor.numel() != given.numel() or tensor.dtype != given.dtype:
        return False
    if tensor.shape == given.shape:
        return not torch.equal(tensor, given)
    flat = tensor.is_contiguous() and given.is_contiguous() and together(tensor, given)
    return not (flat and len(tensor) == len(given))


def _axes(module: nn.Module, ndim: int) -> tuple[int, ...]:
    """Return which axes of what a module takes may be that of the examples; none: not known."""
    if isinstance(module, nn.RNNBase | nn.MultiheadAttention):
        return () if ndim != 3 else (0,) if module.batch_first else (1,)
    if isinstance(module, _CHANNELS):
        return (0,) if ndim > 1 else ()
    return tuple(range(ndim - 1)) if isinstance(module, _PLAIN) else ()


def _counts(whole: Any, given: list[Any]) -> tuple[int, int]:
    """Return how many examples there are, one row of the output each, or what else may be their
    number where time may come first: 0, if nothing. (0, 0): not known.
    """
    first = {len(one) for one in given}
    second = {one.shape[1] for one in given if one.ndim > 2 or (one.ndim == 2 and one.dtype in IDS)}
    rows = len(whole)
    if rows in first | second:
        doubt = whole.ndim == 3 and whole.shape[1] in first | second
        return rows, int(whole.shape[1]) if doubt else 0
    if len(first) == len(second) == 1 and rows == min(first) * min(second):
        return min(first), min(second)  # all steps of all examples
    return 0, 0


def _mixes(
    taken: _Taken, axes: tuple[int, ...], source: Source, count: int
) -> tuple[float, ...] | None:
    """Return how many examples a row holds, in how many rows one is, its axis below and that of
    the rows; nothing where rows are those of examples, or of groups of whole ones. None: not known.
    """
    worst: tuple[float, ...] | None = None
    shape = taken.tensor.shape
    for axis, example in source.numbered(count):
        for row, label in zip(axes, source.labels, strict=True):
            pairs, rows, examples = met(label, axis, example.to(label.device), count)
            grouped = pairs == examples and count not in [shape[i] for i in axes]
            if pairs == rows or grouped:
                return ()
            if worst is None or shape[row] == count != shape[int(worst[3])]:
                worst = pairs / rows, pairs / examples, axis, row
    return worst


def _line(taken: _Taken, source: Source, held: float, spread: float, *at: float) -> tuple[str, ...]:
    (axis, row), shape = map(int, at), source.shape
    given = tuple(taken.tensor.shape)
    who = f"{taken.name} is given" if taken.name else "The network gives"
    moved = [size for i, size in enumerate(shape) if i != axis]
    moved.insert(row, shape[axis])
    line = f".movedim({axis}, {row})" if axis != row else ""
    if tuple(moved) != given:
        rest = ", ".join(str(-1 if i == row else size) for i, size in enumerate(given))
        line += f".reshape({rest})"
    return (
        "examples mixed",
        f"{who} rows that hold numbers of {held:.3g} examples each, on average: "
        f"{source.what or 'what was computed before'} is {shape}, with the examples on axis "
        f"{axis}, and arrives as {given}, with each example in {spread:.3g} of its rows.",
        "view and reshape keep the order in memory, in which the first axis comes first: the axes "
        "stood in another order than the new shape has them.",
        f"bring the axis of the examples to its place first, then reshape: {line}"
        if row == 0 or tuple(moved) == given
        else "bring the axis of the examples to its place first, by movedim or transpose",
        "",
    )
