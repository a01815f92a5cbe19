"""Data that are written over while they are trained on: batches are views of them, and what is done
to a batch in place is done to the data.

A view and what it is a view of count their changes together. Of data the size stays what it is,
also where a buffer is filled anew for each batch: here it drifts, at every place alike.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch

from nnscratch_records.words import number

DRIFT = 1.5  # times the root mean square that a place began with, or that part of it
TIMES = 4  # a place was given at least, changed each time
_PLACES = 4  # in memory, the first that are seen


class Written:
    """Looks at what the network is given: views of one tensor, at the same places again."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, ...], list[tuple[int, float]]] = {}
        self._over = False

    def begin(self, x: Any) -> None:
        """Look at what goes in."""
        whole = getattr(x, "_base", None)
        if self._over or whole is None or not x.is_floating_point() or x.numel() >= whole.numel():
            return
        place = (x.data_ptr(), *x.shape)
        if place not in self._seen and len(self._seen) >= _PLACES:
            return
        visits = self._seen.setdefault(place, [])
        if not visits or visits[-1][0] < x._version:
            size = float(x.detach().square().mean(dtype=torch.float32).sqrt())
            visits.append((x._version, size))

    def told(self) -> tuple[str, ...]:
        """Return what was seen, as a line of `Mistakes`, once; nothing where all is right."""
        sizes = [[size for _, size in visits] for visits in self._seen.values()]
        if self._over or len(sizes) < 2 or min(map(len, sizes)) < TIMES:
            return ()
        self._over = True
        grows = all(a < b for some in sizes for a, b in pairwise(some))
        falls = all(a > b for some in sizes for a, b in pairwise(some))
        least = min(max(some) / max(min(some), 1e-30) for some in sizes)
        if not (grows or falls) or least < DRIFT:
            self._over = len(sizes[0]) > 4 * TIMES  # it may drift slowly
            return ()
        began, now = sizes[0][0], sizes[0][-1]
        return (
            "data written over",
            f"The data change while they are trained on: batches are views of them, they are "
            f"written to in between, and what lies at one place was {number(began)} in size (root "
            f"mean square) and is {number(now)} after {len(sizes[0])} times.",
            "What is done to a batch in place, with += or a function that ends in _, is done to "
            "the data, and again in each epoch.",
            "work on a copy of the batch",
            "x = x.clone()",
        )
