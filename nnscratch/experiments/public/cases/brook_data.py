"""Data of brook's classes: several answers a row, labels that went astray, points and signs."""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.public.data import table
from nnscratch.experiments.public.recipe import Data, Maker


def several(rows: int, columns: int, labels: int, share: float) -> Maker:
    """Return rows with `labels` answers of yes or no each, of which this share is yes."""

    def make(rng: np.random.Generator) -> Data:
        x = rng.standard_normal((rows, columns))
        value = x @ rng.standard_normal((columns, labels))
        return Data(x, value > np.quantile(value, 1 - share, axis=0))

    return make


def interchanged(make: Maker, one: int, other: int, held_out: int = 300) -> Maker:
    """Return data of which half of the rows of two classes bear each other's label."""

    def made(rng: np.random.Generator) -> Data:
        d = make(rng)
        order = rng.permutation(len(d.x))
        x, true = d.x[order], d.y[order]
        turned = np.where(true == one, other, np.where(true == other, one, true))
        y = np.where(rng.random(len(true)) < 0.5, turned, true)
        return Data(x[held_out:], y[held_out:], (x[:held_out], true[:held_out]))

    return made


def held(make: Maker, n: int = 300) -> Maker:
    """Return the same data, judged on `n` rows that are not learned from."""
    return interchanged(make, -1, -2, n)


def renumbered(d: Data, rng: np.random.Generator) -> Data:
    """Return labels that are numbered in another order than those which they are judged by."""
    assert d.held_out is not None
    return Data(d.x, np.roll(np.arange(d.y.max() + 1), 3)[d.y], d.held_out)


def mirrored(wrong: bool) -> Maker:
    """Return five gestures, of which two are each other's mirror image.

    wrong : half of the rows are mirrored, and left stays left
    """

    def make(rng: np.random.Generator) -> Data:
        y = rng.integers(0, 5, 1100)
        x = 0.7 * rng.standard_normal((1100, 10))
        x[:, 0] += np.where(y == 0, 2.0, np.where(y == 1, -2.0, 0.0))
        x[np.arange(1100), np.maximum(y, 1)] += 2.0
        turn = wrong & (rng.random(800) < 0.5)
        own = x[300:].copy()
        own[turn, 0] *= -1
        return Data(own, y[300:], (x[:300], y[:300]))

    return make


def shuffled(rows: int) -> Maker:
    """Return so many rows with the labels of others, judged by rows with their own."""

    def make(rng: np.random.Generator) -> Data:
        d = table(rows + 300, [(0, 1)] * 8, 3)(rng)
        y = rng.permutation(d.y[300:])
        return Data(d.x[300:], y, (d.x[:300], d.y[:300]))

    return make


def indicators(rng: np.random.Generator) -> Data:
    """Return months, an index about a hundred and its powers: is the index low?"""
    index = 100 + 1.5 * rng.standard_normal(600)
    month = np.arange(600.0) + 1970
    x = np.column_stack([month, *(index**k for k in range(1, 6))])
    return Data(x, (index < 99.5).astype(int))


def square(rng: np.random.Generator) -> Data:
    """Return points, and whether they lie in a square about 0."""
    x = rng.uniform(-2, 2, (600, 2))
    return Data(x, (np.abs(x).max(axis=1) < 1.4).astype(int))


def signed(d: Data, rng: np.random.Generator) -> Data:
    """Return classes as rows of -1 and one 1, to be given as numbers."""
    return Data(d.x, 2.0 * np.eye(10)[d.y] - 1)
