"""Kernels that make one vector of a sequence: both sets alike, with and without a mask."""

import numpy as np
import pytest

import nnscratch_kernels

REFERENCE = nnscratch_kernels.load("reference")
COMPILED = nnscratch_kernels.load("numba")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("masked", [False, True])
def test_compiled_and_readable_kernels_agree(masked, dtype):
    rng = np.random.default_rng(0)
    for batch, steps, n in [(1, 1, 1), (4, 3, 5), (19, 11, 33)]:
        x = rng.standard_normal((batch, steps * n)).astype(dtype)
        y = rng.standard_normal((batch, n)).astype(dtype)
        mask = (rng.random((batch, steps * masked)) < 0.6).astype(dtype)
        mask[:1] = 0  # an example without any step
        calls = {
            "last_step_forward": ((batch, n), (x,)),
            "last_step_backward": ((batch, steps * n), (y,)),
            "mean_over_time_forward": ((batch, n), (x, mask)),
            "mean_over_time_backward": ((batch, steps * n), (y, mask)),
        }
        if masked:
            calls["hold_forward"] = calls["hold_backward"] = ((batch, steps * n), (x, mask))
        for name, (shape, given) in calls.items():
            found = [np.full(shape, np.nan, dtype) for _ in range(2)]
            for out, kernels in zip(found, (REFERENCE, COMPILED), strict=True):
                getattr(kernels, name)(out, *given)
            np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_step_that_is_not_there_counts_nothing_whatever_it_holds():
    x, mask = np.array([[1.0, np.nan, 5.0]]), np.array([[1.0, 0.0, 1.0]])
    for kernels in (REFERENCE, COMPILED):
        y = np.empty((1, 1))
        kernels.mean_over_time_forward(y, x, mask)
        assert y[0, 0] == 3
