"""Student's interval against tables, and against what it promises."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments.claims import Quantity
from nnscratch.experiments.claims.intervals import interval, student_t


@pytest.mark.parametrize(
    ("degrees", "point"),
    [(1, 12.706), (2, 4.303), (10, 2.228), (11, 2.201), (15, 2.131), (29, 2.045), (120, 1.980)],
)
def test_points_of_the_table(degrees, point):
    assert student_t(degrees) == pytest.approx(point, abs=6e-4)


def test_mean_and_half_width():
    found = interval([1.0, 2.0, 3.0])
    assert found.mean == 2
    assert found.high - found.mean == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_covers_the_mean_in_95_of_100():
    draws = np.random.default_rng(0).normal(3.0, 2.0, (4000, 4))
    covered = np.mean([interval(row).meets(3.0, 3.0) for row in draws.tolist()])
    assert covered == pytest.approx(0.95, abs=0.012)


def test_what_is_not_finite_decides_nothing():
    found = interval([1.0, math.nan])
    assert math.isnan(found.mean)
    assert not any((found.above(0), found.below(5), found.within(-9, 9), found.meets(-9, 9)))


def test_one_seed_makes_no_interval():
    with pytest.raises(nn.ConfigError, match="at least 2 seeds"):
        interval([1.0])


def test_comparisons_are_of_the_whole_interval():
    found = interval([1.0, 1.1, 0.9])
    assert found.above(0.7)
    assert not found.above(1.0)
    assert found.below(1.3)
    assert not found.below(1.0)
    assert found.within(0.7, 1.3)
    assert not found.within(0.95, 1.3)
    assert found.meets(1.1, 5)
    assert not found.meets(2, 5)


def test_one_seed_has_a_mean_and_no_interval():
    one = Quantity("x", [3.5])
    assert one.mean == 3.5
    with pytest.raises(nn.ConfigError, match="at least 2 seeds, got 1"):
        _ = one.interval
