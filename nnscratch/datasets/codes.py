"""Codes: numbers that stand for missing values."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array

_LEAST = 3  # rows with one and the same value
_OTHERS = 20  # rows with others: of ten digits some pixel is dark in a few, as bright in the rest
_OFF = 3.0  # times the range of all others, from the nearest of them
_FAR = 10.0  # times the range of the middle half of them: what is 0 nearly everywhere has none
# Of a masked `x`: each column scaled by what is not masked, whose mean takes the others' place.
BY_THE_OTHERS = "x = ((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-8)).filled(0)"


def line_without(code: float) -> str:
    """Return Python that scales the columns of `x` by all that is not this code."""
    return f"x = np.ma.masked_values(x, {code:g}); {BY_THE_OTHERS}"


def codes(x: Array) -> dict[str, float]:
    """Return what stands for values that are missing, by field; nothing where nothing does.

    A number that several rows have in a column to the last digit, as its least or its largest, and
    that lies far from all others: -999 among ages, or what standardising has made of it.

    x : (n, inputs), finite
    """
    found: dict[float, int] = {}
    rows = np.zeros(len(x), bool)
    for value, at in ((x.min(axis=0), x == x.min(axis=0)), (x.max(axis=0), x == x.max(axis=0))):
        count = at.sum(axis=0)
        least = np.where(at, np.inf, x).min(axis=0, initial=np.inf)
        most = np.where(at, -np.inf, x).max(axis=0, initial=-np.inf)
        gap = np.maximum(value - most, least - value)
        with np.errstate(invalid="ignore"):
            off = (most > least) & (gap > _OFF * (most - least))
        enough = (count >= _LEAST) & (2 * count < len(x)) & (len(x) - count >= _OTHERS)
        for column in np.flatnonzero(off & enough):
            low, high = np.quantile(x[~at[:, column], column], (0.25, 0.75))
            if high > low and gap[column] > _FAR * (high - low):
                code = float(value[column])
                found[code] = found.get(code, 0) + int(count[column])
                rows |= at[:, column]
    if not found:
        return {}
    one = next(iter(found)) if len(found) == 1 else math.nan
    return {"missing_code": one, "missing_share": float(rows.mean())}
