"""In which order classes come: is a batch a sample of all of them, or of one after the other?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnscratch.arrays import Array


def between(batches: Sequence[Array]) -> dict[str, float]:
    """Return how much of the targets' variance lies between batches, as the field is called.

    ``1 - within / total``, both without bias: 0, but for chance, where batches are drawn at random,
    and 1 where each has one class alone. Nothing for batches of one, or where all are the same.

    batches : arrays (examples, ...), of labels one-hot
    """
    rows = [t.reshape(len(t), -1) for t in batches]
    every = np.concatenate(rows)
    free = sum(len(t) - 1 for t in rows)
    total = float(((every - every.mean(axis=0)) ** 2).sum()) / max(len(every) - 1, 1)
    if not (free > 0 and total > 0):
        return {}
    within = sum(float(((t - t.mean(axis=0)) ** 2).sum()) for t in rows) / free
    return {"target_between": 1 - within / total}
