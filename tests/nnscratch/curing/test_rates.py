"""Rates beside the best one are climbed as long as that brings more."""

import math

import pytest

import nnscratch as nn
from nnscratch.curing import LearningRate, Run, Trial, read_plan
from nnscratch.curing.rates import climbed
from nnscratch.schedules import Geometric

PLAN = read_plan(nn.Sequential(nn.Dense(4, 2)), nn.SGD(lr=0.1), nn.MeanSquaredError())


def trial_at(skills, change=None, plan=PLAN):
    plan = plan if change is None else change.apply(plan)
    skill = skills.get(plan.lr, 0.0) if not callable(plan.lr) else 0.5
    return Trial(change, plan, None, (Run([1.0], skill, math.nan),), None, None, None)


@pytest.mark.parametrize(
    ("skills", "reached", "asked"),
    [
        ({0.1: 0.3, 0.2: 0.4, 0.5: 0.5, 1: 0.6}, 1, [0.2, 0.5, 1, 1, 0.2]),
        ({0.1: 0.3, 0.2: 0.4, 0.5: 0.41}, 0.2, [0.2, 0.5, 0.05]),  # so little is no difference
        ({0.1: 0.3, 0.02: 0.4, 0.005: 0.5}, 0.005, [0.2, 0.02, 0.005, 0.001]),
        ({0.1: 0.3, 0.2: 0.79, 0.5: 1.0}, 0.5, [0.2, 0.5]),  # and then it is good
        ({0.1: 0.81, 0.2: 1.0, 0.02: 0.85}, 0.02, [0.02, 0.005]),  # it learns well: no haste
        ({0.1: 0.81, 0.02: 0.951, 0.005: 1.0}, 0.02, [0.02]),
        ({0.1: 0.951, 0.2: 1.0}, 0.1, []),
    ],
)
def test_rates_are_climbed_both_ways_as_long_as_each_does_better(skills, reached, asked):
    made = []

    def tried(change):
        made.append(change.lr)
        return trial_at(skills, change)

    assert climbed(trial_at(skills), tried).plan.lr == reached
    assert [round(rate, 9) for rate in made] == asked


@pytest.mark.parametrize("rate", [0.0, Geometric(0.1, 0.01, 100)])
def test_there_is_nothing_to_climb_without_a_constant_rate(rate):
    plan = LearningRate(rate).apply(PLAN)
    start = trial_at({}, plan=plan)
    assert climbed(start, None) is start
