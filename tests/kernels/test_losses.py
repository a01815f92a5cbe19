"""Loss kernels: both sets against extended precision, central differences and special values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nnscratch_kernels.compiled import losses as compiled
from nnscratch_kernels.reference import losses as reference

SETS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
SHAPES = pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 33), (64, 100), (200, 300)])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
NAMES = [
    "softmax_cross_entropy",
    "softmax_cross_entropy_soft",
    "sigmoid_cross_entropy",
    "mean_squared_error",
]
LOSSES = pytest.mark.parametrize("name", NAMES)
GUARD = 7.25


def problem(name: str, shape: tuple[int, int], dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(shape[0])
    z = rng.normal(0, 3, shape).astype(dtype)
    if name == "softmax_cross_entropy":
        return z, rng.integers(0, shape[1], shape[0])
    t = rng.random(shape)
    if name == "softmax_cross_entropy_soft":
        t /= t.sum(axis=1, keepdims=True)
    return z, t.astype(dtype)


def truth(name: str, z: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
    """Loss and gradient from the textbook formulas in extended precision."""
    z = z.astype(np.longdouble)
    if name == "softmax_cross_entropy":
        t = np.eye(z.shape[1])[t]
    t = t.astype(np.longdouble)
    if name.startswith("softmax"):
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return float(-(t * np.log(p)).sum() / len(z)), (p - t) / len(z)
    if name == "sigmoid_cross_entropy":
        p = 1 / (1 + np.exp(-z))
        return float(-(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()), (p - t) / z.size
    return float(((z - t) ** 2).mean()), 2 * (z - t) / z.size


@SETS
@LOSSES
@SHAPES
@DTYPES
def test_loss_and_gradient_equal_the_textbook(kernels: Any, name: str, shape: Any, dtype: Any):
    z, t = problem(name, shape, dtype)
    flat = np.full(z.size + 10, GUARD, dtype)
    dz = flat[5:-5].reshape(shape)
    loss = getattr(kernels, name)(dz, z, t)
    expected, gradient = truth(name, z, t)
    relative = 2e-6 if dtype == np.float32 else 1e-12
    assert isinstance(loss, float)
    assert loss == pytest.approx(expected, rel=relative, abs=relative)
    np.testing.assert_allclose(dz, gradient, rtol=0, atol=relative * np.abs(gradient).max() + 1e-30)
    assert (flat[:5] == GUARD).all()
    assert (flat[-5:] == GUARD).all()


@SETS
@LOSSES
def test_gradient_equals_central_differences(kernels: Any, name: str):
    z, t = problem(name, (4, 5), np.float64)
    loss = getattr(kernels, name)
    gradient, scratch, step = np.empty_like(z), np.empty_like(z), 1e-5
    loss(gradient, z, t)
    for index in np.ndindex(z.shape):
        up, down = z.copy(), z.copy()
        up[index] += step
        down[index] -= step
        numeric = (loss(scratch, up, t) - loss(scratch, down, t)) / (2 * step)
        assert gradient[index] == pytest.approx(numeric, rel=1e-6, abs=1e-9), index


@LOSSES
@SHAPES
@DTYPES
def test_compiled_equals_reference_and_repeats_its_bits(name: str, shape: Any, dtype: Any):
    z, t = problem(name, shape, dtype)
    gradients = [np.empty_like(z) for _ in range(3)]
    expected, got, again = (
        getattr(kernels, name)(dz, z, t)
        for kernels, dz in zip([reference, compiled, compiled], gradients, strict=True)
    )
    relative = 1e-6 if dtype == np.float32 else 1e-13
    assert got == again
    assert got == pytest.approx(expected, rel=relative, abs=1e-12)
    np.testing.assert_array_equal(gradients[1], gradients[2])
    largest = np.abs(gradients[0]).max()
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=0, atol=relative * largest + 1e-30)


@SETS
@DTYPES
@pytest.mark.parametrize("size", [1e4, 1e30, 3e38])
def test_softmax_of_logits_of_any_finite_size(kernels: Any, dtype: Any, size: float):
    z = np.array([[size, -size, 0], [0, 0, size], [-size, -size, -size]], dtype)
    labels = np.array([0, 1, 2])
    size = float(z[0, 0])
    rows = [0.0, size, math.log(3)]
    third = 1 / 3
    gradient = np.array([[0, 0, 0], [0, -1, 1], [third, third, third - 1]]) / 3
    for name, target in [
        ("softmax_cross_entropy", labels),
        ("softmax_cross_entropy_soft", np.eye(3, dtype=dtype)[labels]),
    ]:
        dz = np.empty_like(z)
        assert getattr(kernels, name)(dz, z, target) == pytest.approx(sum(rows) / 3, rel=1e-12)
        np.testing.assert_allclose(dz, gradient, atol=1e-7)


@SETS
@DTYPES
def test_huge_logits_do_not_drown_small_losses(kernels: Any, dtype: Any):
    """Sums must keep their order: log(2) + (1e30 - 1e30) is not (log(2) + 1e30) - 1e30."""
    z = np.array([[1e30, 1e30, 0], [-1e30, -1e30, -2e30]] * 20, dtype)
    dz, labels = np.empty_like(z), np.array([0, 1] * 20)
    one_hot = np.eye(3, dtype=dtype)[labels]
    assert kernels.softmax_cross_entropy(dz, z, labels) == pytest.approx(math.log(2))
    assert kernels.softmax_cross_entropy_soft(dz, z, one_hot) == pytest.approx(math.log(2))
    z = np.array([[1e30, 0, -1e30, 0]] * 20, dtype)
    t = np.array([[1, 1, 0, 0]] * 20, dtype)
    assert kernels.sigmoid_cross_entropy(np.empty_like(z), z, t) == pytest.approx(math.log(2) / 2)


@SETS
@DTYPES
def test_softmax_with_logits_of_minus_infinity(kernels: Any, dtype: Any):
    z = np.array([[-np.inf, 1, 1, -np.inf]], dtype)
    expected = np.array([[0, -0.5, 0.5, 0]])
    dz = np.empty_like(z)
    assert kernels.softmax_cross_entropy(dz, z, np.array([1])) == pytest.approx(math.log(2))
    np.testing.assert_allclose(dz, expected, atol=1e-7)
    one_hot = np.eye(4, dtype=dtype)
    assert kernels.softmax_cross_entropy_soft(dz, z, one_hot[1:2]) == pytest.approx(math.log(2))
    np.testing.assert_allclose(dz, expected, atol=1e-7)
    impossible = np.array([[-1, 0.5, 0.5, 0]])
    assert kernels.softmax_cross_entropy(dz, z, np.array([0])) == math.inf
    np.testing.assert_allclose(dz, impossible, atol=1e-7)
    assert kernels.softmax_cross_entropy_soft(dz, z, one_hot[:1]) == math.inf
    np.testing.assert_allclose(dz, impossible, atol=1e-7)


@SETS
@DTYPES
def test_small_softmax_losses_keep_their_digits(kernels: Any, dtype: Any):
    z = np.array([[0, -21.0]], dtype)
    loss = kernels.softmax_cross_entropy(np.empty_like(z), z, np.array([0]))
    assert loss == pytest.approx(math.log1p(math.exp(-21)), rel=1e-6)


@SETS
@LOSSES
@DTYPES
@pytest.mark.parametrize("position", [0, 4])
def test_nan_propagates_to_the_loss_and_its_gradient(
    kernels: Any, name: str, dtype: Any, position: int
):
    z, t = problem(name, (3, 5), dtype)
    z[1, position] = np.nan
    dz = np.zeros_like(z)
    assert math.isnan(getattr(kernels, name)(dz, z, t))
    assert np.isnan(dz[1, position])
    assert np.isfinite(dz[[0, 2]]).all()
    if name.startswith("softmax"):
        assert np.isnan(dz[1]).all()


@SETS
@DTYPES
def test_sigmoid_cross_entropy_of_logits_of_any_finite_size(kernels: Any, dtype: Any):
    z = np.array([[1e30, -1e30, 1e30, -1e30, 0, -100]], dtype)
    t = np.array([[1, 0, 0, 1, 1, 0]], dtype)
    dz = np.empty_like(z)
    loss = kernels.sigmoid_cross_entropy(dz, z, t)
    assert loss == pytest.approx(2 * float(z[0, 0]) / 6, rel=1e-12)
    np.testing.assert_allclose(dz * 6, [[0, 0, 1, -1, -0.5, math.exp(-100)]], atol=1e-40)
    certain = kernels.sigmoid_cross_entropy(dz[:, 5:].copy(), z[:, 5:].copy(), t[:, 5:].copy())
    assert certain == pytest.approx(math.exp(-100), rel=1e-3 if dtype == np.float32 else 1e-12)


@SETS
@DTYPES
def test_overflowing_squared_error_is_infinite(kernels: Any, dtype: Any):
    p = np.full((2, 3), np.finfo(dtype).max, dtype)
    assert kernels.mean_squared_error(np.empty_like(p), p, -p) == math.inf


@SETS
def test_soft_targets_need_not_sum_to_one_for_a_true_gradient(kernels: Any):
    z, t = problem("softmax_cross_entropy_soft", (3, 4), np.float64)
    t *= np.array([[0.5], [1], [2]])
    dz, scratch, step = np.empty_like(z), np.empty_like(z), 1e-5
    kernels.softmax_cross_entropy_soft(dz, z, t)
    for index in np.ndindex(z.shape):
        up, down = z.copy(), z.copy()
        up[index] += step
        down[index] -= step
        higher = kernels.softmax_cross_entropy_soft(scratch, up, t)
        lower = kernels.softmax_cross_entropy_soft(scratch, down, t)
        assert dz[index] == pytest.approx((higher - lower) / (2 * step), rel=1e-6, abs=1e-9)
