"""Softmaxes that are taken over what they are not meant for: seen in what a loss was computed by.

Over an axis with one number, of which it makes 1, whatever that is; and, in the loss, over numbers
that a view has brought together from several places, in the room of one place's classes.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

import torch
from torch import nn

from nnscratch.pytorch.losses.following import MOST, chain, rows_below
from nnscratch.pytorch.losses.in_graph import softmax_below
from nnscratch.pytorch.losses.sent_back import name_of, nodes, shape_of, signed
from nnscratch.pytorch.tensors import tensors_in

_NLL = ("NllLossBackward", "NllLoss2DBackward")
_SOFTMAXES = ("SoftmaxBackward", "LogSoftmaxBackward")
_PRODUCTS = ("BmmBackward", "BaddbmmBackward")  # of queries and keys: these may be one


class Softmaxes:
    """Looks at the softmaxes of the first pass.

    Attributes
    ----------
    of_one, mixed : tuple of str
        What is wrong, as lines of `Mistakes`; empty ones are none.
    of_first : set of int
        The lengths of first axes, of three and more, that a softmax is taken over.
    """

    def __init__(self) -> None:
        self.of_one: tuple[str, ...] = ()
        self.mixed: tuple[str, ...] = ()
        self.of_first: set[int] = set()  # of numbers with three axes and more, their first one's
        self._ends: dict[Any, tuple[str, int]] = {}  # nodes of layers, names and axes of units

    def returned(self, name: str, module: nn.Module, output: Any) -> None:
        """Note what a layer gave, and which axis its units stand on."""
        whole = next(tensors_in(output), None)
        made = getattr(whole, "grad_fn", None)
        if whole is None or made is None:
            return
        if isinstance(module, nn.Linear | nn.RNNBase):
            self._ends[made] = name, whole.ndim - 1
        elif isinstance(module, nn.modules.conv._ConvNd):
            self._ends[made] = name, whole.ndim - len(module.kernel_size) - 1

    def sent(self, roots: list[Any]) -> None:
        """Look at what the loss was computed by, and let go of it."""
        ends, self._ends = self._ends, {}
        losses = []
        for node in nodes(roots):
            if name_of(node) in _SOFTMAXES:
                self.of_one = self.of_one or _of_one(node)
                shape = shape_of(node) or ()
                first = len(shape) > 2 and signed(node._saved_dim) % len(shape) == 0
                if first and shape.count(shape[0]) == 1:  # else it may be another axis
                    self.of_first.add(shape[0])
            elif name_of(node) in _NLL:
                losses.append(node)
        with contextlib.suppress(RuntimeError, TypeError):  # tensors that are more than numbers
            taken = [node for node in map(softmax_below, losses) if node is not None]
            self.mixed = next((one for node in taken if (one := _mixed(node, ends))), ())


def _of_one(node: Any) -> tuple[str, ...]:
    """See a softmax of one number each, beside another axis than the first that has several."""
    shape = shape_of(node) or ()
    axis = signed(node._saved_dim) % max(len(shape), 1)
    others = [i for i, size in enumerate(shape) if 0 < i != axis and size > 1]
    if len(shape) < 3 or shape[axis] != 1 or not others:
        return ()
    below = node.next_functions[0][0]
    while name_of(below) in ("DivBackward", "MulBackward", "ViewBackward", "UnsafeViewBackward"):
        below = below.next_functions[0][0]
    if axis == len(shape) - 1 and name_of(below) in _PRODUCTS:
        return ()  # one key is looked up
    longest = max(others, key=lambda i: shape[i])
    return (
        "softmax over one unit",
        f"A softmax is taken over axis {axis} of numbers of shape {shape}, on which one number "
        f"stands: it makes 1 of each, whatever it is.",
        "So what weighs steps, or chooses among them, weighs them all alike, and no gradient comes "
        "back through it to what was to do so.",
        f"take it over the axis of what is chosen among, such as dim={longest}",
        "",
    )


def _mixed(node: Any, ends: dict[Any, tuple[str, int]]) -> tuple[str, ...]:
    """See the loss take the softmax over numbers of several places: views before it moved them."""
    given = shape_of(node) or ()
    axis = signed(node._saved_dim) % max(len(given), 1)
    below, output = node.next_functions[0]
    moves, (end, place) = chain(below, output, ends)
    made = shape_of(end, place)
    if end not in ends or not moves or made is None or not 0 < math.prod(made) <= MOST:
        return ()
    name, units = ends[end]
    if made[units] != given[axis] or math.prod(given) > MOST:
        return ()
    with torch.no_grad():
        rows = rows_below(torch.empty(given), axis, moves).round()
    arrives = rows > 0
    low, high = rows.masked_fill(~arrives, math.inf), rows
    varies = [i for i in range(rows.ndim) if bool((low.amin(i) < high.amax(i)).any())]
    others = tuple(i for i in range(rows.ndim) if i not in varies)
    reached = int((arrives.amax(others) if others else arrives).sum())
    # What is chosen may be the unit, or the place: then each of these is one of the classes.
    if varies in ([], [units]) or (units not in varies and reached == given[axis]):
        return ()
    order = [i for i in range(len(made)) if i != units]
    order.insert(axis if len(given) == len(made) else len(made), units)
    line = f".permute{tuple(order)}"
    if len(given) != len(made):
        line += f".reshape(-1, {given[axis]})"
    return (
        "examples mixed",
        f"The loss takes the softmax over rows of {given[axis]} numbers that belong to several "
        f"places: {name or 'the network'} gives {made}, with the classes on axis {units}, and the "
        f"loss is given {given}, whose axis {axis} holds others.",
        "view and reshape keep the order in memory, in which the last axis changes first: the axes "
        "stood in another order than the new shape has them.",
        f"bring the axis of the classes to its place first: outputs{line}",
        "",
    )
