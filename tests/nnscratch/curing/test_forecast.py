"""What is known of a network before it is trained, and how much trouble that is."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import read_plan
from nnscratch.curing.forecast import Forecast, _through_time, forecast

from .proposals import LOSS, data, looked_at, network


def test_forecast_of_a_known_network():
    _, now = looked_at(network(nn.ReLU, nn.initializers.VarianceScaling(8.0)), nn.SGD(lr=0.1))
    assert now.ratio == pytest.approx(16, rel=0.3)  # 4 layers, 4 a layer on the square
    assert now.growth == pytest.approx(4**3, rel=0.05)
    assert now.strain > math.log(16)
    assert now.strain > looked_at(network(nn.ReLU), nn.SGD(lr=0.1))[1].strain + 3


def test_promise_of_gradient_descent():
    plan, now = looked_at(network(nn.ReLU), nn.SGD(lr=0.1))
    x, y = data()
    loss = plan.model(0).training_pass(x[:20], y[:20], LOSS)
    assert now.promise == pytest.approx(0.1 * now.gradient_norm**2 / loss, rel=1e-3)


def test_of_recurrent_layers_alone_the_first_and_the_last_are_measured():
    model = nn.Sequential(nn.LSTM(3, 5), nn.LSTM(5, 2), nn.LastStep())
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 6, 3)).astype(np.float32), rng.integers(0, 2, 20)
    plan = read_plan(model, nn.SGD(lr=0.1), LOSS)
    now = forecast(plan, x, y, 20, 0)
    trace = plan.model(0).trace(x, y, LOSS)
    first, last = (np.linalg.norm(trace[name].upstream) for name in ("0.lstm", "1.lstm"))
    assert now.ratio == pytest.approx(first / last, rel=1e-4)
    assert now.hidden == 1


def test_forecast_where_theory_is_silent():
    model = nn.Sequential(nn.Dense(20, 9), nn.RReLU(), nn.Tanh(), nn.Dense(9, 3))
    _, now = looked_at(model, nn.SGD(lr=0.1))
    assert now.prediction is None
    plan = read_plan(model, nn.SGD(lr=0.1), LOSS)
    x, y = data()
    trace = plan.model(0).trace(x[:20], y[:20], LOSS)
    first, last = (np.linalg.norm(trace[name].upstream) for name in ("0.dense", "3.dense"))
    assert now.ratio == pytest.approx(first / last, rel=1e-4)
    assert now.hidden == 1
    assert now.growth == 1
    assert math.isinf(now.trainable_depth)


def test_weights_of_zero():
    _, now = looked_at(network(nn.ReLU, "zeros"), nn.SGD(lr=0.1))
    assert now.strain == math.inf


def test_strain_of_nothing_at_all():
    assert Forecast(1.0, 1.0, 5, math.inf, 0.1, 1.0, None).strain == 0
    for ratio in (0.0, math.nan, math.inf):
        assert Forecast(ratio, 1.0, 5, math.inf, 0.1, 1.0, None).strain == math.inf


def test_strain_adds_up_what_is_trouble():
    def strain(ratio=1.0, growth=1.0, hidden=0, depth=math.inf, promise=0.5):
        return Forecast(ratio, growth, hidden, depth, promise, 1.0, None).strain

    assert strain() == 0
    assert strain(ratio=math.exp(2)) == strain(ratio=math.exp(-2)) == pytest.approx(2)
    assert strain(growth=math.exp(3)) == strain(growth=math.exp(-3)) == pytest.approx(1.5)
    assert strain(growth=0.0) == math.inf
    assert strain(hidden=6, depth=4.0) == pytest.approx(1.5)
    assert strain(hidden=1, depth=0.0) == pytest.approx(1000)
    assert strain(promise=0.99) == strain(promise=0.0) == strain(promise=-1.0) == 0
    assert strain(promise=math.exp(2)) == pytest.approx(2)  # only what is too long
    together = strain(math.exp(2), math.exp(3), 6, 4.0, math.exp(2))
    assert together == pytest.approx(2 + 1.5 + 1.5 + 2)


def test_a_signal_that_fades_is_ranked_behind_one_that_stays():
    # ReLU passes signal and gradient by the same factor, so the ends of the range tell: the
    # gradient's ratio alone would be half of what is wrong.
    _, small = looked_at(network(nn.ReLU, nn.initializers.VarianceScaling(0.5)), nn.SGD(lr=1e-3))
    gradient = abs(math.log(small.ratio))
    depth = small.hidden / small.trainable_depth
    assert small.strain == pytest.approx(gradient + abs(math.log(small.growth)) / 2 + depth)
    assert small.strain > gradient + depth + 1.5


def test_of_a_layer_through_time_that_nobody_can_measure_nothing_is_taken_off():
    """Somebody's own, whose gradient at each step is not known."""
    x = np.ones((2, 5, 3), np.float32)
    assert _through_time(nn.Sequential(nn.Dense(3, 2)), x, None) == 1.0
    assert _through_time(nn.Sequential(nn.RNN(3, 2)), x, None) != 1.0
