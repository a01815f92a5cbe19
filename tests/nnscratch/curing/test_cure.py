"""`cure`: sick networks get better, the report says so, and whoever asks keeps what he has."""

import json
from dataclasses import replace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import cure, objection

from .patients import LOSS, cured, network, pasted
from .plans import Pull


@pytest.fixture(scope="module")
def vanishing(digits):
    return cured(network(nn.Sigmoid, "glorot_normal", 8), nn.SGD(lr=0.05), digits, seed=3)


def test_a_vanishing_gradient_is_cured(vanishing):
    found = vanishing
    assert found.sick
    assert found.before.reading.word == "vanishing"
    assert found.best is not None
    assert found.best.skill > found.before.skill + 0.3
    assert found.best.accuracy > found.before.accuracy + 0.3
    assert len(found.best.runs) == len(found.before.runs) == 3
    last = found.best.losses[-len(found.best.losses) // 10 :]
    assert found.best.loss == np.mean(last) < found.before.loss
    assert objection(found.best, found.before) == ""


def test_the_printed_lines_do_what_was_tried_bit_for_bit(vanishing, digits):
    _, history = pasted(vanishing, *digits[:2])
    assert history.loss == vanishing.best.losses


def test_models_and_optimizers_are_those_of_the_lines(vanishing, digits):
    names, _ = pasted(vanishing, *digits[:2])
    assert repr(vanishing.model()) == repr(names["model"])
    assert repr(vanishing.optimizer()) == repr(names["optimizer"])
    assert repr(vanishing.loss()) == repr(names["loss"])
    seeds = [vanishing.model(seed).params.flat for seed in (None, 3, 4)]
    assert np.array_equal(seeds[0], seeds[1])
    assert not np.array_equal(seeds[1], seeds[2])


def test_what_is_frozen_keeps_its_weights_through_a_cure(digits):
    x, y, _ = digits
    trunk = nn.Sequential(nn.Dense(64, 24), nn.ReLU(), nn.Dense(24, 10), seed=1)
    nn.Trainer(trunk, LOSS, nn.SGD(lr=0.1)).fit(x, y, epochs=3, batch_size=20, progress=False)
    deep = (part for _ in range(6) for part in (nn.Dense(24, 24, init="normal"), nn.Sigmoid()))
    model = nn.Sequential(nn.Dense(64, 24), nn.ReLU(), *deep, nn.Dense(24, 10), seed=2)
    nn.keep_frozen(trunk, model, {"0.dense": "0.dense"})
    found = cured(model, nn.SGD(lr=0.05), digits, tries=1)
    assert found.best.skill > found.before.skill + 0.1
    assert found.before.forecast.prediction is None  # theory knows no weights that were learned
    names, history = pasted(found, x, y, model=model)
    assert history.loss == found.best.losses
    for made in (names["model"], found.model(), found.model(5)):
        assert made.frozen == ("0.dense",)
        assert made.layers["1.relu"].kind == "relu"
        for key in ("0.weight", "0.bias"):
            assert np.array_equal(made.params[key], trunk.params[key])


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (0.94, "the loss falls from 1 to 0.94"),
        (0.96, "the loss hardly falls, from 1 to 0.96"),
        (1.04, "the loss does not fall, from 1 to 1.04"),
        (np.inf, "the loss goes from 1 to inf"),
    ],
)
def test_a_diagnosis_says_how_the_loss_went(vanishing, last, said):
    run = replace(vanishing.before.runs[0], losses=[1.0] * 90 + [last] * 10)
    found = replace(vanishing, before=replace(vanishing.before, runs=(run,)))
    assert said in found.diagnosis


def test_report(vanishing):
    printed = repr(vanishing)
    assert max(map(len, printed.splitlines())) <= 88
    assert "Diagnosis: predicted vanishing" in printed
    assert "vanishing" in vanishing.before.ills
    assert "skill " in vanishing.diagnosis
    assert "where a constant has 0 and what is perfect 1" in vanishing.diagnosis
    assert "KEPT" in printed
    assert "(the mean of 3 runs)" in printed
    removed = "\n".join(before for before, _ in vanishing.changes)
    assert 'init="glorot_normal"' in removed
    numbers = json.loads(json.dumps(vanishing.to_dict(), allow_nan=False))
    assert numbers["lines"] == vanishing.lines
    assert numbers["trials"][0]["word"] == "vanishing"
    assert len(numbers["trials"]) == len(vanishing.trials) + 1
    strains = [row["strain"] for row in numbers["ranking"] if row["strain"] is not None]
    assert strains == sorted(strains)
    figure = vanishing.plot()
    assert figure._repr_png_().startswith(b"\x89PNG")
    gids = [line.get_gid() for line in figure.axes[0].get_lines()]
    assert gids.count("predicted") >= 1


def test_the_users_model_is_left_as_it_is(digits):
    model, optimizer = network(nn.ReLU, "he_normal", 2), nn.SGD(lr=0.05)
    weights = model.params.flat.copy()
    found = cured(model, optimizer, digits, steps=60)
    assert np.array_equal(model.params.flat, weights)
    assert optimizer.steps == 0
    # And it is healthy and still learns: nothing was tried.
    assert not found.sick
    assert found.trials == ()
    assert found.best is None
    assert found.lines == []
    assert found.changes == []
    more = "its loss still falls: train longer, 240 steps say"
    assert found.verdict == f"healthy: nothing to change; {more}"
    assert found.longer == 240
    assert "Verdict: healthy: nothing to change" in repr(found)
    assert repr(found.model()) == repr(model)
    assert repr(found.loss()) == repr(LOSS)
    assert found.plot()._repr_png_().startswith(b"\x89PNG")


@pytest.mark.slow
def test_too_large_a_rate(digits):
    found = cured(network(nn.ReLU, "he_normal", 3), nn.SGD(lr=5.0), digits, tries=4)
    assert found.before.diverged
    assert found.before.forecast.prediction.word == "healthy"
    assert found.best is not None
    assert found.best.plan.lr <= 1
    assert any(line.startswith("optimizer = nn.") for line in found.lines)


@pytest.mark.slow
def test_same_seed_same_cure(digits):
    def once():
        model = network(nn.Tanh, nn.initializers.Normal(0.02), 4)
        found = cured(model, nn.SGD(lr=0.1), digits, steps=40, tries=2)
        return [trial.losses for trial in (found.before, *found.trials)]

    assert once() == once()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 19}, "steps must be a whole number >= 20, got 19"),
        ({"tries": 0}, "tries must be a whole number >= 1"),
        ({"batch_size": 0}, "batch_size must be a whole number >= 1"),
        ({"validation": 3}, r"validation must be a pair \(x, y\)"),
    ],
)
def test_bad_arguments(options, said, digits):
    with pytest.raises(nn.ConfigError, match=said):
        cured(network(nn.ReLU, "he_normal", 1), nn.SGD(lr=0.1), digits, **options)


def test_bad_data():
    with pytest.raises(nn.ShapeError, match="x has 3 features"):
        cure(
            network(nn.ReLU, "he_normal", 1), LOSS, nn.SGD(lr=0.1), np.zeros((4, 3)),
            np.zeros(4, dtype=int), batch_size=2,
        )  # fmt: skip


class Impatient:
    """A loss that presses Ctrl-C at one of its calls."""

    def __init__(self, at):
        self.left = at

    def __call__(self, logits, labels):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return LOSS(logits, labels)


def interrupted(at, digits):
    x, y, _ = digits
    model = network(nn.Sigmoid, "glorot_normal", 8, width=16)
    options = {"batch_size": 20, "steps": 20, "progress": False}
    return cure(model, Impatient(at), nn.SGD(lr=0.1), x, y, **options)


def test_ctrl_c_in_the_first_trial(digits):
    with pytest.raises(KeyboardInterrupt):
        interrupted(5, digits)


def test_ctrl_c_keeps_what_was_tried(digits):
    seen = set()
    for at in (150, 400):  # in the range tests and forecasts; among the trials
        found = interrupted(at, digits)
        assert found.interrupted
        assert "Interrupted: not all changes were tried." in repr(found)
        seen.add(len(found.trials))
    assert len(seen) == 2


@pytest.mark.slow
def test_rates_by_layer_are_trained_with_and_printed(digits):
    model = network(nn.Sigmoid, "glorot_normal", 8)
    optimizer = nn.SGD(lr=0.05, rates={"0": 0.5, "16": 2.0})
    found = cured(model, optimizer, digits, seed=3)
    assert found.best is not None
    rates = found.optimizer().rates
    assert [rates["0.dense"], *rates.values()] == [0.5, 0.5, 2.0]
    _, history = pasted(found, *digits[:2])
    assert history.loss == found.best.losses


def test_a_penalty_of_ones_own_is_trained_with(digits):
    def found(penalty):
        optimizer = nn.SGD(lr=0.1)
        return cured(network(nn.ReLU, "he_normal", 1), optimizer, digits, steps=20, tries=1,
                     penalty=penalty)  # fmt: skip

    pull = Pull(0.1)
    pulled, free = found(pull), found(None)
    assert pull.calls == 0
    assert pulled.before.losses[0] == free.before.losses[0]
    assert pulled.before.losses[-1] > free.before.losses[-1] + 0.05
    assert "no penalty" in {str(one.change) for one in pulled.ranking}


def test_a_penalty_that_goes_is_told_in_the_lines(digits):
    optimizer, heavy = nn.SGD(lr=0.1), nn.Penalty(l2=3.0)
    found = cured(network(nn.ReLU, "he_normal", 1), optimizer, digits, tries=2, penalty=heavy)
    assert "no penalty" in str(found.best.change)
    assert found.lines[-1] == "# trainer.fit(...) without the penalty among its callbacks"
