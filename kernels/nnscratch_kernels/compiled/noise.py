"""Layers with noise, compiled. Definitions: `reference`."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from nnscratch_kernels.jit import jit

Array = npt.NDArray[Any]


@jit
def dropout_forward(y: Array, x: Array, noise: Array, rate: float) -> None:
    """y = x / (1 - rate) where noise >= rate, else 0."""
    zero, threshold, scale = x.dtype.type(0), x.dtype.type(rate), x.dtype.type(1 / (1 - rate))
    y, x, noise = y.reshape(y.size), x.reshape(x.size), noise.reshape(noise.size)
    for i in range(x.size):
        y[i] = x[i] * scale if noise[i] >= threshold else zero


@jit
def dropout_backward(dx: Array, dy: Array, noise: Array, rate: float) -> None:
    """dx = dy / (1 - rate) where noise >= rate, else 0."""
    dropout_forward(dx, dy, noise, rate)


@jit
def rrelu_forward(y: Array, x: Array, slope: Array) -> None:
    """y = x where x > 0, else slope * x, with a slope for each element."""
    zero = x.dtype.type(0)
    y, x, slope = y.reshape(y.size), x.reshape(x.size), slope.reshape(slope.size)
    for i in range(x.size):
        y[i] = x[i] if x[i] > zero else slope[i] * x[i]


@jit
def rrelu_backward(dx: Array, dy: Array, x: Array, slope: Array) -> None:
    """dx = dy where x > 0, else slope * dy."""
    zero = x.dtype.type(0)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    slope = slope.reshape(slope.size)
    for i in range(x.size):
        dx[i] = dy[i] if x[i] > zero else slope[i] * dy[i]
