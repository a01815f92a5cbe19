"""What is proposed for which illness, and how it is ranked."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import Candidate, LearningRate, Weights, read_plan
from nnscratch.curing.candidates import propose, select
from nnscratch.curing.forecast import Forecast, forecast
from nnscratch.initializers import get


def network(activation=nn.Tanh, init="he_normal", *, norm=False, depth=4, width=30):
    parts, n_in = [], 20
    for _ in range(depth):
        parts.append(nn.Dense(n_in, width, init=init))
        parts += [nn.BatchNorm(width)] if norm else []
        parts.append(activation())
        n_in = width
    return nn.Sequential(*parts, nn.Dense(n_in, 3, init=init))


def data(rows=40):
    rng = np.random.default_rng(0)
    return rng.standard_normal((rows, 20)).astype(np.float32), rng.integers(0, 3, rows)


def looked_at(model, optimizer):
    plan = read_plan(model, optimizer)
    return plan, forecast(plan, nn.SoftmaxCrossEntropy(), *data(), 20, 0)


def texts(model, optimizer, word, **options):
    plan, now = looked_at(model, optimizer)
    options = {"stalled": False, "rows": 20, **options}
    return [str(change) for change in propose(plan, now, [word], **options)]


def test_vanishing_sigmoid():
    found = texts(network(nn.Sigmoid, "glorot_normal"), nn.SGD(lr=0.1), "vanishing")
    # Sigmoid's own critical weights saturate its units, so they are not proposed.
    assert found == [
        "he_normal",
        "lecun_normal",
        "ELU, lecun_normal",
        "LeakyReLU, he_normal",
        "ReLU, he_normal",
        "Tanh, lecun_normal",
        "batch norm",
    ]


def test_critical_weights_come_first_and_once():
    found = texts(network(nn.ReLU, "normal"), nn.SGD(lr=0.1), "healthy")
    assert found[0] == "he_normal"
    assert found.count("he_normal") == 1
    assert "ReLU, he_normal" not in found


def test_batch_norm_can_only_go():
    found = texts(network(nn.ReLU, norm=True), nn.SGD(lr=0.1), "exploding")
    assert "no batch norm, he_normal" in found
    assert "lecun_normal" not in found  # batch norm undoes any scale


def test_batch_norm_needs_a_batch():
    assert "batch norm" not in texts(network(), nn.SGD(lr=0.1), "exploding", rows=4)


def test_divergence_asks_for_smaller_steps():
    found = texts(network(nn.ReLU), nn.SGD(lr=0.3, clip=nn.ClipByGlobalNorm(0.5)), "diverged")
    assert "lr=0.02" in found
    assert "clip to norm 0.05" in found


def test_updates_that_are_too_large_ask_for_smaller_steps():
    plan, now = looked_at(network(nn.ReLU, norm=True), nn.SGD(lr=30.0))
    found = propose(plan, now, ["healthy", "updates too large"], stalled=True, rows=20)
    (rate,) = [change for change in found if isinstance(change, LearningRate)]
    assert looked_at(network(nn.ReLU, norm=True), nn.SGD(lr=rate.lr))[1].promise < 0.2


def test_tiny_steps_ask_for_larger_ones():
    plan, now = looked_at(network(nn.ReLU), nn.SGD(lr=1e-6))
    changes = propose(plan, now, ["healthy"], stalled=True, rows=20)
    (rate,) = [change for change in changes if isinstance(change, LearningRate)]
    _, then = looked_at(network(nn.ReLU), nn.SGD(lr=rate.lr))
    assert 0.004 <= then.promise <= 0.011
    assert not any(
        isinstance(change, LearningRate)
        for change in propose(plan, now, ["healthy"], stalled=False, rows=20)
    )


def test_a_schedule_is_left_alone():
    found = texts(network(), nn.SGD(lr=nn.schedules.Cosine(1.0, 10)), "diverged")
    assert not any(text.startswith("lr=") for text in found)


def test_forecast_of_a_known_network():
    _, now = looked_at(network(nn.ReLU, nn.initializers.VarianceScaling(8.0)), nn.SGD(lr=0.1))
    assert now.ratio == pytest.approx(16, rel=0.3)  # 4 layers, 4 a layer on the square
    assert now.growth == pytest.approx(4**3, rel=0.05)
    assert now.strain > math.log(16)
    assert now.strain > looked_at(network(nn.ReLU), nn.SGD(lr=0.1))[1].strain + 3


def test_promise_of_gradient_descent():
    plan, now = looked_at(network(nn.ReLU), nn.SGD(lr=0.1))
    x, y = data()
    loss = plan.model(0).training_pass(x[:20], y[:20], nn.SoftmaxCrossEntropy())
    assert now.promise == pytest.approx(0.1 * now.gradient_norm**2 / loss, rel=1e-3)


def test_forecast_where_theory_is_silent():
    model = nn.Sequential(nn.Dense(20, 9), nn.Tanh(), nn.Tanh(), nn.Dense(9, 3))
    _, now = looked_at(model, nn.SGD(lr=0.1))
    assert now.prediction is None
    assert 0.1 < now.ratio < 10
    assert now.growth == 1
    assert math.isinf(now.trainable_depth)


def test_weights_of_zero():
    _, now = looked_at(network(nn.ReLU, "zeros"), nn.SGD(lr=0.1))
    assert now.strain == math.inf


def test_strain_of_nothing_at_all():
    assert Forecast(1.0, 1.0, 5, math.inf, 0.1, 1.0, None).strain == 0
    for ratio in (0.0, math.nan, math.inf):
        assert Forecast(ratio, 1.0, 5, math.inf, 0.1, 1.0, None).strain == math.inf


def test_every_kind_is_tried_before_any_twice():
    def candidate(name, kind, strain):
        change = SimpleNamespace(kind=kind, name=name)
        return Candidate(change, SimpleNamespace(strain=strain))

    made = [
        candidate("a", "weights", 1),
        candidate("b", "weights", 2),
        candidate("c", "activation", 4),
        candidate("d", "clipping", 9),
        candidate("e", "activation", 3),
    ]
    assert [one.change.name for one in select(made, 4)] == ["a", "b", "e", "d"]
    assert [one.change.name for one in select(made, 2)] == ["a", "e"]
    assert len(select(made, 99)) == 5


def test_names():
    assert str(Weights(get("he_normal"))) == "he_normal"
    assert str(Weights(nn.initializers.VarianceScaling(3.0))) == "VarianceScaling(3)"
