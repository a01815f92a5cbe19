"""A few targets that lie far from all others."""

from __future__ import annotations

import math

from nnscratch.flow.findings.cures import LOGARITHMS, WITHOUT_FAR, anew
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.view import View
from nnscratch_records.limits import SMALL_TARGET
from nnscratch_records.words import number, percent

TAIL, ONE_SIDED = 0.01, 5.0  # of the examples lie far off; as far above the mean as below


def find(view: View) -> list[Finding]:
    """A few targets so far away that their squares are most of the loss."""
    if not view.outweighed or view.text("loss_kind") not in ("MeanSquaredError", "MSELoss"):
        return []
    few, count, share = (view.latest(f"target_{of}") for of in ("far", "count", "far_share"))
    if not count > few > 0:  # as no recorder writes, but a file may say
        return []
    mean, ends = view.latest("target_mean"), (view.latest("target_min"), view.latest("target_max"))
    rest = view.latest("target_std") * math.sqrt(max(0.0, 1 - share))
    advice = [Advice("take a loss that grows like the error", "loss = nn.Huber()")]
    if rest < SMALL_TARGET:  # as where all were standardised together: no loss sees these
        advice = [anew(view, WITHOUT_FAR)]
    low, high = mean - ends[0], ends[1] - mean
    if few >= TAIL * count and high > ONE_SIDED * low:  # no few that are wrong: a long tail
        advice = [anew(view, LOGARITHMS), *advice]
    end = max(ends, key=lambda value: abs(value - mean))
    return [
        Finding(
            "outliers",
            "notice" if view.progress.learned else view.harm,
            view.layers[-1:],
            view.first_step,
            f"A few targets are far from all others: of {int(count)} examples {int(few)}, as far "
            f"as {number(end)}, make up {percent(share)} of the squared distances from the middle, "
            f"and the error is squared.",
            "Squared, what is far off outweighs all the rest: the loss falls by what is learned of "
            "a few examples.",
            (*advice, Advice("or look whether these targets are right")),
            {"far": few, "share": share, "end": end},
            EXPLAINS["outliers"],
        )
    ]
