"""Columns that say more, or other things, than their numbers: names, classes, the answer before.

What is numbered in no order - shops, users, kinds - has numbers of which near ones have nothing in
common; a series is told best of its own last value, until something is learned.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from nnscratch.arrays import Array

TABLE = 40  # columns at most: of more, as of pixels, none is a name
NAMES = 8  # different values, that a column of codes has at least
APART, SURE = 0.2, 4.0  # of the answers' variance, and standard errors: more than a near one tells
SURE_KINDS = 0.5  # of the examples: others say which class they are of
KINDS, MOST_KINDS = 5, 50  # of classes that are learned as numbers
STEPS = 3  # of a series, in a window of it
_EVEN = 1e-3  # of the least distance between two values, by which others are no multiple of it
_PAIRS = 60  # of examples, at least
_ROWS = 5  # of each class
_TINY = 1e-30


def codes(x: Array, t: Array) -> dict[str, float]:
    """Return which columns number things in no order, by field, the plainest two.

    Of examples with equal values answers are alike, and of those with neighbouring ones no more
    than of any: as a shop's number says which it is, and nothing by its size.

    x, t : (n, inputs) and (n, outputs)
    """
    total = float(t.var(axis=0).sum())
    if not total > 0 or x.shape[1] > TABLE:
        return {}
    found = []
    for column in range(x.shape[1]):
        apart, told = _apart(x[:, column], t)
        if apart > APART * total:
            found.append((told / total, column))
    found.sort(reverse=True)
    fields = {"codes_told": 1 - found[0][0]} if found else {}
    fields |= {
        f"codes_{of}": float(one[1]) for of, one in zip(("one", "other"), found, strict=False)
    }
    return fields


def _apart(column: Array, t: Array) -> tuple[float, float]:
    """Return by how much more answers differ between neighbouring values than between equal ones,
    and by how much between equal ones; 0 where it is not sure.
    """
    values, which = np.unique(column, return_inverse=True)
    if not NAMES <= len(values) < len(column) or not _evenly(values):
        return 0.0, 0.0
    groups = [t[which == k] for k in range(len(values))]
    same = np.concatenate([_differences(g[:-1], g[1:]) for g in groups])
    near = np.concatenate([_differences(a, b) for a, b in itertools.pairwise(groups)])
    if min(len(same), len(near)) < _PAIRS:
        return 0.0, 0.0
    error = math.sqrt(float(same.var() / len(same) + near.var() / len(near)))
    apart = float(near.mean() - same.mean())
    return (apart if apart > SURE * error else 0.0), float(same.mean())


def _differences(a: Array, b: Array) -> Array:
    """Return half the squared distances of so many rows of the two as there are in both."""
    n = min(len(a), len(b))
    return np.asarray(((a[:n] - b[:n]) ** 2).sum(axis=1) / 2)


def _evenly(values: Array) -> bool:
    """Whether all values are whole multiples of one distance: whole numbers, or scaled ones."""
    apart = np.diff(values)
    times = apart / apart.min()
    return bool((abs(times - np.rint(times)) < _EVEN * times).all())


def kinds(x: Array, t: Array) -> dict[str, float]:
    """Return whether whole numbers that are asked for are the numbers of classes in no order.

    `kinds_told`: part of the examples whose nearest other one has the same number; `kinds_order`:
    how far the distances between the classes' means go with those between their numbers, 1: as of
    ages, 0: as of names. Nothing of other answers.

    x : (n, inputs) standardised, t : (n, 1)
    """
    numbers = t[:, 0]
    values, which, count = np.unique(numbers, return_inverse=True, return_counts=True)
    whole = bool((numbers == np.rint(numbers)).all())
    if not whole or not KINDS <= len(values) <= MOST_KINDS or count.min() < _ROWS:
        return {}
    distance = (x**2).sum(axis=1)[:, None] - 2 * x @ x.T + (x**2).sum(axis=1)
    np.fill_diagonal(distance, np.inf)
    told = float((which[distance.argmin(axis=1)] == which).mean())
    means = np.stack([x[which == k].mean(axis=0) for k in range(len(values))])
    one, other = np.triu_indices(len(values), 1)
    apart = np.sqrt(((means[one] - means[other]) ** 2).sum(axis=1))
    by = abs(values[one] - values[other])
    order = float(np.corrcoef(apart, by)[0, 1]) if apart.std() > _TINY and by.std() > 0 else 1.0
    return {"kinds_told": told, "kinds_order": order, "kinds_count": float(len(values))}


def naive(x: Array, t: Array, value: Callable[[Array], float]) -> dict[str, float]:
    """Return the loss of the input that is nearest to the answer, handed on as it is, and which.

    Of a series that is its last value. Nothing where fewer than `STEPS` inputs are nearer to the
    answers than their mean: these are no steps of it.

    x : (n, inputs); t : (n, 1), the answers
    value : the loss of outputs of the shape of `t`
    """
    away = ((x - t) ** 2).mean(axis=0)
    column = int(away.argmin())
    if away[column] == 0 or int((away < t.var()).sum()) < STEPS:
        return {}
    return {"loss_naive": value(x[:, [column]]), "naive_column": float(column)}
