"""The arrays the engine computes with: float32 by default, float64 for checking."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch.errors import DtypeError

Array = npt.NDArray[Any]

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


LINE = 64  # bytes of a cache line, and of the widest vectors


def empty(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Return an uninitialised array that begins on a cache line, where vectors want it."""
    kind = np.dtype(dtype)
    size = math.prod(shape) if isinstance(shape, tuple) else shape
    raw = np.empty(size * kind.itemsize + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size * kind.itemsize].view(kind).reshape(shape)


def check_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype, or raise `DtypeError` unless it is float32 or float64."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise DtypeError(f"dtype must be float32 or float64, got {dtype!r}") from None
    if found not in DTYPES:
        raise DtypeError(f"dtype must be float32 or float64, got {found}")
    return found
