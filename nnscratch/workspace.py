"""Buffers that are reused from step to step, so that a training step allocates nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, empty

_KEPT = 512  # views of a workspace; what the views lie in stays where it is


class Changes:
    """Counts every change, anywhere, of a layer's attributes or of a buffer's place.

    Whoever keeps addresses (`network.replay`) compares one number to know that nothing moved.
    """

    number = 0


changes = Changes()


class Workspace:
    """Named scratch arrays. The same name, shape and type give the same array every time.

    Storage grows to the largest shape asked for under a name and smaller shapes are views into it,
    so a short last batch costs no second buffer.
    """

    def __init__(self) -> None:
        self._storage: dict[str, Array] = {}
        self._views: dict[tuple[str, tuple[int, ...], Any], Array] = {}
        self.version = 0  # counts how often a buffer was made or moved

    def get(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """Return the buffer `name` with this shape; what it holds is whatever was there."""
        key = (name, shape, dtype)
        view = self._views.get(key)
        if view is None:
            if len(self._views) >= _KEPT:  # as for batches of ever new shapes
                del self._views[next(iter(self._views))]
            view = self._views[key] = self._make(name, shape, np.dtype(dtype))
        return view

    def _make(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        size = math.prod(shape)
        storage = self._storage.get(name)
        if storage is None or storage.dtype != dtype or storage.size < size:
            storage = self._storage[name] = empty(size, dtype)
            self.version += 1
            changes.number += 1
            for key in [key for key in self._views if key[0] == name]:
                del self._views[key]
        return storage[:size].reshape(shape)

    def arrays(self) -> list[Array]:
        """Return every array handed out that is still in use."""
        return list(self._views.values())

    def __deepcopy__(self, memo: dict[int, Any]) -> Workspace:
        """Return an empty one: whatever the arrays hold, nobody relies on it."""
        return Workspace()

    def memories(self) -> list[Array | None]:
        """Return what the arrays lie in, as their `base` says it."""
        return [storage.base for storage in self._storage.values()]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in self._storage.values())
