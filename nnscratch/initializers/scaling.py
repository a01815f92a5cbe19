"""Initializers whose variance follows the fans: Glorot, He, LeCun and the TensorFlow 1.x default.

All of them hold ``n * Var(w)`` fixed, n being a fan: a unit that sums n terms then neither grows
nor shrinks the signal merely because its layer is wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import require_count, require_name
from nnscratch.initializers.base import Initializer, fans
from nnscratch.initializers.distributions import TRUNCATED_VARIANCE, truncated_standard_normal

Mode = Literal["fan_in", "fan_out", "fan_avg"]
Distribution = Literal["normal", "uniform", "truncated_normal"]

_ROOT3 = math.sqrt(3.0)
_UNIT_VARIANCE: dict[str, Callable[[tuple[int, ...], np.random.Generator], Array]] = {
    "normal": lambda shape, rng: rng.standard_normal(shape),
    "uniform": lambda shape, rng: rng.uniform(-_ROOT3, _ROOT3, shape),
    "truncated_normal": lambda shape, rng: (
        truncated_standard_normal(shape, rng) / math.sqrt(TRUNCATED_VARIANCE)
    ),
}


def require_distribution(what: str, distribution: str) -> None:
    """Raise `ConfigError` unless `distribution` is one that `VarianceScaling` knows."""
    require_name(f"distribution of {what}", distribution, get_args(Distribution))


def _require_mode(what: str, mode: str) -> None:
    require_name(f"mode of {what}", mode, get_args(Mode))


def _fan(mode: Mode, fan_in: int, fan_out: int) -> float:
    """Return n, the number of terms that `mode` counts."""
    n_in, n_out = require_count("fan_in", fan_in), require_count("fan_out", fan_out)
    if mode == "fan_in":
        return float(n_in)
    return float(n_out) if mode == "fan_out" else 0.5 * (n_in + n_out)


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Zero mean and variance exactly ``scale / n``.

    n is `fan_in`, `fan_out` or their average ``(fan_in + fan_out) / 2``, by `mode`. By
    `distribution`, with ``sigma = sqrt(scale / n)``:

    * ``"normal"``: N(0, sigma^2);
    * ``"uniform"``: U[-r, r] with ``r = sqrt(3) sigma``;
    * ``"truncated_normal"``: a normal of standard deviation ``sigma / sqrt(0.77374)``, drawn again
      beyond 2 of its own standard deviations. The division makes up for the variance the cut
      takes away, so that here too the weights have variance ``scale / n``.
      (`TF1VarianceScaling` makes up for it with a rounded factor 1.3 instead.)

    Glorot & Bengio 2010: ``scale=1, mode="fan_avg"``. He et al. 2015: ``scale=2``, one fan.
    LeCun et al. 1998: ``scale=1, mode="fan_in"``. For ``sw2`` of mean-field theory:
    ``VarianceScaling(sw2, "fan_in")``.

    Raises:
        ConfigError: `scale` is not a finite number > 0, or `mode` or `distribution` is unknown.
    """

    scale: float
    mode: Mode = "fan_in"
    distribution: Distribution = "normal"

    def __post_init__(self) -> None:
        self._require_number("scale", above=0.0)
        _require_mode("VarianceScaling", self.mode)
        require_distribution("VarianceScaling", self.distribution)

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return ``scale / n``, for all three distributions."""
        return self.scale / _fan(self.mode, fan_in, fan_out)

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        sigma = math.sqrt(self.variance(*fans(shape)))
        return sigma * _UNIT_VARIANCE[self.distribution](shape, rng)


@dataclass(frozen=True)
class TF1VarianceScaling(Initializer):
    """TensorFlow 1.x ``contrib.layers.variance_scaling_initializer``, which the blog post uses.

    A normal of standard deviation ``sqrt(1.3 * factor / n)``, drawn again beyond 2 of them. The
    1.3 stands for ``1 / 0.77374 = 1.2924``, the variance lost in the cut, so the weights have
    variance ``1.3 * 0.77374 * factor / n = 1.00586 * factor / n``: 0.6 % more than He et al. ask.

    Raises:
        ConfigError: `factor` is not a finite number > 0, or `mode` is unknown.
    """

    factor: float = 2.0
    mode: Mode = "fan_in"

    def __post_init__(self) -> None:
        self._require_number("factor", above=0.0)
        _require_mode("TF1VarianceScaling", self.mode)

    def variance(self, fan_in: int, fan_out: int) -> float:
        """Return ``1.00586 * factor / n``."""
        return TRUNCATED_VARIANCE * 1.3 * self.factor / _fan(self.mode, fan_in, fan_out)

    def _draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        std = math.sqrt(1.3 * self.factor / _fan(self.mode, *fans(shape)))
        return std * truncated_standard_normal(shape, rng)
