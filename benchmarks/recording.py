"""What recording costs: a step that keeps everything, beside the same step that keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import tasks
from benchmarks.contenders import CONTENDERS, why_unable
from benchmarks.session import Judge, Session
from benchmarks.workloads import Workload


@dataclass
class RecordingResult:
    """A training step, without and with every layer recorded.

    Attributes
    ----------
    contender : str
        The one that records.
    plain_us, recorded_us : float
        Medians of all turns.
    overhead, overhead_low, overhead_high : float
        How many times as long the recorded step takes: the median and the quartiles over pairs of
        turns (see `Timing.times_as_long_as`).
    """

    workload: str
    threads: int
    contender: str
    plain_us: float
    recorded_us: float
    overhead: float
    overhead_low: float
    overhead_high: float
    pairs: int


def measure(
    session: Session,
    workload: Workload,
    present: Sequence[str],
    judge: Judge,
    *,
    rounds: int,
    seconds: float,
) -> tuple[list[RecordingResult], dict[str, str]]:
    """Return the pairs of contenders measured in one session, and why others were not."""
    pairs = [
        (CONTENDERS[name].recorded, name)
        for name in present
        if CONTENDERS[name].recorded in present and not why_unable(name, workload)
    ]
    outcomes, failures = session.measure(
        tasks.step_task(workload.name),
        list(dict.fromkeys(name for pair in pairs for name in pair)),
        judge,
        rounds=rounds,
        seconds=seconds,
        least=1,
    )
    found = []
    for name, recorded_name in pairs:
        if name not in outcomes or recorded_name not in outcomes:
            continue
        plain, recorded = outcomes[name].timing, outcomes[recorded_name].timing
        low, overhead, high = recorded.times_as_long_as(plain)
        found.append(
            RecordingResult(
                workload=workload.name,
                threads=session.threads,
                contender=recorded_name,
                plain_us=plain.median_us,
                recorded_us=recorded.median_us,
                overhead=overhead,
                overhead_low=low,
                overhead_high=high,
                pairs=plain.rounds,
            )
        )
    return found, failures
