"""Rows of a recording in memory: chunks that are never copied, thinned when they grow too large."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array, empty
from nnscratch.flow.layout import Layout

# Memory that is first written to costs a page fault every few kilobytes. From this size on NumPy
# asks the operating system for pages a few hundred times as large; what is not used costs nothing.
CHUNK_BYTES = 1 << 24


class Store:
    """Keeps rows. Beyond `limit` bytes every second row is given up, and from then on not kept.

    Attributes
    ----------
    kept_every : int
        One row in so many is kept: 1, 2, 4, ...
    """

    def __init__(self, layout: Layout, limit: int) -> None:
        self.layout = layout
        self.most_rows = max(2, limit // layout.row_bytes)
        self.chunk_rows = min(max(1, CHUNK_BYTES // layout.row_bytes), self.most_rows)
        self.kept_every = 1
        self._seen = 0
        self._steps: list[int] = []
        self._chunks: list[Array] = []  # those behind the last row wait to be used again

    def __len__(self) -> int:
        return len(self._steps)

    def append(self, step: int, row: Array) -> None:
        """Keep a copy of a row, uint8 (see `Layout.views`), or pass it over if rows are thinned."""
        keep = self._seen % self.kept_every == 0
        self._seen += 1
        if not keep:
            return
        if len(self._steps) == self.most_rows:
            self._thin()
            if (self._seen - 1) % self.kept_every:
                return
        self._place(len(self._steps))[...] = row
        self._steps.append(step)

    def truncate(self, step: int) -> None:
        """Give up the rows of `step` and later."""
        self._steps = [kept for kept in self._steps if kept < step]
        self._seen = len(self._steps) * self.kept_every

    def _place(self, index: int) -> Array:
        chunk, row = divmod(index, self.chunk_rows)
        if chunk == len(self._chunks):
            self._chunks.append(empty((self.chunk_rows, self.layout.row_bytes), np.uint8))
        place: Array = self._chunks[chunk][row]
        return place

    @property
    def last(self) -> tuple[int, Array]:
        """The latest step kept, and its row as a view."""
        return self._steps[-1], self._place(len(self._steps) - 1)

    def _thin(self) -> None:
        """Give up every second row, in place."""
        self.kept_every *= 2
        for to, index in enumerate(range(0, len(self._steps), 2)):
            self._place(to)[...] = self._place(index)
        self._steps = self._steps[::2]

    def rows(self) -> tuple[Array, Array, Array]:
        """Return steps, numbers and samples of all rows kept, one row each."""
        chunks, left = [np.empty((0, self.layout.row_bytes), np.uint8)], len(self._steps)
        for chunk in self._chunks:
            chunks.append(chunk[:left])
            left -= min(left, self.chunk_rows)
        numbers, samples = zip(*map(self.layout.views, chunks), strict=True)
        return np.array(self._steps, np.int64), np.concatenate(numbers), np.concatenate(samples)
