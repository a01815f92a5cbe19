"""The arrays the engine computes with: float32 by default, float64 for checking."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch.errors import DataError, DtypeError, ShapeError, shown
from nnscratch_kernels.runtime import memory as aligned
from nnscratch_records import memory

__all__ = [
    "DTYPES",
    "Array",
    "as_array",
    "as_numbers",
    "check_dtype",
    "empty",
    "filled",
    "fitted",
    "rows",
]

Array = npt.NDArray[Any]

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def empty(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Return an uninitialised array that begins on a cache line.

    Raises `TooLargeError` if it does not fit into the memory there is.
    """
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    memory.require(f"an array of {count:,} numbers", count * np.dtype(dtype).itemsize)
    return aligned.empty(shape, dtype)


def filled(shape: int | tuple[int, ...], value: float, dtype: npt.DTypeLike) -> Array:
    """Return an array that begins on a cache line, `value` everywhere."""
    array = empty(shape, dtype)
    array[...] = value
    return array


def rows(x: Array) -> Array:
    """Return a contiguous ``(batch, *positions, features)`` as a view ``(rows, features)``."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def as_array(values: npt.ArrayLike, what: str) -> Array:
    """Return `values` as a plain array, which they are themselves or a copy of them is.

    Raises `ShapeError` for rows of different lengths, `DataError` for masked values, and for
    another framework's tensor that NumPy may not read.
    """
    masked = np.ma.getmaskarray(values).sum() if isinstance(values, np.ma.MaskedArray) else 0
    if masked:
        raise DataError(
            f"{what} has {masked:,} masked values of {np.size(values):,}, and nothing here knows "
            f"masks: fill them in, with its method filled(...), or remove those rows"
        )
    try:
        array = np.asarray(values)
        if array.dtype == object and array.ndim == 1 and all(map(np.ndim, array)):
            array = np.asarray([*array])  # arrays in an array, such as a column of a table
        return array
    except (TypeError, ValueError, RuntimeError) as error:
        if "inhomogeneous" in str(error):
            raise ShapeError(
                f"{what} has rows of different lengths: no array can hold it. Fill sequences up to "
                f"the longest with 0, and say with mask=, (batch, time), which of their steps are "
                f"there"
            ) from None
        # Others' own, such as PyTorch's, say what to do.
        raise DataError(f"{what} cannot be read as an array: {error}") from error


def fitted(values: Array, dtype: np.dtype[Any], what: str) -> Array:
    """Return `values` in `dtype`, the same array where it has it.

    Raises `DtypeError` unless they are real numbers, `DataError` if one is beyond its range.
    """
    if values.dtype == dtype:
        return values
    if values.dtype.kind not in "fiub":
        raise DtypeError(f"{what} must hold numbers that {dtype} can be, got {values.dtype}")
    with np.errstate(over="ignore"):
        made = values.astype(dtype)
    if values.dtype.kind != "f":
        return made
    lost = np.isinf(made)
    if lost.any() and np.isfinite(values[lost]).any():
        raise DataError(
            f"{what} holds {values[lost & np.isfinite(values)].flat[0]:g}, beyond the range of "
            f"{dtype}: scale it, or compute in float64"
        )
    return made


def as_numbers(values: npt.ArrayLike, dtype: np.dtype[Any], what: str) -> Array:
    """Return `values` as a plain array of `dtype`; raises as `as_array` and `fitted` do."""
    return fitted(as_array(values, what), dtype, what)


def check_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype, or raise `DtypeError` unless it is float32 or float64."""
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError):
        raise DtypeError(f"dtype must be float32 or float64, got {shown(dtype)}") from None
    if found not in DTYPES:
        raise DtypeError(f"dtype must be float32 or float64, got {found}")
    return found
