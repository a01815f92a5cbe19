"""What happens where branches come together, compiled. Definitions: `reference`."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from nnscratch_kernels.jit import elementwise

Array = npt.NDArray[Any]


@elementwise
def add_scaled(y: Array, a: Array, b: Array, scale: float) -> None:
    """y = a + scale * b"""
    factor = y.dtype.type(scale)
    y, a, b = y.reshape(y.size), a.reshape(a.size), b.reshape(b.size)
    for i in range(y.size):
        y[i] = a[i] + factor * b[i]


@elementwise
def scaled(y: Array, x: Array, factor: float) -> None:
    """y = factor * x"""
    number = y.dtype.type(factor)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(y.size):
        y[i] = number * x[i]
