"""What a recorder looks at now and then: how much examples and units differ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SAME = 1e-6  # of the largest: two numbers that differ by no more


def spread(y: Array) -> float:
    """Return the root mean square, over units, of the standard deviation over the examples.

    y : (examples, units). NaN for one example alone, and where it is not finite.
    """
    if len(y) < 2:
        return math.nan
    with np.errstate(all="ignore"):
        found = math.sqrt(y.var(axis=0, dtype=np.float64).mean())
    return found if math.isfinite(found) else math.nan


def dead(y: Array) -> float:
    """Return the fraction of units, columns of `y`, that are 0 or less for every example."""
    return float((y.max(axis=0) <= 0).mean())


def copies(weight: Array) -> float:
    """Return the fraction of units, columns of `weight`, that equal another one.

    Equal are those that differ nowhere by more than `SAME` of the largest weight. NaN for a single
    unit, and where weights are not finite.
    """
    units = weight.shape[1]
    largest = float(np.abs(weight).max())
    if units < 2 or not math.isfinite(largest):
        return math.nan
    columns = weight.astype(np.float64).T
    apart = np.array([np.abs(columns - one).max(axis=1) for one in columns])
    same = (apart <= SAME * largest) & ~np.eye(units, dtype=bool)
    return float(same.any(axis=1).mean())
