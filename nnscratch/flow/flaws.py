"""Flaws of what is learned from: padding, answers nearly all the same, losses that see no pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch_records import limits

QUARTER = 0.25  # of the answers' variance
_LITTLE = (1e-2, 1e-3, 1e-4)  # of a loss, by which it is asked to fall

Value = Callable[[Array, Array], float]


def padded(x: Array) -> float:
    """Return the share of steps behind the last one that is not 0 throughout, of sequences of
    several lengths; 0 where all end alike.

    x : (n, time, features)
    """
    there = (x != 0).any(axis=2)
    lengths = np.where(there.any(axis=1), x.shape[1] - there[:, ::-1].argmax(axis=1), 0)
    return 1 - float(lengths.mean()) / x.shape[1] if np.ptp(lengths) else 0.0


def commonest(t: Array, y: Array, value: Value, same: Array) -> dict[str, float]:
    """Return how large a part of the answers is the commonest one, by field; of zeros and ones also
    what the loss counts one of that for, over one of the others, where all get the same outputs.

    Of labels each by itself that is of them all; of rows of several numbers nothing is said.

    t, y : (n, *positions, outputs), what stands for the answers `y`
    value : the loss of outputs and answers
    same : (n, *positions, outputs), the same for all
    """
    rows = t.reshape(len(t), -1)
    zero_one = bool(((t == 0) | (t == 1)).all())
    if zero_one and not (rows.shape[1] > 1 and t.ndim == 2 and (rows.sum(axis=1) == 1).all()):
        ones = float(t.mean())
        costs = [value(same, np.full_like(y, one)) for one in (ones > 0.5, ones <= 0.5)]
        return {"target_common": max(ones, 1 - ones), "common_weight": _over(*costs)}
    if rows.shape[1] > 1 and not zero_one:
        return {}
    number = rows.argmax(axis=1) if zero_one else rows[:, 0]
    values, count = np.unique(number, return_counts=True)
    found = {"target_common": float(count.max()) / len(t)}
    common = number == values[count.argmax()]
    if zero_one and not common.all():
        costs = [value(same[part], y[part]) for part in (common, ~common)]
        found["common_weight"] = _over(*costs)
    return found


def _over(one: float, other: float) -> float:
    return one / other if other > 0 else math.nan


def unpaired(t: Array, y: Array, value: Value) -> dict[str, float]:
    """Return by how much of itself a loss changes where each answer meets another one's outputs.

    Not at all: it does not see which output is whose, as where broadcasting makes a table of both.
    Nothing is said of a loss that outputs do not matter to.
    """
    flat = t.reshape(len(t), -1)
    for by in (1, len(t) // 2, len(t) // 3):
        if by and (np.roll(flat, by, axis=0) != flat).any():
            own, others = value(t, y), value(np.roll(t, by, axis=0), y)
            size, moved = max(abs(own), abs(others)), value(2 * t + 1, y)
            matters = abs(own - moved) > limits.UNPAIRED * max(size, abs(moved))
            return {"loss_paired": abs(own - others) / size} if size > 0 and matters else {}
    return {}


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
