"""Vanishing and exploding: the gradient's norm between the first and the last dense layer."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.attribution import DERIVATIVE, TERMS, attribute
from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.view import View
from nnscratch.flow.findings.words import (
    called,
    factor,
    listed,
    number,
    percent,
    sentence,
    since,
)
from nnscratch.flow.reading import FACTOR, ratios
from nnscratch.flow.records import Record

_NEEDED = ("gradient_norm", "output_norm", "input_mean", "input_std", "batch_size", "steps")
_SATURATED = 0.2


def find(view: View) -> list[Finding]:
    """Return whether the gradient vanishes or explodes on its way down."""
    if len(view.dense) < 2 or not view.rows:
        return []
    norms = view.get("gradient_norm")
    with np.errstate(divide="ignore"):
        size = np.log10(ratios(norms, view.dense)) / math.log10(FACTOR)
    for kind, beyond in (("vanishing", -size), ("exploding", size)):
        # Once over the limit, it has ended when it is back to the limit's square root.
        if view.holds(beyond > 1) or (np.median(beyond) > 1 and view.holds(beyond > 0.5)):
            return [_finding(view, norms, beyond > 0.5, kind)]
    return []


def _finding(view: View, norms: Array, where: Array, kind: str) -> Finding:
    low, high = view.dense[0], view.dense[-1]
    row = _typical(view, norms)
    first, last = float(norms[row, low]), float(norms[row, high])
    step = view.since(where)
    with np.errstate(divide="ignore"):
        change = float(np.log10(first) - np.log10(last))
    terms = attribute(_only(view, row)).sums(slice(None), low, high)[0]
    verb = "vanishes" if kind == "vanishing" else "explodes"
    size = "to nothing" if math.isinf(change) and change < 0 else factor(change)
    seen = (
        f"The gradient {verb}: from {number(last)} at {view.layers[high]} to {number(first)} at "
        f"{view.layers[low]} ({size} over {len(view.dense)} dense layers), "
        f"{since(step, int(view.steps[0]))}."
    )
    cause, main = explain(view, terms, change, row)
    numbers = {"first": first, "last": last, "log10_ratio": change}
    numbers |= {f"log10_{name}": value for name, value in zip(TERMS, terms, strict=True)}
    return Finding(
        kind,
        "serious",
        (view.layers[low], view.layers[high]),
        step,
        seen,
        cause,
        _cures(view, kind, main),
        numbers,
    )


def _typical(view: View, norms: Array) -> int:
    """Return the row, of the latest, whose change of the gradient is in the middle of theirs.

    Numbers of one step add up; medians of several would not.
    """
    rows = np.arange(view.rows)[view.now]
    order = np.argsort(ratios(norms[rows], view.dense), kind="stable")
    return int(rows[order[len(rows) // 2]])


def _only(view: View, row: int) -> Record:
    """Return the record's `row`, as far as the attribution needs it."""
    record = view.record
    part = {key: record[key][row : row + 1] for key in (*_NEEDED, "batchnorm_scale")}
    kept = {key: record[key] for key in ("layers", "features", "batchnorm_layers")}
    return {**kept, **part}


def explain(view: View, terms: Array, change: float, row: int) -> tuple[str, str]:
    """Return in words what the change of the gradient in `row` is made of, and its main term."""
    if not np.isfinite([*terms, change]).all() or change == 0:
        return "No layer's part can be named: somewhere on the way the gradient is exactly 0.", ""
    main = int(np.argmax(terms * np.sign(change)))
    share = terms[main] / change
    what = _called(view)
    if share <= 1.05 and (np.abs(np.delete(terms, main)) < 0.2 * abs(terms[main])).all():
        part = "all" if share > 0.995 else percent(share)
        text = f"{part} of that (in log units) is {what[main]}"
    else:
        order = np.argsort(-np.abs(terms))
        parts = [f"{what[i]} {terms[i]:+.1f}" for i in order if abs(terms[i]) >= 0.05]
        text = f"in powers of ten: {', '.join(parts)}, together {terms.sum():+.1f}"
    reasons = _reasons(view, main, row)
    return sentence("; ".join([text, *reasons])), TERMS[main]


def _called(view: View) -> tuple[str, ...]:
    """Return how each term is called in a sentence."""
    only = len(view.activations) == 1
    derivative = f"derivative of {called(view.activation)}" if only else "activations' derivatives"
    return (
        "the weights",
        f"the {derivative}",
        "batch norm's scale gamma / sigma",
        "batch norm's projection",
        "dropout",
        "layers that were not recorded",
    )


def _reasons(view: View, main: int, row: int) -> list[str]:
    reasons = []
    kind = view.activation
    if main == DERIVATIVE:
        reasons += saturation_reason(view)
        if not reasons and kind == "sigmoid":
            reasons.append("the slope of sigmoid is at most 1/4, whatever its input")
    first, then = view.hidden_scale(0), view.hidden_scale(row)
    if kind in cures.SUITS and not view.has_batchnorm and not cures.suits(kind, then):
        began = cures.suits(kind, first)
        scale = then if began else first  # what was wrong from the beginning is the cause
        text = (
            f"the weights are too {'small' if scale < cures.SUITS[kind][0] else 'large'} for "
            f"{called(kind)}: n_in Var(w) = {number(scale)}, where {number(cures.SUITS[kind][0])} "
            f"would keep the gradient"
        )
        reasons.append(text + f" (in training: they began with {number(first)})" * began)
    return reasons


def saturation_reason(view: View) -> list[str]:
    """Return which layers are saturated, and the spread of their inputs that makes them so."""
    ends = []
    for i, kind in enumerate(view.kinds):
        if kind in ("sigmoid", "tanh", "softsign") and view.rows:
            low, high = (view.now_of(f"saturated_{end}", i) for end in ("low", "high"))
            ends.append((i, low, high))
    worst = [end for end in ends if end[1] + end[2] >= _SATURATED]
    if not worst:
        return []
    column, low, high = max(worst, key=lambda end: end[1] + end[2])
    names = view.names([end[0] for end in worst])
    end = ""
    if max(low, high) > 0.9 * (low + high):
        end = " high" if high > low else " low"
    text = (
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} saturated{end} "
        f"({percent(low + high)} of the outputs of {view.layers[column]})"
    )
    return [text, *inputs_reason(view, column)]


def inputs_reason(view: View, activation: int) -> list[str]:
    """Return what the inputs of an activation are like and what makes them so, as a clause."""
    if activation == 0 or not view.rows:
        return []
    mean = view.now_of("output_mean", activation - 1)
    std = view.now_of("output_std", activation - 1)
    text = (
        f"the inputs of {view.layers[activation]} have mean {number(mean)} and standard deviation "
        f"{number(std)}"
    )
    dense = view.before(activation, "dense")
    if dense is None or view.kinds[activation - 1] == "batchnorm":
        return [text]
    offset = view.offset(dense)
    if abs(mean) > 1.5 * std and abs(offset) > 0.5 * abs(mean):
        return [f"{text}, because the biases of {view.layers[dense]} average {number(offset)}"]
    if std > 2:
        scale, n_in = view.weight_scale(dense), view.fan_in(dense)
        return [
            f"{text}, because the weights of {view.layers[dense]} have standard deviation "
            f"{number(math.sqrt(scale / n_in))} on {n_in} inputs: n_in Var(w) = {number(scale)}"
        ]
    return [text]


def _cures(view: View, kind: str, main: str) -> tuple[str, ...]:
    right = cures.suits(view.activation, view.hidden_scale(0))
    # Batch norm undoes any scale of the weights.
    init = () if right or view.has_batchnorm else cures.suitable_init(view.activation)
    if right and not cures.suits(view.activation, view.hidden_scale()):
        init = cures.learning_rate(float(view.get("lr")[-1]) / 10)
    if kind == "vanishing":
        return init + cures.batch_norm(view.has_batchnorm) + cures.other_activation(view.activation)
    if view.has_batchnorm:
        return (
            "take fewer layers: with batch norm the gradient of random weights grows in each "
            "(pi / (pi - 1) = 1.47 on the squared norm with ReLU)",
            "take an activation with a rate nearer 1: nn.ELU() or nn.Tanh() before batch norm",
            *cures.clip(view.has_clip),
        )
    return init + cures.batch_norm(view.has_batchnorm) + cures.clip(view.has_clip)
