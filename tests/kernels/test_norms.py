"""Kernels of layer norm, RMS norm and sums of branches: extended precision, twins, any split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnscratch_kernels import load

SETS = pytest.mark.parametrize("kernels", [load("reference"), load("numba")], ids=["ref", "numba"])
SHAPES = pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 33), (64, 100), (5, 1030)])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
EPSILON = 1e-3


def problem(shape: tuple[int, int], dtype: Any) -> dict[str, Any]:
    rng = np.random.default_rng(shape[1])
    drawn = {
        "x": rng.normal(1, 2, shape),
        "dy": rng.normal(0.3, 1, shape),
        "gamma": rng.uniform(0.5, 2, shape[1]),
        "beta": rng.normal(0, 1, shape[1]),
    }
    return {name: values.astype(dtype) for name, values in drawn.items()}


def close(found: Any, expected: Any, dtype: Any) -> None:
    size = 3e-5 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(found, expected, rtol=size, atol=size)


def by_hand(data: dict[str, Any], centred: bool) -> dict[str, Any]:
    """The same in extended precision, through the Jacobian of one row after the other."""
    x, dy, gamma, beta = (data[name].astype(np.longdouble) for name in ("x", "dy", "gamma", "beta"))
    n = x.shape[1]
    centre = np.eye(n) - centred / n
    u = x @ centre
    inverse = 1 / np.sqrt((u * u).mean(axis=1) + EPSILON)
    h = u * inverse[:, None]
    dx = []
    for row, down, k in zip(u, dy * gamma, inverse, strict=True):
        jacobian = (np.eye(n) - np.outer(row, row) * k**2 / n) * k
        dx.append(centre @ (jacobian @ down))
    return {
        "mean": x.mean(axis=1),
        "inverse": inverse,
        "y": h * gamma + beta * centred,
        "dx": np.array(dx),
        "dgamma": (dy * h).sum(axis=0),
        "dbeta": dy.sum(axis=0),
    }


@SETS
@SHAPES
@DTYPES
def test_layer_norm_equals_extended_precision(kernels: Any, shape: Any, dtype: Any) -> None:
    data = problem(shape, dtype)
    x, dy, gamma, beta = data.values()
    true = by_hand(data, centred=True)
    y, dx = np.full_like(x, np.nan), np.full_like(x, np.nan)
    mean, inv_std = np.full((2, len(x)), np.nan, dtype)
    kernels.layernorm_forward(y, mean, inv_std, x, gamma, beta, EPSILON)
    close(mean, true["mean"], dtype)
    close(inv_std, true["inverse"], dtype)
    close(y, true["y"], dtype)
    kernels.layernorm_backward_input(dx, dy, x, mean, inv_std, gamma)
    close(dx, true["dx"], dtype)
    dgamma, dbeta = np.ones((2, shape[1]), dtype)
    for accumulate, base in ((False, 0), (True, 1)):
        kernels.layernorm_backward_parameters(dgamma, dbeta, dy, x, mean, inv_std, accumulate)
        close(dgamma, true["dgamma"] * (1 + base), dtype)
        close(dbeta, true["dbeta"] * (1 + base), dtype)


@SETS
@SHAPES
@DTYPES
def test_rms_norm_equals_extended_precision(kernels: Any, shape: Any, dtype: Any) -> None:
    data = problem(shape, dtype)
    x, dy, gamma, _ = data.values()
    true = by_hand(data, centred=False)
    y, dx = np.full_like(x, np.nan), np.full_like(x, np.nan)
    inv_rms = np.full(len(x), np.nan, dtype)
    kernels.rmsnorm_forward(y, inv_rms, x, gamma, EPSILON)
    close(inv_rms, true["inverse"], dtype)
    close(y, true["y"], dtype)
    kernels.rmsnorm_backward_input(dx, dy, x, inv_rms, gamma)
    close(dx, true["dx"], dtype)
    dgamma = np.ones(shape[1], dtype)
    for accumulate, base in ((False, 0), (True, 1)):
        kernels.rmsnorm_backward_parameters(dgamma, dy, x, inv_rms, accumulate)
        close(dgamma, true["dgamma"] * (1 + base), dtype)


@SETS
@DTYPES
def test_sums_of_branches(kernels: Any, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 7, 33)).astype(dtype)
    y = np.full_like(a, np.nan)
    kernels.add_scaled(y, a, b, -0.75)
    np.testing.assert_allclose(y, a - dtype(0.75) * b, rtol=1e-6, atol=3e-7)
    kernels.add_scaled(y, a, b, 1.0)
    np.testing.assert_array_equal(y, a + b)
    kernels.scaled(y, a, -0.75)
    np.testing.assert_array_equal(y, dtype(-0.75) * a)


@SETS
def test_a_large_mean_costs_layer_norm_no_accuracy(kernels: Any) -> None:
    rng = np.random.default_rng(0)
    x = (1e4 + rng.standard_normal((4, 200))).astype(np.float32)
    y, ones = np.empty_like(x), np.ones(200, np.float32)
    mean, inv_std = np.empty((2, 4), np.float32)
    kernels.layernorm_forward(y, mean, inv_std, x, ones, 0 * ones, 1e-5)
    exact = x.astype(np.float64)
    exact = (exact - exact.mean(axis=1, keepdims=True)) / exact.std(axis=1, keepdims=True)
    np.testing.assert_allclose(y, exact, atol=2e-3)


@SETS
def test_a_nan_spoils_its_own_row_alone(kernels: Any) -> None:
    x = np.random.default_rng(0).standard_normal((3, 20)).astype(np.float32)
    x[1, 3] = np.nan
    y, ones = np.empty_like(x), np.ones(20, np.float32)
    mean, inv_std = np.empty((2, 3), np.float32)
    kernels.layernorm_forward(y, mean, inv_std, x, ones, ones, 1e-5)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[[0, 2]]).all()
    kernels.rmsnorm_forward(y, inv_std, x, ones, 1e-5)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[[0, 2]]).all()
