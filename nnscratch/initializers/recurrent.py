"""Initializers of a matrix that a state is multiplied by again and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ShapeError, require_count
from nnscratch.initializers.base import Initializer


def _require_square(initializer: Initializer, shape: tuple[int, ...]) -> int:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(
            f"{initializer} needs a square matrix, such as a recurrent weight's gate, got {shape}"
        )
    return shape[0]


@dataclass(frozen=True)
class ScaledIdentity(Initializer):
    """`gain` times the identity: a ReLU network begins by keeping its state (IRNN).

    ``nn.RNN(6, 50, activation="relu", recurrent_init="identity")``; Le, Jaitly & Hinton, "A Simple
    Way to Initialize Recurrent Networks of Rectified Linear Units", 2015.

    Raises `ConfigError` unless `gain` is a finite number, `ShapeError` for what is not square.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        self._require_number("gain")

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return the variance of an entry that is picked at random: ``gain^2 (n - 1) / n^2``."""
        n = require_count("fan_in", fan_in)
        return self.gain * self.gain * (n - 1) / (n * n)

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return self.gain * np.eye(_require_square(self, shape))


@dataclass(frozen=True)
class SpectralRadius(Initializer):
    """Normal numbers, `nonzeros` in each row, scaled to the spectral radius `radius`.

    As Pascanu, Mikolov & Bengio 2013 begin ("smart tanh"): 15 of the 50 numbers in each row of the
    recurrent weight, and the largest modulus of an eigenvalue 0.95.

    Parameters
    ----------
    radius : float > 0, default 0.95
    nonzeros : int or None, default 15
        None, or more than there are columns: all.

    Raises `ConfigError` for other arguments, `ShapeError` for what is not square.
    """

    radius: float = 0.95
    nonzeros: int | None = 15

    def __post_init__(self) -> None:
        self._require_number("radius", above=0.0)
        if self.nonzeros is not None:
            require_count("nonzeros of SpectralRadius", self.nonzeros)

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return ``radius^2 / n``, which it tends to in large matrices (the circular law)."""
        return self.radius * self.radius / require_count("fan_in", fan_in)

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        n = _require_square(self, shape)
        while True:  # a sparse one may have no eigenvalue but 0, if it is tiny
            weight = rng.standard_normal((n, n))
            for row in weight:
                row[rng.permutation(n)[self.nonzeros :] if self.nonzeros else []] = 0.0
            radius = np.abs(np.linalg.eigvals(weight)).max()
            if radius > 1e-6:
                return weight * (self.radius / radius)
