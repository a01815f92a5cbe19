"""Learning by heart: held-out examples against the training's own."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.progress import NOTHING
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number

FEWER = 0.03  # of the held-out examples judged right
BY_HEART = 0.85  # of what there is to learn of the own examples
APART = 0.3  # of the same: held-out examples are judged this much worse, and no better any more
LOOKS = 3  # at held-out examples
WORSE = 0.05  # of the way from a constant answer's loss to the least


def find(view: View) -> list[Finding]:
    """Return that held-out examples are judged worse and worse while the training's are learned."""
    held = view.looks("validation_loss")
    p = view.progress
    if len(held) < LOOKS or not p.known or not np.isfinite(held).all() or not p.share > NOTHING:
        return []
    best = int(np.argmin(held))
    later = float(np.mean(held[-max(1, len(held) // 5) :]))
    gap, risen = later - p.now, later - held[best]
    rises = best < len(held) - 1 and risen > WORSE * p.room and gap > WORSE * p.room
    stands = p.share >= BY_HEART and gap > APART * p.room and _stood(held) < WORSE * p.room
    if not (rises or stands):
        return []
    steps = view.steps[view.looked("validation_loss")]
    return [
        Finding(
            "overfitting",
            "serious" if later > p.constant and _forgets(view) else "notice",
            (),
            int(steps[best]),
            f"The network learns its examples by heart: the loss on held-out ones was "
            f"{number(float(held[best]), 3)} at step {int(steps[best])} and is {number(later, 3)} "
            f"now, while that on its own fell to {number(p.now, 3)}.",
            "It has more weights than the examples bind, and more steps only bind them to noise.",
            (
                Advice(
                    "stop where held-out examples are judged best",
                    "callbacks = [nn.EarlyStopping()]",
                ),
                Advice("or take away weights that are large for nothing: weight decay, dropout"),
            ),
            {"best": float(held[best]), "now": later, "training": p.now},
            EXPLAINS["overfitting"],
        )
    ]


def _stood(held: Array) -> float:
    """Return by how much the loss on held-out examples fell over the latter half of the looks."""
    quarter = max(1, len(held) // 4)
    middle = len(held) // 2
    return float(held[middle : middle + quarter].mean() - held[-quarter:].mean())


def _forgets(view: View) -> bool:
    """Whether fewer held-out examples are judged right than at the best; True if not known."""
    right = view.looks("validation_accuracy")
    if len(right) < LOOKS:
        return True
    return bool(right.max() - right[-max(1, len(right) // 5) :].mean() > FEWER)
