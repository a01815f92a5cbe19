"""Normalization over the features of each row, compiled; formulas: see `reference.norms`.

A row's sums run in `LANES` float64 chains side by side, in one order at every vector width. No row
depends on another, nor any column of the parameters' gradients; those add two rows in the arrays'
dtype and then to a float64 row of totals, like `compiled.batchnorm`. What a mean has lost to
rounding, its *rest*, is subtracted after it: the difference of two numbers of like size is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.batchnorm import column_sums
from nnscratch_kernels.jit import elementwise, inner
from nnscratch_kernels.runtime.operation import row
from nnscratch_kernels.runtime.sharing import Matrix, PerColumn, PerRow, shared

Array = npt.NDArray[Any]

LANES = 16


@inner
def folded(lanes: Array) -> float:
    """The sum of the lanes, halves onto halves."""
    half = LANES // 2
    while half:
        for k in range(half):
            lanes[k] += lanes[k + half]
        half //= 2
    return float(lanes[0])


@inner(forceinline=True)
def add_moments(sums: Array, x: Array, start: int, count: int, middle: float) -> None:
    total, squares = sums[0], sums[1]
    for k in range(count):
        d = np.float64(x[start + k]) - middle
        total[k] += d
        squares[k] += d * d


@inner
def moments_around(sums: Array, x: Array, middle: float) -> Any:
    """Mean of x - middle and of its square."""
    n = len(x)
    sums[:] = 0.0
    for start in range(0, n - n % LANES, LANES):
        add_moments(sums, x, start, LANES, middle)
    add_moments(sums, x, n - n % LANES, n % LANES, middle)
    return folded(sums[0]) / n, folded(sums[1]) / n


@inner(forceinline=True)
def add_slopes(
    sums: Array, dy: Array, gamma: Array, x: Array, start: int, count: int, middle: float
) -> None:
    total, slope, moment = sums[0], sums[1], sums[2]
    for k in range(count):
        d = np.float64(x[start + k]) - middle
        g = np.float64(gamma[start + k]) * np.float64(dy[start + k])
        total[k] += d
        slope[k] += g
        moment[k] += g * d


@inner
def slopes_around(sums: Array, dy: Array, gamma: Array, x: Array, middle: float) -> Any:
    """Means of x - middle, of g = gamma * dy and of g * (x - middle)."""
    n = len(x)
    sums[:] = 0.0
    for start in range(0, n - n % LANES, LANES):
        add_slopes(sums, dy, gamma, x, start, LANES, middle)
    add_slopes(sums, dy, gamma, x, n - n % LANES, n % LANES, middle)
    return folded(sums[0]) / n, folded(sums[1]) / n, folded(sums[2]) / n


@inner
def pull_back(
    dx: Array,
    dy: Array,
    x: Array,
    gamma: Array,
    mean: Any,
    rest: Any,
    scale: Any,
    offset: Any,
    share: Any,
) -> None:
    """dx = scale * (gamma * dy - offset - (x - mean - rest) * share)"""
    for j in range(len(dx)):
        centered = (x[j] - mean) - rest
        dx[j] = scale * ((gamma[j] * dy[j] - offset) - centered * share)


@inner
def scale_gradients(
    dgamma: Array,
    dy: Array,
    x: Array,
    mean: Array,
    rest: Array,
    scale: Array,
    accumulate: bool,
    first: int,
) -> None:
    """dgamma (+)= sum(dy * (x - mean - rest) * scale), of the columns from `first` on."""
    rows, features = x.shape[0], len(dgamma)
    real = dgamma.dtype.type
    totals = np.zeros(features)
    for i in range(0, rows - 1, 2):
        x0, x1 = row(x, i, first, features), row(x, i + 1, first, features)
        dy0, dy1 = row(dy, i, first, features), row(dy, i + 1, first, features)
        m0, r0, s0 = mean[i], rest[i], scale[i]
        m1, r1, s1 = mean[i + 1], rest[i + 1], scale[i + 1]
        for j in range(features):
            h0, h1 = ((x0[j] - m0) - r0) * s0, ((x1[j] - m1) - r1) * s1
            totals[j] += np.float64(dy0[j] * h0 + dy1[j] * h1)
    for i in range(rows - rows % 2, rows):
        x0, dy0 = row(x, i, first, features), row(dy, i, first, features)
        m0, r0, s0 = mean[i], rest[i], scale[i]
        for j in range(features):
            totals[j] += np.float64(dy0[j] * (((x0[j] - m0) - r0) * s0))
    for j in range(features):
        dgamma[j] = dgamma[j] + real(totals[j]) if accumulate else real(totals[j])


@shared(by="rows", writes=3)
@elementwise
def layernorm_forward(
    y: Matrix,
    mean: PerRow,
    inv_std: PerRow,
    x: Matrix,
    gamma: PerColumn,
    beta: PerColumn,
    epsilon: float,
) -> None:
    """y = gamma * (x - mean) * inv_std + beta; fills mean and inv_std of each row."""
    real, features, sums = y.dtype.type, len(gamma), np.empty((2, LANES))
    for i in range(len(y)):
        x_row, y_row = row(x, i, 0, features), row(y, i, 0, features)
        middle, _ = moments_around(sums, x_row, 0.0)
        m = real(middle)
        rest, square = moments_around(sums, x_row, np.float64(m))
        s, r = real(1.0 / np.sqrt(square - rest * rest + epsilon)), real(rest)
        mean[i], inv_std[i] = m, s
        for j in range(features):
            y_row[j] = gamma[j] * (((x_row[j] - m) - r) * s) + beta[j]


@shared(by="rows", writes=1)
@elementwise
def layernorm_backward_input(
    dx: Matrix, dy: Matrix, x: Matrix, mean: PerRow, inv_std: PerRow, gamma: PerColumn
) -> None:
    """dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)) with g = gamma * dy."""
    real, features, sums = dx.dtype.type, len(gamma), np.empty((3, LANES))
    for i in range(len(dx)):
        x_row, dy_row = row(x, i, 0, features), row(dy, i, 0, features)
        scale = np.float64(inv_std[i])
        rest, slope, moment = slopes_around(sums, dy_row, gamma, x_row, np.float64(mean[i]))
        share = scale * scale * (moment - rest * slope)
        pull_back(
            *(row(dx, i, 0, features), dy_row, x_row, gamma),
            *(mean[i], real(rest), inv_std[i], real(slope), real(share)),
        )


@inner
def layernorm_columns(
    dgamma: Array,
    dbeta: Array,
    dy: Array,
    x: Array,
    mean: Array,
    inv_std: Array,
    accumulate: bool,
    first: int,
) -> None:
    """Columns of `layernorm_backward_parameters`; `dgamma`, `dbeta` hold theirs only."""
    real, rests, totals = dgamma.dtype.type, np.empty_like(mean), np.empty(len(dgamma))
    sums = np.empty((2, LANES))
    for i in range(len(x)):
        rests[i] = real(0)
        if abs(mean[i]) * inv_std[i] > 4:  # else it is less than the rounding of x
            rest, _ = moments_around(sums, row(x, i, 0, x.shape[1]), np.float64(mean[i]))
            rests[i] = real(rest)
    scale_gradients(dgamma, dy, x, mean, rests, inv_std, accumulate, first)
    column_sums(totals, dy, first)
    for j in range(len(dbeta)):
        dbeta[j] = dbeta[j] + real(totals[j]) if accumulate else real(totals[j])


@shared(by="columns", writes=2, through=layernorm_columns, reads_whole=("x",), deferred=True)
@elementwise
def layernorm_backward_parameters(
    dgamma: PerColumn,
    dbeta: PerColumn,
    dy: Matrix,
    x: Matrix,
    mean: PerRow,
    inv_std: PerRow,
    accumulate: bool,
) -> None:
    """dgamma (+)= sum(dy * xhat) and dbeta (+)= sum(dy) over the rows."""
    layernorm_columns(dgamma, dbeta, dy, x, mean, inv_std, accumulate, 0)


@shared(by="rows", writes=2)
@elementwise
def rmsnorm_forward(
    y: Matrix, inv_rms: PerRow, x: Matrix, gamma: PerColumn, epsilon: float
) -> None:
    """y = gamma * x * inv_rms; fills inv_rms of each row."""
    real, features, sums = y.dtype.type, len(gamma), np.empty((2, LANES))
    for i in range(len(y)):
        x_row, y_row = row(x, i, 0, features), row(y, i, 0, features)
        _, square = moments_around(sums, x_row, 0.0)
        scale = real(1.0 / np.sqrt(square + epsilon))
        inv_rms[i] = scale
        for j in range(features):
            y_row[j] = gamma[j] * (x_row[j] * scale)


@shared(by="rows", writes=1)
@elementwise
def rmsnorm_backward_input(
    dx: Matrix, dy: Matrix, x: Matrix, inv_rms: PerRow, gamma: PerColumn
) -> None:
    """dx = inv_rms * (g - xhat * mean(g * xhat)) with g = gamma * dy."""
    real, features, sums = dx.dtype.type, len(gamma), np.empty((3, LANES))
    zero = real(0)
    for i in range(len(dx)):
        x_row, dy_row = row(x, i, 0, features), row(dy, i, 0, features)
        scale = np.float64(inv_rms[i])
        _, _, moment = slopes_around(sums, dy_row, gamma, x_row, 0.0)
        share = real(scale * scale * moment)
        dx_row = row(dx, i, 0, features)
        pull_back(dx_row, dy_row, x_row, gamma, zero, zero, inv_rms[i], zero, share)


@inner
def rmsnorm_columns(
    dgamma: Array, dy: Array, x: Array, inv_rms: Array, accumulate: bool, first: int
) -> None:
    """Columns of `rmsnorm_backward_parameters`; `dgamma` holds its own only."""
    nothing = np.zeros_like(inv_rms)
    scale_gradients(dgamma, dy, x, nothing, nothing, inv_rms, accumulate, first)


@shared(by="columns", writes=1, through=rmsnorm_columns, deferred=True)
@elementwise
def rmsnorm_backward_parameters(
    dgamma: PerColumn, dy: Matrix, x: Matrix, inv_rms: PerRow, accumulate: bool
) -> None:
    """dgamma (+)= sum(dy * xhat) over the rows."""
    rmsnorm_columns(dgamma, dy, x, inv_rms, accumulate, 0)
