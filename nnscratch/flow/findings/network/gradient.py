"""Vanishing and exploding: the gradient's norm between the first and the last layer of weights."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.rates import is_plain
from nnscratch.flow.findings.view import View
from nnscratch.flow.reading import FACTOR
from nnscratch_records.attribution import TERMS, attribute
from nnscratch_records.ends import ratios
from nnscratch_records.words import called, factor, number, percent, sentence, since

LEVEL = 0.2  # of the layers' typical update, in proportion to the weights: no layer is behind


def find(view: View) -> list[Finding]:
    """Return whether the gradient vanishes or explodes on its way down."""
    if len(view.weights) < 2 or not view.rows:
        return []
    norms = view.get("gradient_norm")
    if view.holds((norms[:, view.ends] == 0).all(axis=1)):
        return []  # there is none: no way down on which it could change
    with np.errstate(divide="ignore"):
        size = np.log10(ratios(norms, view.ends)) / math.log10(FACTOR)
    for kind, beyond in (("vanishing", -size), ("exploding", size)):
        # Once over the limit, it has ended when it is back to the limit's square root.
        if view.holds(beyond > 1) or (np.median(beyond) > 1 and view.holds(beyond > 0.5)):
            return [_finding(view, norms, beyond > 0.5, kind)]
    return []


def _finding(view: View, norms: Array, where: Array, kind: str) -> Finding:
    low, high = view.ends
    row = _typical(view, norms)
    first, last = float(norms[row, low]), float(norms[row, high])
    step = view.since(where)
    whole = first > 0 and last > 0
    change = math.log10(first) - math.log10(last) if whole else math.inf if first else -math.inf
    terms = _terms(view, row)
    verb = "vanishes" if kind == "vanishing" else "explodes"
    size = "to nothing" if math.isinf(change) and change < 0 else factor(change)
    seen = (
        f"The gradient {verb}: from {number(last)} at {view.layers[high]} to {number(first)} at "
        f"{view.layers[low]} ({size} over {len(view.weights)} layers with weights), "
        f"{since(step, view.first_step)}."
    )
    numbers = {"first": first, "last": last, "log10_ratio": change}
    numbers |= {f"log10_{name}": value for name, value in zip(TERMS, terms, strict=True)}
    layers = (view.layers[low], view.layers[high])
    cause = made_of(view, terms, change)
    harm = "notice" if _made_up(view) else view.harm
    return Finding(kind, harm, layers, step, seen, cause, numbers=numbers)


def _made_up(view: View) -> bool:
    """Whether the updates below are as long as elsewhere, in proportion: an optimizer that divides
    by the gradient's size, as Adam does, makes up for one that is small or large there.
    """
    if is_plain(view) or not view.weight_params:
        return False
    lowest = view.get("update_ratio")[:, view.weight_params[0]]
    return view.holds(lowest > LEVEL * view.typical_updates)


def _typical(view: View, norms: Array) -> int:
    """Return the row, of the latest, whose change of the gradient is in the middle of theirs.

    Numbers of one step add up; medians of several would not. Of a step without any gradient there
    is no change.
    """
    rows = np.arange(view.rows)[view.now]
    rows = rows[norms[rows, view.weights[-1]] > 0] if norms[rows, view.weights[-1]].any() else rows
    order = np.argsort(ratios(norms[rows], view.ends), kind="stable")
    return int(rows[order[len(rows) // 2]])


def _terms(view: View, row: int) -> Array:
    """Return what each term adds between the two ends in a row; NaN if no way joins them."""
    by_step = ("steps", "gradient_norm", "input_mean", "input_std", "output_mean", "output_std")
    record = view.record
    part = {key: record[key][row : row + 1] for key in (*by_step, "batchnorm_scale")}
    kept = {key: record[key] for key in ("layers", "roles", "edges", "gaps", "batchnorm_layers")}
    made = attribute({"format": record.get("format", 3), "kinds": record["kinds"], **kept, **part})
    try:
        way = made.way(*(view.layers[end] for end in view.ends))
    except ValueError:
        return np.full(len(TERMS), np.nan)
    return np.asarray(made.sums(way)[0])


def main_term(finding: Finding) -> str:
    """Return the term that makes most of a change; empty if none can be named."""
    values = [finding.numbers[f"log10_{name}"] for name in TERMS]
    change = finding.numbers["log10_ratio"]
    if not np.isfinite([*values, change]).all() or change == 0:
        return ""
    return TERMS[int(np.argmax(np.array(values) * np.sign(change)))]


def made_of(view: View, terms: Array, change: float) -> str:
    """Return in words what the change of the gradient is made of."""
    if not np.isfinite([*terms, change]).all() or change == 0:
        return "No layer's part can be named: somewhere on the way the gradient is exactly 0."
    main = int(np.argmax(terms * np.sign(change)))
    share = terms[main] / change
    what = _called(view)
    if share <= 1.05 and (np.abs(np.delete(terms, main)) < 0.2 * abs(terms[main])).all():
        part = "all" if share > 0.995 else percent(share)
        return sentence(f"{part} of that (in log units) is {what[TERMS[main]]}")
    order = np.argsort(-np.abs(terms))
    parts = [f"{what[TERMS[i]]} {terms[i]:+.1f}" for i in order if abs(terms[i]) >= 0.05]
    return sentence(f"in powers of ten: {', '.join(parts)}, together {terms.sum():+.1f}")


def _called(view: View) -> dict[str, str]:
    """Return how each term is called in a sentence."""
    only = len(set(view.hidden_activations)) == 1
    derivative = f"derivative of {called(view.activation)}" if only else "activations' derivatives"
    return {
        "weights": "the weights",
        "recurrent": "the recurrent layers",
        "derivative": f"the {derivative}",
        "scale": "batch norm's scale gamma / sigma",
        "projection": "batch norm's projection",
        "norm": "the norm",
        "noise": "dropout",
        "sum": "the sums of branches",
        "mix": "pooling and attention",
        "unrecorded": "layers that were not recorded",
        "opaque": "layers that do not say what they do",
    }
