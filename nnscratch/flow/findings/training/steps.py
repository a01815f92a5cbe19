"""Too few steps: a run that goes well, as far as it goes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from nnscratch.flow.findings import cures, rates
from nnscratch.flow.findings.data.scales import tens
from nnscratch.flow.findings.finding import Advice, Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.network.reach import each_by_itself
from nnscratch.flow.findings.progress import ENOUGH, LEARNED, LEARNS, NOTHING, STEADY, SURE
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, percent

LEAST = 3  # steps: two updates whose loss was seen; fewer are a look at the network
TINY = 1e-5  # updates over weights: these take 100,000 steps to change the weights by their size
SHORT = 3e-4  # the same: longer ones may be tried too
FAR = 500.0  # steps until half of what is missing is learned: no few more
BLOCKED = frozenset({"vanishing", "dead layer"})
# What could be done otherwise, and shows later, where it is no more than a notice.
STYLE = frozenset({"loss", "output activation", "no activation"})
YES_OR_NO = frozenset({"BinaryCrossEntropy", "SigmoidCrossEntropy"})
HALVES = 8  # times half of what is missing, at a pace that grows slower
BEHIND = 0.2  # of the answers' variance, that a linear fit tells more than the run has learned
AT_MOST = 1e4  # steps that anybody would ask for


def short(view: View, shown: Shown, causes: Collection[str], size: float) -> list[Finding]:
    """Return that a run of so few steps that no loss stands is just that.

    causes : that were found
    size : of its latest updates, over the weights
    """
    p, made = view.progress, int(view.steps[view.rows - 1]) + 1  # from the very first on
    if view.rows < LEAST or made >= ENOUGH or not p.share < LEARNED or p.rising:
        return []
    if BLOCKED & set(shown) or any(one.severity != "notice" for one in shown.values()):
        return []  # it does not flow
    lr = view.get("lr")
    if size < TINY and p.pace > FAR and not lr[-1] > lr[0]:  # no rate that is still warming up
        return [_too_small(view, size, made)]
    falls = p.pace < AT_MOST
    if not falls and p.share - SURE * p.error / p.room >= LEARNS:
        return []  # what there is to learn may be learned
    more = _halves(p.pace) if falls else 10 * ENOUGH
    seen = (
        f"the loss falls, from {number(p.first, 3)} to {number(p.now, 3)}: at that pace half of "
        f"what is missing takes about {number(max(1, p.pace))} more"
        if falls
        else f"in them {_goes(view)}: whether it learns shows after {ENOUGH} or more"
    )
    timid = size < SHORT and p.pace > FAR
    other = cures.learning_rate(view, rates.higher_rate(view)) if timid else ()
    return [
        Finding(
            "too few steps",
            "notice",
            (),
            view.first_step,
            f"Only {made} steps were made, and {seen}.",
            f"An update is {percent(size)} of the weights' norm: {made} of them change the weights "
            f"by {percent(made * size)} at most.",
            (_longer(view, more), *other),
            {"steps": float(made), "steps_left": p.pace, "share": p.share, "ratio": size},
            EXPLAINS["too few steps"],
            first=not set(causes) - STYLE - minor(view),
        )
    ]


def young(view: View, shown: Shown, causes: Collection[str]) -> list[Finding]:
    """Return that a run of some steps is short, where batches hide whether its loss still falls."""
    p, made = view.progress, int(view.steps[view.rows - 1]) + 1
    if view.rows >= STEADY or not p.share >= NOTHING or not p.pace < AT_MOST:
        return []
    if not _whole(shown, causes):
        return []
    more = _halves(p.pace)
    return [
        Finding(
            "too few steps",
            "notice",
            (),
            view.first_step,
            f"Only {made} steps were made: the loss went from {number(p.first, 3)} to "
            f"{number(p.now, 3)}, and at the pace of both halves of them half of what is missing "
            f"takes about {number(max(1, p.pace))} more.",
            "",
            (_longer(view, more),),
            {"steps": float(made), "steps_left": p.pace, "share": p.share},
            EXPLAINS["too few steps"],
        )
    ]


def behind(view: View, shown: Shown, causes: Collection[str], size: float) -> list[Finding]:
    """Return that a run with nothing else to it has not come to where a straight line is or, by
    steps that are short for anybody, to what the nearest examples tell.

    Of numbers alone: there the share of the way down is that of the variance.
    """
    p = view.progress
    numbers = p.known and view.latest("target_classes") == 0
    line, near = (told > p.share + BEHIND for told in (p.linear, p.near))
    if not (numbers and p.share >= NOTHING and (line or (near and rates.timid(view)))):
        return []
    if view.rows < STEADY or not _whole(shown, causes):
        return []
    made = int(view.steps[view.rows - 1]) + 1
    what, by = ("a straight line", "a linear fit") if line else ("its neighbours", "the nearest")
    verb = "tells" if line else "tell"
    return [
        Finding(
            "too few steps",
            "notice",
            (),
            view.first_step,
            f"The network is behind {what}: of the answers' variance {by} {verb} "
            f"{percent(p.linear if line else p.near)} on other examples, and {percent(p.share)} is "
            f"learned after {made:,} steps, over whose last half the loss falls no faster than "
            f"batches differ.",
            f"An update is {percent(size)} of the weights' norm.",
            (*cures.learning_rate(view, rates.higher_rate(view)), _longer(view, made)),
            {"linear": p.linear, "near": p.near, "share": p.share, "ratio": size},
            EXPLAINS["too few steps"],
        )
    ]


def _whole(shown: Shown, causes: Collection[str]) -> bool:
    """Whether nothing else is found that is more than a notice."""
    return not causes and all(one.severity == "notice" for one in shown.values())


def minor(view: View) -> set[str]:
    """What comes after the number of steps: targets of tens, and sigmoids that share no softmax, if
    the loss is made for such.
    """
    far = {"target scale"} if tens(view) else set()
    yes_or_no = view.text("loss_kind") in YES_OR_NO and each_by_itself(view)
    return far | ({"output activation"} if yes_or_no else set())


def _too_small(view: View, size: float, made: int) -> Finding:
    """Updates so short that no number of steps makes up for them."""
    return small_rate(
        view,
        f"The learning rate is too small, {number(rates.rate_at(view))}: an update is "
        f"{number(size)} of the weights' norm (usual are 1e-4 to 1e-2), so that they need "
        f"{number(1 / size)} steps to change by their own size; {made} were made, and "
        f"{_goes(view)}.",
        rates.higher_rate(view),
        size,
    )


def small_rate(
    view: View, seen: str, advised: float, size: float, why: str = "", first: bool = False
) -> Finding:
    """Return that the learning rate is too small, and which would do.

    size : of an update, over the weights' norm
    """
    return Finding(
        "learning rate too small",
        "serious",
        (),
        view.first_step,
        seen,
        why,
        cures.longer_steps(view, advised),
        {"ratio": size, "lr": rates.rate_at(view)},
        EXPLAINS["learning rate too small"],
        first=first,
    )


def no_digit(view: View) -> list[Finding]:
    """Return that updates are so short that no digit of the weights shows them."""
    rate, (_, begin) = rates.rate_at(view), rates.usual(view)
    moved, pulled = view.get("param_update_norm"), view.get("param_gradient_norm")
    columns = view.weight_params
    never = bool(columns) and view.rows >= LEAST and not np.nan_to_num(moved[:, columns]).any()
    known = never and not np.isnan(moved[:, columns]).all()
    arrives = np.asarray((pulled[:, columns] > 0).any(axis=1))
    if not (known and rate > 0 and view.holds(arrives)):
        return []
    seen = (
        f"The learning rate is too small, {number(rate)}: a gradient arrives, and no update "
        f"changes a digit of the weights; {view.rows:,} steps were made, and {_goes(view)}."
    )
    return [small_rate(view, seen, rates.rounded(begin), 0.0)]


def _goes(view: View) -> str:
    first, now = number(view.progress.first, 3), number(view.progress.now, 3)
    return f"the loss goes from {first} to {now}" if first != now else f"the loss stands at {now}"


def unfinished(view: View, made: float, causes: Collection[str]) -> Finding:
    """Return that the loss still falls."""
    p = view.progress
    more = max(1, round(p.steps_left))
    longer = _longer(view, _halves(more))
    # So far biases alone may have learned, whose pace is not that of what comes.
    stood = view.rows >= STEADY and p.share < NOTHING
    # By steps that are short for anybody it takes longer than what others take for all of it.
    slow = rates.timid(view) and more > made and not view.get("lr").max() > rates.rate_at(view)
    other = cures.adaptive(view) if stood or slow else ()
    return Finding(
        "too few steps",
        "notice",
        (),
        int(view.steps[view.now.start]),
        f"The loss still falls, from {number(p.now + p.fall, 3)} to {number(p.now, 3)} over the "
        f"last quarter of {made:,.0f} steps: at that pace half of what is missing takes about "
        f"{number(more)} more.",
        "",
        (*other, replace(longer, what=f"or {longer.what}") if other else longer),
        {"fall": p.fall, "steps_left": p.steps_left, "share": p.share},
        EXPLAINS["too few steps"],
        first=bool(causes) and not set(causes) - minor(view),
    )


def _halves(steps: float) -> int:
    """Return steps in which nearly all that is missing is learned, at a pace of so many to half of
    it; no more than anybody would ask for, unless that half takes more.
    """
    most = max(steps, min(HALVES * steps, AT_MOST))
    return max(ENOUGH, int(float(f"{most:.1e}")))


def _longer(view: View, more: int) -> Advice:
    return Advice(
        "train longer",
        f"trainer.fit(x, y, epochs={more}, max_steps={more}, "
        f"batch_size={int(view.get('batch_size')[0])})",
    )
