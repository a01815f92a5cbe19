"""Batch norm after the activation: batches that are drawn, and networks that are measured."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.theory.after_norm import normalized
from nnscratch.theory.nonlinearity import nonlinearity
from nnscratch.theory.prediction import measure_gradient
from nnscratch.theory.spectrum import even_spectrum


def drawn(phi, c, batch, draws):
    """Return E phi'^2 / s^2 over units, and the same of what is left of a random gradient."""
    rng = np.random.default_rng(0)
    u = math.sqrt(c) * rng.standard_normal((draws, 1))
    u = u + math.sqrt(1 - c) * rng.standard_normal((draws, batch))
    value, slope = phi.value(u), phi.slope_square(u)
    variance = value.var(axis=1, keepdims=True)
    along = (value - value.mean(axis=1, keepdims=True)) ** 2 / variance
    left = slope * (1 - (1 + along) / batch) / variance
    return float(np.mean(slope / variance)), float(np.mean(left))


@pytest.mark.parametrize("name", ["tanh", "leaky_relu", "sigmoid", "identity"])
@pytest.mark.parametrize("batch", [30, 100])
def test_drawn_batches(name, batch):
    phi = nonlinearity(name)
    found = normalized(phi, 1.0, 0.0, 0.0)
    few = batch / (batch - 1) * even_spectrum(batch).inverse_mean()
    whole, left = drawn(phi, 0.0, batch, 300_000 // batch)
    rate = found.rate * found.uneven(few)
    assert rate == pytest.approx(whole, rel=1.3 / batch)
    assert rate * found.passed(0.0, batch) == pytest.approx(left, rel=1.3 / batch)


def test_linear_units_are_known_exactly():
    found = normalized(nonlinearity("identity"), 2.0, 0.5, 0.0)
    assert found.rate == pytest.approx(1.0)  # half of the variance is within the batch
    assert found.kurtosis == pytest.approx(3)
    assert found.aligned == pytest.approx(0, abs=1e-9)
    assert found.uneven(1.1) == pytest.approx(1.1)
    assert found.passed(0.2, 10) == pytest.approx(0.8 * 0.8)
    assert found.passed(0.0, math.inf) == 1


def test_units_that_share_an_input_differ_in_variance():
    phi = nonlinearity("tanh")
    whole, _ = drawn(phi, 0.7, 2000, 2000)
    assert normalized(phi, 1.0, 0.7, 0.0).rate == pytest.approx(whole, rel=0.03)
    assert normalized(phi, 1.0, 0.0, 0.0).rate < 0.7 * whole


@pytest.mark.parametrize(
    "name",
    ["tanh", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sigmoid", "leaky_relu"))],
)
@pytest.mark.parametrize("raw", [False, True])
def test_networks(name, raw):
    x, y, _, _ = nn.datasets.digits()
    x, y = x[:100], y[:100]
    if not raw:
        x = np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)

    def network(seed):
        parts, width = [], 64
        for _ in range(8):
            parts += [nn.Dense(width, 200, init="glorot_uniform"), nn.layers.activation(name)]
            parts.append(nn.BatchNorm(200))
            width = 200
        return nn.Sequential(*parts, nn.Dense(width, 10), seed=seed)

    found = nn.predict(network(0), x, y)
    measured = [np.log(measure_gradient(network(seed), x, y)) for seed in range(6)]
    off = np.abs(np.mean(measured, axis=0) - np.log(found.gradient_norm))
    assert np.all(off < 0.12) if not raw else np.all(off[2:] < 0.1)
    assert np.all(off < 0.3)


def test_tiny_batches_are_refused():
    model = nn.Sequential(nn.Dense(4, 9), nn.Tanh(), nn.BatchNorm(9), nn.Dense(9, 3))
    with pytest.raises(nn.ConfigError, match="batches of at least 5, got 4"):
        nn.predict(model, batch_size=4)
    assert nn.predict(model, batch_size=5).rate[0] > nn.predict(model).rate[0] > 1


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_examples_that_are_alike_are_as_of_a_linear_activation(name):
    phi = nonlinearity(name)
    alike = normalized(phi, 1.0, 1.0, 1e-3)
    assert alike.kurtosis == pytest.approx(3.0, abs=1e-3)
    assert alike.aligned == pytest.approx(0.0, abs=1e-3)
    dead = normalized(nonlinearity("relu"), 0.0, 0.5, 1e-3)
    assert (dead.rate, dead.kurtosis, dead.aligned) == (0.0, 3.0, 0.0)
