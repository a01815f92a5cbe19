"""Rows of a recording in memory: chunks that are never copied, thinned when they grow too large."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.layout import Layout

CHUNK_BYTES = 1 << 20


class Store:
    """Keeps rows. Beyond `limit` bytes every second row is given up, and from then on not kept.

    Attributes
    ----------
    kept_every : int
        One row in so many is kept: 1, 2, 4, ...
    """

    def __init__(self, layout: Layout, limit: int) -> None:
        self.layout = layout
        self.chunk_rows = max(1, CHUNK_BYTES // layout.row_bytes)
        self.most_rows = max(2, limit // layout.row_bytes)
        self.kept_every = 1
        self._seen = 0
        self._length = 0
        self._chunks: list[tuple[Array, Array, Array]] = []

    def __len__(self) -> int:
        return self._length

    def append(self, step: int, numbers: Array, counts: Array) -> None:
        """Keep a copy of a row, or pass it over if rows are thinned."""
        keep = self._seen % self.kept_every == 0
        self._seen += 1
        if not keep:
            return
        if self._length == self.most_rows:
            self._thin()
            if (self._seen - 1) % self.kept_every:
                return
        self._put(step, numbers, counts)

    def _put(self, step: int, numbers: Array, counts: Array) -> None:
        chunk, row = divmod(self._length, self.chunk_rows)
        if chunk == len(self._chunks):
            rows, layout = self.chunk_rows, self.layout
            self._chunks.append(
                (
                    np.empty(rows, np.int64),
                    np.empty((rows, layout.numbers)),
                    np.empty((rows, layout.counts), np.uint16),
                )
            )
        steps, all_numbers, all_counts = self._chunks[chunk]
        steps[row] = step
        all_numbers[row] = numbers
        all_counts[row] = counts
        self._length += 1

    def _thin(self) -> None:
        """Give up every second row, in place."""
        self.kept_every *= 2
        length, self._length = self._length, 0
        for i in range(0, length, 2):
            chunk, row = divmod(i, self.chunk_rows)
            steps, numbers, counts = self._chunks[chunk]
            self._put(int(steps[row]), numbers[row], counts[row])
        del self._chunks[-(-self._length // self.chunk_rows) :]

    def rows(self) -> tuple[Array, Array, Array]:
        """Return steps, numbers and counts of all rows kept, one row each."""
        layout, left = self.layout, self._length
        parts: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
        for chunk in self._chunks:
            for part, array in zip(parts, chunk, strict=True):
                part.append(array[:left])
            left -= min(left, self.chunk_rows)
        if not parts[0]:
            return (
                np.zeros(0, np.int64),
                np.zeros((0, layout.numbers)),
                np.zeros((0, layout.counts), np.uint16),
            )
        return np.concatenate(parts[0]), np.concatenate(parts[1]), np.concatenate(parts[2])
