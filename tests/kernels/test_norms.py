"""Normalization of rows: both kernel sets against extended precision and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnscratch_kernels.compiled import norms as compiled
from nnscratch_kernels.reference import norms as reference

SETS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
KINDS = pytest.mark.parametrize("kind", ["layernorm", "rmsnorm"])
SHAPES = pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 33), (64, 100), (35, 517)])
EPSILON = 1e-3


def problem(shape: tuple[int, int], dtype: Any, middle: float = 1.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(sum(shape))
    return {
        "x": rng.normal(middle, 2, shape).astype(dtype),
        "dy": rng.normal(0.3, 1, shape).astype(dtype),
        "gamma": rng.uniform(0.5, 2, shape[1]).astype(dtype),
        "beta": rng.normal(0, 1, shape[1]).astype(dtype),
    }


def forward(kernels: Any, kind: str, x: Any, gamma: Any, beta: Any, **_: Any) -> list[np.ndarray]:
    y, mean, scale = np.full_like(x, np.nan), np.full_like(x[:, 0], np.nan), np.empty_like(x[:, 0])
    if kind == "layernorm":
        kernels.layernorm_forward(y, mean, scale, x, gamma, beta, EPSILON)
        return [y, mean, scale]
    kernels.rmsnorm_forward(y, scale, x, gamma, EPSILON)
    return [y, scale]


def backward(kernels: Any, kind: str, rows: list[np.ndarray], x, dy, gamma, **_: Any):
    """dx, dgamma and, of layer norm, dbeta."""
    dx, parameters = np.empty_like(x), [np.empty_like(gamma) for _ in rows]
    getattr(kernels, f"{kind}_backward_input")(dx, dy, x, *rows, gamma)
    getattr(kernels, f"{kind}_backward_parameters")(*parameters, dy, x, *rows, False)
    return [dx, *parameters]


def truth(kind: str, x, dy, gamma, beta) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The formulas in extended precision."""
    x, dy, gamma, beta = (value.astype(np.longdouble) for value in (x, dy, gamma, beta))
    mean = x.mean(axis=1, keepdims=True) if kind == "layernorm" else np.zeros((len(x), 1))
    scale = 1 / np.sqrt(((x - mean) ** 2).mean(axis=1, keepdims=True) + EPSILON)
    h, g = (x - mean) * scale, gamma * dy
    offset = g.mean(axis=1, keepdims=True) if kind == "layernorm" else 0
    dx = scale * (g - offset - h * (g * h).mean(axis=1, keepdims=True))
    gradients = [dx, (dy * h).sum(axis=0), dy.sum(axis=0)]
    if kind == "layernorm":
        return [gamma * h + beta, mean[:, 0], scale[:, 0]], gradients
    return [gamma * h, scale[:, 0]], gradients[:2]


def check(found: list[np.ndarray], expected: list[np.ndarray], dtype: Any) -> None:
    for got, true in zip(found, expected, strict=True):
        close = 1e-5 if dtype == np.float32 else 1e-13
        size = max(1.0, float(abs(true).max()))
        np.testing.assert_allclose(got, true.astype(float), rtol=close, atol=close * size)


@SETS
@KINDS
@SHAPES
@DTYPES
@pytest.mark.parametrize("middle", [1, 1e4, 1e6])
def test_both_ways_equal_the_formula_also_around_a_large_mean(kernels, kind, shape, dtype, middle):
    data = problem(shape, dtype, middle)
    found = forward(kernels, kind, **data)
    outputs, gradients = truth(kind, **data)
    check(found, outputs, dtype)
    assert not (kind == "layernorm" and dtype == np.float32 and middle > 1e5 and shape[1] > 30) or (
        abs(found[1] - outputs[1]).max() > 1e-3  # what a mean in float32 has lost
    )
    check(backward(kernels, kind, found[1:], **data), gradients, dtype)


@SETS
@KINDS
def test_gradients_equal_central_differences(kernels, kind):
    data = problem((3, 4), np.float64)
    gradients = backward(kernels, kind, forward(kernels, kind, **data)[1:], **data)
    step = 1e-5
    for name, gradient in zip(["x", "gamma", "beta"], gradients, strict=False):
        numeric = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            sums = []
            for sign in (1, -1):
                changed = data[name].copy()
                changed[index] += sign * step
                y = forward(kernels, kind, **{**data, name: changed})[0]
                sums.append((y * data["dy"]).sum())
            numeric[index] = (sums[0] - sums[1]) / (2 * step)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-7, atol=1e-8, err_msg=name)


@SETS
@KINDS
@DTYPES
def test_parameter_gradients_are_added_if_told(kernels, kind, dtype):
    data = problem((9, 40), dtype)
    rows = forward(kernels, kind, **data)[1:]
    fresh = backward(kernels, kind, rows, **data)[1:]
    added = [np.full(40, 3, dtype) for _ in fresh]
    kernel = getattr(kernels, f"{kind}_backward_parameters")
    kernel(*added, data["dy"], data["x"], *rows, True)
    for got, alone in zip(added, fresh, strict=True):
        np.testing.assert_array_equal(got, dtype(3) + alone)


@SETS
@KINDS
@DTYPES
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_value_spoils_its_own_row_alone(kernels, kind, dtype, bad):
    data = problem((11, 40), dtype)
    clean = [data["x"], *forward(kernels, kind, **data)]
    clean += backward(kernels, kind, clean[2:], **data)[:1]
    data["x"] = data["x"].copy()
    data["x"][5, 17] = bad
    spoilt = [data["x"], *forward(kernels, kind, **data)]
    spoilt += backward(kernels, kind, spoilt[2:], **data)[:1]
    others = np.arange(11) != 5
    for before, after in zip(clean, spoilt, strict=True):
        np.testing.assert_array_equal(before[others], after[others])
    assert np.isnan(spoilt[1][5, 17])
    assert np.isnan(spoilt[-1][5]).any()


@SETS
@KINDS
@DTYPES
def test_a_constant_row_has_no_deviation(kernels, kind, dtype):
    data = {**problem((2, 6), dtype), "x": np.full((2, 6), 1e4, dtype)}
    y, *rows = forward(kernels, kind, **data)
    h = 0 if kind == "layernorm" else 1
    np.testing.assert_allclose(y, np.tile(data["gamma"] * h, (2, 1)) + (1 - h) * data["beta"])
    assert np.isfinite(backward(kernels, kind, rows, **data)[0]).all()
