"""Schedules: the lists of a segment may run in any order, or at once, whoever writes to whom."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import nnscratch_kernels
from nnscratch_kernels.runtime import schedule
from nnscratch_kernels.runtime.calls import Call, written
from nnscratch_kernels.runtime.program import run_rows
from nnscratch_kernels.runtime.schedule import Scheduler, fastest
from nnscratch_kernels.runtime.sharing import OPERATIONS

COMPILED = nnscratch_kernels.load("numba")
PARTS = pytest.mark.parametrize("parts", [1, 2, 3, 4])


@pytest.fixture(autouse=True)
def _always_worth_it(monkeypatch):
    monkeypatch.setattr(schedule, "WORTH_TEAM", 0)


def noise(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def chain(times, batch=64, n=40, first=0):
    """A recurrent layer's way back: one weight, its gradient added to once for each time."""
    weight, weight_t = noise(1, n, n), np.empty((n, n), np.float32)
    dweight, dbias = noise(2, n, n), noise(3, n)
    dy = noise(4, batch, n)
    calls = []
    for t in range(first, times):
        x, dz, dx = noise(5 + t, batch, n), np.empty_like(dy), np.empty_like(dy)
        calls += [
            Call("tanh_backward", (dz, dy, x, x)),
            Call("dense_backward_parameters", (dweight, dbias, dz, x, t > 0)),
            Call("dense_backward_input", (dx, dz, weight, weight_t)),
        ]
        dy = dx
    return calls


def twice(kernel, *shapes, batch=64, n=40):
    """Two layers' gradients put off, and one call more that adds to those of the first."""
    calls = []
    for layer in (1, 2):
        gradients = [noise(10 * layer + i, *shape) for i, shape in enumerate(shapes)]
        x, dy, measured = noise(6, batch, n), noise(7, batch, n), noise(8, batch)
        rows = [measured] * (0 if kernel.startswith("dense") else len(shapes))
        arguments = (*gradients, dy, x, *rows)
        calls += [Call(kernel, (*arguments, False))] + [Call(kernel, (*arguments, True))] * layer
    return calls


def forks(batch=64, n=40):
    """A tensor of four consumers, whose gradients are added up one after the other."""
    x, total = noise(1, batch, n), np.empty((batch, n), np.float32)
    calls, parts = [], [np.empty_like(x) for _ in range(4)]
    for k, dx in enumerate(parts):
        calls.append(Call("tanh_backward", (dx, noise(2 + k, batch, n), x, x)))
    calls.append(Call("add_scaled", (total, parts[0], parts[1], 1.0)))
    calls.append(Call("add_scaled", (parts[0], total, parts[2], 1.0)))
    calls.append(Call("add_scaled", (total, parts[0], parts[3], -0.5)))
    slope, dslope = noise(9, 1), noise(9, 1)
    for accumulate in (False, True):
        calls.append(Call("prelu_backward", (parts[1], dslope, total, x, slope, accumulate)))
    return calls


CASES = {
    "recurrent": lambda: chain(9),
    "recurrent, few rows": lambda: chain(5, batch=5, n=300),
    "recurrent, narrow": lambda: chain(6, batch=200, n=7),
    "all added": lambda: chain(9, first=1),
    "dense": lambda: twice("dense_backward_parameters", (40, 40), (40,)),
    "dense, many": lambda: twice("dense_backward_parameters", (40, 40), (40,)) * 3,
    "dense, narrow": lambda: twice("dense_backward_parameters", (40, 40), (40,), batch=3) * 3,
    "layer norm": lambda: twice("layernorm_backward_parameters", (40,), (40,)) * 3,
    "RMS norm, wide": lambda: twice("rmsnorm_backward_parameters", (400,), n=400),
    "forks": forks,
}


def arrays_of(calls):
    """The arrays of the calls, each once."""
    return list({a.ctypes.data: a for call in calls for a in call.arrays if a.size}.values())


def passing(calls):
    """The addresses of what one call fills and another reads."""
    filled = {a.ctypes.data for call in calls for a in written(call)}
    return filled & {
        a.ctypes.data
        for call in calls
        for a, (mode, _) in zip(call.arrays, OPERATIONS[call.name].accesses, strict=True)
        if mode == "r"
    }


def run(program, order):
    """Run the lists of each segment one after the other, in some order."""
    for segment in range(program.segments):
        for part in order(range(program.parts)):
            at = segment * program.parts + part
            first, last = program.lists[at], program.lists[at + 1]
            run_rows(program.rows.ctypes.data, first, last, program.arguments.ctypes.data)


def made_by(calls, arrays):
    """What the calls make of the arrays, one after the other; these are as before."""
    before = [array.copy() for array in arrays]
    for call in calls:
        getattr(COMPILED, call.name)(*call.arguments)
    made = [array.copy() for array in arrays]
    for array, old in zip(arrays, before, strict=True):
        array[...] = old
    return made


def assert_made(calls, arrays, expected):
    """Whatever the calls fill but the scratch of weights is as expected, bit for bit."""
    scratch = {c.arguments[3].ctypes.data for c in calls if c.name == "dense_backward_input"}
    for array, wanted in zip(arrays, expected, strict=True):
        if array.ctypes.data not in scratch:
            np.testing.assert_array_equal(array, wanted)


@PARTS
@pytest.mark.parametrize("order", [list, reversed, lambda parts: [*parts][1:] + [*parts][:1]])
@pytest.mark.parametrize("case", CASES)
def test_several_writers_of_one_array_keep_their_order(case, parts, order):
    calls = CASES[case]()
    arrays = arrays_of(calls)
    expected = made_by(calls, arrays)
    scheduler = Scheduler(calls, np.dtype(np.float32), parts)
    program = scheduler.build()
    assert program.parts == parts
    run(program, order)
    assert_made(calls, arrays, expected)


@PARTS
@pytest.mark.parametrize("order", [list, reversed])
@pytest.mark.parametrize("wait", [0, 20_000])
@pytest.mark.parametrize("case", ["recurrent", "recurrent, few rows", "recurrent, narrow", "forks"])
def test_what_only_passes_through_takes_turns(case, wait, order, parts, monkeypatch):
    calls = CASES[case]()
    turns = passing(calls)
    arrays = [array for array in arrays_of(calls) if array.ctypes.data not in turns]
    expected = made_by(calls, arrays)
    monkeypatch.setattr(schedule, "PUT_OFF", wait)
    scheduler = Scheduler(calls, np.dtype(np.float32), parts, turns)
    run(scheduler.build(), order)
    places = {a.ctypes.data for call in scheduler.calls for a in written(call)}
    if not wait and case != "forks":
        assert len(places) < len({a.ctypes.data for call in calls for a in written(call)})
    assert_made(calls, arrays, expected)


@PARTS
@pytest.mark.parametrize("case", CASES)
def test_nothing_that_one_list_writes_is_touched_by_another(case, parts):
    """Whatever is whole on one thread: of what is split, each part has its own."""
    calls = CASES[case]()
    scheduler = Scheduler(calls, np.dtype(np.float32), parts, passing(calls))
    program = scheduler.build()
    _, starts = schedule._encode(scheduler.calls, scheduler.dtype)
    owner = dict(zip(starts, scheduler.calls, strict=True))
    for segment in range(program.segments):
        lists = program.lists[segment * parts : (segment + 1) * parts + 1]
        whole = [
            {int(row[1]) for row in program.rows[first:last] if row[3] == 1 and parts > 1}
            for first, last in itertools.pairwise(lists)
        ]
        writers = [{a.ctypes.data for k in mine for a in written(owner[k])} for mine in whole]
        for one in range(parts):
            for other in range(one):
                assert not writers[one] & writers[other]


@pytest.mark.parametrize(
    ("batch", "n", "threads", "taken"),
    [
        (64, 128, 2, 2),
        (64, 128, 8, 8),
        (64, 128, 16, 8),  # each of 16 would have 4 rows, and by columns all meet after each call
        (64, 128, 32, 8),
        (200, 128, 16, 16),
        (32, 1024, 16, 16),  # products so large that columns are worth it
    ],
)
def test_a_program_has_no_more_parts_than_it_gains_by(batch, n, threads, taken):
    calls = chain(6, batch=batch, n=n)
    program, kept = fastest(calls, np.dtype(np.float32), threads)
    assert program.parts == taken
    assert len(kept) == len(calls)
    others = [Scheduler(calls, np.dtype(np.float32), count) for count in (1, 2, 8, 16, 32)]
    for other in others:
        other.build()
    chosen = Scheduler(calls, np.dtype(np.float32), taken)
    chosen.build()
    within = [other for other in others if other.parts <= threads]
    assert chosen.nanoseconds == min(other.nanoseconds for other in within)


def test_time_is_that_of_the_longest_list_of_each_segment_and_of_the_meetings():
    scheduler = Scheduler(chain(3), np.dtype(np.float32), 4)
    scheduler.build()
    longest = [max(segment.loads) for segment in scheduler.segments]
    assert scheduler.nanoseconds == sum(longest) + 4 * schedule.MEETING * len(longest)
    alone = Scheduler(chain(3), np.dtype(np.float32), 1)
    alone.build()
    assert alone.nanoseconds == sum(alone.segments[0].loads)


def test_what_a_call_fills_is_what_it_writes_and_not_what_it_reads():
    y, x = np.empty((3, 4)), np.ones((3, 4))
    (filled,) = written(Call("relu_forward", (y, x)))
    assert filled is y
