"""Arrays that begin on a cache line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

LINE = 64  # bytes of a cache line, and of the widest vectors


def empty(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an uninitialised array that begins on a cache line, where vectors want it."""
    kind = np.dtype(dtype)
    size = math.prod(shape) if isinstance(shape, tuple) else shape
    raw = np.empty(size * kind.itemsize + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size * kind.itemsize].view(kind).reshape(shape)


def address(array: npt.NDArray[Any]) -> int:
    """Return where an array begins; `array.ctypes.data` takes many times as long."""
    return int(array.__array_interface__["data"][0])


def whole_lines(size: int) -> int:
    """Return the bytes of the cache lines that `size` bytes take."""
    return -(-size // LINE) * LINE
