"""Sums of tensors: both kernel sets."""

import numpy as np
import pytest

from nnscratch_kernels.compiled import joins as compiled
from nnscratch_kernels.reference import joins as reference

SETS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])


@SETS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 0.25, -0.1])
def test_sums_and_multiples(kernels, dtype, scale):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 37, 21)).astype(dtype)
    a[3, 4], b[5, 6] = np.inf, np.nan
    y = np.empty_like(a)
    kernels.add_scaled(y, a, b, scale)
    close = 1e-6 if dtype == np.float32 else 1e-15
    expected = a.astype(np.longdouble) + np.longdouble(scale) * b
    np.testing.assert_allclose(y, expected, rtol=close, atol=close)
    if scale == 1:
        np.testing.assert_array_equal(y, a + b)
    kernels.scaled(y, b, scale)
    np.testing.assert_array_equal(y, dtype(scale) * b)
