"""The one learning rate that a report may name: from the first steps, or from the updates' size."""

from __future__ import annotations

import math
import re

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings.view import View

# The largest usual learning rates, without momentum, and what one begins with.
USUAL = {
    "SGD": (0.5, 0.1),
    "SteepestDescent": (0.5, 0.1),
    "Adagrad": (0.1, 0.01),
    "Adadelta": (2.0, 1.0),
}
MOMENTUM, HEAVY = 0.9, 0.98  # the usual one; one that goes on for 50 steps and more
TIMID = 0.1  # of the rate that one begins with: slow for that alone
CLEARLY = 2.0  # times the largest usual rate: no network of several layers likes that
PLAIN = ("SGD", "SteepestDescent")
ROUNDED = 1e-6  # of a rate: 0.05 is not above 0.5 (1 - 0.9), which floats make a little less
ADAPTIVE = (0.02, 1e-3)  # Adam and its like
_AGAIN = ("sgd", "rmsprop")  # whose momentum adds up steps, each of them whole
BY_GRADIENT = ("SGD",)  # the step is the rate times the gradient
TOGETHER = 0.2  # of the weights' norm, all updates: nothing can have been learned
_GOAL = 1e-3  # of the weights' norm in a step
_BOLD = 2e-3  # the same, where steps were too short
LEAP = 10.0  # a rate is raised by no more than this
_LOWER = 10.0  # and lowered by this at least
_LEAST = 1e-5  # of the rate that one begins with: whoever needs less needs another change first
_MEAN = 8  # examples, of many, make a mean
_FIRST = 0.1  # of RMSProp's first step are later ones, whose mean of squares is no longer from 0
_SHORT = 0.25  # of the step that would lead down best


def optimizer_name(view: View) -> str:
    """Return what makes the updates; empty if the record does not say."""
    return view.text("optimizer").partition("(")[0]


def is_plain(view: View) -> bool:
    """Whether updates are as long as the gradient says: others divide by its size, or may."""
    return optimizer_name(view) in ("", "SGD")


def usual(view: View) -> tuple[float, float]:
    """Return the largest usual rate of the run's optimizer, and the one to begin with.

    Infinite and NaN where the record does not say what the optimizer is.
    """
    name = optimizer_name(view)
    if not name:
        return math.inf, math.nan
    largest, begin = USUAL.get(name, ADAPTIVE)
    left = 1 - _momentum(view)
    return largest * left, begin * left


def with_momentum(view: View) -> str:
    """Return what to say of the momentum that makes each step again; empty if there is none."""
    momentum = _momentum(view)
    return f" and momentum {momentum:g}" if momentum else ""


def lasts(view: View) -> bool:
    """Whether momentum makes a rate too large that is none with a usual one."""
    largest = USUAL.get(optimizer_name(view), ADAPTIVE)[0] * (1 - MOMENTUM)
    return goes_on(view) and rate_at(view, 0) <= largest * (1 + ROUNDED)


def is_adaptive(view: View) -> bool:
    """Whether each weight's step is fitted to it: Adam and its like."""
    name = optimizer_name(view)
    return bool(name) and name not in USUAL


def goes_on(view: View) -> bool:
    """Whether momentum makes each step again, a little shorter, fifty times and more."""
    return _momentum(view) > HEAVY


def _momentum(view: View) -> float:
    found = re.search(r"momentum=([0-9.]+)", view.text("optimizer"))
    again = optimizer_name(view).lower() in _AGAIN
    return float(found[1]) if found and again else 0.0


def rate_at(view: View, row: int = -1) -> float:
    """Return the learning rate of a finite row; of the first record if none is finite."""
    rates = view.get("lr") if view.rows else view.record["lr"][:1]
    known = rates[np.isfinite(rates)]
    if not len(known):
        return math.nan
    value = float(rates[row])
    return value if math.isfinite(value) else float(known[-1])


def timid(view: View) -> bool:
    """Whether the rate is far below what one begins with; 0.01 is not below a tenth of 0.1."""
    return rate_at(view) < TIMID * usual(view)[1] * (1 - ROUNDED)


def recurrent_updates(view: View) -> Array:
    """Return, by row, the largest update over the recurrent weights of a layer; 0 if none."""
    columns = np.flatnonzero(view.record["param_roles"] == "recurrent_weight")
    ratios = view.get("update_ratio")[:, columns]
    return np.asarray(np.where(np.isfinite(ratios), ratios, 0.0).max(axis=1, initial=0.0))


def best_step(view: View) -> float:
    """Return the rate with which the first update would have led down best, as it shows itself.

    Along its update d the loss changes by ``-lr |g|^2 + curvature |d|^2 / 2``: two losses and the
    norms give the curvature. NaN where they do not: where the step is so short that two batches
    differ by more than it does, or is not the gradient's.
    """
    if view.has_clip or len(view.steps) < 2 or not view.rows:
        return math.nan
    if optimizer_name(view) not in ("", *BY_GRADIENT) or not view.typical_updates[0] > _GOAL:
        return math.nan
    batch = float(view.record["batch_size"][0])
    if batch < _MEAN and view.latest("target_count") > batch:
        return math.nan  # two batches of so few examples differ by more than a step
    losses, lr = view.record["loss"], float(view.record["lr"][0])
    with np.errstate(all="ignore"):
        square = float(np.nansum(view.record["param_gradient_norm"][0] ** 2))
        moved = float(np.nansum(view.record["param_update_norm"][0] ** 2))
        best = 0.5 * moved / np.float64(losses[1] - losses[0] + lr * square)
    return float(best) if math.isfinite(best) and best > 0 else math.nan


def lower_rate(view: View) -> float:
    """Return the rate to go on with where steps were too long; NaN if none was recorded."""
    rate = rate_at(view, 0)
    if not rate > 0:
        return math.nan
    limits = [rate / _LOWER, usual(view)[1], _SHORT * best_step(view)]
    typical = view.typical_updates[:1]
    if len(typical) and typical[0] > 0:
        known = _FIRST if optimizer_name(view).lower() == "rmsprop" else 1.0
        limits.append(rate * 10 * _GOAL / (known * float(typical[0])))
    least, most = _LEAST * usual(view)[1], rate / _LOWER
    lowest = min(limit for limit in limits if limit > 0)
    return rounded(min(most, least) if lowest < least else lowest)


def higher_rate(view: View) -> float:
    """Return the rate to go on with where steps are too short."""
    rate = rate_at(view)
    sizes = view.typical_updates[view.now]
    size = float(np.nanmedian(sizes)) if not np.isnan(sizes).all() else 0.0
    if not (rate > 0 and size > 0):
        return math.nan
    most = max(usual(view)[1], LEAP * rate)
    wanted = rate * _BOLD / size
    return rounded(wanted if math.isnan(most) else min(wanted, most))


def rounded(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is at most `value`."""
    if not (math.isfinite(value) and value > 0):
        return math.nan
    power = 10.0 ** math.floor(math.log10(value))
    digit = max(d for d in (1, 2, 5) if d * power <= value * (1 + 1e-9))
    return float(f"{digit * power:.1g}")
