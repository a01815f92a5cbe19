"""The two classes that are hardest to tell from each other, by what other examples say."""

from __future__ import annotations

import itertools

import numpy as np

from nnscratch.arrays import Array

TOGETHER = 0.8  # of the rows of two classes are guessed to be of one or the other
PLAIN = 0.6  # of all other rows are guessed right
_ROWS = 15  # of each class


def hardest(truth: Array, guess: Array) -> dict[str, float]:
    """Return the pair of classes between which guesses are worst, by field of a record.

    Nothing where classes are few, or no two of them stand out: they must be told from all others,
    and these from each other, or it is not the pair that is hard.

    truth, guess : (n,) classes
    """
    classes = np.flatnonzero(np.bincount(truth) >= _ROWS)
    size = int(max(truth.max(initial=0), guess.max(initial=0))) + 1
    counts = np.zeros((size, size))
    np.add.at(counts, (truth, guess), 1.0)
    rows, right = counts.sum(axis=1), np.diag(counts)
    found: dict[str, float] = {}
    for one, other in itertools.combinations(classes.tolist() if len(classes) > 2 else [], 2):
        both = counts[np.ix_([one, other], [one, other])]
        pair = rows[one] + rows[other]
        rest = len(truth) - pair
        plain = (right.sum() - right[one] - right[other]) >= PLAIN * rest > 0
        if not plain or both.sum() < TOGETHER * pair or not both.sum(axis=1).all():
            continue
        told = float(np.mean(np.diag(both) / both.sum(axis=1)))
        if told < found.get("pair_told", np.inf):
            found = {
                "pair_told": told,
                "pair_rows": float(pair),
                "pair_one": float(one),
                "pair_other": float(other),
            }
    return found
