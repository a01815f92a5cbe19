"""Arrays that take turns in the same memory: none that is read before, after or in part."""

import itertools

import numpy as np
import pytest

import nnscratch_kernels
from nnscratch_kernels.runtime.calls import Call
from nnscratch_kernels.runtime.reuse import in_turns

nnscratch_kernels.load("numba")  # whose modules declare what is written


def array(n=16, rows=4):
    return np.zeros((rows, n), np.float32)


def address(a):
    return a.__array_interface__["data"][0]


def chain(arrays):
    """Each array is filled from the one before it."""
    return [Call("scaled", (y, x, 2.0)) for x, y in itertools.pairwise(arrays)]


def places(calls):
    """The distinct addresses of what the calls fill."""
    return {address(call.arguments[0]) for call in calls}


def test_two_blocks_do_for_a_chain_of_any_length():
    arrays = [array() for _ in range(20)]
    made = in_turns(chain(arrays), {address(a) for a in arrays[1:-1]}, wait=0)
    assert len(places(made[:-1])) == 2
    for call, follower in itertools.pairwise(made):
        assert call.arguments[0] is not call.arguments[1]
        assert address(call.arguments[0]) == address(follower.arguments[1])
        assert address(call.arguments[0]) != address(call.arguments[1])
    assert made[0].arguments[1] is arrays[0]  # what does not pass stays where it is
    assert made[-1].arguments[0] is arrays[-1]


def test_a_block_waits_until_enough_others_were_left():
    arrays = [array() for _ in range(40)]
    size = arrays[0].nbytes
    made = in_turns(chain(arrays), {address(a) for a in arrays[1:-1]}, wait=5 * size)
    filled = [address(call.arguments[0]) for call in made[:-1]]
    apart = [
        filled.index(place, i + 1) - i for i, place in enumerate(filled) if place in filled[i + 1 :]
    ]
    assert min(apart) == max(apart) == 7  # six were left since it was filled, itself among them


def test_an_array_of_another_size_takes_no_block_of_these():
    arrays = [array(16), array(16), array(8), array(16), array(8), array(16)]
    calls = [
        *chain(arrays[:2]),
        Call("split", (arrays[2], array(8), arrays[1])),
        Call("concatenate", (arrays[3], arrays[2], array(8))),
        Call("split", (arrays[4], array(8), arrays[3])),
        Call("concatenate", (arrays[5], arrays[4], array(8))),
    ]
    made = in_turns(calls, {address(a) for a in arrays[1:5]}, wait=0)
    assert [call.arguments[0].shape for call in made] == [c.arguments[0].shape for c in calls]
    sizes = {}
    for call in made:
        sizes.setdefault(call.arguments[0].nbytes, set()).add(address(call.arguments[0]))
    assert not set.intersection(*sizes.values())


def test_what_is_read_before_it_is_filled_stays():
    a, b, c = array(), array(), array()
    calls = [Call("add_scaled", (b, a, c, 1.0)), Call("scaled", (c, b, 1.0))]
    made = in_turns(calls, {address(c), address(b)}, wait=0)
    assert made[0].arguments[2] is c
    assert made[1].arguments[0] is c
    assert address(made[0].arguments[0]) != address(b)


def test_what_a_call_reads_and_fills_at_once_stays():
    a = array()
    made = in_turns([Call("scaled", (a, a, 2.0))], {address(a)}, wait=0)
    assert made[0].arguments[0] is made[0].arguments[1] is a


@pytest.mark.parametrize("first", ["whole", "part"])
def test_what_is_used_in_part_stays(first):
    whole, x = array(rows=8), array(rows=8)
    part, given = whole[4:], x[4:]
    calls = [Call("scaled", (whole, x, 1.0)), Call("scaled", (part, given, 1.0))]
    made = in_turns(calls if first == "whole" else calls[::-1], {address(whole)}, wait=0)
    assert any(call.arguments[0] is whole for call in made)
    assert any(call.arguments[0] is part for call in made)


def test_one_that_begins_within_another_stays_with_it():
    whole, x = array(rows=8), array(rows=8)
    part = whole[4:]
    calls = [Call("scaled", (whole, x, 1.0)), Call("scaled", (part, x[4:], 1.0))]
    made = in_turns(calls, {address(whole), address(part)}, wait=0)
    assert made[0].arguments[0] is whole
    assert made[1].arguments[0] is part


def test_views_of_other_shapes_share_the_place():
    x, y = array(16, 4), array(16, 4)
    calls = [Call("scaled", (y, x, 1.0)), Call("scaled", (array(8, 8), y.reshape(8, 8), 1.0))]
    made = in_turns(calls, {address(y)}, wait=0)
    assert address(made[0].arguments[0]) == address(made[1].arguments[1]) != address(y)
    assert made[1].arguments[1].shape == (8, 8)


def test_the_place_is_as_large_as_the_largest_view():
    x, y = array(rows=8), array(rows=8)
    calls = [Call("scaled", (y, x, 1.0)), Call("scaled", (array(), y[:4], 1.0))]
    made = in_turns(calls, {address(y)}, wait=0)
    assert made[0].arguments[0].shape == (8, 16)
    assert address(made[0].arguments[0]) == address(made[1].arguments[1]) != address(y)


def test_a_view_of_nothing_is_no_use():
    x, y = array(), array()
    calls = [Call("scaled", (array(rows=0), y[:0], 1.0)), *chain([x, y, array()])]
    made = in_turns(calls, {address(y)}, wait=0)
    assert address(made[1].arguments[0]) == address(made[2].arguments[1]) != address(y)
