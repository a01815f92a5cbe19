"""Orthogonal weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ShapeError, require_count
from nnscratch.initializers.base import Initializer


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """`gain` times a matrix with orthonormal rows or columns, uniform among all such matrices.

    A wide matrix, ``n_in <= n_out``, has ``W @ W.T = gain^2 I``; a tall one ``W.T @ W = gain^2 I``.
    All singular values are `gain`, so with ``gain=1`` a product of square ones neither shrinks
    nor grows anything, at any depth (Saxe et al. 2013).

    It is the Q of the QR decomposition of a Gaussian matrix, each column multiplied by the sign of
    R's diagonal: without that sign the choice would not be uniform (Mezzadri 2007).

    Raises:
        ConfigError: `gain` is not a finite number > 0.
        ShapeError: called for a vector.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        self._require_number("gain", above=0.0)

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return ``gain^2 / max(fan_in, fan_out)``, over the draws; weights are not independent."""
        larger = max(require_count("fan_in", fan_in), require_count("fan_out", fan_out))
        return self.gain * self.gain / larger

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        if len(shape) != 2:
            raise ShapeError(f"{self} needs a matrix (n_in, n_out), got shape {shape}")
        gaussian = rng.standard_normal((max(shape), min(shape)))
        q, r = np.linalg.qr(gaussian)
        q *= self.gain * np.where(np.diagonal(r) < 0.0, -1.0, 1.0)
        return np.ascontiguousarray(q if shape[0] >= shape[1] else q.T)
