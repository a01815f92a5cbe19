"""Activation functions with a corner at zero, and their derivatives, in plain NumPy.

Every array has the shape (batch, features) unless said. ``f_forward`` writes y = f(x);
``f_backward`` writes dx = dy * f'(x). At exactly x = 0 the derivative is the one from the left, so
that of ReLU is 0. NaN stays NaN, an infinite x gives the limit, and nothing overflows on the way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def _negative_expm1(x: Array) -> Array:
    """e^x - 1 where x < 0, else 0."""
    return np.expm1(np.minimum(x, 0))


def _negative_exp(x: Array) -> Array:
    """e^x where x < 0, else 1."""
    return np.exp(np.minimum(x, 0))


@np.errstate(over="ignore", invalid="ignore")
def relu_forward(y: Array, x: Array) -> None:
    """y = max(x, 0)."""
    np.maximum(x, 0, out=y)


@np.errstate(over="ignore", invalid="ignore")
def relu_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy where x > 0, else 0."""
    dx[...] = np.where(x <= 0, 0, dy)


@np.errstate(over="ignore", invalid="ignore")
def leaky_relu_forward(y: Array, x: Array, slope: float) -> None:
    """y = x where x > 0, else slope * x (Maas et al. 2013)."""
    y[...] = np.maximum(x, 0) + slope * np.minimum(x, 0)


@np.errstate(over="ignore", invalid="ignore")
def leaky_relu_backward(dx: Array, dy: Array, x: Array, y: Array, slope: float) -> None:
    """dx = dy where x > 0, else slope * dy."""
    dx[...] = np.where(x > 0, dy, slope * dy)


@np.errstate(over="ignore", invalid="ignore")
def prelu_forward(y: Array, x: Array, slope: Array) -> None:
    """y = x where x > 0, else slope * x, with learned slopes (He et al. 2015).

    `slope` has the shape (1,), one for all units, or (features,), one for each.
    """
    y[...] = np.maximum(x, 0) + slope * np.minimum(x, 0)


@np.errstate(over="ignore", invalid="ignore")
def prelu_backward(
    dx: Array, dslope: Array, dy: Array, x: Array, slope: Array, accumulate: bool
) -> None:
    """dx = dy where x > 0, else slope * dy; dslope (+)= sum of dy * x where x <= 0.

    The sum goes over the batch, and over the features too if there is one slope for all.
    """
    dx[...] = np.where(x > 0, dy, slope * dy)
    per_element = np.where(x > 0, 0, dy * x)
    axis = None if slope.size == 1 else 0
    total = per_element.sum(axis=axis, dtype=np.float64).astype(x.dtype)
    dslope[...] = dslope + total if accumulate else total


@np.errstate(over="ignore", invalid="ignore")
def elu_forward(y: Array, x: Array, alpha: float) -> None:
    """y = x where x > 0, else alpha (e^x - 1) (Clevert et al. 2016)."""
    y[...] = np.maximum(x, 0) + alpha * _negative_expm1(x)


@np.errstate(over="ignore", invalid="ignore")
def elu_backward(dx: Array, dy: Array, x: Array, y: Array, alpha: float) -> None:
    """dx = dy where x > 0, else dy * alpha e^x."""
    dx[...] = np.where(x > 0, dy, dy * (alpha * _negative_exp(x)))


@np.errstate(over="ignore", invalid="ignore")
def selu_forward(y: Array, x: Array) -> None:
    """y = scale * elu(x, alpha) with the constants of Klambauer et al. (2017)."""
    y[...] = SELU_SCALE * (np.maximum(x, 0) + SELU_ALPHA * _negative_expm1(x))


@np.errstate(over="ignore", invalid="ignore")
def selu_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy * scale where x > 0, else dy * scale * alpha e^x."""
    slope = np.where(x > 0, SELU_SCALE, SELU_SCALE * SELU_ALPHA * _negative_exp(x))
    dx[...] = dy * slope


@np.errstate(over="ignore", invalid="ignore")
def hard_sigmoid_forward(y: Array, x: Array, slope: float) -> None:
    """y = slope * x + 1/2, cut off at 0 and 1 (Courbariaux et al. 2015)."""
    y[...] = np.clip(slope * x + 0.5, 0, 1)


@np.errstate(over="ignore", invalid="ignore")
def hard_sigmoid_backward(dx: Array, dy: Array, x: Array, y: Array, slope: float) -> None:
    """dx = slope * dy where 0 < y < 1, else 0."""
    dx[...] = np.where((y <= 0) | (y >= 1), 0, slope * dy)


@np.errstate(invalid="ignore")
def hard_tanh_forward(y: Array, x: Array) -> None:
    """y = x, cut off at -1 and 1 (Collobert 2004)."""
    np.clip(x, -1, 1, out=y)


@np.errstate(invalid="ignore")
def hard_tanh_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy where -1 < x < 1, else 0."""
    dx[...] = np.where((x <= -1) | (x >= 1), 0, dy)
