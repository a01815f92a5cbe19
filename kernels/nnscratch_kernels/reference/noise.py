"""Layers with noise, in plain NumPy. The caller draws the noise, the same for both passes.

Every array has the shape (batch, features).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@np.errstate(over="ignore", invalid="ignore")
def dropout_forward(y: Array, x: Array, noise: Array, rate: float) -> None:
    """y = x / (1 - rate) where noise >= rate, else 0 (Srivastava et al. 2014).

    `noise` is uniform in [0, 1), `rate` in [0, 1).
    """
    y[...] = np.where(noise >= noise.dtype.type(rate), x * (1 / (1 - rate)), 0)


@np.errstate(over="ignore", invalid="ignore")
def dropout_backward(dx: Array, dy: Array, noise: Array, rate: float) -> None:
    """dx = dy / (1 - rate) where noise >= rate, else 0."""
    dropout_forward(dx, dy, noise, rate)


@np.errstate(over="ignore", invalid="ignore")
def rrelu_forward(y: Array, x: Array, slope: Array) -> None:
    """y = x where x > 0, else slope * x, with a slope drawn for each element (Xu et al. 2015)."""
    y[...] = np.maximum(x, 0) + slope * np.minimum(x, 0)


@np.errstate(over="ignore", invalid="ignore")
def rrelu_backward(dx: Array, dy: Array, x: Array, slope: Array) -> None:
    """dx = dy where x > 0, else slope * dy."""
    dx[...] = np.where(x > 0, dy, slope * dy)
