"""Normalization of every row by itself, in plain NumPy.

Layer norm (Ba, Kiros & Hinton 2016) and RMS norm (Zhang & Sennrich 2019). ``x`` is
(rows, features), what is measured of a row is (rows,), a parameter (features,). Sums accumulate in
float64 whatever the arrays hold; the variance is the biased one, around the mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@np.errstate(over="ignore", invalid="ignore")
def layernorm_forward(
    y: Array, mean: Array, inv_std: Array, x: Array, gamma: Array, beta: Array, epsilon: float
) -> None:
    """y = gamma * h + beta with h = (x - mean) * inv_std, mean and variance of each row.

    Fills `mean` and `inv_std` = 1 / sqrt(variance + epsilon).
    """
    mean[:] = x.mean(axis=1, dtype=np.float64)
    centered = x - mean[:, None]
    variance = np.square(centered, dtype=np.float64).mean(axis=1)
    inv_std[:] = 1.0 / np.sqrt(variance + epsilon)
    y[:] = centered * inv_std[:, None] * gamma + beta


@np.errstate(over="ignore", invalid="ignore")
def layernorm_backward_input(
    dx: Array, dy: Array, x: Array, mean: Array, inv_std: Array, gamma: Array
) -> None:
    """dx = inv_std * (g - mean(g) - h * mean(g * h)) with g = gamma * dy, means of each row."""
    h = (x - mean[:, None]) * inv_std[:, None]
    g = dy * gamma
    offset = g.mean(axis=1, dtype=np.float64).astype(x.dtype)[:, None]
    slope = np.mean(g * h, axis=1, dtype=np.float64).astype(x.dtype)[:, None]
    dx[:] = ((g - offset) - h * slope) * inv_std[:, None]


@np.errstate(over="ignore", invalid="ignore")
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
    h = (x - mean[:, None]) * inv_std[:, None]
    for gradient, terms in ((dgamma, dy * h), (dbeta, dy)):
        total = terms.sum(axis=0, dtype=np.float64).astype(x.dtype)
        gradient[:] = gradient + total if accumulate else total


@np.errstate(over="ignore", invalid="ignore")
def rmsnorm_forward(y: Array, inv_rms: Array, x: Array, gamma: Array, epsilon: float) -> None:
    """y = gamma * h with h = x * inv_rms; fills inv_rms = 1 / sqrt(mean(x^2) + epsilon) by row."""
    square = np.square(x, dtype=np.float64).mean(axis=1)
    inv_rms[:] = 1.0 / np.sqrt(square + epsilon)
    y[:] = x * inv_rms[:, None] * gamma


@np.errstate(over="ignore", invalid="ignore")
def rmsnorm_backward_input(dx: Array, dy: Array, x: Array, inv_rms: Array, gamma: Array) -> None:
    """dx = inv_rms * (g - h * mean(g * h)) with g = gamma * dy, the mean that of each row."""
    h = x * inv_rms[:, None]
    g = dy * gamma
    slope = np.mean(g * h, axis=1, dtype=np.float64).astype(x.dtype)[:, None]
    dx[:] = (g - h * slope) * inv_rms[:, None]


@np.errstate(over="ignore", invalid="ignore")
def rmsnorm_backward_parameters(
    dgamma: Array, dy: Array, x: Array, inv_rms: Array, accumulate: bool
) -> None:
    """dgamma (+)= sum(dy * h), over the rows."""
    total = (dy * (x * inv_rms[:, None])).sum(axis=0, dtype=np.float64).astype(x.dtype)
    dgamma[:] = dgamma + total if accumulate else total
