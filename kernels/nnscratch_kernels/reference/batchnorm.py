"""Batch normalization over the columns of a batch (Ioffe and Szegedy 2015), plain NumPy.

``x`` is (batch, features); every statistic and parameter is (features,). Column sums accumulate in
float64 whatever the arrays hold. Variances are the biased ones (divided by the batch size) and are
taken around the mean, so a large mean costs no more than its own rounding. A NaN or an infinity
spoils its own column and no other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@np.errstate(over="ignore", invalid="ignore")
def batchnorm_forward(
    y: Array,
    mean: Array,
    variance: Array,
    inv_std: Array,
    x: Array,
    gamma: Array,
    beta: Array,
    epsilon: float,
) -> None:
    """y = gamma * (x - mean) * inv_std + beta with the batch's own statistics.

    Fills `mean`, `variance` (biased) and `inv_std` = 1 / sqrt(variance + epsilon), all (features,).
    """
    mean[:] = x.mean(axis=0, dtype=np.float64)
    centered = x - mean
    variance[:] = np.square(centered).mean(axis=0, dtype=np.float64)
    inv_std[:] = 1.0 / np.sqrt(variance + epsilon)
    y[:] = centered * (gamma * inv_std) + beta


@np.errstate(over="ignore", invalid="ignore")
def batchnorm_backward(
    dx: Array,
    dgamma: Array,
    dbeta: Array,
    dy: Array,
    x: Array,
    mean: Array,
    inv_std: Array,
    gamma: Array,
    accumulate: bool,
) -> None:
    """Backward of `batchnorm_forward`, through the batch's mean and variance as well.

    With xhat = (x - mean) * inv_std, b = sum(dy) and g = sum(dy * xhat) over the batch of n rows:
    dbeta = b, dgamma = g, dx = gamma * inv_std * (dy - b / n - xhat * g / n).
    """
    normalized = (x - mean) * inv_std
    g = (dy * normalized).sum(axis=0, dtype=np.float64).astype(x.dtype)
    b = dy.sum(axis=0, dtype=np.float64).astype(x.dtype)
    count = x.dtype.type(len(x))
    dx[:] = gamma * inv_std * (dy - b / count - normalized * (g / count))
    _store(dgamma, g, accumulate)
    _store(dbeta, b, accumulate)


@np.errstate(over="ignore", invalid="ignore")
def batchnorm_fixed_forward(
    y: Array,
    inv_std: Array,
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array,
    beta: Array,
    epsilon: float,
) -> None:
    """y = gamma * (x - mean) * inv_std + beta with given statistics (running or initial ones).

    Fills `inv_std` = 1 / sqrt(variance + epsilon).
    """
    inv_std[:] = 1.0 / np.sqrt(variance + epsilon)
    y[:] = (x - mean) * (gamma * inv_std) + beta


@np.errstate(over="ignore", invalid="ignore")
def batchnorm_fixed_backward(
    dx: Array,
    dgamma: Array,
    dbeta: Array,
    dy: Array,
    x: Array,
    mean: Array,
    inv_std: Array,
    gamma: Array,
    accumulate: bool,
) -> None:
    """Backward of `batchnorm_fixed_forward`: the statistics are constants.

    dbeta = sum(dy), dgamma = sum(dy * xhat), dx = gamma * inv_std * dy.
    """
    normalized = (x - mean) * inv_std
    g = (dy * normalized).sum(axis=0, dtype=np.float64).astype(x.dtype)
    b = dy.sum(axis=0, dtype=np.float64).astype(x.dtype)
    dx[:] = gamma * inv_std * dy
    _store(dgamma, g, accumulate)
    _store(dbeta, b, accumulate)


def _store(gradient: Array, value: Array, accumulate: bool) -> None:
    if accumulate:
        gradient += value
    else:
        gradient[:] = value


@np.errstate(over="ignore", invalid="ignore")
def batchnorm_update_running(
    running_mean: Array, running_variance: Array, mean: Array, variance: Array, momentum: float
) -> None:
    """Running statistics, in place: r = momentum * r + (1 - momentum) * batch."""
    running_mean[:] = momentum * running_mean + (1.0 - momentum) * mean
    running_variance[:] = momentum * running_variance + (1.0 - momentum) * variance
