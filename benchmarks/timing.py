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
    """All turns of one contender.

    `min_us` is the fastest call of all, `median_us` the median over turns of each turn's median,
    and `spread` is ``(slowest - fastest) / fastest`` of the turns' minima: how far the fastest
    call can be trusted.
    """

    min_us: float
    median_us: float
    spread: float
    rounds: int

    @classmethod
    def of(cls, turns: Sequence[Turn]) -> Timing:
        """Summarise; `ValueError` without turns."""
        if not turns:
            raise ValueError("nothing was timed")
        minima = [turn.min_us for turn in turns]
        return cls(
            min(minima),
            statistics.median(turn.median_us for turn in turns),
            (max(minima) - min(minima)) / min(minima),
            len(turns),
        )


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
