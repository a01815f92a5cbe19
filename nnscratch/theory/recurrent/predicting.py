"""From a model with recurrent layers to a `TimePrediction`."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnscratch.arrays import Array, as_numbers
from nnscratch.errors import DataError, ShapeError
from nnscratch.layers import Dropout
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import INPUT, Node, Pass
from nnscratch.theory.criticality import best_scale
from nnscratch.theory.recurrent.backward import ByLag, gradient_by_lag
from nnscratch.theory.recurrent.beforehand import of_sequences
from nnscratch.theory.recurrent.between import Signal, through
from nnscratch.theory.recurrent.cells import UNITS, Cell, Units, draw_units
from nnscratch.theory.recurrent.plain import plain_squares
from nnscratch.theory.recurrent.reading import is_recurrent, read_cell
from nnscratch.theory.recurrent.report import LayerInTime, TimePrediction, horizon_of, rate_of
from nnscratch.theory.weights import refuse_tied

STEPS = 100  # of a sequence of which nothing is known
MOST = 200  # steps that are followed; from there on a rate holds
_ROWS = 64  # sequences on which the gradient is measured
_LARGEST_BIAS = 8.0  # of a gate, that a cure may ask for: it then keeps 0.9997
_CURE = (60, 300)  # steps and units with which it is looked for
# Relative deviation, of one step's share, from which on sequences of different size are told apart;
# where the groups of like ones end, from either side; units that are drawn for each.
_UNEVEN, _ENDS, _FEWEST = 0.5, (0, 1, 2, 3, 5, 8, 13, 21), 250


def predict_through_time(
    model: Sequential, x: Array | None = None, y: Array | None = None
) -> TimePrediction:
    """Return what theory expects of the gradient's way back through time in a fresh `model`.

    Parameters
    ----------
    model : Sequential
        RNN, LSTM and GRU layers of any activation and any random weights, in either direction or
        both; dense layers, norms over a layer's units, activations and ways around between them,
        and anything before and after them.
    x : (batch, time, features) array, optional
        Data as the model will see them. What they look like is part of the rate: a plain layer
        loses more under larger inputs, and a gate that sees the same at every step stays where it
        is. Where sequences differ in size each loses its own share, and far back the gradient is
        that of those that lose least: some of every size are then followed by themselves. The
        gradient is then also measured, on a few of them and in one pass, and kept beside the
        prediction. Without it inputs are taken to have mean square 1 and to be new at each of 100
        steps, and a note says so.

    Raises `ConfigError` naming the layer that theory cannot follow, `ShapeError` for data that do
    not fit.

    How good it is: rates of LSTM and GRU within 1 % of networks of 200 and 500 units in 24 settings
    (forget bias 0 to 3, chrono, the defaults of PyTorch, Keras and TensorFlow 1), of plain layers
    within 1.5 %.
    """
    inside = _recurrent(model)
    groups, notes = _given(model, inside, x)
    steps = len(next(iter(groups[0].before.values())).products)
    if steps > MOST:
        notes.append(f"the last {MOST} of {steps} steps are followed")
    few = UNITS if len(groups) == 1 else _FEWEST
    followed = [_followed(model, inside, group, few, i) for i, group in enumerate(groups)]
    counts = [group.stands_for for group in groups]
    found = []
    for i, *layers in zip(inside, *(group for group, _ in followed), strict=True):
        found.append(_judged(model.nodes[i], layers, counts, steps))
    notes += dict.fromkeys(note for _, told in followed for note in told)
    if any(isinstance(node.layer, Dropout) for node in model.nodes):
        notes.append("dropout is left out")
    measured = None if x is None else measure_through_time(model, x[:_ROWS])
    return TimePrediction(tuple(found), steps, tuple(notes), measured, of_sequences(model, x, y))


class _Group(NamedTuple):
    """Sequences that are followed together: what is before the first recurrent layer, how many."""

    before: dict[int, Signal]
    stands_for: int


class _Layer(NamedTuple):
    """A recurrent layer under the inputs of a group of sequences."""

    cell: Cell
    products: Array
    gradient: ByLag


def _followed(
    model: Sequential, inside: list[int], group: _Group, few: int, which: int
) -> tuple[list[_Layer], list[str]]:
    """Return what the nodes `inside` do to the gradient under such inputs, and notes.

    few : units that are drawn of a layer whose output nobody needs, others for each group
    """
    signals = {i: one.latest(MOST) for i, one in group.before.items()}
    found, notes = list[_Layer](), list[str]()
    for i in range(inside[0], inside[-1] + 1):
        node = model.nodes[i]
        given = [signals[source] for source in node.sources]
        if i not in inside:
            signals[i] = through(node, given, i, notes)
            continue
        reverse = getattr(node.layer, "reverse", False)
        (signal,) = (one.turned() if reverse else one for one in given)
        cell, above = read_cell(node.name, node.layer), i != inside[-1]
        units = None
        if above or cell.kind != "rnn" or cell.identity:
            seed = len(found) + len(inside) * which
            units = draw_units(cell, signal.products, UNITS if above else few, seed)
            made = Signal.of(units.hidden[1:])
            signals[i] = made.turned() if reverse else made
        found.append(_Layer(cell, signal.products, _by_lag(cell, signal.products, units)))
    return found, notes


def _recurrent(model: Sequential) -> list[int]:
    """Return the nodes that go through time; `ConfigError` where weights are shared."""
    for node in model.nodes:
        refuse_tied(node)
    return [i for i, node in enumerate(model.nodes) if is_recurrent(node.layer)]


def _given(model: Sequential, inside: list[int], x: Array | None) -> tuple[list[_Group], list[str]]:
    """Return what is given from before the first to the last of the nodes `inside`, by where it
    comes from, and notes: once for all sequences, or for each group of like size.
    """
    first, last = inside[0], inside[-1]
    taken = [source for node in model.nodes[first : last + 1] for source in node.sources]
    taken = [source for source in taken if source < first]
    if x is None:
        which = (
            "the input" if taken[0] == INPUT else f"the output of {model.nodes[taken[0]].name!r}"
        )
        return [_Group(dict.fromkeys(taken, Signal(np.eye(STEPS))), 1)], [
            f"no data given: {which} is taken to have mean square 1, to be new at each step, and "
            f"to be {STEPS} steps long"
        ]
    y = as_numbers(x, model.dtype, "x")
    if y.ndim != 3 or 0 in y.shape:
        raise ShapeError(f"x must have shape (batch, time, features), got shape {np.shape(x)}")
    if not np.isfinite(y).all():
        raise DataError("x holds values that are not finite")
    made = Pass(y)
    for node in copy.deepcopy(model).nodes[:first]:
        output, _ = node.forward(made.inputs(node), True, "running")
        made.outputs.append(output)
    outputs = {INPUT: y, **dict(enumerate(made.outputs))}
    chosen, counts = _alike(outputs[taken[0]])
    return [
        _Group({source: Signal(_products(outputs[source][rows])) for source in set(taken)}, count)
        for rows, count in zip(chosen, counts, strict=True)
    ], []


def _alike(x: Array) -> tuple[list[list[int] | slice], list[int]]:
    """Return which sequences are followed together, and how many they stand for.

    All of them; or, where some are larger than others, one of each group of like size among those
    that are measured too. The groups are smallest at the ends: far back the gradient is that of the
    few sequences that lose least of it.
    """
    sizes = np.mean(np.square(x[:_ROWS], dtype=np.float64), axis=(1, 2))
    count = len(sizes)
    if not sizes.var() * x.shape[1] > (_UNEVEN * sizes.mean()) ** 2:
        return [slice(None)], [1]
    ends = [end for end in _ENDS if 2 * end <= count]
    groups = [*itertools.pairwise(sorted({*ends, *(count - end for end in ends)}))]
    order = np.argsort(sizes)
    chosen: list[list[int] | slice] = [[int(order[(a + b) // 2])] for a, b in groups]
    return chosen, [b - a for a, b in groups]


def _products(x: Array) -> Array:
    """Return ``E x_t x_s`` over sequences and features."""
    steps = np.moveaxis(x.astype(np.float64), 1, 0).reshape(x.shape[1], -1)
    products: Array = steps @ steps.T / steps.shape[1]
    return products


def _by_lag(cell: Cell, products: Array, units: Units | None) -> ByLag:
    """Return the gradient by lag, of a plain cell in closed form."""
    if cell.kind != "rnn" or cell.identity:
        assert units is not None
        return gradient_by_lag(units)
    added = np.mean(cell.sv2) * np.diagonal(products)
    scale, bias = float(np.mean(cell.sw2)), float(np.mean(cell.bias**2))
    squares = plain_squares(cell.activation, scale, added, bias)
    return ByLag(squares, squares)


def _judged(node: Node, layers: Sequence[_Layer], counts: Sequence[int], steps: int) -> LayerInTime:
    """Return what is told of a layer, from what it does under each group of so many sequences."""
    cell = layers[0].cell
    squares = np.average([one.gradient.hidden for one in layers], axis=0, weights=counts)
    if cell.kind == "lstm":
        squares += np.average([one.gradient.kept for one in layers], axis=0, weights=counts)
    if not np.isfinite(squares).all():
        raise OverflowError
    norms = np.sqrt(squares / squares[0])
    rate = rate_of(norms)
    if len(norms) < steps:  # on at the same rate
        norms = np.append(norms, norms[-1] * rate ** np.arange(1, steps - len(norms) + 1))
    products = np.average([one.products for one in layers], axis=0, weights=counts)
    cure = "" if horizon_of(rate) >= steps else _cure(cell, products, steps)
    units = len(np.asarray(node.layer.params["recurrent_weight"]))
    return LayerInTime(node.name, cell.kind, units, norms, rate, cure)


def _cure(cell: Cell, products: Array, steps: int) -> str:
    """Return the argument with which a layer reaches back over all steps; empty if none."""
    if cell.kind == "rnn":
        if cell.identity:
            return ""
        gain = _gain(cell, float(np.mean(np.diagonal(products))))
        return "" if math.isnan(gain) else f"recurrent_init=nn.initializers.Orthogonal({gain:.4g})"
    recent, units = products[-_CURE[0] :, -_CURE[0] :], _CURE[1]
    argument = {"lstm": "forget_bias", "gru": "update_bias"}[cell.kind]

    def reaches(bias: float) -> bool:
        gates = cell.bias.copy()
        gates[1] += bias - gates[1].mean()
        changed = dataclasses.replace(cell, bias=gates)
        gradient = gradient_by_lag(draw_units(changed, recent, units))
        rate = rate_of(np.sqrt(gradient.kept))
        return rate > 1 or horizon_of(rate) >= steps

    low, high = float(cell.bias[1].mean()), _LARGEST_BIAS
    if reaches(low) or not reaches(high):
        return ""
    while high - low > 0.1:
        middle = (low + high) / 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return f"{argument}={high:.1f}"


def critical_gain(model: Sequential, x: Array) -> float:
    """Return the gain of orthogonal recurrent weights with which the first recurrent layer of a
    fresh `model` keeps the size of a gradient, under such inputs; NaN for a layer with gates, for
    one that begins at a multiple of the identity, and where there is none.

    Raises `ConfigError` for what theory cannot follow.
    """
    first = _recurrent(model)[0]
    node = model.nodes[first]
    cell = read_cell(node.name, node.layer)
    if cell.kind != "rnn" or cell.identity:
        return math.nan
    groups, _ = _given(model, [first], x)
    squares = [np.mean(np.diagonal(group.before[node.sources[0]].products)) for group in groups]
    return _gain(cell, float(np.average(squares, weights=[group.stands_for for group in groups])))


def _gain(cell: Cell, square: float) -> float:
    """Return the critical gain of a plain cell whose inputs have that mean square, or NaN."""
    added = float(np.mean(cell.sv2)) * square + float(np.mean(cell.bias**2))
    scale, point = best_scale(cell.activation, added, near=max(float(np.mean(cell.sw2)), 1e-3))
    sound = abs(point.chi_1 - 1) <= 1e-3 and math.isfinite(point.q)
    return math.sqrt(scale) if sound else math.nan


def measure_through_time(model: Sequential, x: Array, mask: Array | None = None) -> Array:
    """Return norms of the gradient of each recurrent layer's state by lag, (layers, steps).

    In one pass of a copy of `model` over x, ``(batch, time, features)``, from a random gradient at
    the layer's last step; the state is h, in an LSTM h and c together, and carried over the steps
    that the mask leaves out.
    """
    inside = _recurrent(model)
    copied, x = copy.deepcopy(model), as_numbers(x, model.dtype, "x")
    made = copied.run(x, training=False, given=copied.given(x, mask))
    found = []
    for i in inside:
        layer: Any = copied.nodes[i].layer
        y, cache = made.outputs[i], made.caches[i]
        order = slice(None) if getattr(layer, "reverse", False) else slice(None, None, -1)
        top = np.zeros_like(y)
        end = top[:, order][:, 0]
        end[...] = np.random.default_rng(0).standard_normal(end.shape)
        layer.backward(top, cache)
        inside = layer.inside(cache)
        parts = [inside["hidden_gradient"], inside.get("cell_gradient")]
        squares = [np.square(p, dtype=np.float64).sum(axis=(0, 2)) for p in parts if p is not None]
        found.append(np.sqrt(np.sum(squares, axis=0))[order])
    return np.array(found)
