"""Clipping in place: one pass that measures and, only where something exceeds, one that writes.

Definitions, results and what happens to NaN and infinity: see `reference.clipping`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.statistics import measure, norm_from_squares
from nnscratch_kernels.jit import jit

Array = npt.NDArray[Any]

FLOAT32_MARGIN = 2.0**-23  # above the rounding errors of scaling and of the norm
FLOAT64_MARGIN = 2.0**-43


@jit
def clip_by_value(grads: Array, threshold: float) -> tuple[float, float, int, float]:
    """Limit every component to [-threshold, threshold]; NaN stays NaN, infinity is clipped."""
    before, largest = measure(grads)
    limit = grads.dtype.type(threshold)
    if largest <= limit:
        return before, before, 0, float(largest)
    changed = 0
    squares = 0.0
    for i in range(len(grads)):
        g = grads[i]
        clipped = limit if g > limit else g
        clipped = -limit if clipped < -limit else clipped
        changed += 1 if (g > limit) | (g < -limit) else 0
        grads[i] = clipped
        value = np.float64(clipped)
        squares += value * value
    return before, norm_from_squares(squares, grads), changed, float(largest)


@jit(fastmath={"contract"})
def product(g: Any, factor: float) -> Any:
    """g * factor in float64, not to be reordered: (g * factor)^2 is safe, g^2 * factor^2 is not."""
    return np.float64(g) * factor


@jit
def clip_by_norm(grads: Array, max_norm: float) -> tuple[float, float, int, float]:
    """If norm > max_norm: g *= max_norm / norm; unchanged where the norm is NaN or infinite."""
    before, largest = measure(grads)
    if not (before > max_norm and before < math.inf):
        return before, before, 0, float(largest)
    margin = FLOAT32_MARGIN if grads.itemsize == 4 else FLOAT64_MARGIN
    factor = max_norm / before * (1.0 - margin)
    number = grads.dtype.type
    changed = 0
    squares = 0.0
    for i in range(len(grads)):
        g = grads[i]
        scaled = number(product(g, factor))
        changed += 1 if scaled != g else 0
        grads[i] = scaled
        value = np.float64(scaled)
        squares += value * value
    return before, norm_from_squares(squares, grads), changed, float(largest)
