"""The roofline: how fast a training step could be on this machine at best.

    limit = max(operations / peak, bytes / bandwidth)

`peak` is measured: the fastest of a few products that fit into the caches, by nnscratch's own tile.
`bandwidth` is measured too, for working sets of several sizes; a step gets that of the largest size
measured which is not larger than its own, which errs towards a smaller limit.
Williams, Waterman & Patterson, "Roofline: an insightful visual performance model", 2009.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.kernels import FORWARD, memory_pass_bytes
from benchmarks.workloads import GATES, Workload

# (batch, n_in, n_out), in cache; the second half gives several threads enough to do.
PEAK_SHAPES = ((96, 256, 256), (240, 256, 256), (480, 512, 512), (960, 512, 1024))
MEMORY_SIZES = (2**18, 2**20, 2**22, 2**24, 2**26, 2**28)
_FLOAT = 4


@dataclass
class Roofline:
    """What was measured, by number of threads: GFLOP/s, and GB/s by working set in bytes."""

    peak_gflops: dict[int, float] = field(default_factory=dict)
    bandwidth_gbs: dict[int, dict[int, float]] = field(default_factory=dict)

    def raise_peak(self, threads: int, gflops: float) -> None:
        """Note a measured rate; the highest counts."""
        self.peak_gflops[threads] = max(gflops, self.peak_gflops.get(threads, 0.0))

    def raise_bandwidth(self, threads: int, size: int, gbs: float) -> None:
        """Note a measured bandwidth; the highest counts."""
        by_size = self.bandwidth_gbs.setdefault(threads, {})
        by_size[size] = max(gbs, by_size.get(size, 0.0))

    def bandwidth(self, threads: int, working_set: int) -> float | None:
        """Return the bandwidth in GB/s that a working set of so many bytes gets.

        Fewer threads than allowed count too: starting them costs more than a small set gains.
        """
        found = []
        for n, by_size in self.bandwidth_gbs.items():
            if n <= threads and by_size:
                fitting = [size for size in by_size if size <= working_set] or [min(by_size)]
                found.append(by_size[max(fitting)])
        return max(found, default=None)

    def limit_us(self, workload: Workload, threads: int) -> float | None:
        """Return the least microseconds a step can take; None where the peak is not known."""
        if threads not in self.peak_gflops:
            return None
        peak = max(rate for n, rate in self.peak_gflops.items() if n <= threads)
        limit = step_flops(workload) / peak / 1e3
        bandwidth = self.bandwidth(threads, working_set(workload))
        if bandwidth:
            limit = max(limit, step_bytes(workload) / bandwidth / 1e3)
        return limit


def peak_tasks() -> list[dict[str, Any]]:
    """Return the tasks that measure the peak."""
    return [{"kind": "product", "op": FORWARD, "shape": list(shape)} for shape in PEAK_SHAPES]


def memory_tasks() -> list[dict[str, Any]]:
    """Return the tasks that measure the bandwidth."""
    return [{"kind": "memory", "bytes": size} for size in MEMORY_SIZES]


def gbs(size: int, microseconds: float) -> float:
    """Return the bandwidth of a memory task that took so long."""
    return memory_pass_bytes(size) / microseconds / 1e3


def step_flops(workload: Workload) -> int:
    """Return the operations of a step's matrix products; a multiply-add counts as two.

    Three products a dense layer, forward, weight gradient and input gradient, but no input gradient
    for the first. Everything else is linear in the activations and left out. A recurrent layer has
    as many of its recurrent weights at every step.
    """
    if workload.cell:
        (n_in, n, classes), wide = workload.widths, GATES[workload.cell] * workload.widths[1]
        return 2 * workload.batch * (workload.steps * wide * (2 * n_in + 3 * n) + 3 * n * classes)
    weights = _weights(workload)
    return 2 * workload.batch * (3 * sum(weights) - weights[0])


def step_bytes(workload: Workload) -> int:
    """Return the bytes a step must move if nothing stays in a register from pass to pass.

    Per weight: read forward, read for the input gradient (not in the first layer), gradient written
    and read, weight read and written by the update. Per hidden activation: written, read by the
    next layer, read for the weight gradient; its gradient written and read for both products. The
    batch itself is read twice. Of a recurrent layer every step has its activations.
    """
    weights = _weights(workload)
    hidden = sum(workload.widths[1:]) * workload.batch * max(1, workload.steps)
    batch = workload.widths[0] * workload.batch * max(1, workload.steps)
    return _FLOAT * (6 * sum(weights) - weights[0] + 6 * hidden + 2 * batch)


def working_set(workload: Workload) -> int:
    """Return the bytes of weights, gradients, activations and their gradients."""
    units = sum(workload.widths) * workload.batch * max(1, workload.steps)
    return _FLOAT * (2 * sum(_weights(workload)) + 2 * units)


def _weights(workload: Workload) -> list[int]:
    made = []
    for kind, n_in, n_out in workload.layers:
        if kind == "dense":
            made.append(n_in * n_out)
        elif kind in GATES:
            made.append(GATES[kind] * n_out * (n_in + n_out))
    return made
