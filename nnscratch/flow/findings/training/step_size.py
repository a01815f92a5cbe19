"""How it is trained: steps that are too long or too short, or too few of them."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings import cures, rates
from nnscratch.flow.findings.data.scales import tens
from nnscratch.flow.findings.finding import Advice, Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.progress import ENOUGH, STEADY, SURE
from nnscratch.flow.findings.training import plateau, schedule, steps
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, percent, plural, since

USUAL_SIZES = "usual are 0.01 % to 1 %"  # |update| / |weights|; Karpathy's rule: 1e-3
LARGE, SMALL = 1e-2, 3e-4
BEYOND = 20.0  # times the largest usual rate: with that it is to blame for what is broken
VIOLENT = 0.3  # one step that changes half of the layers by this much of their weights
SELDOM = 0.1  # of the steps, later than the first ones: weights on their way through 0
TOO_FAR = 2.0  # times the step that would have led down best: from there the loss rises
PARABOLA = 1e-6  # of the rate: a loss that rises so fast is none, and no step can be told from it
PATIENCE = 10.0  # times the steps made: if half of what is missing takes longer, the rate is small
RISES = 0.5  # of the way from a constant answer's loss to the least: no difference of batches
WORSE = 0.05  # of the way from a constant answer's loss to the least
BRISK = 1e-3  # updates of this size are not short
FIRST = 5.0  # the same: that is mended before anything else as serious
BEHIND = 100.0  # times the last layer's rate is that of another one
_LASTING, _EARLY = ENOUGH, 10  # steps
_AT_ONCE = ("exploding", "vanishing", "saturated", "dead units", "dead layer", "constant output")
# With these, short steps are what is to be expected.
_HELD = frozenset(
    {
        *(
            "labels",
            "softmax over one unit",
            "norm over one unit",
            "softmax twice",
            "symmetric units",
            "activation",
        ),
        *("frozen parameters", "initial weights", "initial biases", "depth", "clip always"),
        *("inputs alike", "penalty", "dropout"),
    }
)
_SCALES = frozenset({"input scale", "missing value code", "target scale"})
_BEGAN_IN_TIME = frozenset({"forget bias", "recurrent weights"})
_LASTING_ON = (
    "It is the momentum: each step is made again, a little shorter, 50 times and more; with a "
    "usual one the rate would be none too large."
)
_WARM = Advice("or let the rate grow to what it is over the first hundred steps")
_BLOWN = frozenset({"non-finite", "diverged"})
_KILLED = ("dead layer", "dead units")
_HURT = ("diverged", "non-finite", "dead layer", "dead units", "saturated", "exploding")


def find(view: View, shown: Shown, causes: Collection[str]) -> list[Finding]:
    """Return what is wrong with length and number of the steps, and other `causes` do not say."""
    told = not view.incomparable or any(kind in shown for kind in _HURT)
    if not (told and view.rows and view.weight_params):
        return []
    held = bool(_HELD & set(causes))
    if large := _large(view, shown, held, bool(_SCALES & set(causes))):
        return large
    if held:
        return []
    ways = (schedule.find(view, shown), _last_behind(view), _stood(view, causes))
    return next((found for found in ways if found), []) or _short(view, shown, causes)


def _large(view: View, shown: Shown, held: bool, scaled: bool) -> list[Finding]:
    """Return steps that are too long.

    held, scaled : whether a cause makes short steps likely; whether numbers are large that go in,
        or are to come out, and make steps long
    """
    p, typical = view.progress, view.typical_updates
    hurt = [kind for kind in _HURT if kind in shown]
    rate, (largest, begin) = rates.rate_at(view, 0), rates.usual(view)
    unusual = rate > largest * (1 + rates.ROUNDED)
    broken = bool(hurt) or p.worse or p.nothing
    # Too soon to say that nothing is learned: worse than a constant answer, or it does not fall.
    behind = p.share < -WORSE
    lost = (p.rising and behind) or (unusual and p.pace == np.inf)
    lost = lost and steps.LEAST <= view.rows < _LASTING
    # However it goes now: thrown at once to where one answer for all is better.
    clearly = rate > rates.CLEARLY * largest and view.rows >= _LASTING
    astray = behind and clearly
    # It must be seen: of sigmoids' squares the gradient may be as small as the rate is large.
    seen = bool((typical[:_EARLY] > LARGE).any())
    far_beyond = seen and rate > FIRST * largest * (1 + rates.ROUNDED)
    # It falls in spite of such a rate; of steps that a clip shortens the rate is not the length.
    shorter = view.has_clip and rates.is_plain(view)
    idle = not p.falling or (rate > BEYOND * largest and not shorter)
    stuck = clearly and far_beyond and idle and view.holds(typical > LARGE)
    # Thrown far away by such a rate, it came back some of the way, and goes no further.
    wild = clearly and far_beyond and not p.falling and bool((typical[:_EARLY] > VIOLENT).any())
    killed = clearly and any(shown[k].step > view.first_step for k in _KILLED if k in shown)
    broken = broken or astray or stuck or wild
    if (p.learned and p.tells) or not (broken or lost) or not rate > 0:
        return []
    best = rates.best_step(view)
    jumps, changed, where = (
        np.flatnonzero(typical > VIOLENT),
        "the weights",
        " in half of the layers",
    )
    if rate <= begin * (1 + rates.ROUNDED) and not (hurt or p.worse):
        few = jumps.size <= SELDOM * view.rows and bool((jumps >= _EARLY).all())
        jumps = jumps[:0] if few else jumps
    if not jumps.size and _BLOWN & set(shown):  # one matrix that is used at every step of time
        again = rates.recurrent_updates(view)
        if (again > VIOLENT).any():
            typical, jumps = again, np.flatnonzero(again > VIOLENT)
            changed, where = "the recurrent weights", ""
    over = p.falling and p.now < p.first
    far = rate > TOO_FAR * best and _rises(view, bool(hurt)) and not over
    # What cannot be learned is not for the steps to learn, and what stands is not thrown about.
    # On a plateau usual steps are no throw: they wander with the batches, and lead nowhere yet.
    calm = not view.rectifiers  # nothing in it can be switched off for good
    thrown = bool(hurt) or p.worse or not rate <= (rates.CLEARLY * largest if calm else begin)
    lasting = view.rows >= _LASTING and (p.nothing or p.worse) and not held and thrown
    lasting = (lasting or (lost and unusual)) and view.holds(typical > LARGE)
    thrown_off = _thrown_off(view, shown, typical, far_beyond and not scaled) and not held
    blown = "diverged" in shown and view.rows > 1
    beyond = bool(hurt) and rate > BEYOND * largest
    lasting = lasting or stuck
    if not (jumps.size or far or lasting or blown or beyond or killed or thrown_off):
        return []
    row = int(jumps[0]) if jumps.size else 0
    step, rate = int(view.steps[row]), rates.rate_at(view, row)
    numbers = {"lr": rate}
    parts = []
    warm: tuple[Advice, ...] = ()
    if jumps.size:
        size = numbers["ratio"] = float(typical[row])
        amount = f"{percent(size)} of" if size < 10 else f"{number(size)} times"
        often = "" if jumps.size == 1 else f" ({plural(jumps.size, 'such step')})"
        parts.append(
            f"the update of step {step} changed {changed} by {amount} their norm{where}{often}, "
            f"where {USUAL_SIZES}"
        )
    elif lasting:
        size = numbers["ratio"] = float(np.nanmedian(typical[view.now]))
        step = view.since(typical > LARGE)
        parts.append(
            f"the updates are {percent(size)} of the weights' norm in each step "
            f"({USUAL_SIZES}), {since(step, view.first_step)}"
        )
    elif thrown_off:
        warm = (_WARM,)
        size = numbers["ratio"] = float(np.nanmedian(typical[:_EARLY]))
        parts.append(
            f"the updates of the first {_EARLY} steps were {percent(size)} of the weights' norm "
            f"({USUAL_SIZES}), and nothing was learned after them"
        )
    if far and best > PARABOLA * rate:
        numbers["best"] = best
        parts.append(
            f"of the first steps one of {number(best)} would have led down best, and one of "
            f"{number(TOO_FAR * best)} not at all"
        )
    if unusual:
        name = rates.optimizer_name(view) + rates.with_momentum(view)
        parts.append(f"with {name} it is usually {number(largest)} at most")
    if not parts:
        parts.append("the steps are longer than the loss's curvature allows")
    text = "; ".join(parts)
    explains = EXPLAINS["learning rate too large"] - {
        kind for kind in _AT_ONCE if kind in shown and shown[kind].step <= step
    }
    lasts = unusual and rates.lasts(view)
    heavy = cures.less_momentum(view) if lasts else ()
    leaps = bool(jumps.size) and not unusual and view.recurrent and not view.has_clip
    return [
        Finding(
            "learning rate too large",
            "serious" if broken or behind else "notice",
            (),
            step,
            f"The learning rate is too large, {number(rate)}: {text}.",
            _LASTING_ON if lasts else cures.LEAPS if leaps else "",
            (*(heavy or cures.shorter_steps(view, rates.lower_rate(view), leaps)), *warm),
            numbers,
            explains,
            first=far_beyond,
        )
    ]


def _thrown_off(view: View, shown: Shown, typical: Array, beyond: bool) -> bool:
    """Whether the first steps, at a rate that one does not begin with, broke what began whole, and
    nothing was learned since: after the first of them the gradient reaches no lower layer.

    beyond : the rate is so far beyond the usual ones that nothing need be seen to be broken
    """
    p, begin = view.progress, rates.usual(view)[1]
    bold = rates.rate_at(view, 0) > begin * (1 + rates.ROUNDED)
    broke = [k for k in ("vanishing", "dead layer") if k in shown]  # units die in sound runs too
    late = beyond or (bool(broke) and all(shown[k].step > view.first_step for k in broke))
    lasting = view.rows >= _LASTING and p.nothing
    return bold and late and lasting and float(np.nanmedian(typical[:_EARLY])) > LARGE


def _rises(view: View, hurt: bool) -> bool:
    """Whether the loss rises in the first steps, by more than batches differ.

    hurt : what comes later says nothing of how batches differ
    """
    losses: Array = view.record["loss"][:4]
    top = np.max(np.nan_to_num(losses[1:], nan=np.inf), initial=0.0)
    room = max(view.progress.room, losses[0])  # rare answers: there is little to learn, or a lot
    differ = 0.0 if hurt else SURE * float(np.median(np.abs(np.diff(view.get("loss")))))
    return bool(np.isfinite(losses[0]) and top > losses[0] + max(RISES * room, differ))


def _short(view: View, shown: Shown, causes: Collection[str]) -> list[Finding]:
    p, typical = view.progress, view.typical_updates
    size = _size(typical[view.now])
    if "diverged" in shown:
        return []
    if not size > 0:
        return steps.no_digit(view)
    if view.rows < _LASTING:
        return steps.short(view, shown, causes, size)
    made = float(view.steps[view.rows - 1] - view.steps[0]) + 1
    if p.learned:
        return [steps.unfinished(view, made, causes)] if p.unfinished else []
    slow = p.falling and p.steps_left > PATIENCE * made and size < BRISK
    never = p.nothing or np.nanmedian(typical[:_EARLY]) < SMALL  # not: by now, all being learned
    if slow or (not p.falling and never and size < SMALL):
        return _small(view, size, slow, causes)
    if _behind_a_constant(view, size):
        return _small(view, size, True, causes)
    if p.unfinished:
        return [steps.unfinished(view, made, causes)]
    found = plateau.find(view, shown, size) or steps.young(view, shown, causes)
    return found or steps.behind(view, shown, causes, size)


def _last_behind(view: View) -> list[Finding]:
    """A rate of its own with which the last layer, which answers, hardly moves beside others."""
    p, weights = view.progress, view.weight_params
    lost = p.nothing or (p.known and p.share < 0)
    if view.rows < _LASTING or not lost or len(weights) < 2:
        return []
    own, most = float(view.factors[weights[-1]]), float(view.factors[weights].max())
    sizes = view.get("update_ratio")[view.now, weights[-1]]
    size = float(np.nanmedian(sizes)) if not np.isnan(sizes).all() else math.nan
    if not (own * BEHIND <= most and size < SMALL):
        return []
    rate, torch = rates.rate_at(view), view.text("framework") == "torch"
    layer = view.layers[int(view.record["param_layers"][weights[-1]])]
    what = "give the last layer the largest rate of all: it has the most to learn"
    line = "print([(group['lr'], len(group['params'])) for group in optimizer.param_groups])"
    return [
        Finding(
            "learning rate too small",
            view.harm,
            (layer,),
            view.first_step,
            f"The learning rate of {layer}, the last layer, is {number(own * rate)}, where another "
            f"one's is {number(most * rate)}: its updates are {number(size)} of its weights' norm "
            f"(usual are 1e-4 to 1e-2), and nothing is learned.",
            "Rates that grow from layer to layer are the wrong way round: what answers hardly "
            "moves, and the layers below are turned to suit it.",
            (Advice(what, line if torch else ""),),
            {"lr": own * rate, "most": most * rate, "ratio": size},
            EXPLAINS["learning rate too small"] | {"slow layer"},
        )
    ]


def _stood(view: View, causes: Collection[str]) -> list[Finding]:
    """All steps together were so short, by a small rate, that no layer is elsewhere than before."""
    p, typical = view.progress, view.typical_updates
    # Adam's ten-thousandth is one of those that are tried first when nothing goes.
    plain = rates.optimizer_name(view) in rates.PLAIN
    most = rates.TIMID * rates.usual(view)[1] * (1 + rates.ROUNDED)
    timid = rates.timid(view) or (not plain and rates.rate_at(view) <= most)
    if view.rows < _LASTING or not (p.nothing and timid) or not np.nansum(typical) < rates.TOGETHER:
        return []
    size = _size(typical[view.now])
    return _small(view, size, False, causes) if size > 0 else []


def _behind_a_constant(view: View, size: float) -> bool:
    """Whether so many steps of a small rate have not come to where one answer for all is."""
    p = view.progress
    small = rates.rate_at(view) <= rates.TIMID * rates.usual(view)[1] * (1 + rates.ROUNDED)
    return small and size < BRISK and p.known and p.share < 0 and view.rows >= STEADY


def _size(sizes: Array) -> float:
    """Return the middle of these updates over weights; 0 where none was measured."""
    return float(np.nanmedian(sizes)) if not np.isnan(sizes).all() else 0.0


def _small(view: View, size: float, slow: bool, causes: Collection[str]) -> list[Finding]:
    p, rate = view.progress, rates.rate_at(view)
    # What a recurrent layer began with is learned too, and targets of tens, at a rate that lets it.
    # Steps of others are as long as the rate says, whatever is asked.
    adaptive = rates.optimizer_name(view) not in rates.PLAIN
    later = _BEGAN_IN_TIME | ({"target scale"} if adaptive or tens(view) else frozenset())
    timid = bool(later & set(causes)) and rates.timid(view)
    step = view.since(view.typical_updates < (BRISK if slow else SMALL))
    pace = (
        f"the loss falls so slowly that half of what is missing would take {number(p.steps_left)} "
        f"more steps"
        if slow and p.steps_left < math.inf
        else f"the loss, {number(p.now, 3)}, is not yet where one answer for all has it"
        if slow
        else f"the loss has not fallen: {number(p.first)} at the beginning, {number(p.now)} now"
    )
    seen = (
        f"The learning rate is too small, {number(rate)}: the updates are {number(size)} of the "
        f"weights' norm in each step (usual are 1e-4 to 1e-2), {since(step, view.first_step)}, and "
        f"{pace}."
    )
    first = timid and not set(causes) - later
    return [steps.small_rate(view, seen, rates.higher_rate(view), size, first=first)]
