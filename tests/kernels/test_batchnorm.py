"""Batch normalization kernels: both sets against each other, extended precision and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnscratch_kernels.compiled import batchnorm as compiled
from nnscratch_kernels.compiled import masked as masked_compiled
from nnscratch_kernels.reference import batchnorm as reference
from nnscratch_kernels.reference import masked as masked_reference

SETS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
SHAPES = pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 33), (64, 100), (200, 300)])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
BACKWARDS = pytest.mark.parametrize("name", ["batchnorm_backward", "batchnorm_fixed_backward"])
EPSILON = 1e-3
GUARD = 7.25


def in_guards(*shapes: tuple[int, ...], dtype: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """A flat array full of guards, and views into it at odd offsets with guards between."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    flat = np.full(sum(sizes) + 5 * (len(sizes) + 1), GUARD, dtype)
    views, start = [], 5
    for shape, size in zip(shapes, sizes, strict=True):
        views.append(flat[start : start + size].reshape(shape))
        start += size + 5
    return flat, views


def guards_intact(flat: np.ndarray, views: list[np.ndarray]) -> bool:
    for view in views:
        view[:] = GUARD
    return bool((flat == GUARD).all())


def problem(shape: tuple[int, int], dtype: Any, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = shape[1]
    return {
        "x": (rng.normal(1, 2, shape)).astype(dtype),
        "dy": rng.normal(0.3, 1, shape).astype(dtype),
        "gamma": rng.uniform(0.5, 2, features).astype(dtype),
        "beta": rng.normal(0, 1, features).astype(dtype),
    }


def forward(kernels: Any, x: Any, gamma: Any, beta: Any, **_: Any) -> list[np.ndarray]:
    y = np.full_like(x, np.nan)
    mean, variance, inv_std = (np.full_like(gamma, np.nan) for _ in range(3))
    kernels.batchnorm_forward(y, mean, variance, inv_std, x, gamma, beta, EPSILON)
    return [y, mean, variance, inv_std]


def tolerance(dtype: Any) -> dict[str, float]:
    return {"rtol": 2e-5, "atol": 2e-5} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-12}


@SETS
@SHAPES
@DTYPES
def test_forward_equals_the_formula_in_extended_precision(kernels: Any, shape: Any, dtype: Any):
    data = problem(shape, dtype)
    features = (shape[1],)
    flat, outputs = in_guards(shape, features, features, features, dtype=dtype)
    y, mean, variance, inv_std = outputs
    kernels.batchnorm_forward(
        y, mean, variance, inv_std, data["x"], data["gamma"], data["beta"], EPSILON
    )
    x = data["x"].astype(np.longdouble)
    true_mean = x.sum(axis=0) / len(x)
    true_variance = ((x - true_mean) ** 2).sum(axis=0) / len(x)
    true_inv_std = 1 / np.sqrt(true_variance + EPSILON)
    close = tolerance(dtype)
    np.testing.assert_allclose(mean, true_mean, **close)
    np.testing.assert_allclose(variance, true_variance, **close)
    np.testing.assert_allclose(inv_std, true_inv_std, **close)
    expected = data["gamma"] * (x - true_mean) * true_inv_std + data["beta"]
    np.testing.assert_allclose(y, expected, **close)
    assert guards_intact(flat, outputs)


@SETS
@SHAPES
@DTYPES
@pytest.mark.parametrize("accumulate", [False, True])
@BACKWARDS
def test_backward_equals_the_formula_in_extended_precision(
    kernels: Any, shape: Any, dtype: Any, accumulate: bool, name: str
):
    data = problem(shape, dtype)
    _, mean, _, inv_std = forward(kernels, **data)
    flat, outputs = in_guards(shape, (shape[1],), (shape[1],), dtype=dtype)
    dx, dgamma, dbeta = outputs
    arguments = data["dy"], data["x"], mean, inv_std, data["gamma"], accumulate
    getattr(kernels, name)(dx, dgamma, dbeta, *arguments)

    dy, x = data["dy"].astype(np.longdouble), data["x"].astype(np.longdouble)
    normalized = (x - mean) * inv_std.astype(np.longdouble)
    b, g = dy.sum(axis=0), (dy * normalized).sum(axis=0)
    expected = dy * data["gamma"] * inv_std
    if name == "batchnorm_backward":
        expected = data["gamma"] * inv_std * (dy - (b + normalized * g) / len(x))
    before = GUARD if accumulate else 0.0
    scale = {np.float32: 1e-5, np.float64: 1e-13}[dtype] * (1 + np.abs(inv_std).max())
    np.testing.assert_allclose(dx, expected, rtol=0, atol=scale * 10)
    np.testing.assert_allclose(dgamma, before + g, rtol=0, atol=scale * 10)
    np.testing.assert_allclose(dbeta, before + b, rtol=0, atol=scale * 10)
    assert guards_intact(flat, outputs)


@SETS
def test_backward_equals_central_differences(kernels: Any):
    data = problem((6, 3), np.float64, seed=3)

    def scalar(**changed: np.ndarray) -> float:
        return float((forward(kernels, **{**data, **changed})[0] * data["dy"]).sum())

    _, mean, _, inv_std = forward(kernels, **data)
    gradients = [np.empty((6, 3)), np.empty(3), np.empty(3)]
    kernels.batchnorm_backward(
        *gradients, data["dy"], data["x"], mean, inv_std, data["gamma"], False
    )
    check_differences(scalar, data, gradients)


@SETS
def test_fixed_backward_equals_central_differences(kernels: Any):
    data = problem((6, 3), np.float64, seed=4)
    mean, variance = np.array([0.5, -1.0, 2.0]), np.array([0.3, 1.0, 4.0])
    inv_std = np.empty(3)

    def scalar(**changed: np.ndarray) -> float:
        now = {**data, **changed}
        y = np.empty((6, 3))
        kernels.batchnorm_fixed_forward(
            y, inv_std, now["x"], mean, variance, now["gamma"], now["beta"], EPSILON
        )
        return float((y * data["dy"]).sum())

    scalar()
    np.testing.assert_allclose(inv_std, (variance + EPSILON) ** -0.5, rtol=1e-14)
    gradients = [np.empty((6, 3)), np.empty(3), np.empty(3)]
    kernels.batchnorm_fixed_backward(
        *gradients, data["dy"], data["x"], mean, inv_std, data["gamma"], False
    )
    check_differences(scalar, data, gradients)


def check_differences(scalar: Any, data: dict[str, np.ndarray], gradients: list[np.ndarray]):
    step = 1e-5
    for name, gradient in zip(["x", "gamma", "beta"], gradients, strict=True):
        numeric = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            up, down = data[name].copy(), data[name].copy()
            up[index] += step
            down[index] -= step
            numeric[index] = (scalar(**{name: up}) - scalar(**{name: down})) / (2 * step)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-7, atol=1e-8, err_msg=name)


@SETS
@pytest.mark.parametrize("batch", [200, 20011])
def test_large_mean_costs_no_accuracy_of_the_variance(kernels: Any, batch: int):
    x = np.random.default_rng(1).normal(1e4, 1, (batch, 5)).astype(np.float32)
    ones = np.ones(5, np.float32)
    y, mean, variance, _ = forward(kernels, x, ones, 0 * ones)
    true = x.astype(np.float64)
    np.testing.assert_allclose(mean, true.mean(axis=0), rtol=2e-7)
    np.testing.assert_allclose(variance, true.var(axis=0), rtol=3e-6)
    np.testing.assert_allclose(y.std(axis=0, dtype=np.float64), 1, rtol=1e-3)


@SETS
@DTYPES
def test_a_constant_column_and_a_batch_of_one_have_no_variance(kernels: Any, dtype: Any):
    gamma, beta = np.full(3, 2, dtype), np.array([0.1, -3, 7], dtype)
    for batch in (1, 200):
        x = np.tile(np.array([0.5, 1e4, -3], dtype), (batch, 1))
        y, mean, variance, inv_std = forward(kernels, x, gamma, beta)
        np.testing.assert_array_equal(mean, x[0])
        np.testing.assert_array_equal(variance, 0)
        np.testing.assert_allclose(inv_std, EPSILON**-0.5, rtol=1e-6)
        np.testing.assert_array_equal(y, np.tile(beta, (batch, 1)))
    dx, dgamma, dbeta = np.empty((1, 3), dtype), np.empty(3, dtype), np.empty(3, dtype)
    dy = np.ones((1, 3), dtype)
    kernels.batchnorm_backward(dx, dgamma, dbeta, dy, x[:1], mean, inv_std, gamma, False)
    np.testing.assert_array_equal([dx[0], dgamma, dbeta], [[0] * 3, [0] * 3, [1] * 3])


@SETS
@DTYPES
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_value_spoils_its_own_column_alone(kernels: Any, dtype: Any, bad: float):
    data = problem((33, 40), dtype)
    clean = forward(kernels, **data)
    data["x"][5, 17] = bad
    spoilt = forward(kernels, **data)
    others = np.arange(40) != 17
    for before, after in zip(clean, spoilt, strict=True):
        np.testing.assert_array_equal(before[..., others], after[..., others])
        assert not np.isfinite(after[..., 17]).any()
    dx, dgamma, dbeta = np.empty_like(data["x"]), np.empty(40, dtype), np.empty(40, dtype)
    _, mean, _, inv_std = spoilt
    kernels.batchnorm_backward(
        dx, dgamma, dbeta, data["dy"], data["x"], mean, inv_std, data["gamma"], False
    )
    assert np.isnan(dx[:, 17]).all()
    assert np.isnan(dgamma[17])
    assert np.isfinite(dx[:, others]).all()
    assert np.isfinite(dgamma[others]).all()
    assert np.isfinite(dbeta).all()


@SHAPES
@DTYPES
@BACKWARDS
def test_compiled_equals_reference_and_repeats_its_bits(shape: Any, dtype: Any, name: str):
    data = problem(shape, dtype, seed=2)
    results = []
    for kernels in (reference, compiled, compiled):
        outputs = forward(kernels, **data)
        gradients = [np.empty(shape, dtype), np.empty(shape[1], dtype), np.empty(shape[1], dtype)]
        _, mean, _, inv_std = outputs
        getattr(kernels, name)(
            *gradients, data["dy"], data["x"], mean, inv_std, data["gamma"], False
        )
        results.append([*outputs, *gradients])
    for expected, got, again in zip(*results, strict=True):
        np.testing.assert_array_equal(got, again)
        loose = 2e-4 if dtype == np.float32 else 1e-11  # a batch of one divides by sqrt(epsilon)
        np.testing.assert_allclose(got, expected, rtol=loose, atol=loose)


@SETS
@DTYPES
def test_running_statistics_are_the_moving_average(kernels: Any, dtype: Any):
    rng = np.random.default_rng(5)
    flat, (running_mean, running_variance) = in_guards((33,), (33,), dtype=dtype)
    running_mean[:], running_variance[:] = 0, 1
    means, variances = rng.normal(size=(4, 33)).astype(dtype), rng.random((4, 33)).astype(dtype)
    for mean, variance in zip(means, variances, strict=True):
        kernels.batchnorm_update_running(running_mean, running_variance, mean, variance, 0.9)
    weights = 0.1 * 0.9 ** np.arange(3, -1, -1)
    np.testing.assert_allclose(running_mean, weights @ means.astype(float), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(
        running_variance, 0.9**4 + weights @ variances.astype(float), rtol=1e-6
    )
    assert guards_intact(flat, [running_mean, running_variance])


@SETS
def test_a_mean_of_a_million_costs_its_own_rounding_and_no_more(kernels: Any):
    rng = np.random.default_rng(2)
    x = (1e6 + rng.standard_normal((64, 37))).astype(np.float32)
    dy = rng.standard_normal(x.shape).astype(np.float32)
    gamma, beta = np.ones(37, np.float32), np.zeros(37, np.float32)
    y, mean, _, inv_std = forward(kernels, x, gamma, beta)
    dx, dgamma, dbeta = np.empty_like(x), np.empty_like(gamma), np.empty_like(beta)
    kernels.batchnorm_backward(dx, dgamma, dbeta, dy, x, mean, inv_std, gamma, False)
    true, upstream = x.astype(np.float64), dy.astype(np.float64)
    inverse = 1 / np.sqrt(true.var(axis=0) + EPSILON)
    exact = (true - true.mean(axis=0)) * inverse
    g = (upstream * exact).mean(axis=0)
    exact_dx = inverse * (upstream - upstream.mean(axis=0) - exact * g)
    # PyTorch 2.13: 0.08 and 0.055 of the largest
    assert np.abs(y - exact).max() < 0.025 * np.abs(exact).max()
    assert np.abs(dx - exact_dx).max() < 0.025 * np.abs(exact_dx).max()


MASKED = pytest.mark.parametrize(
    "kernels", [masked_reference, masked_compiled], ids=["reference", "compiled"]
)


@MASKED
@DTYPES
@SHAPES
def test_under_a_mask_only_the_rows_that_there_are_make_the_statistics(kernels, shape, dtype):
    given = problem(shape, dtype)
    mask = (np.random.default_rng(1).random(len(given["x"])) < 0.6).astype(dtype)
    mask[0] = 1
    there, x = mask != 0, given["x"]
    x[~there], given["dy"][~there] = 1e6, 0
    _, mean, variance, inv_std = forward(reference, **given | {"x": x[there]})
    found = [np.full_like(mean, np.nan) for _ in range(2)]
    kernels.batchnorm_masked_statistics(*found, x, mask)
    for one, known in zip(found, (mean, variance), strict=True):
        np.testing.assert_allclose(one, known, **tolerance(dtype))
    known, fixed = np.empty_like(x[there]), np.empty_like(x)
    unused = [np.empty_like(mean) for _ in range(2)]
    last = mean, inv_std, given["gamma"], False
    dy = given["dy"]
    reference.batchnorm_backward(known, *unused, dy[there], x[there], *last)
    reference.batchnorm_fixed_backward(fixed, *unused, dy, x, *last)
    kernels.batchnorm_masked_backward(fixed, dy, x, mask, *last[:3])
    np.testing.assert_allclose(fixed[there], known, **tolerance(dtype))
    np.testing.assert_array_equal(fixed[~there], 0)


@MASKED
def test_rows_that_are_not_there_but_normalized_hand_their_gradient_to_the_others(kernels):
    """Against differences: all rows are normalized, two of four make the statistics."""
    rng = np.random.default_rng(2)
    x, dy = rng.normal(1, 2, (4, 3)), rng.normal(0, 1, (4, 3))
    gamma, mask = np.array([0.5, 1.0, 2.0]), np.array([1.0, 0.0, 1.0, 0.0])

    def through(x):
        mean, variance, inv_std = (np.empty(3) for _ in range(3))
        kernels.batchnorm_masked_statistics(mean, variance, x, mask)
        y = np.empty_like(x)
        reference.batchnorm_fixed_forward(y, inv_std, x, mean, variance, gamma, gamma, EPSILON)
        return float((y * dy).sum()), mean, inv_std

    _, mean, inv_std = through(x)
    dx, unused = np.empty_like(x), [np.empty(3) for _ in range(2)]
    reference.batchnorm_fixed_backward(dx, *unused, dy, x, mean, inv_std, gamma, False)
    kernels.batchnorm_masked_backward(dx, dy, x, mask, mean, inv_std, gamma)
    for place in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-5
        slope = (through(x + step)[0] - through(x - step)[0]) / 2e-5
        assert dx[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@MASKED
def test_without_any_row_there_is_nothing_to_measure(kernels):
    mean, variance = np.full(3, np.nan), np.full(3, np.nan)
    kernels.batchnorm_masked_statistics(mean, variance, np.ones((4, 3)), np.zeros(4))
    assert not mean.any()
    assert not variance.any()
