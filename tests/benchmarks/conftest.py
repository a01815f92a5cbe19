"""`benchmarks` is not installed: it is found at the root of the repository."""

import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)


@pytest.fixture
def results():
    """Results of a run that never was: nnscratch, NumPy and PyTorch on two workloads."""
    from benchmarks.results import (
        KernelResult,
        Results,
        Skipped,
        StartUpResult,
        StepResult,
        set_step_ratios,
    )

    def step(workload, threads, contender, min_us):
        return StepResult(
            workload, threads, contender, min_us, 1.1 * min_us, 500.0, 0.02, 3, True, 1e-5, 0.1,
            peak_memory_bytes=2**28, step_memory_bytes=2**22,
        )  # fmt: skip

    found = Results(
        version="1.2.3",
        commit="abc1234",
        date="2030-01-02T03:04:05+00:00",
        mode="full",
        machine={
            "processor": "Some CPU",
            "cores": 4,
            "memory_gib": 8,
            "system": "Linux x86_64",
            "python": "3.11.0",
        },
        libraries={"nnscratch": "1.2.3", "numpy": "2.0", "torch-eager": "2.5"},
        threads=[1, 2],
    )
    for threads in (1, 2):
        found.roofline.raise_peak(threads, 100.0 * threads)
        found.roofline.raise_bandwidth(threads, 2**20, 50.0)
        for workload in ("mnist-bn-elu", "depth-2", "depth-50", "width-16", "batch-1"):
            steps = [
                step(workload, threads, "nnscratch", 1000.0 / threads),
                step(workload, threads, "numpy", 3000.0 / threads),
                step(workload, threads, "torch-eager", 2000.0 / threads),
            ]
            set_step_ratios(steps)
            found.steps += steps
    for contender, ratio, min_us in (("nnscratch", 1.25, 80.0), ("numpy", None, 100.0)):
        for kind, shape, gflops in (
            ("layer", (64, 9, 8), 50.0),
            ("square", (8, 8, 8), 60.0),
            ("activation", (8, 8), None),
        ):
            case = f"some {kind}"
            found.kernels.append(
                KernelResult(
                    kind, case, "forward", shape, 1, contender, min_us, 90.0, 0.1, gflops, ratio
                )
            )
    found.startup.append(StartUpResult("nnscratch", "cold", 2, 0.2, 20.0, 21.0, 1))
    found.skipped.append(Skipped("mnist-bn-elu", "sklearn", "MLPClassifier has no batch norm", 1))
    return found
