"""How much memory there is, asked before much of it is taken."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from nnscratch_records.errors import TooLargeError

DEFLATED = 1032  # times as long as its compressed bytes deflate makes something at most
GROUP = Path("/sys/fs/cgroup")
WORTH_ASKING = 1 << 26  # bytes below which nobody is asked: the answer takes 0.1 ms


def require(what: str, size: int) -> None:
    """Raise `TooLargeError` if `what` needs so many bytes and they are not there."""
    if size <= WORTH_ASKING:
        return
    there = available()
    if there is None and size > sys.maxsize:  # more than any computer can address
        there = sys.maxsize
    if there is not None and size > there:
        raise TooLargeError(f"{what} needs {amount(size)} of memory, and {amount(there)} are free")


def available() -> int | None:
    """Return how many bytes this process may still take; None where nobody can say."""
    known = (_of_machine(), _of_group(), _of_limit())
    return min((size for size in known if size is not None), default=None)


def amount(size: float) -> str:
    """Return `size` in bytes in words: ``1.50 GB``."""
    size = min(size, 1e300)  # beyond floats there are whole numbers still
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB" if size < 1e6 else f"{size:.1e} TB"


def _of_machine() -> int | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        sizes = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
        return 1024 * sum(int(sizes[name].split()[0]) for name in ("MemAvailable", "SwapFree"))
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_group() -> int | None:
    """What a container or control group of Linux leaves: version 2, then version 1."""
    for most, used, names in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
            left = int((GROUP / most).read_text()) - int((GROUP / used).read_text())
            stat = (GROUP / most).with_name("memory.stat").read_text().split()
            return left + int(stat[stat.index(names) + 1])  # what files keep can be had
    return None


def _of_limit() -> int | None:
    """What `ulimit -v` leaves."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            return max(0, most - pages * resource.getpagesize())
    return None
