"""Initializers that ignore the fans: constants and the plain distributions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError
from nnscratch.initializers.base import Initializer

TRUNCATED_VARIANCE = 1.0 - 4.0 * math.exp(-2.0) / math.sqrt(2.0 * math.pi) / math.erf(math.sqrt(2))
"""Variance of N(0, 1) cut at +-2, ``1 - 4 pdf(2) / (cdf(2) - cdf(-2))`` = 0.77374."""


def truncated_standard_normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw N(0, 1) in float64, drawing again every value beyond +-2 (4.6 % of them)."""
    values = rng.standard_normal(shape)
    flat = values.reshape(-1)
    beyond = np.flatnonzero(np.abs(flat) > 2.0)
    while beyond.size:
        flat[beyond] = rng.standard_normal(beyond.size)
        beyond = beyond[np.abs(flat[beyond]) > 2.0]
    return values


@dataclass(frozen=True)
class Zeros(Initializer):
    """Every value is 0: for biases. As weights it keeps all units of a layer equal for ever."""

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return 0."""
        return 0.0

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.zeros(shape)


@dataclass(frozen=True)
class Constant(Initializer):
    """Every value is `value`, a finite number (else `ConfigError`)."""

    value: float

    def __post_init__(self) -> None:
        self._require_number("value")

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return 0."""
        return 0.0

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.full(shape, self.value)


@dataclass(frozen=True)
class Normal(Initializer):
    """N(mean, std^2), whatever the fans.

    ``Normal()`` is N(0, 1), which ``get("normal")`` also returns: with wide layers it
    saturates every sigmoid unit. Raises `ConfigError` if `std` < 0 or a field is not finite.
    """

    std: float = 1.0
    mean: float = 0.0

    def __post_init__(self) -> None:
        self._require_number("std", least=0.0)
        self._require_number("mean")

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return ``std^2``."""
        return self.std * self.std

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return self.mean + self.std * rng.standard_normal(shape)


@dataclass(frozen=True)
class Uniform(Initializer):
    """U[low, high), whatever the fans.

    Rounding to float32 may reach `high` itself. Raises `ConfigError` unless ``low < high``, both
    finite.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        self._require_number("low")
        self._require_number("high")
        if not (self.low < self.high and math.isfinite(self.high - self.low)):
            raise ConfigError(
                f"Uniform needs low < high and a finite range, got low={self.low:g}, "
                f"high={self.high:g}"
            )

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return ``(high - low)^2 / 12``."""
        width = self.high - self.low
        return width * width / 12.0

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.uniform(self.low, self.high, shape)


@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """N(mean, std^2) with every value beyond ``mean +- 2 std`` drawn again.

    `std` is that of the normal before the cut. The values that remain have the smaller variance
    ``0.77374 * std^2``, a standard deviation of ``0.8796 * std``.
    Raises `ConfigError` if `std` < 0 or a field is not finite.
    """

    std: float
    mean: float = 0.0

    def __post_init__(self) -> None:
        self._require_number("std", least=0.0)
        self._require_number("mean")

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return ``0.77374 * std^2``."""
        return TRUNCATED_VARIANCE * self.std * self.std

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return self.mean + self.std * truncated_standard_normal(shape, rng)
