"""Spread, dead units and copies, of both kernel sets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nnscratch_kernels.compiled import looks as compiled
from nnscratch_kernels.reference import looks as reference

SETS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@SETS
@DTYPES
def test_spread_is_between_examples(kernels: Any, dtype: Any):
    y = (np.random.default_rng(0).standard_normal((50, 20)) + 100).astype(dtype)
    expected = np.sqrt(y.astype(np.longdouble).var(axis=0).mean())
    assert kernels.spread(y) == pytest.approx(float(expected), rel=1e-12)
    assert kernels.spread(np.tile(y[:1], (50, 1))) == pytest.approx(0, abs=1e-11)
    assert math.isnan(kernels.spread(y[:1]))
    assert math.isnan(kernels.spread(np.full((3, 2), np.inf, dtype)))


@SETS
@DTYPES
def test_dead_units_are_never_positive(kernels: Any, dtype: Any):
    y = np.array([[0, 1, -1, 0, math.nan], [0, 0, -2, 0, 0], [0, 0, -3, 2, 0]], dtype)
    assert kernels.dead(y) == 0.4


@SETS
@DTYPES
def test_copies_are_equal_columns(kernels: Any, dtype: Any):
    weight = np.random.default_rng(0).standard_normal((30, 6)).astype(dtype)
    assert kernels.copies(weight) == 0
    largest = np.abs(weight).max()
    for column, apart, equal in ((4, 0.9e-6, 2), (5, -1.2e-6, 2), (5, -0.9e-6, 3)):
        weight[:, column] = weight[:, 1]
        weight[7, 1] = weight[7, column] = 0  # so that float32 can tell them apart there
        weight[7, column] += apart * largest
        # Column 1 is the middle: 4 and 5 may each equal it, and not one another.
        assert kernels.copies(weight) == pytest.approx(equal / 6)
    assert kernels.copies(np.zeros((30, 6), dtype)) == 1
    assert math.isnan(kernels.copies(weight[:, :1].copy()))
    weight[3, 3] = math.nan
    assert math.isnan(kernels.copies(weight))
    weight[3, 3] = math.inf
    assert math.isnan(kernels.copies(weight))


@DTYPES
def test_both_sets_see_the_same_in_weights_that_are_partly_alike(dtype: Any):
    rng = np.random.default_rng(1)
    for _ in range(50):
        inputs, units = rng.integers(1, 40, 2)
        weight = rng.integers(0, 2, (inputs, units)).astype(dtype)
        assert compiled.copies(weight) == pytest.approx(reference.copies(weight), nan_ok=True)
        y = weight - dtype(0.5) * rng.integers(0, 3)
        assert compiled.dead(y) == reference.dead(y)
        assert compiled.spread(y) == pytest.approx(reference.spread(y), rel=1e-12, nan_ok=True)
