"""Error bounds of the vectorisable elementary functions, against extended precision."""

import math

import numba
import numpy as np
import pytest
from numba.extending import overload

from nnscratch_kernels.compiled import vectormath
from nnscratch_kernels.jit import FASTMATH

REAL = pytest.mark.parametrize("real", [np.float32, np.float64])

exact_erfc = np.vectorize(math.erfc, otypes=[np.float64])
EXACT = {
    "exp": np.exp,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "log1p": np.log1p,
    "gaussian": lambda x: np.exp(-x * x / 2),
    "normal_tail": lambda x: exact_erfc((x * np.sqrt(np.longdouble(0.5))).astype(np.float64)) / 2,
}
# The largest error allowed, in units of the relative spacing of the type (eps).
BOUND = {
    "exp": 1.0, "expm1": 2.0, "tanh": 2.5, "sigmoid": 2.0, "log1p": 2.5,
    "gaussian": 1.5, "normal_tail": 20.0,  # in float64 erfc's argument is rounded, here too
}  # fmt: skip
SINGLE = {"tanh": 0.9, "log1p": 1.1, "normal_tail": 4.0}  # float32's own formulas


def _loop(function):
    """A loop over an array, compiled with the flags of the kernels."""

    @numba.njit(error_model="numpy", fastmath=set(FASTMATH))
    def loop(y, x):
        for i in range(x.size):
            y[i] = function(x[i])

    return loop


def tail(x):
    """What the kernels call."""
    return vectormath.normal_tail(x, vectormath.gaussian(x))


@overload(tail)
def _overload_tail(x):
    normal_tail, gaussian = vectormath.normal_tail, vectormath.gaussian
    return lambda x: normal_tail(x, gaussian(x))


NAMED = {name: getattr(vectormath, name) for name in EXACT} | {"normal_tail": tail}
LOOPS = {name: _loop(function) for name, function in NAMED.items()}


def compute(name, x):
    y = np.empty_like(x)
    LOOPS[name](y, x)
    return y


def arguments(name, real):
    """The whole range of the function, the neighbourhood of zero, and tiny numbers."""
    rng = np.random.default_rng(7)
    largest = np.log(np.finfo(real).max)
    low, high = {
        "exp": (-largest, largest),
        "expm1": (-60, largest),
        "tanh": (-25, 25),
        "sigmoid": (-largest, 60),
        "log1p": (0, 1),
        "gaussian": (-13, 13) if real is np.float32 else (-37, 37),
        "normal_tail": (0, 12.5) if real is np.float32 else (0, 4),
    }[name]
    tiny = 10.0 ** rng.uniform(-30, 0, 20_000)
    parts = [
        np.linspace(low, high, 100_003),
        rng.uniform(max(low, -1.5), min(high, 1.5), 100_000),
        tiny,
        -tiny if low < 0 else tiny,
    ]
    return np.clip(np.concatenate(parts).astype(real), low, high).astype(real)


@REAL
@pytest.mark.parametrize("name", EXACT)
def test_error_over_the_whole_range(name, real):
    x = arguments(name, real)
    with np.errstate(over="ignore"):
        exact = EXACT[name](x.astype(np.longdouble))
    normal = (np.abs(exact) >= np.finfo(real).tiny) & (np.abs(exact) <= np.finfo(real).max)
    assert normal.mean() > 0.99
    error = np.abs(compute(name, x)[normal] / exact[normal] - 1) / np.finfo(real).eps
    worst = int(np.argmax(error))
    bound = SINGLE.get(name, BOUND[name]) if real is np.float32 else BOUND[name]
    assert error[worst] <= bound, f"{name}({x[normal][worst]!r}): {error[worst]:.2f} eps"


@REAL
@pytest.mark.parametrize("name", ["expm1", "tanh"])
def test_odd_leading_term_near_zero(name, real):
    """f(x) = c x (1 + O(x)): subtracting from 1 would lose all digits."""
    x = np.array([1e-30, -1e-30, 1e-20, -1e-12, 3e-10, -3e-10], real)
    np.testing.assert_allclose(compute(name, x) / x, 1.0, rtol=4 * np.finfo(real).eps + 3.1e-10)


@REAL
@pytest.mark.parametrize(
    ("name", "below", "at_zero", "above"),
    [
        ("exp", 0, 1, np.inf),
        ("expm1", -1, 0, np.inf),
        ("tanh", -1, 0, 1),
        ("sigmoid", 0, 0.5, 1),
        ("gaussian", 0, 1, 0),
    ],
)
def test_limits(name, below, at_zero, above, real):
    far = np.array([-np.inf, -1e30, -800, 0, -0.0, 800, 1e30, np.inf], real)
    expected = np.array([below] * 3 + [at_zero] * 2 + [above] * 3, real)
    np.testing.assert_array_equal(compute(name, far), expected)


@REAL
@pytest.mark.parametrize("name", EXACT)
def test_nan_stays_nan(name, real):
    # Long enough for the vector part of the loop, with NaNs of both signs and other payloads.
    x = np.full(67, 0.25, real)
    x[::2] = np.nan
    x[::4] = -np.nan
    bits = x.view(np.uint32 if real is np.float32 else np.uint64)
    bits[::6] += 12345
    assert np.isnan(x).sum() == 34
    np.testing.assert_array_equal(np.isnan(compute(name, x)), np.isnan(x))


@REAL
def test_exp_goes_gradually_to_zero_and_exactly_to_infinity(real):
    finfo = np.finfo(real)
    edge = np.log(np.longdouble(finfo.max))
    x = np.array([edge * (1 - 1e-6), edge * (1 + 1e-6)], real)
    y = compute("exp", x)
    assert np.isfinite(y[0])
    assert np.isinf(y[1])
    x = np.linspace(np.log(np.longdouble(finfo.smallest_subnormal)) - 2, np.log(finfo.tiny), 999)
    x = x.astype(real)
    exact = np.exp(x.astype(np.longdouble))
    assert np.abs(compute("exp", x) - exact).max() <= 1.5 * np.longdouble(finfo.smallest_subnormal)


@REAL
def test_the_loop_is_vectorised(real):
    """The reason these functions exist: a vector multiply-add or product in the machine code."""
    compute("exp", np.ones(1, real))
    code = next(
        text
        for signature, text in LOOPS["exp"].inspect_llvm().items()
        if signature[0].dtype == numba.from_dtype(np.dtype(real))
    )
    llvm = "float" if real is np.float32 else "double"
    assert any(f"<{lanes} x {llvm}>" in code for lanes in (2, 4, 8, 16))


@pytest.mark.parametrize("name", EXACT)
def test_from_plain_python_each_is_its_namesake(name):
    assert NAMED[name](0.3) == pytest.approx(float(EXACT[name](np.float64(0.3))))
