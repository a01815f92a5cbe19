"""Kernels of the layers with noise: both sets against their definition, and against each other."""

import numpy as np
import pytest

from nnscratch_kernels.compiled import noise as compiled
from nnscratch_kernels.reference import noise as reference

SHAPES = [(1, 1), (3, 5), (7, 33), (64, 100)]
SPECIAL = [0, -0.0, np.nan, np.inf, -np.inf, 1e-30, -1e-30, 1e30, -1e30]
REAL = pytest.mark.parametrize("real", [np.float32, np.float64])
KERNELS = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
FORWARD_AND_BACKWARD = ["dropout_forward", "dropout_backward", "rrelu_forward", "rrelu_backward"]


def call(function, shape, real, *arguments):
    """Run `function` on an output inside a guarded buffer; return a copy of that output."""
    size = int(np.prod(shape))
    buffer = np.full(size + 10, 777, real)
    out = buffer[5 : 5 + size].reshape(shape)
    function(out, *arguments)
    assert (buffer[:5] == 777).all()
    assert (buffer[-5:] == 777).all()
    return out.copy()


def samples(shape, real):
    rng = np.random.default_rng(11)
    x, dy = rng.standard_normal((2, *shape)).astype(real)
    some = SPECIAL[: x.size // 2]
    x.reshape(-1)[: len(some)] = some
    return x, dy, rng.random(shape, dtype=real)


@REAL
@pytest.mark.parametrize("name", FORWARD_AND_BACKWARD)
def test_compiled_agrees_with_reference(name, real):
    for shape in SHAPES:
        x, dy, noise = samples(shape, real)
        arguments = {
            "dropout_forward": (x, noise, 0.3),
            "dropout_backward": (dy, noise, 0.3),
            "rrelu_forward": (x, noise),
            "rrelu_backward": (dy, x, noise),
        }[name]
        before = [np.copy(a) for a in arguments]
        expected = call(getattr(reference, name), shape, real, *arguments)
        actual = call(getattr(compiled, name), shape, real, *arguments)
        np.testing.assert_allclose(actual, expected, rtol=2 * np.finfo(real).eps)
        for a, b in zip(arguments, before, strict=True):
            np.testing.assert_array_equal(a, b)


@REAL
@KERNELS
def test_dropout_keeps_where_the_noise_reaches_the_rate(kernels, real):
    rate = 0.3
    x = np.array([[1, -2, np.nan, np.inf, 5, np.nan]], real)
    noise = np.array([[0.29, 0.31, 0.29, 0.29, rate, 0.9]], real)
    expected = [[0, -2 / 0.7, 0, 0, 5 / 0.7, np.nan]]
    for function in (kernels.dropout_forward, kernels.dropout_backward):
        y = call(function, x.shape, real, x, noise, rate)
        np.testing.assert_allclose(y, expected, rtol=2 * np.finfo(real).eps)


@KERNELS
def test_dropout_keeps_the_mean(kernels):
    x = np.ones((400, 500))
    noise = np.random.default_rng(0).random(x.shape)
    y = call(kernels.dropout_forward, x.shape, x.dtype, x, noise, 0.4)
    assert (y == 0).mean() == pytest.approx(0.4, abs=0.005)
    assert y.mean() == pytest.approx(1, abs=0.01)


@KERNELS
def test_dropout_at_rate_zero_changes_nothing(kernels):
    x, _, noise = samples((7, 33), np.float64)
    y = call(kernels.dropout_forward, x.shape, x.dtype, x, noise, 0.0)
    np.testing.assert_array_equal(y, x)


@KERNELS
@pytest.mark.parametrize("name", ["dropout", "rrelu"])
def test_backward_is_the_derivative(kernels, name):
    rng = np.random.default_rng(1)
    x, dy = rng.standard_normal((2, 9, 14))
    x[np.abs(x) < 1e-2] = 0.5
    noise = rng.random(x.shape)
    extra = (noise, 0.4) if name == "dropout" else (noise,)
    forward = getattr(kernels, f"{name}_forward")
    h = 1e-3  # piecewise linear: no truncation error
    slope = (
        call(forward, x.shape, x.dtype, x + h, *extra)
        - call(forward, x.shape, x.dtype, x - h, *extra)
    ) / (2 * h)
    gradient = (dy, *extra) if name == "dropout" else (dy, x, *extra)
    dx = call(getattr(kernels, f"{name}_backward"), x.shape, x.dtype, *gradient)
    np.testing.assert_allclose(dx, dy * slope, rtol=1e-10, atol=1e-12)


@KERNELS
def test_rrelu_at_the_corner_takes_the_drawn_slope(kernels):
    zero, dy, slope = np.zeros((1, 3)), np.full((1, 3), 2.0), np.array([[0.1, 0.2, 0.3]])
    dx = call(kernels.rrelu_backward, zero.shape, zero.dtype, dy, zero, slope)
    np.testing.assert_array_equal(dx, dy * slope)
