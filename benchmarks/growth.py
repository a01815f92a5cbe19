"""How a step's time grows: non-negative polynomials fitted to what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmarks.results import Results, StepResult
from benchmarks.workloads import WORKLOADS

# The powers of what grows that a step's operations have: products of width by width, else in
# proportion; and what every step costs.
POWERS = {"depth": (0, 1), "width": (0, 1, 2), "batch": (0, 1), "time": (0, 1)}


@dataclass(frozen=True)
class Fit:
    """A time in microseconds as a sum of powers of a size, ``sum(c_p n^p)`` with ``c_p >= 0``.

    `off` is by how much of the measured time it is off where it is most.
    """

    powers: tuple[int, ...]
    coefficients: tuple[float, ...]
    off: float

    def __call__(self, size: float) -> float:
        """Return the time at a size."""
        return sum(c * size**p for p, c in zip(self.powers, self.coefficients, strict=True))

    def __str__(self) -> str:
        """Return it as in ``36 + 5.2 n (within 12 %)``."""
        units = ("", " n", " n²")
        terms = zip(self.powers, self.coefficients, strict=True)
        shown = " + ".join(f"{_figures(c)}{units[p]}" for p, c in terms if c)
        return f"{shown} (within {100 * self.off:.0f} %)"


def fit(sizes: Sequence[float], times: Sequence[float], powers: tuple[int, ...]) -> Fit | None:
    """Fit by least squares of the relative errors; None of fewer sizes than powers and one.

    Coefficients are not negative: of all choices of powers whose least squares are so, the best.
    """
    if len(sizes) <= len(powers):
        return None
    n, t = np.asarray(sizes, float), np.asarray(times, float)
    columns = n[:, None] ** np.array(powers) / t[:, None]
    best, least = np.zeros(len(powers)), np.inf
    for count in range(1, len(powers) + 1):
        for chosen in combinations(range(len(powers)), count):
            c, *_ = np.linalg.lstsq(columns[:, chosen], np.ones(len(t)), rcond=None)
            squares = float(np.sum((columns[:, chosen] @ c - 1) ** 2))
            if (c >= 0).all() and squares < least:
                best, least = np.zeros(len(powers)), squares
                best[list(chosen)] = c
    off = float(np.abs(columns @ best - 1).max())
    return Fit(powers, tuple(best.tolist()), off)


def members(results: Results, threads: int, family: str, contender: str) -> list[StepResult]:
    """Return what was measured of a contender over a family."""
    return [
        step
        for step in results.steps
        if (step.threads, step.contender) == (threads, contender)
        and WORKLOADS[step.workload].family == family
    ]


def fitted(steps: Sequence[StepResult]) -> Fit | None:
    """Return the fit over the members of a family, None where there are too few."""
    if not steps:
        return None
    sizes = [WORKLOADS[step.workload].size for step in steps]
    powers = POWERS[WORKLOADS[steps[0].workload].family]
    return fit(sizes, [step.min_us for step in steps], powers)


def _figures(value: float) -> str:
    """Two figures, without an exponent: 0.00031, 5.2, 36, 1,200."""
    decimals = max(0, 1 - int(np.floor(np.log10(value)))) if value > 0 else 0
    return f"{value:,.{decimals}f}"
