"""Schedules against their formulas, at the ends and in between."""

import itertools
import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.schedules import Constant, Cosine, Geometric, StepDecay, Warmup, as_schedule


def test_constant():
    assert [Constant(0.1)(step) for step in (0, 1, 10**6)] == [0.1] * 3


def test_step_decay():
    schedule = StepDecay(1.0, 0.5, every=3)
    assert [schedule(step) for step in range(8)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_cosine():
    schedule = Cosine(1.0, 100, final=0.2)
    assert schedule(0) == 1.0
    assert schedule(50) == pytest.approx(0.6)
    assert schedule(100) == schedule(1000) == 0.2
    rates = [schedule(step) for step in range(101)]
    assert all(later < earlier for earlier, later in itertools.pairwise(rates))
    # Symmetric about the middle.
    np.testing.assert_allclose(np.add(rates, rates[::-1]), 1.2)


def test_geometric_goes_by_one_factor():
    schedule = Geometric(0.001, 10.0, 5, first=2)
    rates = [0.001] * 3 + [0.01, 0.1, 1.0] + [10.0] * 3
    np.testing.assert_allclose([schedule(step) for step in range(9)], rates)


def test_warmup_rises_then_hands_over():
    schedule = Warmup(StepDecay(0.8, 0.5, every=2), steps=4)
    np.testing.assert_allclose(
        [schedule(step) for step in range(9)], [0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.4, 0.4, 0.2]
    )
    assert [Warmup(0.5, 2)(step) for step in range(4)] == [0.25, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant(-0.1),
        lambda: Constant(math.nan),
        lambda: Constant("0.1"),
        lambda: StepDecay(-1, 0.5, 3),
        lambda: StepDecay(1, 0, 3),
        lambda: StepDecay(1, 0.5, 0),
        lambda: StepDecay(1, 0.5, 1.5),
        lambda: Cosine(math.inf, 10),
        lambda: Cosine(1, 0),
        lambda: Cosine(1, 10, final=-1),
        lambda: Geometric(0, 1, 5),
        lambda: Geometric(1, 0, 5),
        lambda: Geometric(1, -1, 5),
        lambda: Geometric(1, 2, 1),
        lambda: Geometric(1, 2, 5, first=-1),
        lambda: Warmup(0.1, 0),
        lambda: Warmup(-0.1, 5),
        lambda: Warmup("fast", 5),
    ],
)
def test_nonsense_is_refused(make):
    with pytest.raises(nn.ConfigError, match="must be"):
        make()


def test_numbers_and_functions_are_schedules():
    assert as_schedule(np.float32(0.5))(7) == 0.5

    def rate(step):
        return 1 / (1 + step)

    assert as_schedule(rate) is rate
    with pytest.raises(nn.ConfigError, match="my rate must be a finite number >= 0, got nan"):
        as_schedule(math.nan, "my rate")
