"""Rows with equal inputs and other answers: no network can tell them apart."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array


def repeats(x: Array, t: Array) -> dict[str, float]:
    """Return the share of rows whose inputs come with several answers, and what is told all the
    same, by field.

    *Told* is 1 less the variance of answers among rows with equal inputs, without bias, over that
    of all answers: the most that anything computed of the inputs can tell of these rows. An example
    that comes again, with its answer, has one answer.

    x, t : (n, inputs) and (n, outputs)
    """
    group, answer = _numbered(x), _numbered(t)
    size = np.bincount(group)
    pairs = np.unique(np.stack([group, answer]), axis=1)
    several = np.bincount(pairs[0]) > 1
    found = {"repeated_share": float(several[group].mean())}
    total = float(((t - t.mean(axis=0)) ** 2).sum()) / max(1, len(t) - 1)
    if not total > 0:
        return found
    means = np.stack([np.bincount(group, column) for column in t.T], axis=1) / size[:, None]
    apart = ((t - means[group]) ** 2).sum(axis=1)
    within = np.bincount(group, apart)[several] / (size[several] - 1) * size[several]
    return found | {"repeated_told": 1 - float(within.sum()) / len(t) / total}


def _numbered(rows: Array) -> Array:
    """Return for each row the number of its value; -0 is 0."""
    rows = np.ascontiguousarray(rows + 0)
    whole = rows.view(f"V{rows.itemsize * rows.shape[1]}")[:, 0]
    return np.asarray(np.unique(whole, return_inverse=True)[1]).reshape(-1)
