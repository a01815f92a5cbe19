"""Moments and bounds of the plain distributions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnscratch.initializers as init
from nnscratch.errors import ConfigError
from nnscratch.initializers.distributions import TRUNCATED_VARIANCE

SHAPE = (150, 140)
COUNT = SHAPE[0] * SHAPE[1]
Z = math.erf(math.sqrt(2.0))
PDF2 = math.exp(-2.0) / math.sqrt(2.0 * math.pi)
KURTOSIS = {
    "normal": 3.0,
    "uniform": 1.8,
    "truncated_normal": (3.0 - 28.0 * PDF2 / Z) / TRUNCATED_VARIANCE**2,
}
seeds = st.integers(0, 2**32 - 1)
stds = st.floats(1e-3, 1e3)
means = st.floats(-10.0, 10.0)
few = settings(max_examples=25, deadline=None, derandomize=True)


def assert_moments(values: np.ndarray, mean: float, variance: float, distribution: str) -> None:
    """Mean and variance of independent draws agree within 5 standard errors."""
    assert abs(values.mean() - mean) < 5.0 * math.sqrt(variance / values.size)
    error = variance * math.sqrt((KURTOSIS[distribution] - 1.0) / values.size)
    assert abs(np.square(values - mean).mean() - variance) < 5.0 * error


def draw(initializer: init.Initializer, seed: int) -> np.ndarray:
    return initializer(SHAPE, np.random.default_rng(seed), np.float64)


@few
@given(seed=seeds, std=stds, mean=means)
def test_normal(seed: int, std: float, mean: float) -> None:
    initializer = init.Normal(std, mean)
    assert initializer.variance(*SHAPE) == pytest.approx(std**2)
    values = draw(initializer, seed)
    assert_moments(values, mean, initializer.variance(*SHAPE), "normal")
    beyond = np.mean(np.abs(values - mean) > 2.0 * std)
    assert abs(beyond - (1.0 - Z)) < 5.0 * math.sqrt(Z * (1.0 - Z) / COUNT)


@few
@given(seed=seeds, low=means, width=stds)
def test_uniform(seed: int, low: float, width: float) -> None:
    initializer = init.Uniform(low, low + width)
    values = draw(initializer, seed)
    assert initializer.variance(*SHAPE) == pytest.approx(width**2 / 12.0)
    assert_moments(values, low + width / 2.0, initializer.variance(*SHAPE), "uniform")
    assert values.min() >= low
    assert values.max() <= low + width
    assert np.ptp(values) > 0.998 * width


@few
@given(seed=seeds, std=stds, mean=means)
def test_truncated_normal(seed: int, std: float, mean: float) -> None:
    initializer = init.TruncatedNormal(std, mean)
    values = draw(initializer, seed)
    assert_moments(values, mean, initializer.variance(*SHAPE), "truncated_normal")
    largest = np.abs(values - mean).max()
    assert 1.98 * std < largest <= 2.0 * std * (1.0 + 1e-9) + 1e-14


def test_truncated_variance_is_that_of_the_density() -> None:
    z = np.linspace(-2.0, 2.0, 200_001)
    density = np.exp(-(z**2) / 2.0)
    assert np.average(z**2, weights=density) == pytest.approx(TRUNCATED_VARIANCE, abs=1e-4)
    assert pytest.approx(0.77374, abs=5e-6) == TRUNCATED_VARIANCE
    assert init.TruncatedNormal(0.5).variance(3, 4) == pytest.approx(0.25 * TRUNCATED_VARIANCE)


def test_truncation_redraws_instead_of_clipping_or_dropping() -> None:
    values = draw(init.TruncatedNormal(1.0), 0)
    plain = draw(init.Normal(1.0), 0)
    inside = np.abs(plain) <= 2.0
    np.testing.assert_array_equal(values[inside], plain[inside])
    assert np.unique(values).size == COUNT


def test_constants() -> None:
    rng = np.random.default_rng(0)
    state = rng.bit_generator.state
    assert (init.Zeros()((3, 4), rng) == 0.0).all()
    assert (init.Constant(2.5)((3, 4), rng) == 2.5).all()
    assert init.Zeros().variance(3, 4) == init.Constant(2.5).variance(3, 4) == 0.0
    assert rng.bit_generator.state == state


def test_zero_spread_is_the_mean() -> None:
    for initializer in (init.Normal(0.0, 3.0), init.TruncatedNormal(0.0, 3.0)):
        assert (draw(initializer, 0) == 3.0).all()
        assert initializer.variance(3, 4) == 0.0


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: init.Constant(math.nan), "value of Constant"),
        (lambda: init.Constant("1"), "value of Constant"),
        (lambda: init.Normal(-1.0), "std of Normal"),
        (lambda: init.Normal(math.nan), "std of Normal"),
        (lambda: init.Normal(1.0, math.inf), "mean of Normal"),
        (lambda: init.Uniform(math.nan, 1.0), "low of Uniform"),
        (lambda: init.Uniform(0.0, math.inf), "high of Uniform"),
        (lambda: init.Uniform(1.0, 1.0), "low < high"),
        (lambda: init.Uniform(2.0, 1.0), "got low=2, high=1"),
        (lambda: init.Uniform(-1.5e308, 1.5e308), "finite range"),
        (lambda: init.TruncatedNormal(-0.1), "std of TruncatedNormal"),
        (lambda: init.TruncatedNormal(1.0, math.nan), "mean of TruncatedNormal"),
        (lambda: init.TruncatedNormal(True), "std of TruncatedNormal"),
    ],
)
def test_bad_parameters_are_refused(make: object, field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        make()
