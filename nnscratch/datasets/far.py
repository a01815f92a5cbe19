"""Examples whose targets lie far from all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_array
from nnscratch.datasets.checks import check_inputs
from nnscratch.errors import ShapeError

FAR_OFF = 20.0  # times the middle distance from the middle


def only_near(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Array, Array]:
    """Return the examples whose targets are near to the others': ``x, y = only_near(x, y)``.

    Those with ``|y - median(y)| <= 20 median(|y - median(y)|)`` in each column: 20 times the median
    absolute deviation, which a few that are far off do not move. All of them where more than half
    of a column are one number. For what was measured or written down wrongly; of what can be as
    large learn the logarithm (`Standardizer`).

    x, y : arrays of as many rows, `y` of numbers

    Raises `ShapeError` for arrays that do not fit, `DtypeError` or `DataError` for a `y` that is
    not of finite floats.
    """
    inputs, targets = as_array(x, "x"), check_inputs(y, "y")
    if inputs.shape[:1] != targets.shape[:1]:
        raise ShapeError(
            f"only_near takes x and y of as many rows, got shapes {inputs.shape} and "
            f"{targets.shape}"
        )
    keep = are_near(targets.reshape(len(targets), -1))
    return inputs[keep], targets[keep]


def are_near(y: Array) -> Array:
    """Return which rows `only_near` keeps; y : shape (rows, columns)."""
    away, usual = distances(y)
    near: Array = np.all(np.abs(away) <= FAR_OFF * usual, axis=1)
    return near if (usual > 0).all() else np.ones(len(y), bool)


def distances(rows: Array) -> tuple[Array, Array]:
    """Return how far each number lies above the median of its column, and the median absolute
    deviation of each column.
    """
    away = rows - np.median(rows, axis=0)
    return away, np.median(np.abs(away), axis=0)
