"""Recurrent layers whose way back is cut before what they would have to learn."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.recurrent.layers import Recurrent, harm_in_time
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, plural

CUT = 1e-3  # of the last step's gradient is still there where a truncation cuts it to nothing
SOME = 0.5  # of what there is to learn: with that the way back is long enough


def truncation(view: View, layer: Recurrent) -> list[Finding]:
    """A way back that is cut while there is gradient left, in a run that learns nothing."""
    seen = _at_the_end(view, layer) or _at_every_step(view, layer)
    if seen is None:
        return []
    kept, where, since = seen
    steps = int(np.median(layer.steps))
    return [
        Finding(
            "truncation",
            harm_in_time(view),
            (layer.name,),
            since,
            f"The gradient of {layer.name} is cut {where}, where it has not faded, and the "
            f"sequences have {steps}: of anything earlier nothing is learned.",
            "What tells the answers apart may lie farther back: the loss is hardly better than a "
            "constant answer's.",
            (
                Advice("let the gradient go back through all steps", "trainer.truncate = None"),
                Advice(
                    "or cut it at random, which leaves its mean as it is",
                    f"trainer.truncate = nn.RandomTruncation({number(1 / max(2, kept))})",
                ),
            ),
            {"kept": float(kept), "steps": float(steps)},
            EXPLAINS["truncation"],
        )
    ]


def _at_the_end(view: View, layer: Recurrent) -> tuple[int, str, int] | None:
    """Return after how many steps nothing is left of a loss at the last one; where, since when."""
    if not (view.progress.nothing or view.progress.share < SOME):
        return None
    norms, lags = view.get("hidden_gradient_norm")[:, layer.place], view.record["lags"]
    there = norms > 0
    first = np.argmin(there, axis=1)  # the first lag without any
    gone = (norms[np.arange(len(norms)), first] == 0) & (first > 0)
    cut = gone & (norms[np.arange(len(norms)), first - 1] > CUT * norms[:, 0])
    places = first[cut]
    # From the first step on: units that died since hand nothing back either.
    if not (view.holds(cut) and cut[0]) or len(np.unique(places[-20:])) != 1:
        return None
    kept = int(lags[places[-1]])
    return kept, f"{plural(kept, 'step')} back from the last one", view.since(cut)


def _at_every_step(view: View, layer: Recurrent) -> tuple[int, str, int] | None:
    """Return the same of a loss at every step, beside which no step is without a gradient."""
    kept = view.latest("cut_steps")
    if math.isnan(kept) or not view.progress.nothing or kept >= np.median(layer.steps):
        return None
    if float(np.nanmedian(layer.rate)) ** kept < CUT:
        return None
    return int(kept), f"every {plural(int(kept), 'step')}", int(view.steps[0])
