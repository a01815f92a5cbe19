"""Normalization over the features of each row, plain NumPy.

``x`` is (rows, features); `mean`, `inv_std` and `inv_rms` are (rows,), parameters (features,). Sums
run in float64 whatever the arrays hold. A large mean costs no accuracy: what `mean` has lost to
rounding is found again from the rows. A NaN or an infinity spoils its own row and no other, and the
gradients of the parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def _centered(x: Array, mean: Array) -> Array:
    """Return x minus the mean of each row, which `mean` is but for its rounding."""
    nearly = x.astype(np.float64) - mean[:, None]
    return nearly - nearly.mean(axis=1, keepdims=True)


def _take(gradient: Array, value: Array, accumulate: bool) -> None:
    value = value.astype(gradient.dtype)
    gradient[:] = gradient + value if accumulate else value


@np.errstate(over="ignore", invalid="ignore")
def layernorm_forward(
    y: Array, mean: Array, inv_std: Array, x: Array, gamma: Array, beta: Array, epsilon: float
) -> None:
    """y = gamma * (x - mean) * inv_std + beta (Ba, Kiros and Hinton 2016).

    Fills `mean` and `inv_std` = 1 / sqrt(variance + epsilon) with the biased variance of each row.
    """
    mean[:] = x.mean(axis=1, dtype=np.float64)
    centered = _centered(x, mean)
    inv_std[:] = 1.0 / np.sqrt(np.square(centered).mean(axis=1) + epsilon)
    y[:] = gamma * (centered * inv_std[:, None]) + beta


@np.errstate(over="ignore", invalid="ignore")
def layernorm_backward_input(
    dx: Array, dy: Array, x: Array, mean: Array, inv_std: Array, gamma: Array
) -> None:
    """dx = inv_std * (g - mean(g) - xhat * mean(g * xhat)) with g = gamma * dy, means over a row,
    and xhat = (x - mean) * inv_std."""
    normalized = _centered(x, mean) * inv_std[:, None]
    g = gamma * dy.astype(np.float64)
    share = (g * normalized).mean(axis=1, keepdims=True)
    dx[:] = inv_std[:, None] * (g - g.mean(axis=1, keepdims=True) - normalized * share)


@np.errstate(over="ignore", invalid="ignore")
def layernorm_backward_parameters(
    dgamma: Array, dbeta: Array, dy: Array, x: Array, mean: Array, inv_std: Array, accumulate: bool
) -> None:
    """dgamma (+)= sum(dy * xhat) and dbeta (+)= sum(dy) over the rows."""
    normalized = _centered(x, mean) * inv_std[:, None]
    _take(dgamma, (dy * normalized).sum(axis=0), accumulate)
    _take(dbeta, dy.sum(axis=0, dtype=np.float64), accumulate)


@np.errstate(over="ignore", invalid="ignore")
def rmsnorm_forward(y: Array, inv_rms: Array, x: Array, gamma: Array, epsilon: float) -> None:
    """y = gamma * x * inv_rms (Zhang and Sennrich 2019).

    Fills `inv_rms` = 1 / sqrt(mean(x^2) + epsilon), of each row.
    """
    inv_rms[:] = 1.0 / np.sqrt(np.square(x, dtype=np.float64).mean(axis=1) + epsilon)
    y[:] = gamma * (x * inv_rms[:, None])


@np.errstate(over="ignore", invalid="ignore")
def rmsnorm_backward_input(dx: Array, dy: Array, x: Array, inv_rms: Array, gamma: Array) -> None:
    """dx = inv_rms * (g - xhat * mean(g * xhat)) with g = gamma * dy and xhat = x * inv_rms."""
    normalized = x.astype(np.float64) * inv_rms[:, None]
    g = gamma * dy.astype(np.float64)
    share = (g * normalized).mean(axis=1, keepdims=True)
    dx[:] = inv_rms[:, None] * (g - normalized * share)


@np.errstate(over="ignore", invalid="ignore")
def rmsnorm_backward_parameters(
    dgamma: Array, dy: Array, x: Array, inv_rms: Array, accumulate: bool
) -> None:
    """dgamma (+)= sum(dy * xhat) over the rows."""
    normalized = x.astype(np.float64) * inv_rms[:, None]
    _take(dgamma, (dy * normalized).sum(axis=0), accumulate)
