"""How many threads a kernel may use. The threads themselves: `nnscratch_kernels.runtime.team`."""

from __future__ import annotations

import os

# More threads rarely pay for the products of small networks, which take 50 microseconds to a few
# milliseconds, and leaving cores alone makes for a good neighbour. Whoever trains something larger
# calls set_num_threads or sets NNSCRATCH_NUM_THREADS.
DEFAULT_LIMIT = 4
VARIABLE = "NNSCRATCH_NUM_THREADS"

_threads = 1


def available() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _whole_number(what: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{what} is {value!r}; expected a whole number of at least 1")
    return value


def set_num_threads(n: int) -> None:
    """Let kernels use up to `n` threads; more than there are cores count as all of them.

    `ValueError` if `n` is not a whole number of at least 1.
    """
    global _threads
    _threads = min(_whole_number("the number of threads", n), available())


def get_num_threads() -> int:
    """Return how many threads a large kernel uses."""
    return _threads


def _default() -> int:
    text = os.environ.get(VARIABLE)
    if text is None:
        return min(available(), DEFAULT_LIMIT)
    return _whole_number(
        f"the environment variable {VARIABLE}", int(text) if text.isdecimal() else text
    )


set_num_threads(_default())
