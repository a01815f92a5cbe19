"""Dropout and the randomized leaky ReLU: the two layers that draw noise."""

import math

import numpy as np
import pytest

import nnscratch as nn

SHAPE = (400, 500)  # 200,000 draws: the mean of a uniform one is known to 0.0007


def minus_one_through(layer, dtype=np.float64):
    layer.initialize(3, dtype)
    y, cache = layer.forward(-np.ones(SHAPE, dtype), training=True)
    return -y, layer.backward(np.ones(SHAPE, dtype), cache)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rrelu_as_in_the_paper_divides_by_a_uniform_number(dtype):
    layer = nn.RReLU()
    slopes, dx = minus_one_through(layer, dtype)
    divisors = 1 / slopes
    assert divisors.min() >= 3 - 1e-5
    assert divisors.max() <= 8 + 1e-5
    assert divisors.mean() == pytest.approx(5.5, abs=5 * (5 / math.sqrt(12)) / math.sqrt(200_000))
    assert np.quantile(divisors, 0.25) == pytest.approx(4.25, abs=0.02)
    assert slopes.mean() == pytest.approx(math.log(8 / 3) / 5, abs=0.001)  # 0.1962, not 0.1818
    assert np.array_equal(dx, slopes)  # the same draw backward
    assert layer.evaluation_slope == 1 / 5.5


def test_rrelu_can_draw_the_slope_itself():
    layer = nn.RReLU(convention="slope")
    slopes, dx = minus_one_through(layer)
    assert slopes.min() >= 1 / 8
    assert slopes.max() <= 1 / 3
    assert slopes.mean() == pytest.approx(11 / 48, abs=0.001)
    assert np.quantile(slopes, 0.25) == pytest.approx(1 / 8 + (1 / 3 - 1 / 8) / 4, abs=0.001)
    assert np.array_equal(dx, slopes)
    assert layer.evaluation_slope == pytest.approx(0.2292, abs=5e-5)


@pytest.mark.parametrize("convention", ["divisor", "slope"])
def test_rrelu_leaves_positive_numbers_alone_and_evaluates_with_one_slope(convention):
    layer = nn.RReLU(convention, low=0.5, high=1.5).initialize(0, np.float64)
    y, cache = layer.forward(np.array([[2.0, 3.0]]), training=True)
    assert y.tolist() == [[2.0, 3.0]]
    assert layer.backward(np.array([[5.0, 7.0]]), cache).tolist() == [[5.0, 7.0]]
    y, cache = layer.forward(np.array([[-2.0, 3.0]]))
    assert y.tolist() == [[-2.0, 3.0]]  # the middle of 0.5 and 1.5, in both conventions
    assert layer.backward(np.array([[5.0, 7.0]]), cache).tolist() == [[5.0, 7.0]]


def test_rrelu_with_equal_bounds_is_leaky_relu():
    layer = nn.RReLU(low=4, high=4).initialize(0, np.float64)
    assert layer.forward(np.array([[-2.0]]), training=True)[0].item() == -0.5


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dropout_drops_at_the_rate_and_keeps_the_mean(rate, dtype):
    kept, dx = minus_one_through(nn.Dropout(rate), dtype)
    dropped = kept == 0
    sd = math.sqrt(rate * (1 - rate) / kept.size)
    assert dropped.mean() == pytest.approx(rate, abs=5 * sd)
    np.testing.assert_allclose(kept[~dropped], 1 / (1 - rate), rtol=1e-6)
    assert np.array_equal(dx, kept)  # the same draw backward


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_dropout_that_drops_nothing_copies_nothing_and_draws_nothing(rate, training):
    layer = nn.Dropout(rate).initialize(0)
    before = layer.noise.bit_generator.state
    x = np.ones((2, 3), np.float32)
    y, cache = layer.forward(x, training=training)
    assert y is x
    assert layer.backward(x, cache) is x
    assert layer.noise.bit_generator.state == before


@pytest.mark.parametrize("make", [lambda: nn.Dropout(0.5), nn.RReLU])
def test_each_pass_draws_anew_and_a_seed_repeats_them(make):
    x = -np.ones((3, 5), np.float32)
    first, again = make().initialize(1), make().initialize(1)
    draws = [first.forward(x, training=True)[0].copy() for _ in range(2)]
    assert not np.array_equal(*draws)
    assert np.array_equal(draws[0], again.forward(x, training=True)[0])


def test_two_noisy_layers_of_a_model_draw_different_noise():
    model = nn.Sequential(nn.Dropout(0.5), nn.Identity(), nn.Dropout(0.5), seed=0)
    trace = model.trace(np.ones((8, 8), np.float32), np.zeros((8, 8), np.float32), quadratic)
    first = trace["0.dropout"].output > 0
    second = trace["2.dropout"].output > 0
    assert (first & ~second).any()  # the second drops what the first kept


def quadratic(y, target):
    return float((y**2).sum() / 2), y.copy()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Dropout(1), "Dropout rate must be a finite number >= 0 and < 1, got 1"),
        (lambda: nn.Dropout(-0.1), "Dropout rate must be a finite number >= 0 and < 1, got -0.1"),
        (lambda: nn.Dropout(None), "Dropout rate must be a finite number"),
        (lambda: nn.RReLU("divider"), "did you mean 'divisor'"),
        (lambda: nn.RReLU(low=0), "RReLU low must be a finite number > 0, got 0"),
        (lambda: nn.RReLU(low=9), "RReLU high must be a finite number >= 9, got 8"),
        (lambda: nn.RReLU("slope", low=0.5), "RReLU high must be a finite number >= 0.5, got 0.33"),
    ],
)
def test_wrong_options_are_refused(make, message):
    with pytest.raises(nn.ConfigError, match=message):
        make()


def test_representations_say_the_options():
    assert repr(nn.Dropout(0.25)) == "Dropout(0.25)"
    assert repr(nn.RReLU()) == "RReLU(convention='divisor', low=3, high=8)"
