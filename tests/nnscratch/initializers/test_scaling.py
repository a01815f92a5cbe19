"""Fan-scaled initializers: their variance, their bounds, the TensorFlow 1.x default."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnscratch.initializers as init
from nnscratch.errors import ConfigError

PDF2 = math.exp(-2.0) / math.sqrt(2.0 * math.pi)
Z = math.erf(math.sqrt(2.0))
TRUNCATED = 1.0 - 4.0 * PDF2 / Z
# Kurtosis, and the largest value in units of the standard deviation.
KURTOSIS = {
    "normal": 3.0,
    "uniform": 1.8,
    "truncated_normal": (3.0 - 28.0 * PDF2 / Z) / TRUNCATED**2,
}
BOUND = {"uniform": math.sqrt(3.0), "truncated_normal": 2.0 / math.sqrt(TRUNCATED)}
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=seeds,
    n_in=st.integers(20, 200),
    n_out=st.integers(20, 200),
    scale=st.floats(0.01, 100.0),
    mode=st.sampled_from(["fan_in", "fan_out", "fan_avg"]),
    distribution=st.sampled_from(sorted(KURTOSIS)),
)
def test_variance_is_scale_over_n(
    seed: int, n_in: int, n_out: int, scale: float, mode: str, distribution: str
) -> None:
    initializer = init.VarianceScaling(scale, mode, distribution)
    n = {"fan_in": n_in, "fan_out": n_out, "fan_avg": (n_in + n_out) / 2}[mode]
    variance = initializer.variance(n_in, n_out)
    assert variance == pytest.approx(scale / n, rel=1e-14)

    values = initializer((n_in, n_out), np.random.default_rng(seed), np.float64)
    assert abs(values.mean()) < 5.0 * math.sqrt(variance / values.size)
    error = variance * math.sqrt((KURTOSIS[distribution] - 1.0) / values.size)
    # The fourth-moment error itself has heavy tails for few values, hence 6 and not 5.
    assert abs(np.square(values).mean() - variance) < 6.0 * error
    if distribution in BOUND:
        bound = BOUND[distribution] * math.sqrt(variance)
        assert 0.9 * bound < np.abs(values).max() <= bound * (1.0 + 1e-12)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=seeds, mode=st.sampled_from(["fan_in", "fan_out", "fan_avg"]))
def test_tf1_realises_a_little_more_than_he(seed: int, mode: str) -> None:
    n_in, n_out = 300, 400
    n = {"fan_in": n_in, "fan_out": n_out, "fan_avg": 350}[mode]
    initializer = init.TF1VarianceScaling(2.0, mode)
    variance = initializer.variance(n_in, n_out)
    assert variance == pytest.approx(1.00586 * 2.0 / n, rel=5e-6)

    values = initializer((n_in, n_out), np.random.default_rng(seed), np.float64)
    bound = 2.0 * math.sqrt(1.3 * 2.0 / n)
    assert 0.999 * bound < np.abs(values).max() <= bound * (1.0 + 1e-12)
    error = variance * math.sqrt((KURTOSIS["truncated_normal"] - 1.0) / values.size)
    assert abs(np.square(values).mean() - variance) < 5.0 * error


def test_tf1_differs_from_the_corrected_truncation_by_its_rounded_factor() -> None:
    rng, same = np.random.default_rng(3), np.random.default_rng(3)
    uncorrected = init.TF1VarianceScaling()((40, 30), rng, np.float64)
    corrected = init.VarianceScaling(2.0, "fan_in", "truncated_normal")((40, 30), same, np.float64)
    np.testing.assert_allclose(uncorrected, corrected * math.sqrt(1.3 * TRUNCATED), rtol=1e-13)


def test_a_vector_counts_its_length_as_both_fans() -> None:
    values = init.VarianceScaling(3.0, "fan_avg", "uniform")((1000,), np.random.default_rng(0))
    assert 0.98 < np.abs(values).max() / math.sqrt(9.0 / 1000.0) <= 1.000001


@pytest.mark.parametrize("kind", [init.VarianceScaling, init.TF1VarianceScaling])
@pytest.mark.parametrize("scale", [0.0, -2.0, math.nan, math.inf, "2", None])
def test_bad_scales_are_refused(kind: type, scale: object) -> None:
    with pytest.raises(ConfigError, match=rf"of {kind.__name__} must be a finite number > 0"):
        kind(scale)


@pytest.mark.parametrize("kind", [init.VarianceScaling, init.TF1VarianceScaling])
def test_unknown_modes_are_refused(kind: type) -> None:
    with pytest.raises(ConfigError, match=rf"mode of {kind.__name__} 'fan_inn'.*'fan_in'"):
        kind(2.0, "fan_inn")


def test_unknown_distributions_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"distribution of VarianceScaling 'unifrom'.*'uniform'"):
        init.VarianceScaling(2.0, "fan_in", "unifrom")


@pytest.mark.parametrize(
    "initializer", [init.VarianceScaling(2.0), init.TF1VarianceScaling(), init.Orthogonal()]
)
@pytest.mark.parametrize("sizes", [(0, 3), (3, -1), (2.5, 3)])
def test_variance_refuses_impossible_fans(
    initializer: init.Initializer, sizes: tuple[int, int]
) -> None:
    with pytest.raises(ConfigError, match="must be a whole number >= 1"):
        initializer.variance(*sizes)
