"""What recording costs: a step that keeps everything, beside the same step that keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import tasks
from benchmarks.contenders import CONTENDERS
from benchmarks.session import Judge, Session
from benchmarks.workloads import Workload


@dataclass
class RecordingResult:
    """One contender's training step, without and with every layer recorded."""

    workload: str
    threads: int
    contender: str
    plain_us: float
    recorded_us: float
    plain_median_us: float
    recorded_median_us: float

    @property
    def overhead(self) -> float:
        """How many times as long the recorded step takes (minima)."""
        return self.recorded_us / self.plain_us

    @property
    def median_overhead(self) -> float:
        """The same of the medians over rounds."""
        return self.recorded_median_us / self.plain_median_us

    def as_json(self) -> dict[str, Any]:
        """Return what the JSON file holds."""
        overheads = {"overhead": self.overhead, "median_overhead": self.median_overhead}
        return {**asdict(self), **overheads}


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
        if CONTENDERS[name].recorded in present
    ]
    outcomes, failures = session.measure(
        tasks.step_task(workload.name),
        [name for pair in pairs for name in pair],
        judge,
        rounds=rounds,
        seconds=seconds,
        least=1,
    )
    found = [
        RecordingResult(
            workload=workload.name,
            threads=session.threads,
            contender=plain,
            plain_us=outcomes[plain].timing.min_us,
            recorded_us=outcomes[recorded].timing.min_us,
            plain_median_us=outcomes[plain].timing.median_us,
            recorded_median_us=outcomes[recorded].timing.median_us,
        )
        for plain, recorded in pairs
        if plain in outcomes and recorded in outcomes
    ]
    return found, failures
