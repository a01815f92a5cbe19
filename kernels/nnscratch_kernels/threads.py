"""How many threads a kernel may use, and when it must not use any.

A kernel that is worth splitting asks `enter`, which answers with a number of chunks: 1 means "run
where you are"; more means that the parallel region is the caller's until it calls `leave`. Results
are the same bits for every number of chunks, so falling back to 1 is always right. It happens

* after a fork: GNU OpenMP, which Numba runs on, aborts in a forked child, so children stay serial;
* while another Python thread is in the region: not every threading layer allows two at a time.

Nothing global of Numba's is changed, here or on import.
"""

from __future__ import annotations

import os
import threading

import numba

# More threads rarely pay for the products of small networks, which take 50 microseconds to a few
# milliseconds, and leaving cores alone makes for a good neighbour. Whoever trains something larger
# calls set_num_threads or sets NNSCRATCH_NUM_THREADS.
DEFAULT_LIMIT = 4
VARIABLE = "NNSCRATCH_NUM_THREADS"

_region = threading.Lock()
_threads = 1
_forked = False


def _available() -> int:
    """Cores this process may run on, and no more than Numba has started threads for."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return min(cores, int(numba.config.NUMBA_NUM_THREADS))


def _whole_number(what: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{what} is {value!r}; expected a whole number of at least 1")
    return value


def set_num_threads(n: int) -> None:
    """Let kernels use up to `n` threads; more than Numba can start count as all of them.

    `ValueError` if `n` is not a whole number of at least 1.
    """
    global _threads
    _threads = min(_whole_number("the number of threads", n), int(numba.config.NUMBA_NUM_THREADS))


def get_num_threads() -> int:
    """Return how many threads a large kernel uses; always 1 in a forked child process."""
    return 1 if _forked else _threads


def enter() -> int:
    """Return how many chunks to run; if more than 1, the caller must call `leave` afterwards."""
    if _threads == 1 or _forked or not _region.acquire(blocking=False):
        return 1
    return _threads


def leave() -> None:
    """Give the parallel region back."""
    _region.release()


def _after_fork() -> None:
    global _forked
    _forked = True


def _default() -> int:
    text = os.environ.get(VARIABLE)
    if text is None:
        return min(_available(), DEFAULT_LIMIT)
    return _whole_number(
        f"the environment variable {VARIABLE}", int(text) if text.isdecimal() else text
    )


set_num_threads(_default())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
