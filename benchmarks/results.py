"""What a run measured, and its JSON."""

from __future__ import annotations

import datetime
import math
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import contenders, machine
from benchmarks.contenders import OURS
from benchmarks.more_threads import SimulatedResult
from benchmarks.recording import RecordingResult
from benchmarks.roofline import Roofline
from benchmarks.timing import geometric_mean


@dataclass
class StepResult:
    """One contender's training step, for one workload and number of threads.

    `limit_us` is the roofline; `checked_error` what the correctness check found, relative to how
    far the weights moved. `ratio_to_best_peer` is set for nnscratch only: the best peer's minimum
    over ours, at the same number of threads.
    """

    workload: str
    threads: int
    contender: str
    min_us: float
    median_us: float
    limit_us: float | None
    spread: float
    rounds: int
    correct: bool
    checked_error: float
    first_step_s: float
    peak_memory_bytes: int | None = None
    step_memory_bytes: int | None = None
    ratio_to_best_peer: float | None = None
    best_peer: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what the JSON file holds; ratio and peer are nnscratch's alone."""
        entry = asdict(self)
        if self.contender != OURS:
            del entry["ratio_to_best_peer"], entry["best_peer"]
        return entry


@dataclass
class KernelResult:
    """One library's kernel; `kind` is "layer" or "square" (matrix products) or "activation".

    `ratio` is set for nnscratch and oneDNN: NumPy's minimum over theirs.
    """

    kind: str
    case: str
    op: str
    shape: tuple[int, ...]
    threads: int
    contender: str
    min_us: float
    median_us: float
    spread: float
    gflops: float | None
    ratio: float | None = None


@dataclass
class StartUpResult:
    """Seconds to import a library and to make a first step with it; least of `runs`."""

    contender: str
    cache: str
    threads: int
    import_s: float
    first_step_s: float
    total_s: float
    runs: int


@dataclass
class Skipped:
    """Something that was not timed, and why."""

    what: str
    contender: str
    reason: str
    threads: int | None = None


@dataclass
class Results:
    """Everything a run measured."""

    version: str
    commit: str
    date: str
    mode: str
    machine: dict[str, str | int]
    libraries: dict[str, str]
    threads: list[int]
    roofline: Roofline = field(default_factory=Roofline)
    steps: list[StepResult] = field(default_factory=list)
    recording: list[RecordingResult] = field(default_factory=list)
    kernels: list[KernelResult] = field(default_factory=list)
    startup: list[StartUpResult] = field(default_factory=list)
    simulated: list[SimulatedResult] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def find(self, workload: str, threads: int, contender: str) -> StepResult | None:
        """Return a contender's result, None where there is none."""
        for step in self.steps:
            if (step.workload, step.threads, step.contender) == (workload, threads, contender):
                return step
        return None

    def workloads(self) -> list[str]:
        """Return the workloads measured, in order."""
        return list(dict.fromkeys(step.workload for step in self.steps))

    def contenders(self) -> list[str]:
        """Return the contenders whose step was measured, in order."""
        return list(dict.fromkeys(step.contender for step in self.steps))

    def ratios(self, kind: str, threads: int, contender: str = OURS) -> list[KernelResult]:
        """Return nnscratch's kernels of a kind that were compared with NumPy's; or another's."""
        return [
            k
            for k in self.kernels
            if (k.kind, k.threads, k.contender) == (kind, threads, contender)
            and k.ratio is not None
        ]

    def as_json(self) -> dict[str, Any]:
        """Return what the JSON file holds. The training steps are its ``"results"``."""
        return {
            "version": self.version,
            "commit": self.commit,
            "date": self.date,
            "mode": self.mode,
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 1),
            "machine": self.machine,
            "libraries": self.libraries,
            "roofline": {
                "peak_gflops": {str(n): g for n, g in self.roofline.peak_gflops.items()},
                "bandwidth_gbs": {
                    str(n): {str(size): rate for size, rate in rates.items()}
                    for n, rates in self.roofline.bandwidth_gbs.items()
                },
            },
            "results": [step.as_json() for step in self.steps],
            "recording": [asdict(recording) for recording in self.recording],
            "kernels": [asdict(kernel) for kernel in self.kernels],
            "startup": [asdict(startup) for startup in self.startup],
            "simulated": [asdict(simulated) for simulated in self.simulated],
            "skipped": [asdict(skipped) for skipped in self.skipped],
            "notes": self.notes,
        }


def set_step_ratios(steps: list[StepResult]) -> None:
    """Set `ratio_to_best_peer` and `best_peer` of nnscratch among the results of one task."""
    for ours in steps:
        peers = [s for s in steps if s.contender != OURS and s.threads == ours.threads]
        if ours.contender == OURS and peers:
            best = min(peers, key=lambda peer: peer.min_us)
            ours.ratio_to_best_peer = best.min_us / ours.min_us
            ours.best_peer = best.contender


def set_kernel_ratios(kernels: list[KernelResult]) -> None:
    """Set `ratio` of nnscratch and oneDNN among the results of one task."""
    numpy = [k.min_us for k in kernels if k.contender == "numpy"]
    for kernel in kernels:
        if kernel.contender in (OURS, "onednn") and numpy:
            kernel.ratio = numpy[0] / kernel.min_us


def mean_ratio(kernels: list[KernelResult]) -> float:
    """Return the geometric mean of the ratios; NaN of none."""
    ratios = [kernel.ratio for kernel in kernels if kernel.ratio is not None]
    return geometric_mean(ratios) if ratios else math.nan


def start_results(
    names: Sequence[str], threads: Sequence[int], quick: bool, isa: str = machine.NATIVE
) -> Results:
    """Return results without measurements, which say where, when and of what they are."""
    return Results(
        version=contenders.version(OURS),
        commit=_commit(),
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        mode="quick" if quick else "full",
        machine=machine.describe(isa),
        libraries={n: contenders.version(n) for n in names if not contenders.why_absent(n)},
        threads=list(threads),
    )


def _commit() -> str:
    """The commit, with a plus sign if files differ from it; empty outside a repository."""
    try:
        return _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "-s", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
