"""Activation functions as theory sees them."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.layers import activation_names
from nnscratch.theory import critical_scale, nonlinearity
from nnscratch.theory.nonlinearity import with_dropout

U = np.concatenate([np.linspace(-5, -0.01, 40), np.linspace(0.01, 5, 40)])


@pytest.mark.parametrize("name", activation_names())
def test_slope_is_the_derivative_of_the_value(name):
    phi = nonlinearity(name)
    h = 1e-6
    numeric = (phi.value(U + h) - phi.value(U - h)) / (2 * h)
    np.testing.assert_allclose(phi.slope(U), numeric, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in activation_names() if name != "rrelu"])
def test_agrees_with_the_layer(name):
    phi = nonlinearity(name)
    layer = nn.layers.activation(name).initialize(0, np.float64)
    y, cache = layer.forward(U[None, :].copy())
    np.testing.assert_allclose(phi.value(U), y[0], rtol=1e-10, atol=1e-12)
    dx = layer.backward(np.ones((1, U.size)), cache)
    np.testing.assert_allclose(phi.slope(U), dx[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(phi.square(U), phi.value(U) ** 2)
    np.testing.assert_allclose(phi.slope_square(U), phi.slope(U) ** 2)


@pytest.mark.parametrize("convention", ["divisor", "slope"])
def test_rrelu_averages_over_its_slopes(convention):
    layer = nn.RReLU(convention)
    phi = nonlinearity(layer)
    drawn = np.random.default_rng(0).uniform(layer.low, layer.high, 400_000)
    slopes = 1 / drawn if convention == "divisor" else drawn
    negative = np.array([-2.0])
    assert phi.slope(negative)[0] == pytest.approx(slopes.mean(), rel=1e-3)
    assert phi.slope_square(negative)[0] == pytest.approx(np.mean(slopes**2), rel=2e-3)
    assert phi.square(negative)[0] == pytest.approx(4 * np.mean(slopes**2), rel=2e-3)
    if convention == "divisor":
        assert phi.slope(negative)[0] == pytest.approx(math.log(8 / 3) / 5)


def test_prelu_and_leaky_relu_agree():
    np.testing.assert_array_equal(
        nonlinearity(nn.PReLU(initial=0.2)).value(U), nonlinearity(nn.LeakyReLU(0.2)).value(U)
    )


def test_dropout_leaves_the_mean_and_raises_the_squares():
    phi = with_dropout(nonlinearity("relu"), 1 / 0.7)
    np.testing.assert_array_equal(phi.value(U), nonlinearity("relu").value(U))
    np.testing.assert_allclose(phi.square(U), nonlinearity("relu").square(U) / 0.7)
    assert phi != nonlinearity("relu")


def test_equal_by_name():
    assert nonlinearity("relu") == nonlinearity(nn.ReLU())
    assert nonlinearity(nn.ELU(0.5)) != nonlinearity("elu")
    assert len({nonlinearity("tanh"), nonlinearity(nn.Tanh())}) == 1


def test_a_class_written_anew_is_another_function():
    def with_slope(slope):
        class Mine(nn.Layer):
            role = "activation"

            def forward(self, x, training=False):
                return slope * x, None

            def backward(self, dy, cache, accumulate=False, input_gradient=True):
                return slope * dy

        return Mine()

    first, second = (nonlinearity(with_slope(slope)) for slope in (0.5, 0.1))
    assert first.name == second.name
    assert first != second
    assert first == nonlinearity(with_slope(0.5))
    assert with_dropout(first, 2.0) != with_dropout(second, 2.0)
    models = [nn.Sequential(nn.Dense(8, 8), with_slope(s), nn.Dense(8, 8)) for s in (0.5, 0.1)]
    rates = [nn.predict(model).regime.rate for model in models]
    assert rates == pytest.approx([0.25, 0.01])


def test_so_is_one_that_says_its_slopes():
    """Critical weights are kept by activation: 2 / (1 + slope^2) of each."""

    def with_slope(slope):
        class Mine(nn.PReLU):
            def slope_moments(self):
                return slope, slope**2

        return Mine()

    first, second = (nonlinearity(with_slope(slope)) for slope in (0.5, 0.1))
    assert first.name == second.name
    assert first != second
    scales = [critical_scale(phi) for phi in (first, second, first)]
    assert scales == pytest.approx([1.6, 2 / 1.01, 1.6], rel=1e-6)


def test_errors():
    with pytest.raises(nn.ConfigError, match="did you mean 'tanh'"):
        nonlinearity("tanhh")
    with pytest.raises(nn.ConfigError, match="element by element"):
        nonlinearity(nn.Dense(3, 3))
