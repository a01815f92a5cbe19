"""Saturated units, dead units, dead layers, and an output that does not depend on the input."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.gradient import inputs_reason
from nnscratch.flow.findings.view import View
from nnscratch.flow.findings.words import called, listed, number, percent, plural, sentence, since

_TWO_ENDS = ("sigmoid", "tanh", "softsign")
_ONE_END = ("elu", "selu", "softplus")
_RECTIFIERS = ("relu",)  # the others of the family let a gradient through on the negative side

SATURATED_FROM_START = 0.2  # of the outputs, at the beginning and now
SATURATED = 0.5  # of the outputs, whenever it began
# Dead units of a layer, where its inputs are negative or units died in training; and where not: in
# a deep network inputs look alike to the upper layers, half of whose units are then off for all of
# them, until training tells them apart.
DEAD_UNITS, DEAD_BY_CHANCE = 0.36, 0.6
_DIED = 0.2  # this many more than at the beginning
ALL_ZERO = 0.999
CONSTANT = (
    0.005  # how far |dW| / (|db| |h|) is from 1 when the inputs h of a layer are all the same
)
_ENOUGH = 30  # steps before a constant output is called that


def find(view: View) -> list[Finding]:
    """Return what is wrong with units."""
    if not view.rows:
        return []
    return [*_saturated(view), *_dead_layer(view), *_dead_units(view), *_constant(view)]


def _saturated(view: View) -> list[Finding]:
    low, high = view.get("saturated_low"), view.get("saturated_high")
    worst: tuple[float, int] | None = None
    columns, share = [], {}
    for i, kind in enumerate(view.kinds):
        if kind in _TWO_ENDS:
            at_end = np.nan_to_num(low[:, i]) + np.nan_to_num(high[:, i])
        elif kind in _ONE_END:
            at_end = np.nan_to_num(low[:, i])
        else:
            continue
        began = kind in _TWO_ENDS and np.median(at_end[:5]) >= SATURATED_FROM_START
        limit = SATURATED_FROM_START if began else SATURATED
        if view.holds(at_end >= limit):
            columns.append(i)
            share[i] = float(np.median(at_end[view.now]))
            worst = max(worst or (0.0, i), (share[i], i))
    if worst is None:
        return []
    column = worst[1]
    ends = {"low": view.now_of("saturated_low", column)}
    ends["high"] = view.now_of("saturated_high", column)
    at = np.nan_to_num(low[:, column]) + np.nan_to_num(high[:, column])
    step = view.since(at >= min(SATURATED_FROM_START, worst[0]))
    where = "the floor" if view.kinds[column] in _ONE_END else "the ends"
    parts = ", ".join(f"{percent(v)} {k}" for k, v in ends.items() if v > 0)
    verb = "is" if len(columns) == 1 else "are"
    seen = (
        f"{listed(view.names(columns))} {verb} saturated: {percent(worst[0])} of the outputs of "
        f"{view.layers[column]} lie at {where} of {called(view.kinds[column])} ({parts}), where "
        f"its slope is almost 0, {since(step, int(view.steps[0]))}."
    )
    return [
        Finding(
            "saturated",
            "serious",
            view.names(columns),
            step,
            seen,
            sentence("; ".join(inputs_reason(view, column))),
            _cures(view, column, step)
            + cures.batch_norm(view.has_batchnorm)
            + cures.other_activation(view.kinds[column]),
            {"share": worst[0], **ends},
        )
    ]


def _dead_layer(view: View) -> list[Finding]:
    """A layer whose outputs are all 0, or that hands no gradient at all down."""
    zeros, none = view.get("output_zeros"), view.get("gradient_zeros")
    silent = [
        i
        for i, kind in enumerate(view.kinds)
        if kind != "dropout" and view.holds(zeros[:, i] >= ALL_ZERO)
    ]
    blocked = [
        i
        for i in view.dense
        if view.holds(none[:, i] >= 1)
        and not view.holds(none[:, -1] >= 1)  # a loss of 0 leaves no gradient anywhere
    ]
    if silent:
        lowest = silent[0]
        step = view.since(zeros[:, lowest] >= ALL_ZERO)
        seen = (
            f"{view.layers[lowest]} is dead: its outputs are 0 for every example, so nothing that "
            f"the network is shown reaches its output, and no gradient the layers below, "
            f"{since(step, int(view.steps[0]))}."
        )
        names = view.names(silent)
        cause = _why_silent(view, lowest)
    elif blocked:
        top = blocked[-1]
        step = view.since(none[:, top] >= 1)
        seen = (
            f"No gradient reaches {listed(view.names(blocked))}: it is exactly 0 there, "
            f"{since(step, int(view.steps[0]))}."
        )
        names = view.names(blocked)
        cause = _why_silent(view, top)
    else:
        return []
    return [
        Finding(
            "dead layer",
            "fatal",
            names,
            step,
            seen,
            cause,
            (*_cures(view, view.layers.index(names[0]), step), cures.LEAK),
            {"layers": float(len(names))},
        )
    ]


def _cures(view: View, layer: int, step: int) -> tuple[str, ...]:
    """Return what to do about the inputs of a layer's units, by what made them what they are."""
    if step > view.steps[0]:  # it came in training
        rate = float(view.get("lr")[-1])
        return cures.learning_rate(rate / 10) + cures.clip(view.has_clip)
    dense = layer if view.kinds[layer] == "dense" else view.before(layer, "dense")
    if dense is not None and layer > 0:
        mean, offset = float(view.get("output_mean")[0, layer - 1]), view.offset(dense, row=0)
        if offset * mean > 0 and abs(offset) > 0.5 * abs(mean):
            return (cures.ZERO_BIASES,)
    return cures.suitable_init(view.activation, view.hidden_scale(0))


def _why_silent(view: View, layer: int) -> str:
    dense = layer if view.kinds[layer] == "dense" else view.before(layer, "dense")
    if dense is None:
        return ""
    weight = view.param(dense, "weight")
    if weight is not None and view.now_of("param_norm", weight) == 0:
        return f"All weights of {view.layers[dense]} are 0."
    if view.kinds[layer] == "relu" and layer > 0 and view.now_of("output_mean", layer - 1) < 0:
        return sentence("; ".join(inputs_reason(view, layer)))
    return ""


def census(view: View) -> dict[int, Array]:
    """Return, by column of the layer, the fraction of its units that are dead at each census."""
    names = [str(name) for name in view.record["census_layers"]]
    codes, units = view.record["census"], view.record["census_units"]
    if not len(codes):
        return {}
    return {
        view.layers.index(name): (codes[:, units[i] : units[i + 1]] == 1).mean(axis=1)
        for i, name in enumerate(names)
        if name in view.layers
    }


def _limit(view: View, layer: int, dead: Array) -> float:
    """Return the fraction of dead units above which a layer's are told."""
    died = dead[-1] - dead[0] >= _DIED
    mean, std = (
        view.now_of(f"output_{what}", layer - 1) if layer else 0.0 for what in ("mean", "std")
    )
    return DEAD_UNITS if died or mean < -0.5 * std else DEAD_BY_CHANCE


def _dead_units(view: View) -> list[Finding]:
    found: dict[int, float] = {}
    steps: list[int] = []
    counted = census(view)
    for i, kind in enumerate(view.kinds):
        if kind not in _RECTIFIERS:
            continue
        if i in counted:
            dead, at = counted[i], np.asarray(view.record["census_steps"])
            limit = _limit(view, i, dead)
            if dead[-1] >= limit:
                found[i] = float(dead[-1])
                good = np.flatnonzero(dead < limit)
                steps.append(int(at[0 if not good.size else good[-1] + 1]))
        elif view.holds(view.get("output_zeros")[:, i] >= 0.9):
            # Without a census: units that are 0 for nine examples in ten, at the least.
            found[i] = view.now_of("output_zeros", i)
            steps.append(view.since(view.get("output_zeros")[:, i] >= 0.9))
    if not found:
        return []
    worst = max(found, key=lambda i: found[i])
    step = min(steps)
    units = int(view.record["features"][worst])
    counts = f"{round(found[worst] * units)} of the {units} units of {view.layers[worst]}"
    how = "are 0 for every example of the probe" if worst in counted else "are 0 at a time, or so"
    names = view.names(sorted(found))
    more = len(found) - 1
    others = f"; in {plural(more, 'more layer')} over {percent(DEAD_UNITS)} are dead" * (more > 0)
    return [
        Finding(
            "dead units",
            "serious",
            names,
            step,
            f"{counts} {how}: no gradient reaches their weights, and they cannot come back by "
            f"themselves{others}, {since(step, int(view.steps[0]))}.",
            _why_silent(view, worst),
            (*_cures(view, worst, step), cures.LEAK, *cures.batch_norm(view.has_batchnorm)),
            {"share": found[worst], "units": float(units)},
        )
    ]


def _constant(view: View) -> list[Finding]:
    """The last layer's inputs h are the same for every example: then dW = h (x) db exactly."""
    last = view.dense[-1] if view.dense else 0
    weight, bias = (view.param(last, name) for name in ("weight", "bias")) if last else (None, None)
    if weight is None or bias is None or view.rows < _ENOUGH:
        return []
    size = view.get("output_norm")[:, last - 1] / np.sqrt(view.get("batch_size"))
    norms = view.get("param_gradient_norm")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = norms[:, weight] / (norms[:, bias] * size)
    nothing = (norms[:, weight] == 0) & (norms[:, bias] > 0)
    where = (np.abs(ratio - 1) < CONSTANT) | nothing
    if not view.holds(where):
        return []
    step = view.since(where)
    return [
        Finding(
            "constant output",
            "fatal",
            (view.layers[last],),
            step,
            f"The output does not depend on the input: {view.layers[last]} gets the same from "
            f"below for every example (to {percent(CONSTANT)}), so that only its biases learn, and "
            f"the loss stands at {number(view.last_loss)} ({number(view.first_loss)} at the "
            f"beginning), {since(step, int(view.steps[0]))}.",
            "What tells examples apart is lost on the way up: each layer makes its outputs more "
            "alike, or hands on nothing.",
            cures.suitable_init(view.activation, view.hidden_scale(0))
            + cures.batch_norm(view.has_batchnorm)
            + cures.other_activation(view.activation),
            {"loss": view.last_loss, "first_loss": view.first_loss},
        )
    ]
