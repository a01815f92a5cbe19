"""Arrays that lie anywhere are measured as they are where they lie."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.lying import Lying
from nnscratch_kernels.reference.measures import MEASURES, NOTHING

SIZES = [1, 99, 0, 900]


def lying(dtype, seed=0):
    """Return arrays that lie apart, and their addresses."""
    rng = np.random.default_rng(seed)
    parts = [(0.3 + rng.standard_normal(n)).astype(dtype) for n in SIZES]
    return parts, np.array([part.ctypes.data for part in parts], np.int64)


def by_name(out):
    return dict(zip(MEASURES, out.copy(), strict=True))


@pytest.mark.parametrize("kernels", ["reference", "numba"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_measured_where_they_lie(kernels, dtype):
    parts, addresses = lying(dtype)
    samples = [np.full(64, 99, np.uint8) for _ in SIZES]
    with nn.use_kernels(kernels):
        measures = Lying(SIZES, np.dtype(dtype), samples, [16, 16, 16, 208])
        for scale in (1, 3):  # what is there now, at every call
            for part in parts:
                part *= dtype(scale)
            found = by_name(measures.measure(addresses))
            expected = [np.linalg.norm(part.astype(float)) for part in parts]
            np.testing.assert_allclose(found["norm"], expected, rtol=1e-6)
            means = [part.astype(float).mean() if part.size else 0 for part in parts]
            np.testing.assert_allclose(found["mean"], means, rtol=1e-5, atol=1e-7)
    assert (samples[3] < NOTHING).all()
    assert samples[1][0] < NOTHING
    assert (samples[2] == 99).all()


@pytest.mark.parametrize("kernels", ["reference", "numba"])
def test_what_is_not_there_is_nan_and_what_is_not_finite_is_counted(kernels):
    parts, addresses = lying(np.float32)
    parts[3][[4, 700]] = np.nan, np.inf
    with nn.use_kernels(kernels):
        measures = Lying(SIZES, np.dtype(np.float32))
        for gone in (1, 0):
            here = addresses.copy()
            here[gone] = 0
            found = by_name(measures.measure(here))
            assert np.isnan(found["norm"]).tolist() == [gone == 0, gone == 1, False, True]
            np.testing.assert_array_equal(found["nonfinite"][2:], [0, 2])
            assert np.isnan(found["nonfinite"][gone])
