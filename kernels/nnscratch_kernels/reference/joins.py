"""What happens where branches come together, and where their gradients do, in plain NumPy.

Every array has the shape (rows, features).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@np.errstate(over="ignore", invalid="ignore")
def add_scaled(y: Array, a: Array, b: Array, scale: float) -> None:
    """y = a + scale * b"""
    y[...] = a + y.dtype.type(scale) * b


@np.errstate(over="ignore", invalid="ignore")
def scaled(y: Array, x: Array, factor: float) -> None:
    """y = factor * x"""
    y[...] = y.dtype.type(factor) * x


def concatenate(y: Array, a: Array, b: Array) -> None:
    """y = a and b side by side"""
    y[:, : a.shape[1]] = a
    y[:, a.shape[1] :] = b


def split(da: Array, db: Array, dy: Array) -> None:
    """da and db side by side = dy"""
    da[...] = dy[:, : da.shape[1]]
    db[...] = dy[:, da.shape[1] :]
