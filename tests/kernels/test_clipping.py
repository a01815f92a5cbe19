"""Clipping kernels: properties that must hold for any gradient, and special values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnscratch_kernels.compiled import clipping as compiled
from nnscratch_kernels.reference import clipping as reference

KERNELS = [reference, compiled]
SETS = pytest.mark.parametrize("kernels", KERNELS, ids=["reference", "compiled"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
CLIPS = pytest.mark.parametrize("name", ["clip_by_value", "clip_by_norm"])
few = settings(deadline=None, derandomize=True, max_examples=40)

limits = st.floats(0.0625, 1e4, width=32)
gradients = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda dtype: arrays(
        dtype,
        st.integers(1, 70),
        elements=st.floats(-1e6, 1e6, width=32).map(lambda v: v if abs(v) > 1e-6 else 0.0),
    )
)


def exact_norm(g: np.ndarray) -> float:
    return float(np.sqrt((g.astype(np.longdouble) ** 2).sum()))


@SETS
@few
@given(g=gradients, limit=limits)
def test_clip_by_norm_bounds_the_norm_and_keeps_the_direction(
    kernels: Any, g: np.ndarray, limit: float
):
    clipped = g.copy()
    before, after, changed, largest, cosine = kernels.clip_by_norm(clipped, limit)
    assert before == pytest.approx(exact_norm(g), rel=1e-12)
    assert after == pytest.approx(exact_norm(clipped), rel=1e-12)
    assert largest == np.abs(g).max()
    assert changed == np.count_nonzero(clipped != g)
    assert cosine == 1 if before > 0 else math.isnan(cosine)
    assert after <= limit
    if before <= limit:
        assert clipped.tobytes() == g.tobytes()
        assert after == before
        assert changed == 0
    else:
        assert after == pytest.approx(limit, rel=1e-6)
        scaled = g.astype(float) * (limit / before)
        tiny = float(np.finfo(g.dtype).tiny)
        np.testing.assert_allclose(clipped, scaled, rtol=3e-7, atol=tiny)
    again = clipped.copy()
    result = kernels.clip_by_norm(again, limit)
    assert result == pytest.approx(
        (after, after, 0, np.abs(clipped).max(), 1.0 if after > 0 else math.nan),
        rel=1e-14,
        nan_ok=True,
    )
    assert again.tobytes() == clipped.tobytes()


@SETS
@few
@given(g=gradients, limit=limits)
def test_clip_by_value_is_the_nearest_point_of_the_box(kernels: Any, g: np.ndarray, limit: float):
    clipped = g.copy()
    before, after, changed, largest, cosine = kernels.clip_by_value(clipped, limit)
    assert before == pytest.approx(exact_norm(g), rel=1e-12)
    assert after == pytest.approx(exact_norm(clipped), rel=1e-12)
    assert largest == np.abs(g).max()
    assert changed == np.count_nonzero(np.abs(g) > limit)
    if before > 0:
        dot = g.astype(np.longdouble) @ clipped.astype(np.longdouble)
        assert cosine == pytest.approx(float(dot / exact_norm(g) / exact_norm(clipped)), rel=1e-12)
    else:
        assert math.isnan(cosine)
    np.testing.assert_array_equal(clipped, np.minimum(np.maximum(g, -limit), limit))
    if largest <= limit:
        assert clipped.tobytes() == g.tobytes()
    again = clipped.copy()
    result = kernels.clip_by_value(again, limit)
    assert result == pytest.approx(
        (after, after, 0, np.abs(clipped).max(), 1.0 if after > 0 else math.nan),
        rel=1e-14,
        nan_ok=True,
    )
    assert again.tobytes() == clipped.tobytes()


@SETS
@few
@given(g=gradients, limit=limits, seed=st.integers(0, 99))
def test_minus_the_clipped_gradient_is_the_steepest_step_in_the_ball(
    kernels: Any, g: np.ndarray, limit: float, seed: int
):
    """-clip(g) minimises g.v + |v|^2 / 2 over the box, or over the ball, of size `limit`."""
    rng = np.random.default_rng(seed)
    wide = g.astype(float)

    def cost(v: np.ndarray) -> float:
        return float(wide @ v + v @ v / 2)

    for name, order in (("clip_by_value", np.inf), ("clip_by_norm", 2)):
        best = g.copy()
        getattr(kernels, name)(best, limit)
        lowest = cost(-best.astype(float))
        slack = 1e-6 * abs(lowest) + 1e-12
        for scale in (limit, 0.01 * limit):
            v = -best + rng.normal(0, scale, g.shape)
            v *= min(1.0, limit / np.linalg.norm(v, order))
            assert cost(v) >= lowest - slack


@SETS
@CLIPS
@DTYPES
@pytest.mark.parametrize("size", [1, 6, 231, 6400])
def test_a_segment_is_clipped_and_its_neighbours_are_not(
    kernels: Any, name: str, dtype: Any, size: int
):
    flat = np.full(size + 10, 7.25, dtype)
    flat[5:-5] = np.random.default_rng(size).normal(3, 3, size)
    before, after, *_ = getattr(kernels, name)(flat[5:-5], 0.5)
    assert after < before
    assert (flat[:5] == 7.25).all()
    assert (flat[-5:] == 7.25).all()


@CLIPS
@DTYPES
@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e3])
def test_compiled_equals_reference_and_repeats_its_bits(name: str, dtype: Any, limit: float):
    g = np.random.default_rng(0).normal(size=60000).astype(dtype)
    clipped = [g.copy() for _ in range(3)]
    expected, got, again = (
        getattr(kernels, name)(values, limit)
        for kernels, values in zip([reference, compiled, compiled], clipped, strict=True)
    )
    assert [type(value) for value in got] == [float, float, int, float, float]
    assert [type(value) for value in expected] == [float, float, int, float, float]
    assert got == again
    assert clipped[1].tobytes() == clipped[2].tobytes()
    assert got == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(
        clipped[1], clipped[0], rtol=2.5e-7 if dtype == np.float32 else 1e-14
    )


@SETS
@pytest.mark.parametrize(
    ("dtype", "size"),
    [(np.float32, 1e30), (np.float32, 1e-30), (np.float64, 1e200), (np.float64, 1e-200)],
)
def test_norms_of_extreme_gradients_are_right(kernels: Any, dtype: Any, size: float):
    g = np.array([3 * size, 0, -4 * size], dtype)
    true = math.hypot(*(float(v) / size for v in g)) * size
    before, after, changed, largest, cosine = kernels.clip_by_norm(g, 0.1 * size)
    assert before == pytest.approx(true, rel=1e-12)
    assert after == pytest.approx(0.1 * size, rel=1e-6)
    assert (changed, largest, cosine) == (2, pytest.approx(4 * size, rel=1e-6), 1.0)
    g = np.array([3 * size, 0, -4 * size], dtype)
    before, after, changed, _, cosine = kernels.clip_by_value(g, float(g[0]))
    assert before == pytest.approx(true, rel=1e-12)
    assert after == pytest.approx(3 * math.sqrt(2) * size, rel=1e-6)
    assert changed == 1
    assert cosine == pytest.approx(21 / math.sqrt(18) / 5, rel=1e-6)


@SETS
@DTYPES
def test_clip_by_value_keeps_nan_and_clips_infinity(kernels: Any, dtype: Any):
    g = np.array([0.5, np.inf, -np.inf, -3, 2] * 9, dtype)
    before, after, changed, largest, cosine = kernels.clip_by_value(g, 2.0)
    assert math.isnan(cosine)
    np.testing.assert_array_equal(g, [0.5, 2, -2, -2, 2] * 9)
    assert (before, changed, largest) == (math.inf, 27, math.inf)
    assert after == pytest.approx(math.sqrt(9 * 16.25), rel=1e-14)
    g[7] = np.nan
    g[8] = np.inf
    before, after, changed, largest, cosine = kernels.clip_by_value(g, 2.0)
    assert math.isnan(cosine)
    assert np.flatnonzero(np.isnan(g)).tolist() == [7]
    assert changed == 1
    assert all(math.isnan(value) for value in (before, after, largest))


@SETS
@DTYPES
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_clip_by_norm_leaves_a_gradient_without_a_norm_alone(kernels: Any, dtype: Any, bad: float):
    g = np.array([0.5, bad, 100] * 9, dtype)
    untouched = g.copy()
    before, after, changed, largest, cosine = kernels.clip_by_norm(g, 1.0)
    assert math.isnan(cosine)
    assert g.tobytes() == untouched.tobytes()
    assert changed == 0
    np.testing.assert_array_equal([before, after, largest], [abs(bad)] * 3)


@SETS
def test_clip_by_norm_leaves_a_gradient_of_overflowing_norm_alone(kernels: Any):
    g = np.full(9, 1.5e308)
    *result, cosine = kernels.clip_by_norm(g, 1.0)
    assert (result, math.isnan(cosine)) == ([math.inf, math.inf, 0, 1.5e308], True)
    assert (g == 1.5e308).all()


@SETS
@CLIPS
@DTYPES
@pytest.mark.parametrize("limit", [math.inf, 1e300])
def test_a_limit_beyond_every_number_changes_nothing(
    kernels: Any, name: str, dtype: Any, limit: float
):
    g = np.array([3, np.finfo(dtype).max / 1e30, -4], dtype)
    untouched = g.copy()
    assert getattr(kernels, name)(g, limit)[2] == 0
    assert g.tobytes() == untouched.tobytes()


@SETS
@CLIPS
@DTYPES
def test_zeros_stay_zeros(kernels: Any, name: str, dtype: Any):
    g = np.array([0.0, -0.0, 0.0], dtype)
    untouched = g.copy()
    *result, cosine = getattr(kernels, name)(g, 1.0)
    assert (result, math.isnan(cosine)) == ([0.0, 0.0, 0, 0.0], True)
    assert g.tobytes() == untouched.tobytes()
