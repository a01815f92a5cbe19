"""Layers that make all examples alike before anything is learned: too many of them in a row."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Advice, Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.view import View
from nnscratch_records import UNTOLD
from nnscratch_records.words import called, number

LONG = 20  # layers in a row: so many make all inputs alike, whatever the weights
ALIKE = 0.25  # of the size of what a layer gives: by less the examples differ in it
ROUNDED = 1e-6  # the same: by what float32 may round
SAME = 1e-12  # the same: of what is one and the same for all
DIFFER = 1e-2  # the same: by so much they do differ
LOOKS = 3  # at all of the first
_LESS = Advice("take fewer layers, or let what comes in pass by: nn.Residual")


def find(view: View, shown: Shown, causes: Collection[str]) -> list[Finding]:
    """Return that all examples look alike at the top before training."""
    hidden, spread = view.hidden_weights, view.looks("output_spread")[:LOOKS]
    if "symmetric units" in causes or not (hidden and view.rows and len(spread)):
        return []
    apart, began = _apart(view, spread), "initial weights" in causes
    # Small weights do that too, and are told; what stands between them may do it whatever they are.
    other = any(i < view.weights[-1] for i in view.columns(*UNTOLD))
    open_to = other or not (began or "vanishing" in shown)
    if len(apart) >= LOOKS and open_to and _rounded(view, apart, hidden[-1]):
        return [_finding(view, spread, hidden[-1], _since(apart, view), (_LESS,))]
    if began:
        return []
    plain = not view.has_norm and "join" not in view.roles and "initial biases" not in causes
    if not plain or len(view.weights) < LONG or view.progress.learns:
        return []
    if not float(apart[0, hidden[-1]]) < ALIKE:
        return []
    return [_finding(view, spread, hidden[-1], -1, (*cures.batch_norm(view), _LESS))]


def fade(view: View) -> bool:
    """Whether examples become alike little by little, from layer to layer: at once is otherwise."""
    hidden, spread = view.hidden_weights, view.looks("output_spread")[:LOOKS]
    if not (hidden and view.rows and len(spread) >= LOOKS):
        return False
    apart = _apart(view, spread)
    on_the_way = (apart[0, view.weights] > SAME) & (apart[0, view.weights] < DIFFER)
    return _rounded(view, apart, hidden[-1]) and bool(on_the_way.any())


def _apart(view: View, spread: Array) -> Array:
    """Return by how much of a layer's size examples differ in it, (looks, layers); NaN: it is 0."""
    rows = view.looked("output_spread")[:LOOKS]
    size = np.hypot(*(view.get(f"output_{what}")[rows] for what in ("mean", "std")))
    return np.where(size > 0, spread / np.where(size > 0, size, 1.0), np.nan)


def _rounded(view: View, apart: Array, top: int) -> bool:
    """Whether examples that differ at the bottom are the same to within rounding at the top."""
    ends, begins = [top, view.weights[-1]], view.weights[0]
    known = not view.progress.learned and not any(map(view.recurs, ends))
    differ = begins < top and bool(apart[0, begins] > DIFFER)
    return known and differ and bool((apart[:, ends] <= ROUNDED).all())


def _since(apart: Array, view: View) -> int:
    """Return the first layer of weights from which on examples hardly differ."""
    small = [i for i in view.weights if apart[0, i] < DIFFER]
    return small[0]


def _finding(
    view: View, spread: Array, top: int, begins: int, advice: tuple[Advice, ...]
) -> Finding:
    size = float(np.hypot(*(view.get(f"output_{what}")[0, top] for what in ("mean", "std"))))
    kind = called(view.activation) if view.activation else "weights"
    seen = (
        f"{len(view.weights)} layers of {kind} in a row: at {view.layers[top]} all inputs look "
        f"alike before training, they differ by {number(float(spread[0, top]))} where the "
        f"outputs' size is {number(size)}"
    )
    why = "Each layer of random weights brings the inputs closer together"
    if begins >= 0:
        others = [i for i in view.columns(*UNTOLD) if i < view.weights[-1]]
        seen += f", less than a millionth of it; from {view.layers[begins]} on it is below 1 %"
        averages = ", as what averages rows does: over neighbours in a graph, by attention"
        why += averages if others else ""
    return Finding(
        "depth",
        "serious",
        view.names([top]),
        view.first_step,
        f"{seen}.",
        f"{why}, and what is the same for all of them cannot be told apart above.",
        advice,
        {"spread": float(spread[0, top]), "size": size},
        EXPLAINS["depth"],
    )
