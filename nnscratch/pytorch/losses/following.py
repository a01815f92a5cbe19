"""Numbers followed through what only moves them: from where they arrive back to where they were.

`view`, `reshape`, `permute` and their like change no number, and their nodes of autograd send each
one back to where it came from: the number of a row as well as a gradient.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from nnscratch.pytorch.kinds import POINTWISE
from nnscratch.pytorch.losses.sent_back import name_of, shape_of

MOST = 2**23  # numbers of a tensor that are followed
VIEWS = frozenset({"ViewBackward", "UnsafeViewBackward", "ReshapeAliasBackward"})
_MOVES = VIEWS | {
    *("TransposeBackward", "TBackward", "PermuteBackward", "SqueezeBackward"),
    *("UnsqueezeBackward", "SliceBackward", "SelectBackward", "SumBackward", "MeanBackward"),
}
# Whatever they do, they do to each number where it is.
_STAYS = POINTWISE | {
    *("AliasBackward", "CloneBackward", "ToCopyBackward", "MulBackward", "DivBackward"),
    *("AddBackward", "SubBackward", "NativeDropoutBackward", "MaskedFillBackward"),
}


@dataclass
class Source:
    """What was moved, and where to.

    Attributes
    ----------
    what : str
        In words; empty: functions made it.
    shape : tuple
    labels : list of tensors
        In which row, along each axis of what was taken, each of its numbers arrives, from 1 on; 0:
        in none.
    axes : tuple
        That may be that of the examples; none: not known.
    by_head : bool
        Whether examples may be one axis with something else, behind steps of time.
    """

    what: str
    shape: tuple[int, ...]
    labels: list[Any]
    axes: tuple[int, ...] = ()
    by_head: bool = False

    def numbered(self, count: int) -> Iterator[tuple[int, Any]]:
        """Yield the axes that may be that of so many examples, or of them and something else, and
        the number of the example at each place of it.
        """
        shape = self.shape
        exact = [i for i, size in enumerate(shape) if size == count]
        if len(self.axes) == 1 and shape[self.axes[0]] % count == 0:
            likely = list(self.axes)
        elif shape[0] == count:  # as usual, unless time comes first
            likely = [0, *([1] if 1 in exact or (self.by_head and len(shape) > 1) else [])]
        else:
            likely = [i for i, size in enumerate(shape[:2]) if size and size % count == 0] or exact
        for axis in likely:
            size, places = shape[axis], torch.arange(shape[axis])
            if size == count:
                yield axis, places
            elif size % count == 0:
                yield axis, places // (size // count)
                yield axis, places % count


def chain(node: Any, place: int, ends: Container[Any]) -> tuple[list[Any], tuple[Any, int]]:
    """Return the moves that led to what a node gave, the last one first, and what they began with:
    a node of autograd, and which of its outputs.

    ends : nodes behind which nothing is followed
    """
    moves = []
    while node not in ends:
        below = [(one, at) for one, at in node.next_functions if one is not None]
        name = name_of(node)
        if len(below) == 2 and name in _STAYS:  # one is the same for all along an axis: positions
            below = [one for one in below if shape_of(*one) == shape_of(node, place)]
        same = len(below) == 1 and shape_of(*below[0]) in (None, shape_of(node, place))
        if len(below) != 1 or not (name in _MOVES or (name in _STAYS and same)):
            break
        if name in _MOVES:
            moves.append(node)
        node, place = below[0]
    return moves, (node, place)


def together(one: Any, other: Any) -> bool:
    """Whether two tensors lie in the same memory."""
    return bool(one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr())


def rows_of(tensor: Any, axis: int) -> Any:
    """Return the number of the row along an axis for each number of a tensor, from 1 on."""
    count = tensor.shape[axis]
    rows = torch.arange(1, count + 1, dtype=torch.float32, device=tensor.device)
    return rows.view([count if i == axis else 1 for i in range(tensor.ndim)]).expand(tensor.shape)


def rows_below(tensor: Any, axis: int, moves: list[Any]) -> Any:
    """Return the same where moves took the numbers from, the last of them first; 0: nowhere."""
    labels = rows_of(tensor, axis)
    for node in moves:
        count = labels.numel()
        labels = node(labels)
        if name_of(node) == "MeanBackward":
            labels = labels * (labels.numel() / count)
    return labels


def places_of(tensor: Any, given: Any) -> tuple[Any, Any] | None:
    """Return which numbers of a tensor are which of an input, in both's own order; None if none.

    Where they lie in the same memory; or else those that come once in each, if all are the same.
    """
    size = given.numel()
    same = together(tensor, given)
    every = torch.arange(size, device=given.device)
    if same and given.is_contiguous() and tensor.storage_offset() == given.storage_offset():
        if tensor.is_contiguous():
            return every, every
        lies = every.as_strided(tensor.shape, tensor.stride(), 0).reshape(-1)
        return (every, lies) if len(lies.unique()) == size else None
    if not tensor.is_floating_point() or same:
        return None
    (a, at), (b, other) = (one.reshape(-1).sort() for one in (tensor, given))
    if not torch.equal(a, b):
        return None
    once = torch.ones(size, dtype=torch.bool, device=a.device)
    differ = a[1:] != a[:-1]
    once[1:] &= differ
    once[:-1] &= differ
    return at[once], other[once]


def met(label: Any, axis: int, example: Any, count: int) -> tuple[int, int, int]:
    """Return how many pairs of a row and an example meet, of how many rows and examples."""
    for i in range(label.ndim):
        if i != axis and label.stride(i) == 0:  # all the same along it
            label = label.narrow(i, 0, 1)
    number = example.view([-1 if i == axis else 1 for i in range(label.ndim)])
    rows = label.round().long()
    code = (rows * count + number)[rows > 0].unique()
    return len(code), len((code // count).unique()), len((code % count).unique())
