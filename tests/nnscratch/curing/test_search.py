"""How the search goes on from what it has tried."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import initializers
from nnscratch.curing import (
    ClipGradient,
    LearningRate,
    NewOutput,
    NormMomentum,
    RemoveBatchNorm,
    Run,
    StandardInputs,
    Trial,
    read_plan,
    together,
)
from nnscratch.curing.conditions import conditions_of
from nnscratch.curing.rates import new_rates
from nnscratch.curing.search import _Search
from nnscratch.curing.trials import run_trial

from .patients import cured, network


def test_what_was_asked_for_is_tried_again_where_other_things_are_right(monkeypatch, capsys):
    """A linear output that runs away at this rate helps at another, and more at a third."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (80, 2)).astype(np.float32)
    y = (x[:, :1] * x[:, 1:] + 0.5).astype(np.float32)
    model = nn.Sequential(nn.Dense(2, 8), nn.Tanh(), nn.Dense(8, 1), nn.Sigmoid())
    optimizer = nn.SGD(lr=0.01)

    def made(self, change):
        text, first = str(change), self.plan
        skills = {"None": 0.3, "lr": 0.6, "MeanSquaredError on a linear output": -0.1}
        both = "lr" in text and "linear output" in text
        learned = 0.79 if "lr=0.5" in text else 0.7
        skill = learned if both else skills.get("lr" if "lr=" in text else text, 0.0)
        plan = first if change is None else change.apply(first)
        runs = tuple(Run([1.0, 0.9], skill, math.nan) for _ in range(3))
        return replace(self.shown, change=change, plan=plan, runs=runs)

    plan = read_plan(model, optimizer, nn.MeanSquaredError())
    c = conditions_of(model, x, y, None, None, batch_size=20, steps=20, seed=0)
    search = _Search(plan, c, 9, None)
    forecast = search.forecast(plan)
    search.shown = run_trial(plan, None, forecast, c)
    assert "epoch" not in capsys.readouterr().err  # a cure tells of its trials, not of their steps
    monkeypatch.setattr(_Search, "_try", made)
    monkeypatch.setattr("nnscratch.curing.search.tested_rates", lambda *_: (0.2, math.nan))
    monkeypatch.setattr("nnscratch.curing.search.new_rates", lambda *_: [])
    best = search._search(search._try(None))
    assert "linear output" in str(best.change)
    assert best.skill == 0.79


@pytest.mark.parametrize(
    ("first", "optimizer", "adam"),
    [
        (nn.LSTM(4, 8), nn.SGD(lr=0.1), True),
        (nn.LSTM(4, 8), nn.RMSProp(lr=0.1), False),
        (nn.Dense(4, 8), nn.SGD(lr=0.1), False),
    ],
)
def test_recurrent_layers_by_plain_steps_get_those_of_adam_too(monkeypatch, first, optimizer, adam):
    monkeypatch.setattr("nnscratch.curing.rates.tested_rates", lambda *_: (0.01, 0.002))
    plan = read_plan(nn.Sequential(first, nn.Dense(8, 2)), optimizer, nn.MeanSquaredError())
    made = [str(change) for change in new_rates(SimpleNamespace(plan=plan), None)]
    assert any("Adam" in one for one in made) == adam


def test_a_gentler_rate_that_was_tried_already_is_judged_once(digits, monkeypatch):
    """It was told apart by nothing but its place, and looked for where it stood no more."""
    monkeypatch.setattr("nnscratch.curing.search.gentler_rate", lambda plan: plan.lr)
    found = cured(network(nn.ReLU, "he_normal", 2), nn.SGD(lr=1e-5), digits, steps=60, tries=2)
    assert found.best is not None
    assert len(found.best.runs) == 3
    assert len({id(trial) for trial in found.trials}) == len(found.trials)


def test_a_part_that_changes_nothing_beside_another_is_left_out(monkeypatch):
    """Without the norm its momentum is none: the plan is the same, and pruning comes to an end."""
    model = nn.Sequential(nn.Dense(4, 8), nn.BatchNorm(8), nn.Tanh(), nn.Dense(8, 2), seed=0)
    plan = read_plan(model, nn.SGD(lr=0.1), nn.MeanSquaredError())

    def tried(self, change):
        runs = (Run([1.0], 0.5 if "no batch norm" in str(change) else 0.0, math.nan),)
        return Trial(change, change.apply(plan), None, runs, None, None, None)

    monkeypatch.setattr(_Search, "_try", tried)
    search = _Search(plan, None, 5, None)
    changes = NormMomentum(0.9), RemoveBatchNorm(initializers.get("he_normal"))
    best = search._pruned(search.tried(together(*changes)))
    assert str(best.change) == "no batch norm, he_normal"
    assert best in search.trials
    assert len(search.trials) == 1


@pytest.mark.parametrize(("skill", "left"), [(0.491, "lr=0.5"), (0.489, "lr=0.5 + clip to norm 2")])
def test_a_part_that_brings_less_than_a_hundredth_is_left_out(monkeypatch, skill, left):
    plan = read_plan(nn.Sequential(nn.Dense(4, 2)), nn.SGD(lr=0.1), nn.MeanSquaredError())
    both = together(LearningRate(0.5), ClipGradient(2.0))

    def tried(self, change):
        got = 0.5 if change is both else skill if "lr" in str(change) else 0.0
        runs = (Run([1.0], got, math.nan),)
        return Trial(change, change.apply(plan), None, runs, None, None, None)

    monkeypatch.setattr(_Search, "_try", tried)
    search = _Search(plan, None, 5, None)
    assert str(search._pruned(search.tried(both)).change) == left


@pytest.mark.parametrize(("end", "left"), [(nn.ReLU, True), (nn.Sigmoid, False)])
def test_an_output_that_may_begin_dead_goes_whatever_it_brings(monkeypatch, end, left):
    """With these weights a rectifier at the output does; with others it may not."""
    plan = read_plan(nn.Sequential(nn.Dense(4, 2), end()), nn.SGD(lr=0.1), nn.MeanSquaredError())

    def tried(self, change):
        runs = (Run([1.0], 0.5 if "lr" in str(change) else 0.0, math.nan),)
        return Trial(change, change.apply(plan), None, runs, None, None, None)

    monkeypatch.setattr(_Search, "_try", tried)
    search = _Search(plan, None, 5, None)
    both = together(NewOutput(nn.MeanSquaredError), LearningRate(0.5))
    said = str(search._pruned(search.tried(both)).change)
    assert said == ("MeanSquaredError on a linear output + lr=0.5" if left else "lr=0.5")


def test_what_is_named_and_learns_nothing_is_tried_at_other_rates():
    start, still = (SimpleNamespace(change=None, skill=0.0, learns=False) for _ in range(2))
    moves = SimpleNamespace(change=None, skill=0.5, learns=True)
    search = object.__new__(_Search)
    search.tried, search._at_new_rates = lambda change: still, lambda trial: moves
    assert search._with(start, [StandardInputs()]) == (moves, [])
    search.tried, search._at_new_rates = lambda change: moves, None
    assert search._with(start, [StandardInputs()]) == (moves, [])
