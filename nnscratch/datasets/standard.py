"""Standardising: mean 0 and deviation 1 in every column, and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import DTYPES, Array, as_array, fitted
from nnscratch.datasets.checks import check_inputs
from nnscratch.errors import ShapeError
from nnscratch_records.words import plural


class Standardizer:
    """``z = (x - mean) / std`` with the mean and deviation of each column of the data it is given.

    ::

        inputs, targets = nn.Standardizer(x_train), nn.Standardizer(y_train)
        trainer.fit(inputs(x_train), targets(y_train), ...)
        predictions = targets.undo(model.predict(inputs(x_test)))

    A column that is the same everywhere becomes 0. Everything but the last axis counts as examples.

    Parameters
    ----------
    x : array, shape (examples, *positions, features)
        Raises `ShapeError`, `DtypeError` or `DataError` if it is not finite.

    Attributes
    ----------
    mean, std : float64 arrays, shape (features,)
        `std` is 1 for a column that is the same everywhere.
    """

    def __init__(self, x: npt.ArrayLike) -> None:
        given = _floats(x, "x")
        rows = given.reshape(-1, given.shape[-1]).astype(np.float64)
        self.mean: Array = rows.mean(axis=0)
        std = (rows - self.mean).std(axis=0)
        rounding = 4 * np.finfo(np.float64).eps * np.abs(rows).max(axis=0)
        self.std: Array = np.where(std > rounding, std, 1.0)

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return `x` standardised, in its own dtype (integers: float32)."""
        array = self._fitting(x)
        return ((array - self.mean) / self.std).astype(array.dtype)

    def undo(self, z: npt.ArrayLike) -> Array:
        """Return what ``self(x)`` was made of: predictions in the units of the targets."""
        array = self._fitting(z)
        return (array * self.std + self.mean).astype(array.dtype)

    def _fitting(self, x: npt.ArrayLike) -> Array:
        array = as_array(x, "x")
        array = array if array.dtype in DTYPES else fitted(array, np.dtype(np.float32), "x")
        if array.ndim < 2 or array.shape[-1] != len(self.mean):
            raise ShapeError(f"this is a {self!r}, got shape {array.shape}")
        return array

    def __repr__(self) -> str:
        return f"Standardizer of {plural(len(self.mean), 'column')}"


def _floats(x: npt.ArrayLike, what: str) -> Array:
    array = as_array(x, what)
    if array.dtype.kind in "biu":
        array = array.astype(np.float32)
    return check_inputs(array, what)
