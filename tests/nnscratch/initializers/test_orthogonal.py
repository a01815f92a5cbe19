"""Orthogonal initializer: orthonormality, gain, and no preferred direction."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnscratch.initializers as init
from nnscratch.errors import ConfigError, ShapeError


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_in=st.integers(1, 90),
    n_out=st.integers(1, 90),
    gain=st.floats(0.1, 10.0),
)
def test_rows_or_columns_are_orthonormal(seed: int, n_in: int, n_out: int, gain: float) -> None:
    initializer = init.Orthogonal(gain)
    weight = initializer((n_in, n_out), np.random.default_rng(seed), np.float64) / gain
    gram = weight.T @ weight if n_in >= n_out else weight @ weight.T
    np.testing.assert_allclose(gram, np.eye(min(n_in, n_out)), atol=1e-12)
    assert np.square(weight * gain).mean() == pytest.approx(initializer.variance(n_in, n_out))


def test_a_deep_product_keeps_every_singular_value() -> None:
    rng = np.random.default_rng(0)
    product = np.eye(40)
    for _ in range(100):
        product = product @ init.Orthogonal()((40, 40), rng, np.float64)
    np.testing.assert_allclose(np.linalg.svd(product, compute_uv=False), 1.0, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5)])
def test_the_choice_is_uniform(shape: tuple[int, int]) -> None:
    """Without the sign fix, QR fixes the signs of R, and the entries of Q do not average 0."""
    rng = np.random.default_rng(1)
    draws = np.array([init.Orthogonal()(shape, rng, np.float64) for _ in range(4000)])
    variance = init.Orthogonal().variance(*shape)
    error = math.sqrt(variance / len(draws))
    assert np.abs(draws.mean(axis=0)).max() < 5.0 * error
    spread = np.square(draws).std(axis=0) / math.sqrt(len(draws))
    assert (np.abs(np.square(draws).mean(axis=0) - variance) < 5.0 * spread).all()


def test_float32_is_orthonormal_to_its_precision() -> None:
    weight = init.Orthogonal()((64, 32), np.random.default_rng(0))
    assert weight.dtype == np.float32
    np.testing.assert_allclose(weight.T @ weight, np.eye(32), atol=1e-6)


@pytest.mark.parametrize("gain", [0.0, -1.0, math.nan, math.inf, None])
def test_bad_gains_are_refused(gain: object) -> None:
    with pytest.raises(ConfigError, match="gain of Orthogonal must be a finite number > 0"):
        init.Orthogonal(gain)


def test_vectors_are_refused() -> None:
    with pytest.raises(ShapeError, match="needs a matrix"):
        init.Orthogonal()((5,), np.random.default_rng(0))
