"""Rates with batch norm: closed forms, limits, and the quadrature that covers all the others."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.theory import batchnorm
from nnscratch.theory.nonlinearity import nonlinearity


@pytest.mark.parametrize(
    ("batch", "rate"), [(8, 1.788), (16, 1.590), (32, 1.522), (64, 1.493), (200, 1.475)]
)
def test_known_rates_of_relu(batch, rate):
    assert batchnorm.relu_rate(batch) == pytest.approx(rate, abs=5e-4)


@pytest.mark.parametrize("batch", [5, 8, 64, 200, 5000])
def test_quadrature_agrees_with_the_closed_forms(batch):
    assert batchnorm.rate("relu", batch) == pytest.approx(batchnorm.relu_rate(batch), rel=1e-10)
    linear = batchnorm.linear_rate(batch)
    assert linear == (batch - 2) / (batch - 3)
    assert batchnorm.rate("identity", batch) == pytest.approx(linear, rel=1e-10)


@pytest.mark.parametrize(("batch", "rate"), [(8, 1.20), (64, 1.016)])
def test_known_rates_without_activation(batch, rate):
    assert batchnorm.linear_rate(batch) == pytest.approx(rate, abs=5e-4)


@pytest.mark.parametrize(
    ("activation", "rate"),
    [
        ("tanh", 1.178),
        ("sigmoid", 1.034),
        ("elu", 1.079),
        ("selu", 1.072),
        ("leaky_relu", 1.453),
        (nn.LeakyReLU(0.2), 1.243),
        ("softsign", 1.244),
    ],
)
def test_known_limits_for_large_batches(activation, rate):
    # 1.24350 to 1.24355 for leaky ReLU 0.2 is given as 1.243.
    assert batchnorm.large_batch_rate(activation) == pytest.approx(rate, abs=6.5e-4)


def test_relu_with_endless_batches():
    limit = math.pi / (math.pi - 1)
    assert limit == pytest.approx(1.467, abs=5e-4)
    assert math.sqrt(limit) == pytest.approx(1.211, abs=5e-4)
    assert batchnorm.large_batch_rate("relu") == pytest.approx(limit, rel=1e-12)
    assert batchnorm.relu_rate(10**7) == pytest.approx(limit, rel=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "elu", "gelu", "rrelu"])
def test_rates_fall_with_the_batch_to_their_limit_and_stay_above_1(activation):
    rates = [batchnorm.rate(activation, batch) for batch in (5, 8, 20, 100, 3000)]
    assert rates == sorted(rates, reverse=True)
    limit = batchnorm.rate(activation)
    assert rates[-1] == pytest.approx(limit, rel=2e-3)
    assert rates[-1] > limit > 1


def test_small_batches_are_refused():
    with pytest.raises(nn.ConfigError, match="at least 5, got 4"):
        batchnorm.rate("relu", 4)
    with pytest.raises(nn.ConfigError, match="batch_size must be a whole number"):
        batchnorm.relu_rate(8.5)


def test_what_passes_under_another_norm_goes_over_to_its_limit():
    """The gradients that arrive are correlated too: the terms of products count in the limit."""
    kept = {
        "square": 1.0,
        "product": 0.2,
        "slope_square": 0.7,
        "slope_product": 0.3,
        "along_square": 0.5,
    }
    limit = batchnorm.BatchMoments(None, **kept, along_product=0.1)
    wide = batchnorm.BatchMoments(10**7, **kept, along_product=0.1)
    for correlation in (0.0, 0.4, -0.2):
        assert limit.passed(correlation) == pytest.approx(0.7 - correlation * 0.4)
        assert wide.passed(correlation) == pytest.approx(limit.passed(correlation), abs=1e-6)


@pytest.mark.parametrize("batch", [5, 12])
def test_moments_of_a_batch_are_those_of_points_on_a_sphere(batch):
    """Drawn ones, of mean 0 and mean square 1."""
    y = np.random.default_rng(0).standard_normal((400_000, batch))
    y -= y.mean(axis=1, keepdims=True)
    y /= np.sqrt(np.mean(y * y, axis=1, keepdims=True))
    values, slopes = np.tanh(y), 1 - np.tanh(y) ** 2

    def of_pairs(values):
        """The mean of the products of two, of all pairs of a batch."""
        sums, squares = values.sum(axis=1) ** 2, (values**2).sum(axis=1)
        return float(np.mean(sums - squares)) / (batch * (batch - 1))

    found = batchnorm.batch_moments(nonlinearity("tanh"), batch)
    drawn = {"": values, "slope_": slopes, "along_": y * slopes}
    for name, each in drawn.items():
        assert getattr(found, f"{name}square") == pytest.approx(np.mean(each**2), rel=2e-3)
        assert getattr(found, f"{name}product") == pytest.approx(of_pairs(each), rel=4e-3)
