"""Training until the order of two symbols is known, and the ladder of recurrent networks."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments import order
from nnscratch.experiments import recurrent_ladder as ladder


def learned(lr, clip=None, updates=500, **options):
    model = order.network(nn.RNN(6, 30), seed=0)
    optimizer = nn.SGD(lr=lr, clip=clip)
    return order.learn(model, optimizer, length=10, updates=updates, seed=0, **options)


def test_a_short_order_is_learned_and_training_ends_there():
    found = learned(0.1, nn.ClipByGlobalNorm(1.0), updates=3000)
    assert found.solved
    assert found.right[-1] >= order.SOLVED
    assert all(right < order.SOLVED for right in found.right[:-1])
    assert found.updates == order.EVERY * len(found.right) == len(found.loss)


def test_what_learns_nothing_is_not_solved():
    found = learned(1e-6)
    assert not found.solved
    assert math.isinf(found.updates)
    assert len(found.loss) == 500
    assert found.right[-1] < 0.4


def test_what_diverges_has_not_learned():
    model = order.network(nn.RNN(6, 10), seed=0)
    model.params.flat[...] = np.nan
    found = order.learn(model, nn.SGD(lr=0.1), length=10, updates=250, seed=0)
    assert not found.solved
    assert found.right == (0.0,)


def test_the_same_seed_gives_the_same_run():
    assert learned(0.05).loss == learned(0.05).loss


@pytest.mark.parametrize("rung", ladder.LADDER, ids=lambda rung: rung.name)
def test_each_rung_is_what_its_label_says(rung):
    settings = ladder.Settings(length=15, width=20)
    model = ladder.build(rung, settings)
    assert model[0].kind == rung.kind
    assert len(model[0].params["recurrent_weight"]) == 20
    if rung.kind == "lstm":
        gates = model[0].gate("f", model.params["0.bias"])
        np.testing.assert_array_equal(gates, rung.forget_bias)


def test_critical_weights_keep_the_gradient():
    rung = next(rung for rung in ladder.LADDER if rung.name == "tanh-critical")
    settings = ladder.Settings(length=120, width=300)
    (layer,) = ladder.foresee(rung, settings).layers
    assert layer.rate == pytest.approx(1, abs=0.02)


def test_unknown_rungs_and_short_sequences_are_refused():
    with pytest.raises(nn.ConfigError, match="did you mean 'gru'"):
        ladder.select(["grue"])
    with pytest.raises(nn.ConfigError, match="length must be at least 10"):
        ladder.foresee(ladder.LADDER[0], ladder.Settings(length=5))


def test_what_is_looked_at_was_never_learned(monkeypatch):
    asked = []
    made = order.datasets.temporal_order

    def noted(examples, length, seed):
        asked.append(seed)
        return made(40, length, seed)

    monkeypatch.setattr(order.datasets, "temporal_order", noted)
    for seed in (0, 1, 999, 1000, 1001, 1002):
        del asked[:]
        model = order.network(nn.RNN(6, 4), seed=seed)
        order.learn(model, nn.SGD(lr=1e-6), length=10, updates=2000, seed=seed)
        assert len(asked) == len(set(asked)) == 1 + 2000 // order.EVERY
