"""Means over seeds with a 95 % interval (Student's t)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnscratch.errors import ConfigError

# The 97.5 % point of Student's t for 1 to 10 degrees of freedom.
_T = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
_Z = 1.959964


def student_t(degrees: int) -> float:
    """Return the 97.5 % point of Student's t (to 3 digits; expansion in 1/degrees beyond 10)."""
    if degrees <= len(_T):
        return _T[degrees - 1]
    z, n = _Z, degrees
    first = (z**3 + z) / (4 * n)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n * n)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    return z + first + second + third


@dataclass(frozen=True)
class Interval:
    """Where the mean lies with 95 % confidence. All three are NaN if a value is not finite."""

    mean: float
    low: float
    high: float

    def above(self, value: float) -> bool:
        """Whether the whole interval lies above `value`."""
        return self.low > value

    def below(self, value: float) -> bool:
        """Whether the whole interval lies below `value`."""
        return self.high < value

    def within(self, low: float, high: float) -> bool:
        """Whether the whole interval lies in the range."""
        return low <= self.low and self.high <= high

    def meets(self, low: float, high: float) -> bool:
        """Whether interval and range have a point in common."""
        return self.low <= high and low <= self.high


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of `values` and its 95 % t-interval. `ConfigError` for fewer than 2."""
    n = len(values)
    if n < 2:
        raise ConfigError(f"an interval needs the values of at least 2 seeds, got {n}")
    if not all(map(math.isfinite, values)):
        return Interval(math.nan, math.nan, math.nan)
    mean = math.fsum(values) / n
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    half = student_t(n - 1) * spread / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)
