"""Batch normalization under a mask, compiled. Definitions: `reference.masked`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.batchnorm import centered_product_sums, column_sums
from nnscratch_kernels.jit import elementwise, inner
from nnscratch_kernels.runtime.operation import row
from nnscratch_kernels.runtime.sharing import Matrix, PerColumn, Vector, shared

Array = npt.NDArray[Any]


@inner
def steps_there(mask: Array) -> int:
    """How many rows there are; 1 if there is none."""
    count = 0
    for i in range(len(mask)):
        if mask[i] != 0:
            count += 1
    return max(count, 1)


@inner
def statistics_columns(mean: Array, variance: Array, x: Array, mask: Array, first: int) -> None:
    """Columns of `batchnorm_masked_statistics`; the vectors hold theirs only."""
    features, count = len(mean), steps_there(mask)
    number = x.dtype.type
    totals = np.zeros(features)
    for i in range(len(mask)):
        if mask[i] != 0:
            x_row = row(x, i, first, features)
            for j in range(features):
                totals[j] += np.float64(x_row[j])
    for j in range(features):
        mean[j] = number(totals[j] / count)
        totals[j] = 0.0
    for i in range(len(mask)):
        if mask[i] != 0:
            x_row = row(x, i, first, features)
            for j in range(features):
                d = x_row[j] - mean[j]
                totals[j] += np.float64(d * d)
    for j in range(features):
        variance[j] = number(totals[j] / count)


@shared(by="columns", writes=2, through=statistics_columns)
@elementwise
def batchnorm_masked_statistics(
    mean: PerColumn, variance: PerColumn, x: Matrix, mask: Vector
) -> None:
    """Mean and biased variance of the rows that there are."""
    statistics_columns(mean, variance, x, mask, 0)


@inner
def back_columns(
    dx: Array,
    dy: Array,
    x: Array,
    mask: Array,
    mean: Array,
    inv_std: Array,
    gamma: Array,
    first: int,
) -> None:
    """Columns of `batchnorm_masked_backward`; the vectors hold theirs only."""
    features, share = len(mean), 1.0 / steps_there(mask)
    number = x.dtype.type
    totals = np.empty(features)
    offset, slope = np.empty_like(mean), np.empty_like(mean)
    column_sums(totals, dy, first)
    for j in range(features):
        offset[j] = gamma[j] * inv_std[j] * number(totals[j] * share)
    centered_product_sums(totals, dy, x, mean, first)
    for j in range(features):
        inverse = inv_std[j]
        slope[j] = gamma[j] * inverse * (number(totals[j] * share) * inverse * inverse)
    for i in range(len(mask)):
        if mask[i] != 0:
            x_row, dx_row = row(x, i, first, features), row(dx, i, first, features)
            for j in range(features):
                dx_row[j] -= offset[j] + (x_row[j] - mean[j]) * slope[j]


@shared(by="columns", writes=1, through=back_columns)
@elementwise
def batchnorm_masked_backward(
    dx: Matrix,
    dy: Matrix,
    x: Matrix,
    mask: Vector,
    mean: PerColumn,
    inv_std: PerColumn,
    gamma: PerColumn,
) -> None:
    """dx -= gamma * inv_std * (b / n + xhat * g / n) over the n rows that there are."""
    back_columns(dx, dy, x, mask, mean, inv_std, gamma, 0)
