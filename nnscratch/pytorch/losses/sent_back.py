"""What a backward pass began with: the loss, whoever computed it, and what it depends on.

A function between the network and `loss.backward()` is seen by no hook. When the first gradient
arrives the backward pass is under way, and the frame of `torch.autograd.backward` says of what.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import torch
from torch.autograd import backward, grad

_CODES = {backward.__code__: "tensors", grad.__code__: "outputs"}  # where their argument is
_MOST = 100_000  # nodes of a graph that are gone through

# Losses by the node of autograd that computes them, as this package calls them.
_KINDS = {
    "MseLossBackward": "MeanSquaredError",
    "BinaryCrossEntropyBackward": "BinaryCrossEntropy",
    "BinaryCrossEntropyWithLogitsBackward": "SigmoidCrossEntropy",
    "SmoothL1LossBackward": "Huber",
    "HuberLossBackward": "Huber",
}
_OF_TWO = ("SubBackward", "RsubBackward", "AddBackward", "MulBackward", "DivBackward")
_SUMS, _TIMES = ("AddBackward", "SubBackward"), ("MulBackward", "DivBackward", "NegBackward")
_WIDENED = "ExpandBackward"  # what a loss does to the smaller of two shapes
_NLL = ("NllLossBackward", "NllLoss2DBackward")


def sent_back(by: Callable[..., Any] | None = None) -> list[Any]:
    """Return the tensors with which the backward pass that is under way began; none if unknown.

    by : given, only where this function of `torch.autograd` began it

    For hooks of gradients. A GPU's are called on a thread of its own, while another one waits.
    """
    codes = _CODES if by is None else {by.__code__: _CODES[by.__code__]}
    found = _begun(sys._getframe(), codes)
    if found is None:
        others = [_begun(frame, codes) for frame in sys._current_frames().values()]
        some = [one for one in others if one is not None]
        found = some[0] if len(some) == 1 else None
    if found is None:
        return []
    tensors = [found] if isinstance(found, torch.Tensor) else list(found)
    return [one for one in tensors if isinstance(one, torch.Tensor) and one.numel() == 1]


def _begun(frame: FrameType | None, codes: Mapping[Any, str]) -> Any:
    """Return what the outermost backward pass of a thread began with; None if there is none."""
    found = None
    while frame is not None:
        name = codes.get(frame.f_code)
        if name is not None:
            found = frame.f_locals[name]
        frame = frame.f_back
    return found


def kind_of_loss(root: Any) -> str:
    """Return what a loss is called that is one function of PyTorch's; empty if it is another."""
    node = root.grad_fn
    while name_of(node) in ("MulBackward", "DivBackward"):  # by a number
        node = node.next_functions[0][0]
    if name_of(node) in _NLL:
        given = node.next_functions[0][0]
        while name_of(given) in ("ViewBackward", "SqueezeBackward"):
            given = given.next_functions[0][0]
        return "SoftmaxCrossEntropy" if name_of(given) == "LogSoftmaxBackward" else ""
    return _KINDS.get(name_of(node), "")


def nodes(roots: list[Any]) -> Iterator[Any]:
    """Yield the nodes of autograd that gradients of `roots`, tensors or nodes, go through."""
    waiting = [getattr(root, "grad_fn", root) for root in roots]
    waiting = [node for node in waiting if node is not None]
    seen = set(waiting)
    while waiting and len(seen) < _MOST:
        node = waiting.pop()
        yield node
        for other, _ in node.next_functions:
            if other is not None and other not in seen:
                seen.add(other)
                waiting.append(other)


def leaves(roots: list[Any]) -> Iterator[Any]:
    """Yield the tensors at which gradients of `roots`, tensors or nodes of autograd, arrive."""
    for node in nodes(roots):
        variable = getattr(node, "variable", None)
        if variable is not None:
            yield variable


def terms(root: Any) -> list[Any]:
    """Return the nodes of autograd of what a loss adds up, each perhaps times a number."""
    waiting, found = [root.grad_fn], []
    while waiting:
        node = waiting.pop()
        below = [one for one, _ in node.next_functions if one is not None] if node else []
        by_number = name_of(node) in _TIMES and len(below) == 1
        if below and (name_of(node) in _SUMS or by_number):
            waiting += below
        elif node is not None:
            found.append(node)
    return found


def table(roots: list[Any], count: int) -> tuple[str, tuple[int, ...]]:
    """Return where a loss makes of `count` values a table of each with each, and their shape.

    The name of the node of autograd, and the shape before it; an empty name where there is none.
    It counts where the table is averaged or summed whole, and its other side learns nothing: what
    compares outputs among themselves has a gradient on both.
    """
    whole = (count, count)
    waiting = [root.grad_fn for root in roots if root.grad_fn is not None]
    seen = set(waiting)
    while waiting and len(seen) < _MOST and count > 1:
        node = waiting.pop()
        below = {one for one, _ in node.next_functions if one is not None}
        made = shape_of(node)
        if made == whole and len(below) != 1:
            continue
        for one in below:
            given, name = shape_of(one), name_of(node)
            if made == whole and given in ((count,), (count, 1)):
                if name == _WIDENED or (name in _OF_TWO and len(node.next_functions) == 2):
                    return name, given
            elif given in ((), whole) and one not in seen:
                seen.add(one)
                waiting.append(one)
    return "", ()


def shape_of(node: Any, place: int = 0) -> tuple[int, ...] | None:
    """Return the shape of one of the tensors that a node gave; None where that is not known."""
    made = getattr(node, "_input_metadata", None)  # of its gradient, which is the same
    return tuple(made[place].shape) if made and made[place] is not None else None


def name_of(node: Any) -> str:
    """Return what autograd calls a node, without the number of its version."""
    return type(node).__name__.rstrip("0123456789")


def signed(number: int) -> int:
    """Return a number that a node of autograd keeps without its sign as what it was."""
    return number - (1 << 64) if number >> 63 else number
