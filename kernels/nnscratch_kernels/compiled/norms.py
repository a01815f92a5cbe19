"""Normalization of every row by itself, compiled; formulas: see `reference.norms`.

A row's sums run in `LANES` float64 chains side by side, so that their order is the same at every
vector width. Rows do not depend on each other, nor do the columns of the parameters' gradients,
which is how threads share the work: the loops take the rows they are given, and the columns that
begin at `first`, as many as the vectors are long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.jit import elementwise, inner
from nnscratch_kernels.operation import row

Array = npt.NDArray[Any]

LANES = 16


@inner
def added(lanes: Array) -> float:
    """The sum of the lanes, halves onto halves."""
    width = LANES // 2
    while width:
        for k in range(width):
            lanes[k] += lanes[k + width]
        width //= 2
    return float(lanes[0])


@inner
def row_sum(lanes: Array, x: Array) -> float:
    """sum(x)"""
    count = len(x)
    blocked = count - count % LANES
    lanes[:] = 0.0
    for j in range(0, blocked, LANES):
        for k in range(LANES):
            lanes[k] += np.float64(x[j + k])
    for k in range(count - blocked):
        lanes[k] += np.float64(x[blocked + k])
    return added(lanes)


@inner
def row_squares(lanes: Array, x: Array, shift: Any) -> float:
    """sum((x - shift)^2)"""
    count = len(x)
    blocked = count - count % LANES
    lanes[:] = 0.0
    for j in range(0, blocked, LANES):
        for k in range(LANES):
            d = np.float64(x[j + k] - shift)
            lanes[k] += d * d
    for k in range(count - blocked):
        d = np.float64(x[blocked + k] - shift)
        lanes[k] += d * d
    return added(lanes)


@inner
def row_products(lanes: Array, dy: Array, gamma: Array, x: Array, shift: Any) -> float:
    """sum(dy * gamma * (x - shift))"""
    count = len(x)
    blocked = count - count % LANES
    lanes[:] = 0.0
    for j in range(0, blocked, LANES):
        for k in range(LANES):
            lanes[k] += np.float64(dy[j + k] * gamma[j + k]) * np.float64(x[j + k] - shift)
    for k in range(count - blocked):
        j = blocked + k
        lanes[k] += np.float64(dy[j] * gamma[j]) * np.float64(x[j] - shift)
    return added(lanes)


@inner
def row_scaled(lanes: Array, dy: Array, gamma: Array) -> float:
    """sum(dy * gamma)"""
    count = len(dy)
    blocked = count - count % LANES
    lanes[:] = 0.0
    for j in range(0, blocked, LANES):
        for k in range(LANES):
            lanes[k] += np.float64(dy[j + k] * gamma[j + k])
    for k in range(count - blocked):
        lanes[k] += np.float64(dy[blocked + k] * gamma[blocked + k])
    return added(lanes)


@elementwise
def layernorm_forward(
    y: Array, mean: Array, inv_std: Array, x: Array, gamma: Array, beta: Array, epsilon: float
) -> None:
    """y = gamma * h + beta with h = (x - mean) * inv_std, mean and variance of each row."""
    count, features = x.shape
    number = x.dtype.type
    lanes = np.empty(LANES)
    for i in range(count):
        x_row, y_row = row(x, i, 0, features), row(y, i, 0, features)
        m = number(row_sum(lanes, x_row) / features)
        inverse = number(1.0 / np.sqrt(row_squares(lanes, x_row, m) / features + epsilon))
        mean[i], inv_std[i] = m, inverse
        for j in range(features):
            y_row[j] = (x_row[j] - m) * inverse * gamma[j] + beta[j]


@elementwise
def layernorm_backward_input(
    dx: Array, dy: Array, x: Array, mean: Array, inv_std: Array, gamma: Array
) -> None:
    """dx = inv_std * (g - mean(g) - h * mean(g * h)) with g = gamma * dy, means of each row."""
    count, features = x.shape
    number = x.dtype.type
    lanes = np.empty(LANES)
    for i in range(count):
        x_row, dy_row, dx_row = (
            row(x, i, 0, features),
            row(dy, i, 0, features),
            row(dx, i, 0, features),
        )
        m, inverse = mean[i], inv_std[i]
        offset = number(row_scaled(lanes, dy_row, gamma) / features)
        products = row_products(lanes, dy_row, gamma, x_row, m) / features
        slope = number(products * np.float64(inverse))
        for j in range(features):
            h = (x_row[j] - m) * inverse
            dx_row[j] = ((dy_row[j] * gamma[j] - offset) - h * slope) * inverse


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
    """Columns of `layernorm_backward_parameters`; the gradients hold theirs only."""
    features = len(dgamma)
    number = x.dtype.type
    gains, shifts = np.zeros(features), np.zeros(features)
    for i in range(x.shape[0]):
        x_row, dy_row = row(x, i, first, features), row(dy, i, first, features)
        m, inverse = mean[i], inv_std[i]
        for j in range(features):
            gains[j] += np.float64(dy_row[j] * ((x_row[j] - m) * inverse))
            shifts[j] += np.float64(dy_row[j])
    for j in range(features):
        gain, shift = number(gains[j]), number(shifts[j])
        dgamma[j] = dgamma[j] + gain if accumulate else gain
        dbeta[j] = dbeta[j] + shift if accumulate else shift


@elementwise
def layernorm_backward_parameters(
    dgamma: Array,
    dbeta: Array,
    dy: Array,
    x: Array,
    mean: Array,
    inv_std: Array,
    accumulate: bool,
) -> None:
    """dgamma (+)= sum(dy * h), dbeta (+)= sum(dy), over the rows."""
    layernorm_columns(dgamma, dbeta, dy, x, mean, inv_std, accumulate, 0)


@elementwise
def rmsnorm_forward(y: Array, inv_rms: Array, x: Array, gamma: Array, epsilon: float) -> None:
    """y = gamma * h with h = x * inv_rms; fills inv_rms = 1 / sqrt(mean(x^2) + epsilon) by row."""
    count, features = x.shape
    number = x.dtype.type
    lanes, zero = np.empty(LANES), number(0)
    for i in range(count):
        x_row, y_row = row(x, i, 0, features), row(y, i, 0, features)
        inverse = number(1.0 / np.sqrt(row_squares(lanes, x_row, zero) / features + epsilon))
        inv_rms[i] = inverse
        for j in range(features):
            y_row[j] = x_row[j] * inverse * gamma[j]


@elementwise
def rmsnorm_backward_input(dx: Array, dy: Array, x: Array, inv_rms: Array, gamma: Array) -> None:
    """dx = inv_rms * (g - h * mean(g * h)) with g = gamma * dy, the mean that of each row."""
    count, features = x.shape
    number = x.dtype.type
    lanes, zero = np.empty(LANES), number(0)
    for i in range(count):
        x_row, dy_row, dx_row = (
            row(x, i, 0, features),
            row(dy, i, 0, features),
            row(dx, i, 0, features),
        )
        inverse = inv_rms[i]
        products = row_products(lanes, dy_row, gamma, x_row, zero) / features
        slope = number(products * np.float64(inverse))
        for j in range(features):
            dx_row[j] = (dy_row[j] * gamma[j] - x_row[j] * inverse * slope) * inverse


@inner
def rmsnorm_columns(
    dgamma: Array, dy: Array, x: Array, inv_rms: Array, accumulate: bool, first: int
) -> None:
    """Columns of `rmsnorm_backward_parameters`; the gradient holds its own only."""
    features = len(dgamma)
    number = x.dtype.type
    gains = np.zeros(features)
    for i in range(x.shape[0]):
        x_row, dy_row = row(x, i, first, features), row(dy, i, first, features)
        inverse = inv_rms[i]
        for j in range(features):
            gains[j] += np.float64(dy_row[j] * (x_row[j] * inverse))
    for j in range(features):
        gain = number(gains[j])
        dgamma[j] = dgamma[j] + gain if accumulate else gain


@elementwise
def rmsnorm_backward_parameters(
    dgamma: Array, dy: Array, x: Array, inv_rms: Array, accumulate: bool
) -> None:
    """dgamma (+)= sum(dy * h), over the rows."""
    rmsnorm_columns(dgamma, dy, x, inv_rms, accumulate, 0)
