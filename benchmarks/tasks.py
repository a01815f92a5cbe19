"""What a contender's process can be asked to run: a training step, a kernel, a stretch of memory.

A task is described by a plain dictionary, so that it can be sent to the process; `make_task` makes
it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import contenders, kernels
from benchmarks.workloads import WORKLOADS, Array, Workload, make_problem


@dataclass(frozen=True)
class Task:
    """`run` does it once and returns a number to check; `arrays` returns what it computed."""

    run: Callable[[], float]
    arrays: Callable[[], Mapping[str, Array]]


def step_task(workload: str) -> dict[str, Any]:
    """Describe the training step of a workload."""
    return {"kind": "step", "workload": workload}


def make_task(contender: str, task: Mapping[str, Any], threads: int) -> Task:
    """Make the described task. Raises `ValueError` for an unknown kind."""
    if task["kind"] == "step":
        return _make_step(contender, WORKLOADS[task["workload"]], threads)
    if task["kind"] == "product":
        return Task(*kernels.make_product(contender, task["op"], *task["shape"]))
    if task["kind"] == "activation":
        return Task(*kernels.make_activation(contender, task["name"], task["op"], *task["shape"]))
    if task["kind"] == "memory":
        return Task(*kernels.make_memory_pass(task["bytes"], threads))
    raise ValueError(f"unknown kind of task {task['kind']!r}")


def make_small_task(contender: str, task: Mapping[str, Any], threads: int) -> Task:
    """Make a step task's like on a small network."""
    return _make_step(contender, WORKLOADS[task["workload"]].small(), threads)


def _make_step(contender: str, workload: Workload, threads: int) -> Task:
    made = contenders.load(contender)(make_problem(workload), threads)
    return Task(made.step, made.arrays)
