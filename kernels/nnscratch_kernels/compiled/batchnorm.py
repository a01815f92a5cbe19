"""Batch normalization, column sums taken over blocks of rows; formulas: see `reference.batchnorm`.

The sums run down the batch with the features in vector lanes. Four rows are added in the arrays'
dtype and then to a float64 row of totals: as fast as float32 alone, as precise for any batch size.

No column depends on another. `forward_columns` and the like do the columns that begin at `first`,
as many as the vectors they are given are long, which is how threads share the work. Loops run over
rows cut to those columns (`row`), so that every index begins at 0: otherwise LLVM finds no vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.jit import elementwise, inner
from nnscratch_kernels.runtime.operation import row
from nnscratch_kernels.runtime.sharing import Matrix, PerColumn, shared

Array = npt.NDArray[Any]


@inner
def column_sums(totals: Array, x: Array, first: int) -> None:
    """totals (float64) = x.sum(axis=0)"""
    rows, features = x.shape[0], len(totals)
    blocked = rows - rows % 4
    totals[:] = 0.0
    for i in range(0, blocked, 4):
        x0, x1 = row(x, i, first, features), row(x, i + 1, first, features)
        x2, x3 = row(x, i + 2, first, features), row(x, i + 3, first, features)
        for j in range(features):
            totals[j] += np.float64((x0[j] + x1[j]) + (x2[j] + x3[j]))
    for i in range(blocked, rows):
        x0 = row(x, i, first, features)
        for j in range(features):
            totals[j] += np.float64(x0[j])


@inner
def centered_square_sums(totals: Array, x: Array, mean: Array, first: int) -> None:
    """totals (float64) = ((x - mean)**2).sum(axis=0)"""
    rows, features = x.shape[0], len(totals)
    blocked = rows - rows % 4
    totals[:] = 0.0
    for i in range(0, blocked, 4):
        x0, x1 = row(x, i, first, features), row(x, i + 1, first, features)
        x2, x3 = row(x, i + 2, first, features), row(x, i + 3, first, features)
        for j in range(features):
            m = mean[j]
            d0, d1, d2, d3 = x0[j] - m, x1[j] - m, x2[j] - m, x3[j] - m
            totals[j] += np.float64((d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3))
    for i in range(blocked, rows):
        x0 = row(x, i, first, features)
        for j in range(features):
            d = x0[j] - mean[j]
            totals[j] += np.float64(d * d)


@inner
def centered_product_sums(totals: Array, dy: Array, x: Array, mean: Array, first: int) -> None:
    """totals (float64) = (dy * (x - mean)).sum(axis=0)"""
    rows, features = x.shape[0], len(totals)
    blocked = rows - rows % 2
    totals[:] = 0.0
    for i in range(0, blocked, 2):
        x0, x1 = row(x, i, first, features), row(x, i + 1, first, features)
        dy0, dy1 = row(dy, i, first, features), row(dy, i + 1, first, features)
        for j in range(features):
            m = mean[j]
            totals[j] += np.float64(dy0[j] * (x0[j] - m) + dy1[j] * (x1[j] - m))
    for i in range(blocked, rows):
        x0, dy0 = row(x, i, first, features), row(dy, i, first, features)
        for j in range(features):
            totals[j] += np.float64(dy0[j] * (x0[j] - mean[j]))


@inner
def normalize(y: Array, x: Array, mean: Array, scale: Array, beta: Array, first: int) -> None:
    """y = (x - mean) * scale + beta"""
    rows, features = x.shape[0], len(mean)
    for i in range(rows):
        x_row, y_row = row(x, i, first, features), row(y, i, first, features)
        for j in range(features):
            y_row[j] = (x_row[j] - mean[j]) * scale[j] + beta[j]


@inner
def scales(inv_std: Array, variance: Array, gamma: Array, epsilon: float) -> Array:
    """inv_std = 1 / sqrt(variance + epsilon); return gamma * inv_std."""
    number = variance.dtype.type
    one, small = number(1.0), number(epsilon)
    scale = np.empty_like(inv_std)
    for j in range(len(variance)):
        inverse = one / np.sqrt(variance[j] + small)
        inv_std[j] = inverse
        scale[j] = gamma[j] * inverse
    return scale


@inner
def forward_columns(
    y: Array,
    mean: Array,
    variance: Array,
    inv_std: Array,
    x: Array,
    gamma: Array,
    beta: Array,
    epsilon: float,
    first: int,
) -> None:
    """Columns of `batchnorm_forward`; the vectors hold theirs only."""
    rows, features = x.shape[0], len(mean)
    number = x.dtype.type
    totals = np.empty(features)
    column_sums(totals, x, first)
    for j in range(features):
        mean[j] = number(totals[j] / rows)
    centered_square_sums(totals, x, mean, first)
    for j in range(features):
        variance[j] = number(totals[j] / rows)
    normalize(y, x, mean, scales(inv_std, variance, gamma, epsilon), beta, first)


@shared(by="columns", writes=4, through=forward_columns)
@elementwise
def batchnorm_forward(
    y: Matrix,
    mean: PerColumn,
    variance: PerColumn,
    inv_std: PerColumn,
    x: Matrix,
    gamma: PerColumn,
    beta: PerColumn,
    epsilon: float,
) -> None:
    """y = gamma * (x - mean) * inv_std + beta; fills mean, biased variance and inv_std."""
    forward_columns(y, mean, variance, inv_std, x, gamma, beta, epsilon, 0)


@inner
def parameter_gradients(
    dgamma: Array,
    dbeta: Array,
    dy: Array,
    x: Array,
    mean: Array,
    inv_std: Array,
    accumulate: bool,
    first: int,
) -> tuple[Array, Array]:
    """dbeta (+)= sum(dy), dgamma (+)= sum(dy * xhat); return the two sums as (g, b)."""
    features = len(mean)
    number = x.dtype.type
    totals = np.empty(features)
    g, b = np.empty_like(mean), np.empty_like(mean)
    column_sums(totals, dy, first)
    for j in range(features):
        b[j] = number(totals[j])
        dbeta[j] = dbeta[j] + b[j] if accumulate else b[j]
    centered_product_sums(totals, dy, x, mean, first)
    for j in range(features):
        g[j] = number(totals[j]) * inv_std[j]
        dgamma[j] = dgamma[j] + g[j] if accumulate else g[j]
    return g, b


@inner
def backward_columns(
    dx: Array,
    dgamma: Array,
    dbeta: Array,
    dy: Array,
    x: Array,
    mean: Array,
    inv_std: Array,
    gamma: Array,
    accumulate: bool,
    first: int,
) -> None:
    """Columns of `batchnorm_backward`; the vectors hold theirs only."""
    rows, features = x.shape[0], len(mean)
    share = x.dtype.type(1.0 / rows)
    slope, offset = parameter_gradients(dgamma, dbeta, dy, x, mean, inv_std, accumulate, first)
    scale = np.empty_like(mean)
    for j in range(features):
        scale[j] = gamma[j] * inv_std[j]
        slope[j] *= inv_std[j] * share
        offset[j] *= share
    for i in range(rows):
        x_row, dy_row, dx_row = (
            row(x, i, first, features),
            row(dy, i, first, features),
            row(dx, i, first, features),
        )
        for j in range(features):
            centered = x_row[j] - mean[j]
            dx_row[j] = scale[j] * ((dy_row[j] - offset[j]) - centered * slope[j])


@shared(by="columns", writes=3, through=backward_columns)
@elementwise
def batchnorm_backward(
    dx: Matrix,
    dgamma: PerColumn,
    dbeta: PerColumn,
    dy: Matrix,
    x: Matrix,
    mean: PerColumn,
    inv_std: PerColumn,
    gamma: PerColumn,
    accumulate: bool,
) -> None:
    """dx = gamma * inv_std * (dy - b / n - xhat * g / n) with b = sum(dy), g = sum(dy * xhat)."""
    backward_columns(dx, dgamma, dbeta, dy, x, mean, inv_std, gamma, accumulate, 0)


@inner
def fixed_forward_columns(
    y: Array,
    inv_std: Array,
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array,
    beta: Array,
    epsilon: float,
    first: int,
) -> None:
    """Columns of `batchnorm_fixed_forward`; the vectors hold theirs only."""
    normalize(y, x, mean, scales(inv_std, variance, gamma, epsilon), beta, first)


@shared(by="columns", writes=2, through=fixed_forward_columns)
@elementwise
def batchnorm_fixed_forward(
    y: Matrix,
    inv_std: PerColumn,
    x: Matrix,
    mean: PerColumn,
    variance: PerColumn,
    gamma: PerColumn,
    beta: PerColumn,
    epsilon: float,
) -> None:
    """y = gamma * (x - mean) * inv_std + beta with given statistics; fills inv_std."""
    fixed_forward_columns(y, inv_std, x, mean, variance, gamma, beta, epsilon, 0)


@inner
def fixed_backward_columns(
    dx: Array,
    dgamma: Array,
    dbeta: Array,
    dy: Array,
    x: Array,
    mean: Array,
    inv_std: Array,
    gamma: Array,
    accumulate: bool,
    first: int,
) -> None:
    """Columns of `batchnorm_fixed_backward`; the vectors hold theirs only."""
    parameter_gradients(dgamma, dbeta, dy, x, mean, inv_std, accumulate, first)
    scale = gamma * inv_std
    rows, features = x.shape[0], len(mean)
    for i in range(rows):
        dy_row, dx_row = row(dy, i, first, features), row(dx, i, first, features)
        for j in range(features):
            dx_row[j] = dy_row[j] * scale[j]


@shared(by="columns", writes=3, through=fixed_backward_columns)
@elementwise
def batchnorm_fixed_backward(
    dx: Matrix,
    dgamma: PerColumn,
    dbeta: PerColumn,
    dy: Matrix,
    x: Matrix,
    mean: PerColumn,
    inv_std: PerColumn,
    gamma: PerColumn,
    accumulate: bool,
) -> None:
    """dx = gamma * inv_std * dy: the statistics are constants."""
    fixed_backward_columns(dx, dgamma, dbeta, dy, x, mean, inv_std, gamma, accumulate, 0)


@shared(by="columns", writes=2)
@elementwise
def batchnorm_update_running(
    running_mean: PerColumn,
    running_variance: PerColumn,
    mean: PerColumn,
    variance: PerColumn,
    momentum: float,
) -> None:
    """r = momentum * r + (1 - momentum) * batch, in place"""
    number = mean.dtype.type
    keep, take = number(momentum), number(1.0 - momentum)
    for j in range(len(mean)):
        running_mean[j] = keep * running_mean[j] + take * mean[j]
        running_variance[j] = keep * running_variance[j] + take * variance[j]
