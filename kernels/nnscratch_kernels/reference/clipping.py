"""Clipping of a flat gradient, or of a segment of one, in place, plain NumPy.

Each returns ``(norm_before, norm_after, changed, largest, cosine)``: Euclidean norms in float64,
the count of components whose value changed, the largest absolute component before (NaN if any is
NaN), and the cosine of the angle between before and after (NaN where a norm is 0 or not finite).
When nothing exceeds the limit, no bit of the gradient changes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.reference.statistics import norm

Array = npt.NDArray[Any]

MARGIN = {4: 2.0**-23, 8: 2.0**-43}  # by item size: above the rounding errors of scaling and norm


@np.errstate(over="ignore")  # a threshold beyond float32 is infinite there
def clip_by_value(grads: Array, threshold: float) -> tuple[float, float, int, float, float]:
    """Limit every component to [-threshold, threshold] (Mikolov 2012).

    NaN stays NaN; an infinity becomes the threshold of its sign.
    """
    before = norm(grads)
    largest = float(np.abs(grads).max(initial=0.0))
    limit = grads.dtype.type(threshold)
    over = np.abs(grads) > limit
    wide = grads.astype(np.float64)
    grads[over] = np.copysign(limit, grads[over])
    after, changed = norm(grads), int(np.count_nonzero(over))
    if not (0 < before < math.inf and 0 < after < math.inf):
        cosine = math.nan
    else:
        cosine = (
            min(1.0, float((wide / before) @ (grads.astype(np.float64) / after)))
            if changed
            else 1.0
        )
    return before, after, changed, largest, cosine


@np.errstate(under="ignore")
def clip_by_norm(grads: Array, max_norm: float) -> tuple[float, float, int, float, float]:
    """If norm > max_norm: g *= max_norm / norm (Pascanu, Mikolov and Bengio 2013).

    The factor is lowered by `MARGIN`, relatively 1e-7 in float32 and 1e-13 in float64, so that
    rounding leaves the norm at or below `max_norm` and clipping twice changes nothing more. A norm
    that is NaN or infinite cannot be scaled to anything sensible: the gradient is left as it is
    and that norm is returned.
    """
    before = norm(grads)
    largest = float(np.abs(grads).max(initial=0.0))
    if not (before > max_norm and math.isfinite(before)):
        return before, before, 0, largest, 1.0 if 0 < before < math.inf else math.nan
    factor = max_norm / before * (1.0 - MARGIN[grads.itemsize])
    scaled = (grads.astype(np.float64) * factor).astype(grads.dtype)
    changed = int(np.count_nonzero(scaled != grads))
    grads[:] = scaled
    after = norm(grads)
    return before, after, changed, largest, 1.0 if after > 0 else math.nan
