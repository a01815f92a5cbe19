"""Saturated units, dead units, dead layers, and an output that does not depend on the input."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings.cures import other_activation
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.learning import unseen
from nnscratch.flow.findings.progress import ENOUGH
from nnscratch.flow.findings.view import View
from nnscratch_records.limits import SATURATED as SATURATED_FROM_START
from nnscratch_records.words import called, listed, number, percent, plural, sentence, since

SATURATED = 0.5  # of the outputs, whenever it began
# Dead units of a layer, where its inputs are negative or units died in training; and where not: in
# a deep network inputs look alike to the upper layers, half of whose units are then off for all of
# them, until training tells them apart.
DEAD_UNITS, DEAD_BY_CHANCE = 0.36, 0.6
DIED = 0.2  # this many more than at the beginning
LEANING = 0.5  # the mean of the inputs below 0, in their standard deviations
ALL_ZERO = 0.999
ZERO_AT_A_TIME = 0.9  # of a layer's outputs, where units were not counted
COUNTED = 16  # examples in a batch on which units can be counted
CONSTANT = 0.05  # how much the outputs differ between examples, over how much the answers do
ALIKE = 0.005  # the same over the outputs themselves, where the answers are not known
SOME = 0.1  # with this much learned, an output does depend on the input
_ENOUGH = 30  # steps before a constant output is called that


def find(view: View) -> list[Finding]:
    """Return what is wrong with units."""
    if not view.rows:
        return []
    return [*_saturated(view), *_dead_layer(view), *_dead_units(view), *_constant(view)]


def _saturated(view: View) -> list[Finding]:
    low, high = view.get("saturated_low"), view.get("saturated_high")
    columns, share = [], {}
    for i in _squashing(view):
        two_ends = not np.isnan(high[:, i]).all()
        at_end = np.nan_to_num(low[:, i]) + np.nan_to_num(high[:, i])
        began = two_ends and np.median(at_end[:5]) >= SATURATED_FROM_START
        if view.holds(at_end >= (SATURATED_FROM_START if began else SATURATED)):
            columns.append(i)
            share[i] = float(np.median(at_end[view.now]))
    if not columns:
        return []
    column = max(columns, key=lambda i: (share[i], i))
    ends = {end: view.now_of(f"saturated_{end}", column) for end in ("low", "high")}
    at = np.nan_to_num(low[:, column]) + np.nan_to_num(high[:, column])
    step = view.since(at >= SATURATED_FROM_START)
    where = "the floor" if math.isnan(ends["high"]) else "the ends"
    parts = ", ".join(f"{percent(v)} {k}" for k, v in ends.items() if v > 0)
    verb = "is" if len(columns) == 1 else "are"
    seen = (
        f"{listed(view.names(columns))} {verb} saturated: {percent(share[column])} of the outputs "
        f"of {view.layers[column]} lie at {where} of {called(view.kinds[column])} ({parts}), where "
        f"its slope is almost 0, {since(step, view.first_step)}."
    )
    numbers = {"share": share[column], **ends}
    names = view.names(columns)
    cause = sentence(inputs_of(view, column))
    return [Finding("saturated", view.harm, names, step, seen, cause, numbers=numbers)]


def _squashing(view: View) -> list[int]:
    """Return activations that can saturate; at the output that may be the right answer."""
    last = view.weights[-1] if view.weights else -1
    columns = [i for i in view.columns("activation") if i not in view.rectifiers]
    return [i for i in columns if i < last or not view.progress.learned]


def inputs_of(view: View, activation: int) -> str:
    """Return what the inputs of an activation are like, as a clause; empty if not recorded."""
    below = view.below(activation)
    if below < 0 or not view.rows:
        return ""
    mean, std = (view.now_of(f"output_{what}", below) for what in ("mean", "std"))
    return (
        f"the inputs of {view.layers[activation]} have mean {number(mean)} and standard deviation "
        f"{number(std)}"
    )


def _dead_layer(view: View) -> list[Finding]:
    """A layer whose outputs are all 0, or that hands no gradient at all down."""
    zeros, none = view.get("output_zeros"), view.get("gradient_zeros")
    silent = [
        i
        for i, role in enumerate(view.roles)
        if role in ("weights", "activation", "norm")
        and view.holds(zeros[:, i] >= ALL_ZERO)
        # What is answered to one example may be 0 by itself.
        and not (view.alone and i == len(view.roles) - 1)
    ]
    blocked = [
        i
        for i in view.weights
        if view.holds(none[:, i] >= 1)
        and not view.holds(none[:, -1] >= 1)  # a loss of 0 leaves no gradient anywhere
    ]
    if silent:
        columns, lowest = silent, silent[0]
        step = view.since(zeros[:, lowest] >= ALL_ZERO)
        seen = (
            f"{view.layers[lowest]} is dead: its outputs are 0 for every example, so nothing that "
            f"the network is shown gets past it, and no gradient reaches the layers below, "
            f"{since(step, view.first_step)}."
        )
        cause, advice = _why_silent(view, lowest), _livelier(view, lowest)
    elif blocked:
        columns, top = blocked, blocked[-1]
        step = view.since(none[:, top] >= 1)
        seen = (
            f"No gradient reaches {listed(view.names(blocked))}: it is exactly 0 there, "
            f"{since(step, view.first_step)}."
        )
        cause, advice = _why_silent(view, top), ()
    else:
        return []
    past = "join" in view.roles or view.progress.falling  # the signal may take another way
    severity = view.harm if past or view.progress.learns else "fatal"
    numbers = {"layers": float(len(columns))}
    return [
        Finding("dead layer", severity, view.names(columns), step, seen, cause, advice, numbers)
    ]


def _why_silent(view: View, layer: int) -> str:
    dense = _behind_zeros(view, layer)
    if dense is not None:
        return f"All weights of {view.layers[dense]} are 0."
    return sentence(inputs_of(view, layer)) if layer in view.rectifiers else ""


def _behind_zeros(view: View, layer: int) -> int | None:
    """Return the layer whose weights, all of them 0, are what a layer gives or is given."""
    dense = layer if view.roles[layer] == "weights" else view.before(layer, "weights")
    weight = None if dense is None else view.param(dense, "weight")
    return dense if weight is not None and view.now_of("param_norm", weight) == 0 else None


def _livelier(view: View, layer: int) -> tuple[Advice, ...]:
    """Return an activation that does not die, and new weights: what is dead stays so."""
    if layer not in view.rectifiers or _behind_zeros(view, layer) is not None:
        return ()
    return other_activation(view, view.kinds[layer])


def census(view: View) -> dict[int, tuple[Array, Array]]:
    """Return, by column, the fraction of a layer's units that are dead, and at which steps.

    From the census; without one from the batches, where these are large enough.
    """
    names = [str(name) for name in view.record["census_layers"]]
    codes, bounds = view.record["census"], view.record["census_units"]
    if len(codes):
        at = np.asarray(view.record["census_steps"])
        return {
            view.layers.index(name): (
                (codes[:, bounds[i] : bounds[i + 1]] == 1).mean(axis=1),
                at,
            )
            for i, name in enumerate(names)
        }
    seen = view.looks("output_dead")
    if not view.rows or not len(seen) or not np.median(view.get("batch_size")) >= COUNTED:
        return {}
    steps = view.steps[view.looked("output_dead")]
    return {i: (seen[:, i], steps) for i in view.rectifiers}


def _limit(view: View, layer: int, dead: Array) -> float:
    """Return the fraction of dead units above which a layer's are told."""
    died = dead[-1] - dead[0] >= DIED
    below = view.below(layer)
    mean, std = (
        view.now_of(f"output_{what}", below) if below >= 0 else 0.0 for what in ("mean", "std")
    )
    return DEAD_UNITS if died or mean < -LEANING * std else DEAD_BY_CHANCE


def _dead_units(view: View) -> list[Finding]:
    found: dict[int, float] = {}
    steps: list[int] = []
    counted = census(view)
    for i in view.rectifiers:
        if i in counted:
            dead, at = counted[i]
            limit = _limit(view, i, dead)
            if dead[-1] >= limit:
                found[i] = float(dead[-1])
                good = np.flatnonzero(dead < limit)
                steps.append(int(at[0 if not good.size else good[-1] + 1]))
        elif view.holds(view.get("output_zeros")[:, i] >= ZERO_AT_A_TIME):
            found[i] = view.now_of("output_zeros", i)
            steps.append(view.since(view.get("output_zeros")[:, i] >= ZERO_AT_A_TIME))
    if not found:
        return []
    worst = max(found, key=lambda i: found[i])
    step = min(steps)
    units = int(view.record["features"][worst])
    counts = f"{round(min(1.0, found[worst]) * units)} of the {units} units of {view.layers[worst]}"
    how = "are 0 for every example" if worst in counted else "are 0 at a time, or so"
    names = view.names(sorted(found))
    more = len(found) - 1
    others = f"; in {plural(more, 'more layer')} over {percent(DEAD_UNITS)} are dead" * (more > 0)
    return [
        Finding(
            "dead units",
            view.harm,
            names,
            step,
            f"{counts} {how}: no gradient reaches their weights, and they cannot come back by "
            f"themselves{others}, {since(step, view.first_step)}.",
            _why_silent(view, worst),
            _livelier(view, worst),
            {"share": found[worst], "units": float(units)},
        )
    ]


def spread_of_output(view: View) -> tuple[float, float]:
    """Return how much the outputs differ between examples, and how much they should; NaN: unknown.

    For batches of one example, between the latest steps.
    """
    last = len(view.layers) - 1
    spread = view.latest_of("output_spread", last)
    if math.isnan(spread) and view.rows:
        means, stds = (view.get(f"output_{what}")[view.now, last] for what in ("mean", "std"))
        spread = math.hypot(float(np.std(means)), float(np.std(stds)))
    needed = view.latest("target_std")
    if not needed > 0 and view.rows:
        size = math.hypot(*(view.now_of(f"output_{what}", last) for what in ("mean", "std")))
        return spread, size * ALIKE / CONSTANT
    return spread, needed


def _constant(view: View) -> list[Finding]:
    progress = view.progress
    spread, needed = spread_of_output(view)
    stands = not progress.falling and progress.share < SOME
    if view.rows < _ENOUGH or not stands or not spread < CONSTANT * needed:
        return []
    last = view.layers[-1]
    not_seen, look = unseen(view)
    return [
        Finding(
            "constant output",
            view.harm if view.rows >= ENOUGH else "notice",
            (last,),
            _alike_since(view, CONSTANT * needed),
            f"The output hardly depends on the input: what {last} gives differs between examples "
            f"by {number(spread)}, the answers by {number(needed)} (standard deviations).",
            " ".join(["What tells examples apart is lost on the way up.", *not_seen]),
            tuple(look),
            numbers={"spread": spread, "needed": needed},
        )
    ]


def _alike_since(view: View, limit: float) -> int:
    """Return the step since which the outputs differ by less than `limit`."""
    spreads = view.looks("output_spread")
    if not len(spreads):
        return int(view.steps[view.now.start])
    rows = view.looked("output_spread")
    apart = np.flatnonzero(~(spreads[:, -1] < limit))
    return int(view.steps[rows[min(len(rows) - 1, apart[-1] + 1 if apart.size else 0)]])
