"""Updates against the weights they change: too large, too small, one layer far behind.

Outside 1e-4 to 1e-2 of the weights an update is unusual, not wrong: small networks begin with
larger ones and learn, and those of a network that has learned everything are smaller. They are told
when the loss does not fall; a single step that throws the weights is told at once.
"""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Finding
from nnscratch.flow.findings.view import View
from nnscratch.flow.findings.words import number, percent, since

SMALL, LARGE = 1e-4, 1e-2  # the usual range of |update| / |weights| (Karpathy's rule: 1e-3)
VIOLENT = 0.3  # one step that changes half of the layers by this much of their weights
SLOWER = 50.0  # times slower than the layers' median
_ENOUGH = 20  # steps
_LASTING = 50  # steps in which a loss would have fallen
_RESTLESS = 0.97  # of the first loss: with steps that are too long it does not fall at all
_GOAL = 1e-3


def find(view: View) -> list[Finding]:
    """Return what is wrong with the size of the updates."""
    if not view.rows or not view.weights:
        return []
    ratios = view.get("update_ratio")[:, view.weights]
    ratios = np.where(np.isfinite(ratios), ratios, np.nan)
    known = ~np.isnan(ratios).all(axis=1)
    typical = np.full(len(ratios), np.nan)
    if known.any():
        typical[known] = np.nanmedian(ratios[known], axis=1)
    return [*_large(view, typical), *_small(view, typical), *_slow(view, ratios, typical)]


def _large(view: View, typical: Array) -> list[Finding]:
    lr = view.get("lr")
    jumps = np.flatnonzero(typical > VIOLENT)
    lasting = view.rows >= _LASTING and view.stalled(_RESTLESS) and view.holds(typical > LARGE)
    if jumps.size:
        row = int(jumps[0])
        step, size = int(view.steps[row]), float(typical[row])
        amount = f"{percent(size)} of" if size < 10 else f"{number(size)} times"
        often = "" if jumps.size == 1 else f"; {jumps.size} such steps in all"
        sentence = (
            f"The update of step {step} changed the weights by {amount} their norm in half of "
            f"the layers (usual are 0.01 % to 1 %){often}: such a step throws away what "
            f"was learned."
        )
    elif lasting:
        size = float(np.nanmedian(typical[view.now]))
        step = view.since(typical > LARGE)
        sentence = (
            f"The updates are too large: {percent(size)} of the weights' norm in each step (usual "
            f"are 0.01 % to 1 %), {since(step, int(view.steps[0]))}, and the loss does not fall: "
            f"{number(view.first_loss)} at the beginning, {number(view.last_loss)} now."
        )
    else:
        return []
    rate = float(lr[min(len(lr) - 1, int(np.searchsorted(view.steps[: len(lr)], step)))])
    return [
        Finding(
            "updates too large",
            "serious",
            (),
            step,
            sentence,
            f"The learning rate was {number(rate)} there.",
            cures.learning_rate(rate * _GOAL / size) + cures.clip(view.has_clip),
            {"ratio": size, "lr": rate},
        )
    ]


def _small(view: View, typical: Array) -> list[Finding]:
    where = typical < SMALL
    if view.rows < _ENOUGH or not view.stalled() or not view.holds(where):
        return []
    size, rate = float(np.nanmedian(typical[view.now])), float(view.get("lr")[-1])
    step = view.since(where)
    cure = cures.learning_rate(rate * _GOAL / size) if size > 0 else ()
    return [
        Finding(
            "updates too small",
            "serious",
            (),
            step,
            f"The updates are too small: {number(size)} of the weights' norm in each step (usual "
            f"are 1e-4 to 1e-2), {since(step, int(view.steps[0]))}, and the loss has not fallen: "
            f"{number(view.first_loss)} at the beginning, {number(view.last_loss)} now.",
            f"The learning rate is {number(rate)}.",
            cure,
            {"ratio": size, "lr": rate},
        )
    ]


def _slow(view: View, ratios: Array, typical: Array) -> list[Finding]:
    """A layer whose weights change far less, in proportion, than those of the others."""
    if view.rows < _ENOUGH or len(view.weights) < 3:
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        behind = typical[:, None] / ratios
    slow = [i for i in range(len(view.weights)) if view.holds(behind[:, i] > SLOWER)]
    if not slow or len(slow) > len(view.weights) // 2:
        return []
    worst = max(slow, key=lambda i: float(np.nanmedian(behind[view.now, i])))
    times = float(np.nanmedian(behind[view.now, worst]))
    layer = view.dense[worst]
    own, usual = float(np.nanmedian(ratios[view.now, worst])), view.hidden_scale(but=layer)
    step = view.since(behind[:, worst] > SLOWER)
    scale = view.weight_scale(layer)
    cause = ""
    if scale > 9 * usual:
        cause = (
            f"Its weights are large: n_in Var(w) = {number(scale)}, {number(usual)} in the other "
            f"layers. A gradient changes large weights less, in proportion"
            + (", and under batch norm it is smaller besides." if view.has_batchnorm else ".")
        )
    return [
        Finding(
            "slow layer",
            "serious",
            tuple(view.layers[view.dense[i]] for i in slow),
            step,
            f"{view.layers[layer]} learns {number(times)} times slower than the other layers: its "
            f"updates are {number(own)} of its weights' norm, {number(own * times)} in the middle "
            f"of the layers, {since(step, int(view.steps[0]))}.",
            cause,
            (
                *cures.suitable_init(view.activation, view.weight_scale(layer, 0)),
                "use an optimizer that adapts the step to each weight: nn.Adam(lr=1e-3)",
            ),
            {"times": times, "ratio": own, "scale": scale},
        )
    ]
