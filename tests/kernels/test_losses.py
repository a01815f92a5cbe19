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
WEIGHTED = [
    "sigmoid_cross_entropy",
    "binary_cross_entropy",
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
]
NAMES = [
    "softmax_cross_entropy",
    "softmax_cross_entropy_soft",
    "categorical_cross_entropy",
    *WEIGHTED,
]
EPSILON, DELTA = 1e-7, 0.8
CONSTANTS = {
    "categorical_cross_entropy": (EPSILON,),
    "binary_cross_entropy": (EPSILON,),
    "huber": (DELTA,),
}
LOSSES = pytest.mark.parametrize("name", NAMES)
GUARD = 7.25


def call(
    kernels: Any, name: str, dz: np.ndarray, z: np.ndarray, t: np.ndarray, weights: Any = ()
) -> Any:
    more = (np.asarray(weights, z.dtype),) if name in WEIGHTED else ()
    return getattr(kernels, name)(dz, z, t, *more, *CONSTANTS.get(name, ()))


def problem(name: str, shape: tuple[int, int], dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(shape[0])
    z = rng.normal(0, 3, shape).astype(dtype)
    if name == "softmax_cross_entropy":
        return z, rng.integers(0, shape[1], shape[0])
    t = rng.random(shape)
    if name in ("categorical_cross_entropy", "binary_cross_entropy"):
        z = rng.uniform(0.01, 0.99, shape).astype(dtype)
    if name in ("softmax_cross_entropy_soft", "categorical_cross_entropy"):
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
    if name == "categorical_cross_entropy":
        total = z.sum(axis=1, keepdims=True)
        q = np.clip(z / total, EPSILON, 1 - EPSILON)  # of one class: 1 - epsilon
        gradient = np.where(z.shape[1] == 1, 0, (t.sum(axis=1, keepdims=True) / total - t / z))
        return float(-(t * np.log(q)).sum() / len(z)), gradient / len(z)
    if name.endswith("entropy"):
        p = 1 / (1 + np.exp(-z)) if name == "sigmoid_cross_entropy" else z
        gradient = p - t if name == "sigmoid_cross_entropy" else (p - t) / (p * (1 - p))
        return float(-(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()), gradient / z.size
    if name == "mean_absolute_error":
        return float(np.abs(z - t).mean()), np.sign(z - t) / z.size
    if name == "huber":
        size = np.abs(z - t)
        each = np.where(size <= DELTA, size**2 / 2, DELTA * (size - DELTA / 2))
        return float(each.mean()), np.clip(z - t, -DELTA, DELTA) / z.size
    return float(((z - t) ** 2).mean()), 2 * (z - t) / z.size


@SETS
@LOSSES
@SHAPES
@DTYPES
def test_loss_and_gradient_equal_the_textbook(kernels: Any, name: str, shape: Any, dtype: Any):
    z, t = problem(name, shape, dtype)
    flat = np.full(z.size + 10, GUARD, dtype)
    dz = flat[5:-5].reshape(shape)
    loss = call(kernels, name, dz, z, t)
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
    gradient, scratch, step = np.empty_like(z), np.empty_like(z), 1e-6
    call(kernels, name, gradient, z, t)
    for index in np.ndindex(z.shape):
        up, down = z.copy(), z.copy()
        up[index] += step
        down[index] -= step
        higher, lower = (call(kernels, name, scratch, moved, t) for moved in (up, down))
        numeric = (higher - lower) / (2 * step)
        assert gradient[index] == pytest.approx(numeric, rel=1e-6, abs=1e-9), index


@LOSSES
@SHAPES
@DTYPES
def test_compiled_equals_reference_and_repeats_its_bits(name: str, shape: Any, dtype: Any):
    z, t = problem(name, shape, dtype)
    gradients = [np.empty_like(z) for _ in range(3)]
    expected, got, again = (
        call(kernels, name, dz, z, t)
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
    loss = call(kernels, "sigmoid_cross_entropy", np.empty_like(z), z, t)
    assert loss == pytest.approx(math.log(2) / 2)


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
    assert math.isnan(call(kernels, name, dz, z, t))
    assert np.isnan(dz[1, position])
    assert np.isfinite(dz[[0, 2]]).all()
    if name.startswith(("softmax", "categorical")):
        assert np.isnan(dz[1]).all()


@SETS
@DTYPES
def test_sigmoid_cross_entropy_of_logits_of_any_finite_size(kernels: Any, dtype: Any):
    z = np.array([[1e30, -1e30, 1e30, -1e30, 0, -100]], dtype)
    t = np.array([[1, 0, 0, 1, 1, 0]], dtype)
    dz = np.empty_like(z)
    loss = call(kernels, "sigmoid_cross_entropy", dz, z, t)
    assert loss == pytest.approx(2 * float(z[0, 0]) / 6, rel=1e-12)
    np.testing.assert_allclose(dz * 6, [[0, 0, 1, -1, -0.5, math.exp(-100)]], atol=1e-40)
    last = [each[:, 5:].copy() for each in (dz, z, t)]
    certain = call(kernels, "sigmoid_cross_entropy", *last)
    assert certain == pytest.approx(math.exp(-100), rel=1e-3 if dtype == np.float32 else 1e-12)


@SETS
@DTYPES
def test_overflowing_squared_error_is_infinite(kernels: Any, dtype: Any):
    p = np.full((2, 3), np.finfo(dtype).max, dtype)
    assert call(kernels, "mean_squared_error", np.empty_like(p), p, -p) == math.inf


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


@SETS
@DTYPES
@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_multiply_loss_and_gradient_of_each_element(kernels: Any, name: str, dtype: Any):
    z, t = problem(name, (5, 3), dtype)
    weights = np.random.default_rng(0).integers(0, 4, z.shape).astype(dtype)
    alone, dz, weighted = np.empty((1, 1), dtype), np.empty_like(z), np.empty_like(z)
    call(kernels, name, dz, z, t)
    loss = call(kernels, name, weighted, z, t, weights.reshape(-1))
    each = [
        float(weights[i]) * call(kernels, name, alone, z[i].reshape(1, 1), t[i].reshape(1, 1))
        for i in np.ndindex(z.shape)
    ]
    relative = 1e-6 if dtype == np.float32 else 1e-13
    assert loss == pytest.approx(sum(each) / z.size, rel=relative)
    np.testing.assert_allclose(weighted, weights * dz, rtol=relative)
    assert call(kernels, name, weighted, z, t, np.ones(z.size)) == call(kernels, name, dz, z, t)
    np.testing.assert_array_equal(weighted, dz)


@SETS
@DTYPES
def test_probabilities_that_are_cut_off_have_a_loss_and_no_gradient(kernels: Any, dtype: Any):
    p, t = np.array([[0, 1, 1.5, -2, 0.5]], dtype), np.array([[1, 0, 1, 0, 1]], dtype)
    dp = np.empty_like(p)
    loss = call(kernels, "binary_cross_entropy", dp, p, t)
    wrong, right = -math.log(EPSILON), -math.log1p(-EPSILON)
    assert loss == pytest.approx((2 * wrong + 2 * right + math.log(2)) / 5, rel=1e-6)
    np.testing.assert_allclose(dp, [[0, 0, 0, 0, -0.4]], rtol=1e-6)
    p, t = np.array([[0, 3, 1]], dtype), np.array([[0.5, 0.25, 0.25]], dtype)
    dp = np.empty_like(p)
    loss = call(kernels, "categorical_cross_entropy", dp, p, t)
    expected = 0.5 * wrong - 0.25 * math.log(3 / 4) - 0.25 * math.log(1 / 4)
    assert loss == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(dp, [[1 / 8, 1 / 8 - 1 / 12, 1 / 8 - 1 / 4]], rtol=1e-6)


@SETS
@DTYPES
def test_one_probability_alone_is_certain_and_gets_no_gradient(kernels: Any, dtype: Any):
    p, t = np.full((4, 1), 0.3, dtype), np.ones((4, 1), dtype)
    dp = np.full_like(p, GUARD)
    loss = call(kernels, "categorical_cross_entropy", dp, p, t)
    assert loss == pytest.approx(-math.log1p(-EPSILON), rel=1e-6)
    assert not dp.any()


@SETS
@DTYPES
def test_equal_numbers_have_no_absolute_error_and_no_gradient(kernels: Any, dtype: Any):
    p = np.array([[1.0, 2.0, 3.0]], dtype)
    dp = np.empty_like(p)
    t = np.array([[1.0, 5.0, 2.0]], dtype)
    assert call(kernels, "mean_absolute_error", dp, p, t) == pytest.approx(4 / 3)
    np.testing.assert_allclose(dp * 3, [[0, -1, 1]])
