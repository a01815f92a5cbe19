"""Activation kernels: each set against mathematics, the compiled set against the reference."""

import math

import numpy as np
import pytest

from nnscratch_kernels.compiled import activations as compiled_smooth
from nnscratch_kernels.compiled import rectifiers as compiled_rectifiers
from nnscratch_kernels.reference import activations as reference_smooth
from nnscratch_kernels.reference import rectifiers as reference_rectifiers

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

# name: (further arguments, formula for one number, y and dy/dx at -infinity and at infinity)
ACTIVATIONS = {
    "sigmoid": ((), lambda x: 0.5 * (1 + math.tanh(x / 2)), (0, 1), (0, 0)),
    "tanh": ((), lambda x: 1 - 2 / (math.exp(2 * x) + 1), (-1, 1), (0, 0)),
    "softsign": ((), lambda x: x / (1 + abs(x)), (-1, 1), (0, 0)),
    "softplus": ((), lambda x: math.log(1 + math.exp(x)), (0, np.inf), (0, 1)),
    "silu": ((), lambda x: x / (1 + math.exp(-x)), (0, np.inf), (0, 1)),
    "gelu": ((), lambda x: x * math.erfc(-x / math.sqrt(2)) / 2, (0, np.inf), (0, 1)),
    "relu": ((), lambda x: (x + abs(x)) / 2, (0, np.inf), (0, 1)),
    "leaky_relu": ((0.01,), lambda x: max(x, 0.01 * x), (-np.inf, np.inf), (0.01, 1)),
    "elu": ((1.3,), lambda x: x if x > 0 else 1.3 * (math.exp(x) - 1), (-1.3, np.inf), (0, 1)),
    "selu": (
        (),
        lambda x: SELU_SCALE * (x if x > 0 else SELU_ALPHA * (math.exp(x) - 1)),
        (-SELU_SCALE * SELU_ALPHA, np.inf),
        (0, SELU_SCALE),
    ),
    "mish": (
        (),
        lambda x: x * math.tanh(math.log1p(math.exp(x))),
        (0, np.inf),
        (0, 1),
    ),
    "exponential": ((), math.exp, (0, np.inf), (0, np.inf)),
    "hard_sigmoid": ((0.2,), lambda x: min(max(0.2 * x + 0.5, 0.0), 1.0), (0, 1), (0, 0)),
    "hard_tanh": ((), lambda x: min(max(x, -1.0), 1.0), (-1, 1), (0, 0)),
}
SHAPES = [(1, 1), (3, 5), (7, 33), (64, 100)]
SPECIAL = [0, -0.0, np.nan, np.inf, -np.inf]
SPECIAL += [sign * size for size in (1e-30, 1e-6, 17, 40, 88, 710, 1e30) for sign in (1, -1)]

NAME = pytest.mark.parametrize("name", ACTIVATIONS)
REAL = pytest.mark.parametrize("real", [np.float32, np.float64])
KERNELS = pytest.mark.parametrize("kernels", ["reference", "compiled"])


def kernel(kernels, name):
    smooth, rectifiers = {
        "reference": (reference_smooth, reference_rectifiers),
        "compiled": (compiled_smooth, compiled_rectifiers),
    }[kernels]
    return getattr(smooth, name, None) or getattr(rectifiers, name)


def call(function, shape, real, *arguments):
    """Run `function` on an output inside a guarded buffer; return a copy of that output."""
    before = [np.copy(a) for a in arguments]
    size = math.prod(shape)
    buffer = np.full(size + 10, 777, real)
    out = buffer[5 : 5 + size].reshape(shape)
    function(out, *arguments)
    assert (buffer[:5] == 777).all()
    assert (buffer[-5:] == 777).all()
    for a, b in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(a, b)
    return out.copy()


def forward(kernels, name, x):
    function = kernel(kernels, f"{name}_forward")
    return call(function, x.shape, x.dtype, x, *ACTIVATIONS[name][0])


def backward(kernels, name, dy, x):
    y = forward("reference", name, x)
    function = kernel(kernels, f"{name}_backward")
    return call(function, x.shape, x.dtype, dy, x, y, *ACTIVATIONS[name][0])


def assert_close(actual, expected, allowed):
    """Equal NaNs and infinities; elsewhere no further apart than `allowed`."""
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~finite], expected[~finite])
    assert np.isfinite(actual[finite]).all()
    excess = np.abs(actual[finite] - expected[finite]) - allowed[finite]
    assert excess.max(initial=-1) <= 0, f"{actual[finite][excess.argmax()]} off by {excess.max()}"


def samples(shape, real, seed=3):
    """Random numbers up to about 10, the first of them replaced by special values."""
    x = (3 * np.random.default_rng(seed).standard_normal(shape)).astype(real)
    some = SPECIAL[: x.size // 2]
    x.reshape(-1)[: len(some)] = some
    return x


def allowed_error(expected, scale):
    """8 rounding errors of the result or of what it is a difference of; and what underflows."""
    finfo = np.finfo(expected.dtype)
    size = np.maximum(np.abs(np.nan_to_num(expected)), scale)
    return 8 * finfo.eps * np.minimum(size, finfo.max / 2) + 1000 * finfo.tiny


@REAL
@NAME
def test_compiled_agrees_with_reference(name, real):
    for shape in SHAPES:
        x = samples(shape, real)
        dy = np.random.default_rng(4).standard_normal(shape).astype(real)
        y = forward("reference", name, x)
        # 1 + erf cancels below zero, x / 5 + 1/2 near its corner, in both sets.
        scale = np.clip(np.abs(np.nan_to_num(x)), 0, 10) if name == "gelu" else 0
        scale = 0.5 if name == "hard_sigmoid" else scale
        assert_close(forward("compiled", name, x), y, allowed_error(y, scale))
        dx = backward("reference", name, dy, x)
        assert_close(backward("compiled", name, dy, x), dx, allowed_error(dx, np.abs(dy)))


@KERNELS
@NAME
def test_forward_is_the_formula(kernels, name):
    x = np.random.default_rng(0).uniform(-12, 12, (5, 40))
    exact = np.vectorize(ACTIVATIONS[name][1])(x)
    np.testing.assert_allclose(forward(kernels, name, x), exact, rtol=1e-13, atol=1e-14)


@KERNELS
@NAME
def test_backward_is_the_derivative(kernels, name):
    rng = np.random.default_rng(1)
    x = rng.uniform(-6, 6, (9, 40))
    x[np.abs(x) < 1e-4] = 0.5  # the corner of a rectifier
    dy = rng.standard_normal(x.shape)
    h = 6e-6
    slope = (forward(kernels, name, x + h) - forward(kernels, name, x - h)) / (2 * h)
    np.testing.assert_allclose(backward(kernels, name, dy, x), dy * slope, rtol=1e-8, atol=1e-9)


@REAL
@KERNELS
@NAME
def test_limits_and_nan(name, kernels, real):
    _, _, (y_low, y_high), (slope_low, slope_high) = ACTIVATIONS[name]
    x = np.array([[-np.inf, np.inf, np.nan]], real)
    np.testing.assert_allclose(
        forward(kernels, name, x), [[y_low, y_high, np.nan]], rtol=4 * np.finfo(real).eps
    )
    dx = backward(kernels, name, np.full_like(x, 2), x)[0, :2]
    np.testing.assert_allclose(dx, [2 * slope_low, 2 * slope_high], rtol=4 * np.finfo(real).eps)


@REAL
@KERNELS
@pytest.mark.parametrize("name", ["tanh", "softsign", "elu", "selu", "silu", "gelu"])
def test_small_values_keep_their_digits(name, kernels, real):
    """f(x) is f'(0) x near zero, to relative precision."""
    x = np.array([[1e-30, -1e-30, 1e-18, -1e-18]], real)
    slope = {"elu": [1, 1.3], "selu": [SELU_SCALE, SELU_SCALE * SELU_ALPHA]}.get(name)
    slope = slope or [0.5 if name in ("silu", "gelu") else 1] * 2
    y = forward(kernels, name, x)
    np.testing.assert_allclose(y / x, [slope * 2], rtol=4 * np.finfo(real).eps)


@KERNELS
def test_derivatives_at_the_corner_are_those_from_the_left(kernels):
    x, dy = np.array([[0.0, -0.0]]), np.array([[2.0, 2.0]])
    for name, slope in {
        "hard_tanh": 1,
        "relu": 0,
        "leaky_relu": 0.01,
        "elu": 1.3,
        "selu": SELU_SCALE * SELU_ALPHA,
    }.items():
        np.testing.assert_allclose(backward(kernels, name, dy, x), 2 * slope, rtol=1e-15)


def prelu_backward(kernels, dy, x, slope, dslope, accumulate):
    function = kernel(kernels, "prelu_backward")
    guarded = np.full(dslope.size + 2, 777, x.dtype)
    guarded[1:-1] = dslope

    def with_dslope(dx, *arguments):
        function(dx, guarded[1:-1], *arguments, accumulate)

    dx = call(with_dslope, x.shape, x.dtype, dy, x, slope)
    assert guarded[0] == guarded[-1] == 777
    return dx, guarded[1:-1]


@REAL
@pytest.mark.parametrize("shared", [True, False])
def test_prelu_compiled_agrees_with_reference(shared, real):
    eps = np.finfo(real).eps
    for shape in SHAPES:
        rng = np.random.default_rng(5)
        slope = rng.uniform(-0.5, 1.5, 1 if shared else shape[1]).astype(real)
        x, dy = samples(shape, real), rng.standard_normal(shape).astype(real)
        results = [
            call(kernel(kernels, "prelu_forward"), shape, real, x, slope)
            for kernels in ("reference", "compiled")
        ]
        np.testing.assert_allclose(*results, rtol=2 * eps)
        x = np.clip(np.nan_to_num(x), -100, 100)  # a sum of infinities says nothing
        for accumulate in (False, True):
            start = np.full(slope.shape, 3, real)
            (dx, dslope), (compiled_dx, compiled_dslope) = (
                prelu_backward(kernels, dy, x, slope, start, accumulate)
                for kernels in ("reference", "compiled")
            )
            np.testing.assert_allclose(compiled_dx, dx, rtol=2 * eps)
            size = 3 + np.abs(dy * x).sum()
            np.testing.assert_allclose(compiled_dslope, dslope, rtol=8 * eps, atol=8 * eps * size)


@KERNELS
@pytest.mark.parametrize("shared", [True, False])
def test_prelu_gradients(kernels, shared):
    rng = np.random.default_rng(6)
    slope = rng.uniform(-0.5, 1.5, 1 if shared else 8)
    x, dy = rng.standard_normal((11, 8)), rng.standard_normal((11, 8))
    x[0, 0] = 0
    dx, dslope = prelu_backward(kernels, dy, x, slope, np.zeros(slope.shape), False)
    slopes = np.broadcast_to(slope, x.shape)
    np.testing.assert_allclose(dx, [
        [d * (1 if v > 0 else s) for d, v, s in zip(*rows, strict=True)]
        for rows in zip(dy, x, slopes, strict=True)
    ])  # fmt: skip
    forward_kernel = kernel(kernels, "prelu_forward")
    for k in range(slope.size):
        step = np.zeros_like(slope)
        step[k] = 1e-3  # y is linear in the slope: no truncation error
        high = (dy * call(forward_kernel, x.shape, x.dtype, x, slope + step)).sum()
        low = (dy * call(forward_kernel, x.shape, x.dtype, x, slope - step)).sum()
        assert dslope[k] == pytest.approx((high - low) / 2e-3, rel=1e-9, abs=1e-11)


def test_prelu_passes_nan_to_the_slope():
    x = np.array([[1.0, np.nan, -1.0]])
    for kernels in ("reference", "compiled"):
        for slope, expected in ((np.ones(1), [np.nan]), (np.ones(3), [0, np.nan, -1])):
            _, dslope = prelu_backward(kernels, np.ones((1, 3)), x, slope, np.zeros_like(slope), 0)
            np.testing.assert_array_equal(dslope, expected)


@KERNELS
@NAME
def test_agrees_with_pytorch(name, kernels):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    rng = np.random.default_rng(2)
    x, dy = 2 * rng.standard_normal((20, 30)), rng.standard_normal((20, 30))
    x[0, :2] = 0, -0.0
    theirs = torch.tensor(x, requires_grad=True)
    extra = ACTIVATIONS[name][0]
    others = {
        "tanh": torch.tanh,
        "exponential": torch.exp,
        "hard_sigmoid": lambda x, slope: torch.clamp(slope * x + 0.5, 0, 1),
        "hard_tanh": functional.hardtanh,
    }
    function = others.get(name) or getattr(functional, name)
    y = function(theirs, *extra)
    y.backward(torch.tensor(dy))
    options = {"rtol": 1e-10, "atol": 1e-14}
    np.testing.assert_allclose(forward(kernels, name, x), y.detach().numpy(), **options)
    np.testing.assert_allclose(backward(kernels, name, dy, x), theirs.grad.numpy(), **options)


@REAL
def test_corners_of_straight_lines_get_no_gradient(real):
    x, dy = np.array([[-1, 1, -2.5, 2.5, 0]], real), np.ones((1, 5), real)
    for kernels in ("reference", "compiled"):
        assert backward(kernels, "hard_tanh", dy, x).tolist() == [[0, 0, 0, 0, 1]]
        assert backward(kernels, "hard_sigmoid", dy, x)[0, 2:].tolist() == [0, 0, real(0.2)]


def softmax(kernels, x, dy):
    y = call(kernel(kernels, "softmax_forward"), x.shape, x.dtype, x)
    return y, call(kernel(kernels, "softmax_backward"), x.shape, x.dtype, dy, x, y)


@REAL
@KERNELS
@pytest.mark.parametrize("shape", [(1, 1), (4, 1), (3, 5), (7, 33), (64, 100)])
def test_softmax_is_its_formula(kernels, shape, real):
    rng = np.random.default_rng(7)
    x, dy = (3 * rng.standard_normal((2, *shape))).astype(real)
    y, dx = softmax(kernels, x, dy)
    e = np.exp(x.astype(np.longdouble))
    exact = e / e.sum(axis=1, keepdims=True)
    tolerance = {"rtol": 20 * np.finfo(real).eps, "atol": 20 * np.finfo(real).eps}
    np.testing.assert_allclose(y, exact, **tolerance)
    mean = (dy * exact).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(dx, exact * (dy - mean), **tolerance)


@REAL
@KERNELS
def test_softmax_over_one_feature_is_certain_and_passes_no_gradient(kernels, real):
    x = np.array([[0], [1e30], [-700]], real)
    y, dx = softmax(kernels, x, np.array([[3], [-1e30], [0.1]], real))
    assert (y == 1).all()
    assert not dx.any()


@REAL
@KERNELS
def test_softmax_of_numbers_of_any_size_and_of_nan(kernels, real):
    x = np.array([[1e30, -1e30, 0], [-1e30, -1e30, -np.inf], [0, np.nan, 0]], real)
    y, dx = softmax(kernels, x, np.ones_like(x))
    np.testing.assert_allclose(y[:2], [[1, 0, 0], [0.5, 0.5, 0]], atol=1e-7)
    assert not dx[:2].any()
    assert np.isnan(y[2]).all()


@KERNELS
@pytest.mark.parametrize("shape", [(10_000, 3), (300, 257), (20, 5000)])
@pytest.mark.parametrize("shared", [True, False])
def test_long_sums_of_prelu_s_slope_lose_no_more_than_pairwise_ones(kernels, shared, shape):
    rng = np.random.default_rng(8)
    x = -np.abs(rng.standard_normal(shape, np.float32))
    dy = np.ones(shape, np.float32)
    start = np.zeros(1 if shared else shape[1], np.float32)
    _, dslope = prelu_backward(kernels, dy, x, start + np.float32(0.25), start, False)
    exact = x.astype(np.float64).sum(axis=None if shared else 0)
    np.testing.assert_allclose(dslope, exact, rtol=1.2e-7)
