"""What a schedule makes of the learning rate: nothing too soon, or what it is to be too late."""

from __future__ import annotations

import numpy as np

from nnscratch.flow.findings import cures, rates
from nnscratch.flow.findings.finding import Advice, Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.progress import ENOUGH
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, percent

FADES, HALF = 0.01, 0.5  # of the largest rate; of the steps
ROSE = 5.0  # times the first rate is the last one
STAIRS, STEPS = 4, 5  # at least, and of so many steps each
_LASTS = (
    Advice(
        "let the schedule last as long as the training: where it counts epochs, call "
        "scheduler.step() once an epoch, not after each batch; ReduceLROnPlateau takes "
        "mode='min' of a loss, and 'max' of an accuracy"
    ),
)
_AFTER_EACH = (
    Advice(
        "call scheduler.step() after each batch where the schedule counts batches, as OneCycleLR "
        "does; or let it rise in fewer epochs"
    ),
)


def find(view: View, shown: Shown) -> list[Finding]:
    """Return what is wrong with the schedule of a run that has not learned."""
    if view.rows < ENOUGH or view.progress.learned or "diverged" in shown:
        return []
    return _ended(view) if _faded(view) else _rising(view)


def _rising(view: View) -> list[Finding]:
    """A rate that rises from epoch to epoch, as a whole run of batches was to see it rise."""
    lr, p = view.get("lr"), view.progress
    ends = np.flatnonzero(np.diff(lr)) + 1
    stairs = np.diff(np.concatenate([[0], ends, [len(lr)]]))
    rises = bool((np.diff(lr) >= 0).all()) and lr[-1] >= ROSE * lr[0] > 0
    if not rises or len(stairs) < STAIRS or int(stairs[:-1].min()) < STEPS:
        return []
    long = int(np.median(stairs[:-1])) * int(np.median(np.diff(view.steps)))
    return [
        Finding(
            "learning rate too small",
            view.harm,
            (),
            view.first_step,
            f"Its schedule has not let the learning rate up yet: it rises from {number(lr[0])} to "
            f"{number(lr[-1])}, in {len(stairs)} stairs of {long} steps each, to the last step, "
            f"while {percent(max(0.0, p.share))} of the way down is made.",
            "A rise longer than the run is one of batches, as a rule, told of epochs alone.",
            # There the schedule is no part of the optimizer.
            _AFTER_EACH
            if view.text("framework") == "torch"
            else cures.learning_rate(view, rates.rounded(rates.usual(view)[1])),
            {"lr": float(lr[-1]), "first": float(lr[0]), "stairs": float(len(stairs))},
            EXPLAINS["learning rate too small"],
        )
    ]


def _faded(view: View) -> bool:
    """Whether its schedule has made the rate too small to count, for half of the run or more."""
    lr = view.get("lr")
    return bool(np.mean(lr < FADES * np.nanmax(lr)) >= HALF)


def _ended(view: View) -> list[Finding]:
    p, lr = view.progress, view.get("lr")
    most, now = float(np.nanmax(lr)), rates.rate_at(view)
    step, torch = view.since(lr < FADES * most), view.text("framework") == "torch"
    return [
        Finding(
            "learning rate too small",
            view.harm,
            (),
            step,
            f"Its schedule has made the learning rate too small before anything was finished: it "
            f"was {number(most)}, has been below {percent(FADES)} of that since step {step} and is "
            f"{number(now)} now, while {percent(max(0.0, p.share))} of the way down is made.",
            "What is not learned by then is not learned any more.",
            # There the schedule is no part of the optimizer.
            _LASTS if torch else cures.learning_rate(view, rates.rounded(most)),
            {"lr": now, "most": most},
            EXPLAINS["learning rate too small"],
        )
    ]
