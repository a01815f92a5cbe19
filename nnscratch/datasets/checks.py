"""Checks of training data: the right shape and type, finite inputs, labels in range.

`check_inputs` costs one pass over the array (some 10 ms for all of MNIST), so that a NaN is
found where it enters and not, many steps later, as a loss that is no number.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import DTYPES, Array
from nnscratch.errors import DataError, DtypeError, ShapeError

Split: TypeAlias = tuple[Array, Array, Array, Array]
"""What every data set returns: `x_train, y_train, x_test, y_test`."""


def check_inputs(x: npt.ArrayLike, what: str = "x") -> Array:
    """Return `x` as a C-contiguous array, shape (examples, features), every value finite.

    Raises `DtypeError` if it is not float32 or float64, `ShapeError` if it is not 2-d or is empty,
    and `DataError` naming the first row and column that hold NaN or infinity.
    """
    array = _as_array(x, what)
    if array.dtype not in DTYPES:
        raise DtypeError(
            f"{what} must be float32 or float64, got {array.dtype}: "
            f"convert it, for example with {what}.astype(np.float32)"
        )
    if array.ndim != 2:
        raise ShapeError(
            f"{what} must have two dimensions (examples, features), got shape {array.shape}"
        )
    if array.size == 0:
        raise ShapeError(f"{what} is empty: shape {array.shape}, expected at least one example")
    # A NaN or an infinity can never sum to a finite number, so one sum clears good data. The
    # reverse is not true (large values overflow), which the second look settles.
    with np.errstate(over="ignore", invalid="ignore"):
        total = array.sum()
    if not np.isfinite(total):
        bad = ~np.isfinite(array)
        count = int(bad.sum())
        if count:
            row, column = divmod(int(bad.argmax()), array.shape[1])
            raise DataError(
                f"{what} is not finite: {array[row, column]} at row {row}, column {column} "
                f"({count} of {array.size} values are NaN or infinite): repair or remove those rows"
            )
    return np.ascontiguousarray(array)


def check_labels(y: npt.ArrayLike, classes: int, n: int | None = None, what: str = "y") -> Array:
    """Return `y` as int64 labels, shape (n,), each in 0 .. classes - 1.

    `n` is the number of examples they belong to (None: any). Raises `DtypeError` if they are not
    integers, `ShapeError` for another shape, and `DataError` naming the first one out of range.
    """
    array = _as_array(y, what)
    if array.ndim != 1:
        raise ShapeError(
            f"{what} must be one label per example, shape ({'examples' if n is None else n},), "
            f"got shape {array.shape}; one-hot rows become labels with {what}.argmax(axis=1)"
        )
    if array.size == 0:
        raise ShapeError(f"{what} is empty: expected at least one label")
    if not np.issubdtype(array.dtype, np.integer):
        raise DtypeError(
            f"{what} must hold integers 0 .. {classes - 1}, got {array.dtype}: "
            f"convert it, for example with {what}.astype(np.int64)"
        )
    if n is not None and len(array) != n:
        raise ShapeError(f"{what} has {len(array)} labels for {n} examples: one for each is needed")
    if array.min() < 0 or array.max() >= classes:
        bad = (array < 0) | (array >= classes)
        index = int(bad.argmax())
        raise DataError(
            f"{what} is out of range: label {array[index]} at index {index}, expected "
            f"0 .. {classes - 1} ({int(bad.sum())} of {len(array)} labels are outside)"
        )
    return np.ascontiguousarray(array, dtype=np.int64)


def _as_array(values: npt.ArrayLike, what: str) -> Array:
    try:
        return np.asarray(values)
    except ValueError:
        raise ShapeError(f"{what} has rows of different lengths: no array can hold it") from None
