"""A contender's process, as the runner talks to it: one JSON object a line, until the end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks import machine
from benchmarks.correctness import judge, make_reference
from benchmarks.tasks import step_task
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).parents[2]


def answers(contender, *requests):
    """Return what a process says at first and to each request; that it ends when nobody asks."""
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    cores = json.dumps(machine.pick_cores(1))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.worker", contender, "1", cores],
        input=lines, capture_output=True, text=True, cwd=ROOT, env=machine.environment(1),
    )  # fmt: skip
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_builds_checks_and_times_a_task(tmp_path):
    # Large enough for its memory to show beside what the process has at hand anyway.
    workload = WORKLOADS["mnist-bn-elu"]
    path, task = tmp_path / "arrays.npz", step_task(workload.name)
    first, small, made, checked, timed, wrong = answers(
        "numpy",
        {"do": "baseline", "task": task},
        {"do": "prepare", "task": task},
        {"do": "check", "steps": 3, "path": str(path)},
        {"do": "time", "seconds": 0.01, "least": 5},
        {"do": "prepare", "task": {"kind": "nap"}},
    )
    assert first["ok"]
    assert first["import_seconds"] > 0
    assert small == made == {"ok": True}
    with np.load(path) as arrays:
        assert judge(make_reference(workload, 3), checked["values"], arrays).correct
    assert checked["first_seconds"] > 0
    if sys.platform == "linux" and os.access("/proc/self/clear_refs", os.W_OK):
        assert 0 < checked["step_memory_bytes"] < checked["peak_memory_bytes"]
    assert timed["samples"] >= 5
    assert 0 < timed["min_us"] <= timed["median_us"]
    assert wrong == {"ok": False, "error": "ValueError: unknown kind of task 'nap'"}


def test_a_library_that_cannot_be_imported_is_told_first():
    assert answers("nobody", {"do": "prepare"}) == [{"ok": False, "error": "KeyError: 'nobody'"}]
