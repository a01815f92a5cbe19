"""The arrays the engine computes with: float32 by default, float64 for checking."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch.errors import DtypeError
from nnscratch_kernels.memory import empty

__all__ = ["DTYPES", "Array", "check_dtype", "empty", "filled", "rows"]

Array = npt.NDArray[Any]

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def filled(shape: int | tuple[int, ...], value: float, dtype: npt.DTypeLike) -> Array:
    """Return an array that begins on a cache line, `value` everywhere."""
    array = empty(shape, dtype)
    array[...] = value
    return array


def rows(x: Array) -> Array:
    """Return a contiguous ``(batch, *positions, features)`` as a view ``(rows, features)``."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def check_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype, or raise `DtypeError` unless it is float32 or float64."""
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise DtypeError(f"dtype must be float32 or float64, got {dtype!r}") from None
    if found not in DTYPES:
        raise DtypeError(f"dtype must be float32 or float64, got {found}")
    return found
