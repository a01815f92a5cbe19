"""Trials of changes, each once, and Ctrl-C in them."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import LearningRate, read_plan
from nnscratch.curing.bench import Bench, Interrupted
from nnscratch.curing.conditions import conditions_of
from nnscratch.curing.trials import SEEDS

STEPS = 5


class Pressed(nn.Callback):
    """Watches trials, and presses Ctrl-C at one of their steps."""

    def __init__(self):
        self.told, self.left = [], -1

    def begin(self, label, runs=1):
        self.told.append((label, runs))

    def on_step(self, trainer, step):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def end(self, trial):
        self.told.append(len(trial.runs))


@pytest.fixture
def bench():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 4)).astype(np.float32), rng.integers(0, 3, 60)
    model = nn.Sequential(nn.Dense(4, 6), nn.Tanh(), nn.Dense(6, 3), seed=0)
    plan = read_plan(model, nn.SGD(lr=0.1), nn.SoftmaxCrossEntropy())
    c = conditions_of(model, x, y, None, None, batch_size=20, steps=STEPS, seed=0)
    return Bench(plan, c, Pressed())


@pytest.mark.parametrize("step", [1, STEPS + 2])  # of the first run; of one with another seed
def test_ctrl_c_before_anything_is_known_is_raised(bench, step):
    bench.watch.left = step
    with pytest.raises(KeyboardInterrupt):
        bench.begun()


def test_ctrl_c_in_a_trial_ends_it_and_keeps_the_others(bench):
    first = bench.tried(LearningRate(0.2))
    bench.watch.left = 2
    with pytest.raises(Interrupted):
        bench.tried(LearningRate(0.4))
    assert bench.trials == [first]
    bench.watch.left = 2
    with pytest.raises(Interrupted):
        bench.repeated(first)
    assert bench.trials == [first]


def test_a_plan_is_tried_once_and_repeated_with_the_seeds_that_are_left(bench):
    first = bench.tried(LearningRate(0.2))
    assert bench.tried(LearningRate(0.2)) is first
    assert bench.trials == [first]
    assert len(bench.repeated(first).runs) == SEEDS
    label = str(LearningRate(0.2))
    told = [(label, 1), 1, (f"{label}, other seeds", SEEDS - 1), SEEDS]
    assert bench.watch.told == told
    assert bench.changed(None) is bench.plan
