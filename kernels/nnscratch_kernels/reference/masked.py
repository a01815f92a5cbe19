"""Batch normalization where a mask leaves out steps of sequences, in plain NumPy.

``x`` is (batch * time, features) and ``mask`` (batch * time,), 0 where there is no step. Statistics
are those of the steps that there are; the others are normalized by them too, as what stands there
may be what a recurrent layer holds. `batchnorm` has the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@np.errstate(over="ignore", invalid="ignore")
def batchnorm_masked_statistics(mean: Array, variance: Array, x: Array, mask: Array) -> None:
    """Mean and biased variance of the rows that there are; 0 if there is none."""
    there = x[mask != 0]
    count = max(len(there), 1)
    mean[:] = there.sum(axis=0, dtype=np.float64) / count
    variance[:] = np.square(there - mean).sum(axis=0, dtype=np.float64) / count


@np.errstate(over="ignore", invalid="ignore")
def batchnorm_masked_backward(
    dx: Array, dy: Array, x: Array, mask: Array, mean: Array, inv_std: Array, gamma: Array
) -> None:
    """Add to dx what comes back through `batchnorm_masked_statistics`.

    Every row was normalized by them, and the n rows that there are made them: with b = sum(dy) and
    g = sum(dy * xhat) over all rows, ``dx -= gamma * inv_std * (b / n + xhat * g / n)`` over those.
    """
    there = mask != 0
    count = max(int(there.sum()), 1)
    normalized = (x - mean) * inv_std
    b = dy.sum(axis=0, dtype=np.float64) / count
    g = (dy * normalized).sum(axis=0, dtype=np.float64) / count
    back = gamma * inv_std * (b.astype(x.dtype) + normalized[there] * g.astype(x.dtype))
    dx[there] -= back
