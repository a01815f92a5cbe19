"""Timing: many calls in a turn, many turns in rounds, and three numbers of it all.

Contenders take turns, so that a slow minute of the machine is slow for all of them. A turn warms up
(the turn before has filled the caches with somebody else's data), then times single steps. Calls
shorter than `SAMPLE_SECONDS` are timed several together.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

SAMPLE_SECONDS = 20e-6  # the clock itself takes about a twentieth of a microsecond
WARM_UP = 0.15  # of the turn


@dataclass(frozen=True)
class Turn:
    """What one turn measured: microseconds a call."""

    min_us: float
    median_us: float
    samples: int


@dataclass(frozen=True)
class Timing:
    """All turns of one contender, one a round. Raises `ValueError` without any."""

    turns: tuple[Turn, ...]

    def __post_init__(self) -> None:
        if not self.turns:
            raise ValueError("nothing was timed")

    @property
    def min_us(self) -> float:
        """The fastest call of all."""
        return min(turn.min_us for turn in self.turns)

    @property
    def median_us(self) -> float:
        """The median over turns of each turn's median."""
        return statistics.median(turn.median_us for turn in self.turns)

    @property
    def spread(self) -> float:
        """``(slowest - fastest) / fastest`` of the turns' minima: the trust in `min_us`."""
        slowest = max(turn.min_us for turn in self.turns)
        return (slowest - self.min_us) / self.min_us

    @property
    def rounds(self) -> int:
        """Number of turns."""
        return len(self.turns)

    def times_as_long_as(self, other: Timing) -> tuple[float, float, float]:
        """Return the quartiles over rounds of this turn's median divided by that of `other`'s turn.

        The two turns of a round lie close together, so that both are alike in a slow moment of the
        machine: this can be trusted to a few hundredths where minima and medians of all turns vary
        by tenths.
        """
        ratios = [
            mine.median_us / theirs.median_us
            for mine, theirs in zip(self.turns, other.turns, strict=True)
        ]
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
        return float(low), float(middle), float(high)


def time_calls(run: Callable[[], object], seconds: float, least: int = 3) -> Turn:
    """Call `run` for about `seconds`, but at least `least` times, and return what it took."""
    clock = time.perf_counter
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        start = before = clock()
        once = math.inf
        while once == math.inf or before - start < WARM_UP * seconds:
            run()
            after = clock()
            once, before = min(once, max(after - before, 1e-9)), after
        inner = max(1, math.ceil(SAMPLE_SECONDS / once))
        samples: list[float] = []
        start = clock()
        while len(samples) < least or clock() - start < seconds:
            before = clock()
            for _ in range(inner):
                run()
            samples.append((clock() - before) / inner)
    finally:
        if was_enabled:
            gc.enable()
    return Turn(1e6 * min(samples), 1e6 * statistics.median(samples), len(samples))


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean; NaN of nothing."""
    if not values:
        return math.nan
    return math.exp(sum(math.log(value) for value in values) / len(values))
