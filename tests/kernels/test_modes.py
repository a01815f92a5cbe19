"""A thread's mode of arithmetic: what it controls, and nothing of what has happened in it."""

import numba
import numpy as np
import pytest

from nnscratch_kernels.vector import subnormals

pytestmark = pytest.mark.skipif(not subnormals.CONTROLLED, reason="processor without such a mode")
LEAST = 2.0**-1022  # half of it is subnormal
HAPPENED, TO_ZERO = 0x003F, 0x6000  # what is remembered of results; how they are rounded


@numba.njit(error_model="numpy")
def mode_after(a, b):
    """Product and quotient, and the mode that they leave."""
    return a * b, a / b, subnormals.arithmetic_mode()


@pytest.mark.parametrize(
    ("a", "b"),
    [(np.inf, 0.0), (1.0, 0.0), (1e308, 1e-9), (1e-308, 1e9), (1.0, 3.0), (5e-324, 2.0)],
    ids=["invalid", "by zero", "overflow", "underflow", "inexact", "subnormal"],
)
def test_what_has_happened_is_no_part_of_the_mode(a, b):
    *_, mode = mode_after(a, b)
    assert mode & HAPPENED == 0
    assert mode & subnormals.INPUTS_AND_RESULTS == 0


@pytest.mark.parametrize(
    ("bits", "a", "b", "product"),
    [
        (0, LEAST, 0.5, LEAST / 2),
        (0x8000, LEAST, 0.5, 0.0),  # a subnormal result is zero
        (0x8000, LEAST / 2, 2.0, LEAST),
        (0x0040, LEAST / 2, 2.0, 0.0),  # a subnormal factor is
        (0x0040, LEAST, 0.5, LEAST / 2),
        (subnormals.INPUTS_AND_RESULTS, LEAST / 2, 2.0, 0.0),
        (TO_ZERO, 1.0 + 2.0**-52, 1.0 - 2.0**-53, 1.0),
    ],
)
def test_a_mode_is_told_as_it_was_set_and_left_again(bits, a, b, product):
    usual = mode_after(1.0, 1.0)[-1]
    subnormals.go_on_in(usual | bits)
    try:
        found, _, told = mode_after(a, b)
    finally:
        subnormals.go_on_in(usual)
    assert told == usual | bits
    assert found == product
    assert mode_after(a, b)[::2] == (a * b, usual)
