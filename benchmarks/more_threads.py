"""A step on more threads than there are cores: simulated from the times of its segments.

The step's program is divided for so many threads as for real. Each list of each segment is then
timed by itself, one after the other on one core; a segment takes as long as its longest list, and
one meeting of all threads, whose time is measured with the cores that there are and grows with the
number of threads. Caches and memory that real threads would share play no part, so that networks
whose weights leave the caches come out too fast.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.contenders import OURS
from benchmarks.session import Session
from benchmarks.workloads import Workload, make_problem

COUNTS = (1, 2, 4, 8, 16, 32)
MEETINGS = 2000  # of a team that does nothing


@dataclass
class SimulatedResult:
    """nnscratch's step on so many threads."""

    workload: str
    threads: int
    us: float


def ask(session: Session, workload: Workload, rounds: int) -> list[SimulatedResult]:
    """Let nnscratch's process simulate a workload; `WorkerFailed` if it does not."""
    request = {"do": "simulate", "workload": workload.name, "counts": COUNTS, "rounds": rounds}
    times = session.ask(OURS, request)["us"]
    return [SimulatedResult(workload.name, n, us) for n, us in zip(COUNTS, times, strict=True)]


def simulate(workload: Workload, counts: Sequence[int], rounds: int) -> dict[int, float]:
    """Return microseconds of a training step by number of threads, least of `rounds` each.

    What does not belong to a segment (Python's part of the step) is the same for all of them: what
    the measured step on one thread has beyond its segments.
    """
    from benchmarks.contenders.nnscratch import Nnscratch
    from nnscratch_kernels.runtime.schedule import fastest
    from nnscratch_kernels.runtime.threads import available

    made = Nnscratch(make_problem(workload))
    whole = min(_seconds(made.step) for _ in range(rounds + 1))
    captured = made.model.captured(made.x, made.labels, made.loss)
    if captured is None:
        raise RuntimeError(
            "a step on more threads is put together from the compiled kernels' list of calls, and "
            "the reference kernels have none: leave NNSCRATCH_KERNELS away"
        )
    captured.stand_ins[0][...] = made.x
    update_step = functools.partial(made.optimizer.step, made.model.params, made.model.grads)
    meeting = _meeting(available())
    times = {}
    for count in sorted({1, *counts}):
        program, calls = fastest(captured.calls, made.model.dtype, count)
        lists = np.full((program.segments, program.parts), np.inf)
        update = np.inf
        for _ in range(rounds):
            np.minimum(lists, _lists(program), out=lists)
            update = min(update, _seconds(update_step))
        if count == 1:
            apart = max(0.0, whole - lists.sum() - update)
        del calls  # which kept the arrays alive
        meetings = meeting * program.parts * program.segments if program.parts > 1 else 0.0
        times[count] = 1e6 * (apart + lists.max(axis=1).sum() + update / count + meetings)
    return {count: times[count] for count in counts}


def _lists(program: Any) -> Any:
    """Seconds of every list of every segment, without what a call from Python costs."""
    from nnscratch_kernels.runtime.program import run_rows

    rows, arguments = program.rows.ctypes.data, program.arguments.ctypes.data
    bounds = program.lists.tolist()
    idle = min(_seconds(lambda: run_rows(rows, 0, 0, arguments)) for _ in range(20))
    taken = []
    for first, last in itertools.pairwise(bounds):
        start = time.perf_counter()
        run_rows(rows, first, last, arguments)
        taken.append(time.perf_counter() - start if last > first else idle)
    return np.maximum(0, np.array(taken) - idle).reshape(program.segments, program.parts)


def _meeting(cores: int) -> float:
    """Seconds that one more segment costs a team, for each of its threads; 0 on one core."""
    from nnscratch_kernels.runtime import team
    from nnscratch_kernels.runtime.program import Program

    if cores == 1:
        return 0.0
    nothing = Program(
        np.zeros((1, 4), np.int64),
        np.zeros(MEETINGS * cores + 1, np.int64),
        np.zeros(8, np.int64),
        MEETINGS,
        cores,
    )
    return min(_seconds(lambda: team.run(nothing)) for _ in range(20)) / MEETINGS / cores


def _seconds(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
