"""Norms and counts, plain NumPy.

Norms accumulate in float64. Where the plain sum of squares would overflow or lose digits to
underflow (float64 values beyond about 1e154 or below 1e-145), the array is scaled first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SMALLEST_SAFE_SQUARES = 1e-290  # below, squares may have lost digits to underflow


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def norm(x: Array) -> float:
    """Return the Euclidean norm of `x` (any shape): NaN if any component is, else inf likewise."""
    values = x.astype(np.float64).ravel()
    squares = float(np.sum(values * values))
    if SMALLEST_SAFE_SQUARES <= squares < math.inf or math.isnan(squares):
        return math.sqrt(squares)
    scale = 2.0**-600 if squares > 1.0 else 2.0**600  # powers of two: exact
    values *= scale
    return math.sqrt(np.sum(values * values)) / scale


def segment_norms(norms: Array, flat: Array, offsets: Array) -> None:
    """norms[i] = norm(flat[offsets[i]:offsets[i + 1]]); `norms` float64, `offsets` int64."""
    for i in range(len(norms)):
        norms[i] = norm(flat[offsets[i] : offsets[i + 1]])


def count_nonfinite(x: Array) -> int:
    """Return how many components of `x` (any shape) are NaN or infinite."""
    return int(x.size - np.count_nonzero(np.isfinite(x)))


def first_outside(values: Array, least: float, most: float) -> int:
    """Return the place of the first of `values` (1-d) that is below `least`, above `most` or NaN;
    -1 if there is none."""
    outside = ~((values >= np.float64(least)) & (values <= np.float64(most)))
    return int(outside.argmax()) if outside.any() else -1
