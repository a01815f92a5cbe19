"""Flaws of what is learned from: padding, answers nearly all the same, losses that see no pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch_records import limits

QUARTER = 0.25  # of the answers' variance
_GAPS = 0.1  # of the steps up to the last that is not 0: what says something is 0 more often
_LITTLE = (1e-2, 1e-3, 1e-4)  # of a loss, by which it is asked to fall
_AWAY, _EVEN = 0.4, 1e-3  # of the way from an answer to the middle; of a gradient, by rounding

Value = Callable[[Array, Array], float]
Function = Callable[[Array], Array]


def padded(x: Array) -> float:
    """Return the share of steps behind the last one that is not 0 throughout, of sequences of
    several lengths; 0 where all end alike, and where steps of zeros are among the others too.

    x : (n, time, features)
    """
    there = (x != 0).any(axis=2)
    lengths = np.where(there.any(axis=1), x.shape[1] - there[:, ::-1].argmax(axis=1), 0)
    gaps = int(lengths.sum() - there.sum())
    told = np.ptp(lengths) > 0 and gaps <= _GAPS * lengths.sum()
    return 1 - float(lengths.mean()) / x.shape[1] if told else 0.0


def commonest(t: Array, y: Array, value: Value, last: Function) -> dict[str, float]:
    """Return how large a part of the answers is the commonest one, by field; of zeros and ones also
    what the loss counts one of that for, over one of the others: how far it falls for each, where
    all get the same outputs and those alone come nearer to what is right.

    Of labels each by itself that is of them all; of rows of several numbers nothing is said.

    t, y : (n, *positions, outputs), what stands for the answers `y`
    value : the loss of outputs and answers
    last : what the last layer makes of its input
    """
    rows = t.reshape(len(t), -1)
    zero_one = bool(((t == 0) | (t == 1)).all())
    if rows.shape[1] > 1 and not zero_one:
        return {}
    single = zero_one and rows.shape[1] > 1 and t.ndim == 2 and (rows.sum(axis=1) == 1).all()
    if zero_one and not single:
        share = max(float(t.mean()), 1 - float(t.mean()))
        common = t == (t.mean() > 0.5)
    else:
        number = rows.argmax(axis=1) if zero_one else rows[:, 0]
        values, count = np.unique(number, return_counts=True)
        share = float(count.max()) / len(t)
        common = np.broadcast_to((number == values[count.argmax()])[:, None], rows.shape)
    found = {"target_common": share}
    if zero_one and not common.all():
        falls = []
        for part in (common.reshape(t.shape), ~common.reshape(t.shape)):
            before, after = (value(last(z), y) for z in (np.zeros(t.shape), (2 * t - 1) * part))
            falls.append((before - after) / np.count_nonzero(part))
        found["common_weight"] = falls[0] / falls[1] if min(falls) > 0 else math.nan
    return found


def unpaired(t: Array, y: Array, value: Value) -> dict[str, float]:
    """Return by how much of itself a loss changes where each answer meets another one's outputs.

    Not at all: it does not see which output is whose, as where broadcasting makes a table of both.
    Nothing is said of a loss that outputs do not matter to. It is asked with outputs that are the
    answers, and with some that are up to 1, where a loss of logits hardly sees small ones.
    """
    largest = float(np.abs(t).max(initial=0))
    asked = [t, *([t / largest] if 0 < largest < 1 else [])]
    told = [one for one in (_unpaired(z, y, value) for z in asked) if not math.isnan(one)]
    return {"loss_paired": max(told)} if told else {}


def _unpaired(t: Array, y: Array, value: Value) -> float:
    flat = t.reshape(len(t), -1)
    for by in (1, len(t) // 2, len(t) // 3):
        if by and (np.roll(flat, by, axis=0) != flat).any():
            own, others = value(t, y), value(np.roll(t, by, axis=0), y)
            size, moved = max(abs(own), abs(others)), value(2 * t + 1, y)
            matters = abs(own - moved) > limits.UNPAIRED * max(size, abs(moved))
            return abs(own - others) / size if size > 0 and matters else math.nan
    return math.nan


def slope(
    t: Array,
    value: Callable[[Array], float],
    gradient: Callable[[Array], Array],
    dtype: np.dtype[Any],
) -> dict[str, float]:
    """Return by how much a loss falls against its own gradient, over what that says: 1, if it is
    right; below 0, if its sign is not.

    It is asked half way between the mean of the answers and those of other examples, from where
    it can fall, and by several lengths of a step: too long a one leads up on the other side.

    t : (n, *positions, outputs), the answers
    """
    others = np.roll(t, len(t) // 2, axis=0)
    outputs = np.ascontiguousarray((t.mean(axis=0) + others) / 2, dtype)
    try:
        down = np.array(gradient(outputs), np.float64)
    except Exception:  # whatever a user's loss makes of outputs that no network gave
        return {}
    square, first = float((down**2).sum()), value(outputs)
    if down.shape != t.shape or not 0 < square < math.inf or not 0 < abs(first) < math.inf:
        return {}
    told = []
    for part in _LITTLE:
        step = part * abs(first) / square
        told.append((first - value(outputs - step * down)) / (step * square))
    known = [one for one in told if math.isfinite(one)]
    return {"loss_slope": max(known)} if known else {}


def grows(t: Array, gradient: Callable[[Array], Array], dtype: np.dtype[Any]) -> dict[str, float]:
    """Return how much larger the gradient of a loss is where outputs are twice as far from their
    answers: 2 for squared errors, 1 for absolute ones, which do not see how far that is.

    It is asked between each answer and the middle of them all, and as far on the other side, from
    where it must lead back: else the loss is no distance, and nothing is said of it.

    t : (n, *positions, outputs), the answers
    """
    away = (t.min() + t.max()) / 2 - t
    try:
        near, far, behind = (
            np.array(gradient(np.ascontiguousarray(t + part * away, dtype)), np.float64)
            for part in (_AWAY, 2 * _AWAY, -_AWAY)
        )
    except Exception:  # whatever a user's loss makes of outputs that no network gave
        return {}
    sizes = [math.sqrt(float((one**2).sum())) for one in (near, far, near + behind)]
    known = math.isfinite(sum(sizes)) and sizes[2] < _EVEN * sizes[0]
    return {"loss_grows": sizes[1] / sizes[0]} if known else {}


def is_absolute(grows: float) -> bool:
    """Whether a loss takes absolute errors, by what `grows` says of it."""
    return abs(grows - 1) <= limits.ABSOLUTE


def quarter(t: Array) -> dict[str, float]:
    """Return after how many steps a quarter of the answers' variance has come.

    t : (n, time, outputs)
    """
    if t.ndim != 3:
        return {}
    come = np.cumsum(t.var(axis=0).sum(axis=1))
    if not come[-1] > 0:
        return {}
    return {"target_quarter": 1.0 + float(np.argmax(come >= QUARTER * come[-1]))}
