"""Norms and counts of both kernel sets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnscratch_kernels.compiled import statistics as compiled
from nnscratch_kernels.reference import statistics as reference

SETS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@SETS
@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 33), (200, 300), (0,), (5,)])
def test_norm_equals_the_sum_in_extended_precision(kernels: Any, dtype: Any, shape: Any):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    expected = float(np.sqrt((x.astype(np.longdouble) ** 2).sum()))
    got = kernels.norm(x)
    assert isinstance(got, float)
    assert got == pytest.approx(expected, rel=1e-13)


@SETS
@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        *((np.float32, size) for size in (1e30, 1e38, 1e-30, 1e-38, 1e-44)),
        *((np.float64, size) for size in (1e30, 1e150, 1e200, 3e307, 1e-150, 1e-200, 1e-310)),
    ],
)
def test_norm_of_extreme_values(kernels: Any, dtype: Any, size: float):
    x = np.array([size, 0, -size, size, size] * 9, dtype)
    assert kernels.norm(x) == pytest.approx(6 * abs(float(x[0])), rel=1e-13)


@SETS
def test_norm_beyond_the_largest_number_is_infinite(kernels: Any):
    assert kernels.norm(np.full(100, 1e308)) == math.inf


@SETS
@DTYPES
def test_norm_of_special_values(kernels: Any, dtype: Any):
    x = np.ones(50, dtype)
    x[20] = -np.inf
    assert kernels.norm(x) == math.inf
    x[40] = np.nan
    assert math.isnan(kernels.norm(x))
    assert kernels.norm(np.zeros(50, dtype)) == 0


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=0, max_size=20).map(
        np.array
    )
)
def test_compiled_norm_equals_reference(x: np.ndarray):
    expected, got = reference.norm(x.astype(float)), compiled.norm(x.astype(float))
    assert got == pytest.approx(expected, rel=1e-14, nan_ok=True)


@SETS
@DTYPES
def test_segment_norms(kernels: Any, dtype: Any):
    flat = np.random.default_rng(1).normal(size=1000).astype(dtype)
    flat[150] = np.nan
    offsets = np.array([0, 1, 100, 100, 200, 1000], np.int64)
    norms = np.full(7, 7.25)
    kernels.segment_norms(norms[1:6], flat, offsets)
    expected = [np.linalg.norm(part.astype(float)) for part in np.split(flat, offsets[1:-1])]
    np.testing.assert_allclose(norms[1:6], expected, rtol=1e-13)
    assert math.isnan(norms[4])
    assert norms[0] == norms[6] == 7.25


@SETS
@DTYPES
@pytest.mark.parametrize("shape", [(1,), (33,), (7, 33)])
def test_count_nonfinite(kernels: Any, dtype: Any, shape: Any):
    limits = np.finfo(dtype)
    x = np.full(shape, limits.max, dtype)
    x.flat[::2] = -limits.tiny
    assert kernels.count_nonfinite(x) == 0
    bad = np.array([np.nan, -np.nan, np.inf, -np.inf], dtype)
    positions = np.arange(0, x.size, 3)
    x.flat[positions] = np.resize(bad, len(positions))
    assert kernels.count_nonfinite(x) == len(positions)
    assert isinstance(kernels.count_nonfinite(x), int)


@SETS
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], -1),
        ([0, 1, 9], -1),
        ([0, 10, 9], 1),
        ([3] * 100 + [-1, 10], 100),
        ([np.iinfo(np.int64).min], 0),
    ],
)
def test_first_label_outside(kernels: Any, values: list[int], expected: int):
    assert kernels.first_outside(np.array(values, np.int64), 0, 9) == expected


@SETS
@DTYPES
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 1.0, 0.5], -1),
        ([0.0] * 70 + [np.nextafter(np.float32(1), np.float32(2)), -1.0], 70),
        ([0.5, -1e-44, 7.0], 1),
        ([0.5, math.nan], 1),
        ([math.inf], 0),
    ],
)
def test_first_number_outside(kernels: Any, dtype: Any, values: list[float], expected: int):
    assert kernels.first_outside(np.array(values, dtype), 0.0, 1.0) == expected
