"""Start-up: how long until a library is imported, and until a first training step is made.

Each measurement is a fresh process. For nnscratch there are two: with the cache of compiled kernels
as it is (warm, once something has run), and cold, with an empty folder in its place.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORKLOAD = "mnist-bn-elu"
TIMEOUT = 300.0


@dataclass(frozen=True)
class StartUp:
    """Seconds: `import_s` for the import, `first_step_s` for building the network and one step.

    `total_s` is the life of the process, from its launch to its end, interpreter included.
    """

    import_s: float
    first_step_s: float
    total_s: float


class StartUpFailed(Exception):
    """The fresh process did not make its step; the message says why."""


def measure(
    name: str,
    package: str,
    threads: int,
    cold: bool,
    isa: str = "native",
    workload: str = WORKLOAD,
) -> StartUp:
    """Start a process, import, make a step. Raises `StartUpFailed`."""
    from benchmarks import machine

    env = machine.environment(threads, isa)
    command = [sys.executable, "-m", "benchmarks.startup", name, package, workload, str(threads)]
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        if cold:
            env["NUMBA_CACHE_DIR"] = folder
        start = time.perf_counter()
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd=ROOT,
                env=env,
                timeout=TIMEOUT,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise StartUpFailed(f"no step within {TIMEOUT:.0f} seconds") from None
        total = time.perf_counter() - start
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise StartUpFailed(lines[-1])
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return StartUp(told["import_s"], told["first_step_s"], total)


def best(measured: list[StartUp]) -> StartUp:
    """Return the least of each number; `ValueError` without measurements."""
    return StartUp(
        min(m.import_s for m in measured),
        min(m.first_step_s for m in measured),
        min(m.total_s for m in measured),
    )


def main() -> None:
    """Be the fresh process. Nothing else is imported before the library itself."""
    name, package, workload, threads = sys.argv[1:5]
    start = time.perf_counter()
    importlib.import_module(package)
    imported = time.perf_counter()
    from benchmarks import contenders
    from benchmarks.workloads import WORKLOADS, make_problem

    make = contenders.load(name)
    problem = make_problem(WORKLOADS[workload])
    ready = time.perf_counter()
    make(problem, int(threads)).step()
    stepped = time.perf_counter()
    print(json.dumps({"import_s": imported - start, "first_step_s": stepped - ready}))


if __name__ == "__main__":
    main()
