"""Checks of training data: the right shape and type, finite inputs, labels in range.

`check_inputs` costs one pass over the array (some 10 ms for all of MNIST), so that a NaN is
found where it enters and not, many steps later, as a loss that is no number.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import DTYPES, Array, as_array
from nnscratch.errors import DataError, DtypeError, ShapeError, require_count, require_list

Split: TypeAlias = tuple[Array, Array, Array, Array]
"""What every data set returns: `x_train, y_train, x_test, y_test`."""

MISSING = {"", "na", "n/a", "nan", "nat", "<na>", "null", "none", "?"}
"""Texts, in small letters, that stand for a value that is missing."""


def check_inputs(x: npt.ArrayLike, what: str = "x") -> Array:
    """Return `x` as a C-contiguous array, (examples, *positions, features), every value finite.

    Raises `DtypeError` if it is not float32 or float64, `ShapeError` if it has no features or is
    empty, and `DataError` naming the first place that holds NaN or infinity.
    """
    array = as_array(x, what)
    if array.dtype not in DTYPES:
        if array.dtype.kind in "OU":
            _refuse_what_is_no_number(x, array, what)
        way = (
            f"convert it, for example with {what}.astype(np.float32)"
            if array.dtype.names is None
            else f"make one array of its {len(array.dtype.names)} fields, with "
            f"numpy.lib.recfunctions.structured_to_unstructured({what}, np.float32)"
        )
        raise DtypeError(f"{what} must be float32 or float64, got {array.dtype}: {way}")
    if array.ndim < 2:
        raise ShapeError(
            f"{what} must have two dimensions or more, (examples, features), "
            f"got shape {array.shape}"
        )
    if array.size == 0:
        missing = "feature or position" if len(array) else "example"
        raise ShapeError(f"{what} is empty: shape {array.shape}, expected at least one {missing}")
    # A NaN or an infinity can never sum to a finite number, so one sum clears good data. The
    # reverse is not true (large values overflow), which the second look settles.
    with np.errstate(over="ignore", invalid="ignore"):
        total = array.sum()
    if not np.isfinite(total):
        bad = ~np.isfinite(array)
        count = int(bad.sum())
        if count:
            place = first_true(bad)
            raise DataError(
                f"{what} is not finite: {array[place]} at {place_words(place, array.ndim)} "
                f"({count} of {array.size} values are NaN or infinite): repair or remove those rows"
            )
    return np.ascontiguousarray(array)


def _refuse_what_is_no_number(x: object, array: Array, what: str) -> None:
    """Raise what names the first object or text that is no number, if there is one.

    `DtypeError`, or `DataError` where it stands for a value that is missing.
    """
    if array.ndim == 0:
        sparse = hasattr(x, "toarray")
        way = f"{what}.toarray()" if sparse else f"np.array(list({what}), np.float32)"
        raise DtypeError(
            f"{what} must be an array of numbers, got a {type(x).__name__}: make it one, for "
            f"example {way}"
        )
    for place, value in np.ndenumerate(array):
        try:
            float(value)
        except (TypeError, ValueError):
            if str(value).strip().lower() in MISSING:
                raise DataError(
                    f"{what} has no value at {place_words(place, array.ndim)}, but "
                    f"{str(value)!r}: fill it in or remove those rows"
                ) from None
            raise DtypeError(
                f"{what} must hold numbers, got {str(value)!r} at "
                f"{place_words(place, array.ndim)}: turn text into numbers (pandas.get_dummies "
                f"makes columns of 0 and 1 of words)"
            ) from None


def check_labels(
    y: npt.ArrayLike, classes: int, shape: int | tuple[int, ...] | None = None, what: str = "y"
) -> Array:
    """Return `y` as int64 labels of that shape, each in 0 .. classes - 1.

    `shape` is a number of examples, or (examples, *positions); None: any number of examples. Raises
    `DtypeError` if they are not integers, `ShapeError` for another shape, and `DataError` naming
    the first one out of range.
    """
    array = as_array(y, what)
    require_count("classes", classes)
    if shape is not None:
        sizes = (shape,) if isinstance(shape, int) else require_list("shape", shape, int)
        shape = tuple(require_count("shape", size, least=0) for size in sizes)
    if array.ndim != (1 if shape is None else len(shape)):
        each, expected = "example", "(examples,)" if shape is None else str(shape)
        way = f"one-hot rows become labels with {what}.argmax(axis=-1)"
        if shape is not None and 0 < array.ndim < len(shape):
            each = "position"
            way = "for one answer to a sequence put nn.LastStep() behind the last recurrent layer"
        raise ShapeError(
            f"{what} must be one label per {each}, shape {expected}, got shape {array.shape}; {way}"
        )
    if array.size == 0:
        raise ShapeError(f"{what} is empty: expected at least one label")
    if array.dtype.kind not in "iu":
        raise DtypeError(
            f"{what} must hold integers 0 .. {classes - 1}, got {array.dtype}: "
            + _way_to_labels(array, what)
        )
    if shape is not None and array.shape != shape:
        if array.ndim > 1:
            raise ShapeError(f"{what} has shape {array.shape}, expected {shape}")
        raise ShapeError(
            f"{what} has {len(array)} labels for {shape[0]} examples: one for each is needed"
        )
    if array.min() < 0 or array.max() >= classes:
        bad = (array < 0) | (array >= classes)
        index = first_true(bad)
        raise DataError(
            f"{what} is out of range: label {array[index]} at index "
            f"{', '.join(map(str, index))}, expected "
            f"0 .. {classes - 1} ({int(bad.sum())} of {array.size} labels are outside)"
        )
    return np.ascontiguousarray(array, dtype=np.int64)


def _way_to_labels(array: Array, what: str) -> str:
    """Return what to do with answers that are no integers; never what would change them."""
    if array.dtype.kind != "f":
        return f"number the classes, for example with np.unique({what}, return_inverse=True)[1]"
    fraction = array != np.round(array)  # NaN too
    if not fraction.any():
        return f"convert it, for example with {what}.astype(np.int64)"
    index = first_true(fraction)
    return (
        f"{array[index]:g} at index {', '.join(map(str, index))} names no class. If {what} was "
        f"scaled, take the labels from before that; if it holds numbers to be met, make it a "
        f"column, {what}.reshape(-1, 1), for a network of one output and MeanSquaredError()"
    )


def first_true(bad: Array) -> tuple[int, ...]:
    """Return the index of the first True."""
    return tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))


def place_words(index: tuple[int, ...], ndim: int) -> str:
    """Return an index into an array of so many dimensions as words: ``row 4, column 2``."""
    names = ("row", *("position",) * (ndim - 2), "column")
    return ", ".join(f"{name} {i}" for name, i in zip(names, index, strict=False))
