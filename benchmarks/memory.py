"""Peak memory of a contender, measured by itself in its own process.

`peak`: the most memory the process ever held: interpreter, libraries, compilers and the training.
`step`: the most it held *while training*, beyond what it held after a step of a small network with
the same kinds of layers: the weights, gradients, buffers and batch, and whatever the library keeps
around them. The small network comes first because libraries load much of themselves when used.

`step` needs Linux, where a process can ask for its peak to be counted anew.
"""

from __future__ import annotations

import gc
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # see proc(5)


class MemoryMeter:
    """`set_baseline` after the small network, `begin` before the steps, `read` after them."""

    def __init__(self) -> None:
        self.baseline = 0
        self.earlier_peak = 0
        self.began = False

    def set_baseline(self) -> None:
        """Note what the process holds now."""
        gc.collect()
        self.baseline = _status("VmRSS")

    def begin(self) -> None:
        """Start counting the peak of the steps."""
        gc.collect()
        self.earlier_peak = max(self.earlier_peak, _peak())
        try:
            _CLEAR.write_text(_RESET_PEAK)
            self.began = True
        except OSError:
            self.began = False

    def read(self) -> dict[str, int | None]:
        """Return `peak_memory_bytes` and `step_memory_bytes` (None where it cannot be known)."""
        now = _peak()
        step = max(0, now - self.baseline) if self.began and self.baseline else None
        return {
            "peak_memory_bytes": max(self.earlier_peak, now) or None,
            "step_memory_bytes": step,
        }


def _status(field: str) -> int:
    """Return a field of the process's status in bytes, 0 where there is none."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    for line in lines:
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _peak() -> int:
    peak = _status("VmHWM")
    if peak:
        return peak
    try:
        import resource
        import sys
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
