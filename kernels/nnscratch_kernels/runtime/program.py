"""A list of operations, divided among threads into segments; and its execution.

A segment is what may run without waiting: each of the `parts` lists in it needs nothing that
another list of the same segment writes. Between two segments everybody waits for everybody.

Whoever is free takes a list: first the one with its own number, so that a thread goes on with the
rows that are in its caches, then any that nobody has begun. A thread that comes late, or that the
operating system does not let run, therefore holds up only the list it has begun.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.jit import jit
from nnscratch_kernels.runtime.native import (
    atomic_add,
    atomic_claim,
    atomic_exchange,
    atomic_load,
    call_integer,
    integers,
    invoke,
    pause,
)
from nnscratch_kernels.vector.subnormals import arithmetic_mode, set_arithmetic_mode

Array = npt.NDArray[Any]

# The state that threads share: places in an int64 array, each on a cache line of its own.
LINE = 8
GENERATION, OPEN, ACTIVE, DONE, TAKEN = range(0, 5 * LINE, LINE)
JOB = 5 * LINE  # addresses of rows, starts and arguments; segments; parts; mode of arithmetic
CLAIMS = 6 * LINE  # for each list of a segment, how many segments have had theirs begun

# A row of a program: address of the operation, offset of its arguments, part, parts.
FUNCTION, ARGUMENTS, PART, PARTS = range(4)

# Waiting: look so many times (about 50 microseconds), then sleep so many microseconds a time, which
# lets the operating system move a thread that waits for a core to this one.
LOOKS = 3000
NAP = 20


class Program(NamedTuple):
    """What to run: lists[s * parts + p] to lists[s * parts + p + 1] are the rows of a list."""

    rows: Array
    lists: Array
    arguments: Array
    segments: int
    parts: int


def of_one(function: int, parts: int, words: list[int]) -> Program:
    """Return the program of one operation in so many parts."""
    rows = np.array([(function, 0, part, parts) for part in range(parts)], np.int64)
    return Program(rows, np.arange(parts + 1), np.array(words, np.int64), 1, parts)


def new_state(threads: int) -> Array:
    """Return the state of a team of so many threads."""
    return np.zeros(CLAIMS + threads * LINE, np.int64)


@jit
def run_rows(rows, first, last, arguments):  # type: ignore[no-untyped-def]
    """Run rows first to last - 1 of those at the address `rows`."""
    table = integers(rows)
    for i in range(first, last):
        k = 4 * i
        place = arguments + 8 * table[k + ARGUMENTS]
        invoke(table[k + FUNCTION], 0, place, table[k + PART], table[k + PARTS])


@jit
def run_alone(rows, lists, arguments):  # type: ignore[no-untyped-def]
    """Run a whole program on this thread."""
    run_rows(rows.ctypes.data, 0, lists[-1], arguments.ctypes.data)


@jit
def wait_until(state, place, least, rest):  # type: ignore[no-untyped-def]
    """Wait until state[place] >= least."""
    looks = 0
    while atomic_load(state, place) < least:
        looks += 1
        if looks < LOOKS:
            pause()
        else:
            call_integer(rest, NAP)


@jit
def take_part(state, me, rest):  # type: ignore[no-untyped-def]
    """Run lists of the open program until every one has been begun and all but the last are done.

    `me` is the number of this thread; `rest` the address of the function that sleeps, or 0.
    """
    rows, arguments, segments = state[JOB], state[JOB + 2], state[JOB + 3]
    lists, parts = integers(state[JOB + 1]), state[JOB + 4]
    if me >= parts:
        return
    if arithmetic_mode() != state[JOB + 5]:
        set_arithmetic_mode(state[JOB + 5])
    for segment in range(segments):
        wait_until(state, DONE, segment * parts, rest)
        for turn in range(parts):
            p = (me + turn) % parts
            claim = CLAIMS + p * LINE
            if atomic_load(state, claim) == segment and atomic_claim(
                state, claim, segment, segment + 1
            ):
                at = segment * parts + p
                run_rows(rows, lists[at], lists[at + 1], arguments)
                atomic_add(state, DONE, 1)


@jit
def post(state, rows, lists, arguments, segments, parts):  # type: ignore[no-untyped-def]
    """Open a program to the team."""
    state[JOB], state[JOB + 1] = rows.ctypes.data, lists.ctypes.data
    state[JOB + 2], state[JOB + 3], state[JOB + 4] = arguments.ctypes.data, segments, parts
    state[JOB + 5] = arithmetic_mode()
    for p in range(parts):
        state[CLAIMS + p * LINE] = 0
    state[DONE] = 0
    atomic_exchange(state, OPEN, 1)
    atomic_add(state, GENERATION, 1)


@jit
def lead(state, rows, lists, arguments, segments, parts, rest):  # type: ignore[no-untyped-def]
    """Run a program with the team, and return True when it is done and nobody looks at it.

    Return False if another thread has the team. One native call, so that what a signal handler of
    Python raises comes before it or after it, never while a program is open.
    """
    if not atomic_claim(state, TAKEN, 0, 1):
        return False
    post(state, rows, lists, arguments, segments, parts)
    take_part(state, 0, rest)
    wait_until(state, DONE, segments * parts, rest)
    atomic_exchange(state, OPEN, 0)
    looks = 0
    while atomic_load(state, ACTIVE) > 0:
        looks += 1
        if looks < LOOKS:
            pause()
        else:
            call_integer(rest, NAP)
    atomic_exchange(state, TAKEN, 0)
    return True


@jit
def serve(state, me, seen, looks, rest):  # type: ignore[no-untyped-def]
    """Take part in every program opened after the generation `seen`.

    Return the generation seen last when none has come for so many `looks`.
    """
    idle = 0
    while idle < looks:
        generation = atomic_load(state, GENERATION)
        if generation == seen:
            idle += 1
            pause()
            continue
        seen, idle = generation, 0
        # In this order: whoever closes a program waits for those who are active, and whoever comes
        # later finds it closed.
        atomic_add(state, ACTIVE, 1)
        if atomic_load(state, OPEN) == 1:
            take_part(state, me, rest)
        atomic_add(state, ACTIVE, -1)
    return seen
