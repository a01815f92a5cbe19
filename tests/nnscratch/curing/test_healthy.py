"""What learns already: when changes are tried all the same, and what they must bring."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import LearningRate, Run, cure, read_plan
from nnscratch.curing.conditions import conditions_of
from nnscratch.curing.report import Cure
from nnscratch.curing.search import _Search
from nnscratch.curing.trials import run_trial
from nnscratch.flow.findings import Finding

from .patients import LOSS, network

FALLS = [*np.linspace(2.3, 0.1, 300)]
ENDED = [2.3, 1.0, *[0.1] * 298]


@pytest.fixture(scope="module")
def shown(digits):
    """A search for a healthy network, and a trial of it."""
    x, y, (held_x, held_y) = digits
    model = network(nn.ReLU, "he_normal", 2)
    c = conditions_of(model, x, y, None, (held_x, held_y), batch_size=20, steps=60, seed=0)
    plan = read_plan(model, nn.SGD(lr=0.05), LOSS)
    return plan, c, run_trial(plan, None, _Search(plan, c, 3, None).forecast(plan), c)


def outcome(shown, monkeypatch, before, best=1.0, steps=300, losses=FALLS, found=()):
    """Return whether anything was tried, and whether it was kept, by skills before and after."""
    plan, c, trial = shown
    trial = replace(trial, findings=replace(trial.findings, findings=found))
    search, tried = _Search(plan, replace(c, steps=steps), 3, None), []

    def with_skill(skill, change):
        runs = tuple(Run(losses, skill, math.nan) for _ in range(3))
        return replace(trial, runs=runs, change=change)

    def searched(self, start):
        tried.append(start)
        return with_skill(best, LearningRate(0.1))

    monkeypatch.setattr(_Search, "begun", lambda self: with_skill(before, None))
    monkeypatch.setattr(_Search, "_search", searched)
    monkeypatch.setattr(_Search, "_judge", lambda self, before, best: best)
    made = search.run()
    assert not made.sick
    return bool(tried), made.best is not None


@pytest.mark.parametrize(
    ("before", "steps", "losses", "tried"),
    [
        (0.79, 300, FALLS, True),  # after so many steps it should have learned more
        (0.81, 300, FALLS, False),
        (0.4, 299, FALLS, False),  # it has only begun
        (0.94, 300, ENDED, True),
        (0.96, 300, ENDED, False),
        (0.3, 60, ENDED, True),
    ],
)
def test_what_learns_is_left_to_learn_on(shown, monkeypatch, before, steps, losses, tried):
    assert outcome(shown, monkeypatch, before, 1.0, steps, losses) == (tried, tried)


@pytest.mark.parametrize("kind", ["output activation", "too few steps"])
def test_what_cannot_reach_its_answers_is_not_left_to_learn_on(shown, monkeypatch, kind):
    notice = Finding(kind, "notice", (), 0, "It is so.")
    tried = kind == "output activation"
    assert outcome(shown, monkeypatch, 0.94, found=(notice,)) == (tried, tried)


@pytest.mark.parametrize("losses", [FALLS, ENDED])
@pytest.mark.parametrize(("best", "kept"), [(0.75, False), (0.77, True)])
def test_a_change_of_what_is_healthy_brings_a_fifth_of_what_it_lacks(
    shown, monkeypatch, losses, best, kept
):
    assert outcome(shown, monkeypatch, 0.7, best, losses=losses) == (True, kept)


@pytest.mark.parametrize(
    "foreseen", [{"prediction": SimpleNamespace(word="vanishing")}, {"in_time": 1e-9}]
)
@pytest.mark.parametrize(("skill", "sick"), [(0.79, True), (0.81, False)])
def test_theory_does_not_call_sick_what_has_learned_well(shown, foreseen, skill, sick):
    _, c, trial = shown
    runs = (Run(ENDED, skill, math.nan),)
    before = replace(trial, runs=runs, forecast=replace(trial.forecast, **foreseen))
    made = Cure(before=before, trials=(), ranking=(), best=None, conditions=c)
    assert made.sick == sick


def test_what_learns_slowly_is_told_of_what_is_quicker():
    """A sine by plain descent at a small rate: going on for four times as long brings little."""
    x = np.linspace(0, 2 * np.pi, 60)[:, None].astype(np.float32)
    model = nn.Sequential(nn.Dense(1, 8), nn.Tanh(), nn.Dense(8, 1), seed=1)
    options = {"batch_size": 60, "steps": 500, "progress": False}
    found = cure(model, nn.MeanSquaredError(), nn.SGD(lr=0.01), x, np.sin(x), **options)
    assert not found.sick
    assert found.before.skill < 0.8
    assert found.best.skill > 0.9
