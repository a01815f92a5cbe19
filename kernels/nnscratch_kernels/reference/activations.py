"""Smooth activation functions and their derivatives, in plain NumPy.

Every array has the shape (batch, features). ``f_forward`` writes y = f(x); ``f_backward`` writes
dx = dy * f'(x). NaN stays NaN, an infinite x gives the limit, and nothing overflows on the way.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def _sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), with an exponential that is never above 1."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def _erf(x: Array) -> Array:
    """The error function, element by element: NumPy has none."""
    return np.fromiter(map(math.erf, x.ravel().tolist()), x.dtype, x.size).reshape(x.shape)


def _normal_cdf(x: Array) -> Array:
    """Phi(x), the probability that a standard normal variable is below x."""
    return 0.5 * (1 + _erf(x / math.sqrt(2)))


def _finite(x: Array) -> Array:
    """Replace infinities by the largest finite numbers: products with 0 are then 0, not NaN."""
    largest = np.finfo(x.dtype).max
    return np.clip(x, -largest, largest)


@np.errstate(over="ignore", invalid="ignore")
def sigmoid_forward(y: Array, x: Array) -> None:
    """y = 1 / (1 + e^-x)."""
    y[...] = _sigmoid(x)


@np.errstate(over="ignore", invalid="ignore")
def sigmoid_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy * y (1 - y)."""
    dx[...] = dy * (y * (1 - y))


@np.errstate(over="ignore", invalid="ignore")
def tanh_forward(y: Array, x: Array) -> None:
    """y = tanh x."""
    np.tanh(x, out=y)


@np.errstate(over="ignore", invalid="ignore")
def tanh_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy * (1 - y^2)."""
    dx[...] = dy * (1 - y * y)


@np.errstate(over="ignore", invalid="ignore")
def softsign_forward(y: Array, x: Array) -> None:
    """y = x / (1 + |x|)."""
    x = _finite(x)
    y[...] = x / (1 + np.abs(x))


@np.errstate(over="ignore", invalid="ignore")
def softsign_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy / (1 + |x|)^2."""
    r = 1 / (1 + np.abs(x))
    dx[...] = dy * (r * r)


@np.errstate(over="ignore", invalid="ignore")
def softplus_forward(y: Array, x: Array) -> None:
    """y = log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)."""
    y[...] = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@np.errstate(over="ignore", invalid="ignore")
def softplus_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy * sigmoid(x)."""
    dx[...] = dy * _sigmoid(x)


@np.errstate(over="ignore", invalid="ignore")
def silu_forward(y: Array, x: Array) -> None:
    """y = x sigmoid(x) (Elfwing et al. 2018; swish, Ramachandran et al. 2017)."""
    y[...] = np.maximum(x, -np.finfo(x.dtype).max) * _sigmoid(x)


@np.errstate(over="ignore", invalid="ignore")
def silu_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy * s (1 + x (1 - s)) with s = sigmoid(x)."""
    s = _sigmoid(x)
    dx[...] = dy * (s * (1 + _finite(x) * (1 - s)))


@np.errstate(over="ignore", invalid="ignore")
def gelu_forward(y: Array, x: Array) -> None:
    """y = x Phi(x) with the normal distribution function Phi (Hendrycks and Gimpel 2016)."""
    y[...] = np.maximum(x, -np.finfo(x.dtype).max) * _normal_cdf(x)


@np.errstate(over="ignore", invalid="ignore")
def gelu_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy * (Phi(x) + x phi(x)) with the normal density phi."""
    x = np.clip(x, -40, 40)  # phi(40) is 0 in double precision
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    dx[...] = dy * (_normal_cdf(x) + x * density)


@np.errstate(over="ignore")
def exponential_forward(y: Array, x: Array) -> None:
    """y = e^x."""
    np.exp(x, out=y)


@np.errstate(over="ignore", invalid="ignore")
def exponential_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy * y."""
    dx[...] = dy * y


@np.errstate(invalid="ignore")
def mish_forward(y: Array, x: Array) -> None:
    """y = x tanh(log(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2) (Misra 2019).

    Beyond x = 20 the factor is 1 to every digit.
    """
    e = np.exp(np.minimum(x, 20))
    n = e * (e + 2)
    y[...] = np.maximum(x, -np.finfo(x.dtype).max) * (n / (n + 2))


@np.errstate(invalid="ignore")
def mish_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = dy * (n / (n + 2) + 4 x e^x (1 + e^x) / (n + 2)^2)."""
    x = np.clip(x, -np.finfo(x.dtype).max, 20)
    e = np.exp(x)
    n = e * (e + 2)
    r = 1 / (n + 2)
    dx[...] = dy * (n * r + x * (4 * e * (1 + e) * r * r))


def softmax_forward(y: Array, x: Array) -> None:
    """y = e^x / (the sum of e^x over the features), row by row (Bridle 1990).

    The largest x of a row is subtracted first, so finite x of any size are safe.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y[...] = e / e.sum(axis=1, keepdims=True, dtype=np.float64)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def softmax_backward(dx: Array, dy: Array, x: Array, y: Array) -> None:
    """dx = y (dy - the sum of dy y over the features): exactly 0 for one feature."""
    dx[...] = y * (dy - (dy * y).sum(axis=1, keepdims=True, dtype=np.float64)).astype(y.dtype)
