"""Standardising: mean 0 and deviation 1 in every column, and back; names and long tails first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import DTYPES, Array, as_array, fitted
from nnscratch.datasets.checks import check_inputs
from nnscratch.errors import ConfigError, ShapeError, require_count, require_list, require_number
from nnscratch_records.words import plural

_DIGITS = 1e-5  # of a number that stands for what is missing
_LEAST = 0.05  # of the distances from the least value: what is added before the logarithm


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
    one_hot : sequence of int
        Columns that number things in no order. Each value of theirs in `x` gets a column of zeros
        and ones, behind all others and not standardised; a value that is not in `x` has none.
    logarithms : sequence of int
        Columns of a long tail: of them ``log(x - least + some)`` is standardised, with `some` the
        distance from the least value that one in twenty is nearer to it. What is less than the
        least counts as that.
    cut : float or None
        What lies farther from the median of its column than so many median absolute deviations
        counts as that far. Columns where that deviation is 0 stay as they are.
    missing : float or None
        A number that stands for values that are missing, such as -999. Mean and deviation are those
        of all others, and it becomes 0, the mean (of names it is one more).

    Raises `ConfigError` for columns that there are not, or that are named twice, and for a `cut` or
    `missing` that is no number.

    Attributes
    ----------
    mean, std : float64 arrays, shape (features,)
        `std` is 1 for a column that is the same everywhere. Of columns that are names, none.
    """

    def __init__(
        self,
        x: npt.ArrayLike,
        *,
        one_hot: Sequence[int] = (),
        logarithms: Sequence[int] = (),
        missing: float | None = None,
        cut: float | None = None,
    ) -> None:
        given = _floats(x, "x")
        rows = given.reshape(-1, given.shape[-1]).astype(np.float64)
        names, tailed = _columns("one_hot", one_hot), _columns("logarithms", logarithms)
        self._columns, named = rows.shape[1], [*names, *tailed]
        if not set(named) <= set(range(self._columns)) or len(set(named)) < len(named):
            raise ConfigError(
                f"Standardizer one_hot and logarithms name columns, each of 0 to "
                f"{self._columns - 1} once at the most, got {names} and {tailed}"
            )
        self._names = {j: np.unique(rows[:, j]) for j in names}
        self._missing = None if missing is None else require_number("Standardizer missing", missing)
        rows = np.delete(rows, [*self._names], axis=1)
        known = ~np.broadcast_to(self._is_missing(rows), rows.shape)
        known[:, ~known.any(axis=0)] = True
        kept = [j for j in range(self._columns) if j not in self._names]
        self._tails = [kept.index(j) for j in tailed]
        tails = rows[:, self._tails]
        there = known[:, self._tails]
        self._low = np.where(there, tails, np.inf).min(axis=0)
        away = np.where(there, tails - self._low, 0).T
        self._some = np.array([np.quantile(v[v > 0], _LEAST) if v.any() else 1.0 for v in away])
        rows[:, self._tails] = self._logarithms(tails)
        some = True if missing is None else known
        times = None if cut is None else require_number("Standardizer cut", cut, above=0)
        self._ends = None if times is None else _ends(rows, known, times)
        rows = self._cut(rows)
        self.mean: Array = rows.mean(axis=0, where=some)
        std = (rows - self.mean).std(axis=0, where=some)
        rounding = 4 * np.finfo(np.float64).eps * np.abs(rows).max(axis=0)
        self.std: Array = np.where(std > rounding, std, 1.0)

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Return `x` standardised, in its own dtype (integers: float32)."""
        array = self._fitting(x, self._columns)
        names = [array[..., j, None] == values for j, values in self._names.items()]
        rows = np.delete(array, [*self._names], axis=-1) if names else array
        missing = self._is_missing(rows)  # before anything else is made of it
        if self._tails:
            rows = rows.astype(np.float64)
            rows[..., self._tails] = self._logarithms(rows[..., self._tails])
        rows = self._cut(rows)
        made = ((rows - self.mean) / self.std).astype(array.dtype)
        if self._missing is not None:
            made[missing] = 0
        return np.concatenate([made, *names], axis=-1, dtype=array.dtype) if names else made

    def undo(self, z: npt.ArrayLike) -> Array:
        """Return what ``self(x)`` was made of: predictions in the units of the targets.

        Raises `ConfigError` where columns became names.
        """
        if self._names:
            raise ConfigError(f"{self!r} is for inputs: what was a name is not undone")
        array = self._fitting(z, len(self.mean))
        rows = array * self.std + self.mean
        if self._tails:
            with np.errstate(over="ignore"):
                rows[..., self._tails] = np.exp(rows[..., self._tails]) - self._some + self._low
        return rows.astype(array.dtype)

    def _is_missing(self, rows: Array) -> Array:
        if self._missing is None:
            return np.zeros((1,) * rows.ndim, bool)
        # Of what was standardised before a code is known to fewer digits.
        return np.isclose(rows, self._missing, rtol=_DIGITS, atol=0)

    def _cut(self, rows: Array) -> Array:
        return rows if self._ends is None else np.clip(rows, *self._ends)

    def _logarithms(self, columns: Array) -> Array:
        return np.asarray(np.log(np.maximum(columns - self._low, 0) + self._some))

    def _fitting(self, x: npt.ArrayLike, columns: int) -> Array:
        array = as_array(x, "x")
        array = array if array.dtype in DTYPES else fitted(array, np.dtype(np.float32), "x")
        if array.ndim < 2 or array.shape[-1] != columns:
            raise ShapeError(f"this is a {self!r}, got shape {array.shape}")
        return array

    def __repr__(self) -> str:
        names = f", {len(self._names)} of names" if self._names else ""
        tails = f", {plural(len(self._tails), 'logarithm')}" if self._tails else ""
        missing = "" if self._missing is None else f", {self._missing:g} for what is missing"
        return f"Standardizer of {plural(self._columns, 'column')}{names}{tails}{missing}"


def _ends(rows: Array, known: Array, times: float) -> tuple[Array, Array]:
    """Return the least and the largest value that counts, of each column."""
    there = np.where(known, rows, np.nan)
    middle = np.nanmedian(there, axis=0)
    away = times * np.nanmedian(np.abs(there - middle), axis=0)
    away[away == 0] = np.inf
    return middle - away, middle + away


def _floats(x: npt.ArrayLike, what: str) -> Array:
    array = as_array(x, what)
    return check_inputs(array.astype(np.float32) if array.dtype.kind in "biu" else x, what)


def _columns(what: str, columns: object) -> list[int]:
    listed: tuple[object, ...] = require_list(f"Standardizer {what}", columns, object)
    return [require_count(f"a column of Standardizer {what}", j, least=0) for j in listed]
