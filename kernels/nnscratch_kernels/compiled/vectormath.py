"""Elementary functions that LLVM turns into vector instructions inside a kernel's loop.

A call of libm is one scalar call per element; these are straight-line code without branches. Use
them inside jitted code, on float32 or float64 scalars. NaN stays NaN; infinities go to the limits.

* ``exp``, ``expm1``: x = n ln2 + r with |r| <= ln2 / 2, a polynomial in r, times 2^n
  (ln2 in two parts, so that r is exact to the last bits: Cody and Waite 1980).
* ``tanh``: for float64 from ``expm1``; for float32 a polynomial below 1, and 1 - 2 / (e^2x + 1)
  above, where an error of e^2x hardly counts. ``sigmoid``: from ``exp``.
* ``log1p`` on [0, 1], the range softplus needs, after halving 1 + x where it is large: for float32
  f - f^2 q(f), for float64 2 artanh(s) with s = f / (2 + f).
* ``gaussian``, ``normal_tail``: e^(-x^2 / 2) with x^2 in two parts, and times a rational function
  (float32) the normal distribution's tail, precise relative to its value as far as it goes; libm
  (not vectorised) for float64.

The compensated steps must not be reordered, so these functions allow ``contract`` only. Called
from plain Python each is its NumPy or `math` namesake.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from nnscratch_kernels.compiled.floatformat import (
    FORMATS,
    exp_tail,
    half_power_of_two,
    polynomial,
    times_power_of_two,
)

OPTIONS: Any = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True}


def exp(x: Any) -> Any:
    """e^x."""
    return np.exp(x)


@overload(exp, jit_options=OPTIONS)
def _overload_exp(x: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    real = form.real
    low, high, shift = real(form.lowest), real(form.highest), real(form.round_shift)
    per_ln2, ln2_high, ln2_low = real(1 / math.log(2)), real(form.ln2_high), real(form.ln2_low)
    tail = exp_tail(form)
    scale = times_power_of_two(form)
    one = real(1)

    def implementation(x: Any) -> Any:
        x = low if x < low else x  # in this order NaN stays
        x = high if x > high else x
        shifted = x * per_ln2 + shift
        n = shifted - shift
        r = (x - n * ln2_high) - n * ln2_low
        return scale(one + (r + r * r * tail(r)), shifted)

    return implementation


def _half_exp_of_sum(high: Any, low: Any) -> Any:
    """e^(high + low) / 2 for a small `low`, where neither it nor twice it leaves the range."""
    return np.exp(high) * np.exp(low) / 2


@overload(_half_exp_of_sum, jit_options=OPTIONS)
def _overload_half_exp_of_sum(high: Any, low: Any) -> Any:
    form = FORMATS.get(high)
    if form is None:
        return None
    real = form.real
    shift, one = real(form.round_shift), real(1)
    per_ln2, ln2_high, ln2_low = real(1 / math.log(2)), real(form.ln2_high), real(form.ln2_low)
    tail = exp_tail(form)
    half_power = half_power_of_two(form)

    def implementation(high: Any, low: Any) -> Any:
        shifted = high * per_ln2 + shift
        n = shifted - shift
        r = (high - n * ln2_high) - (n * ln2_low - low)
        return half_power(shifted) * (one + (r + r * r * tail(r)))

    return implementation


def _expm1_bounded(x: Any) -> Any:
    """e^x - 1 where it is neither below a rounding error of -1 nor infinite."""
    return np.expm1(x)


@overload(_expm1_bounded, jit_options=OPTIONS)
def _overload_expm1_bounded(x: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    real = form.real
    shift, half, two = real(form.round_shift), real(0.5), real(2)
    per_ln2, ln2_high, ln2_low = real(1 / math.log(2)), real(form.ln2_high), real(form.ln2_low)
    tail = exp_tail(form)
    half_power = half_power_of_two(form)

    def implementation(x: Any) -> Any:
        shifted = x * per_ln2 + shift
        n = shifted - shift
        r = (x - n * ln2_high) - n * ln2_low
        power = half_power(shifted)
        return two * (power * (r + r * r * tail(r)) + (power - half))

    return implementation


def expm1(x: Any) -> Any:
    """e^x - 1, precise relative to its value also near zero."""
    return np.expm1(x)


@overload(expm1, jit_options=OPTIONS)
def _overload_expm1(x: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    low, high = form.real(-form.mantissa), form.real(form.highest)

    def implementation(x: Any) -> Any:
        x = low if x < low else x
        x = high if x > high else x
        return _expm1_bounded(x)

    return implementation


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, precise relative to its value also near zero."""
    return np.tanh(x)


# (tanh(x) / x - 1) / x^2 as a polynomial in x^2 for |x| <= 1 (relative error of tanh 5e-9), and
# (f - log(1 + f)) / f^2 for -0.293 <= f <= 0.415 (relative error of log(1 + f) 4e-9).
_TANH = [
    -0.3333329543, 0.1333234457, -0.0538798025,
    0.02148665698, -0.007946105581, 0.002301363988, -0.0003584518317,
]  # fmt: skip
_LOG1P = [
    0.4999998833, -0.3333332577, 0.2500158417, -0.2000196867, 0.1660904581,
    -0.1418192231, 0.1324342942, -0.1290390926, 0.07619913314,
]  # fmt: skip


@overload(tanh, jit_options=OPTIONS)
def _overload_tanh(x: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    real = form.real
    limit, zero, half = real(form.mantissa / 2), real(0), real(0.5)
    one, two = real(1), real(2)
    small = polynomial(form, _TANH)

    def precise(x: Any) -> Any:  # tanh rounds to 1 below the limit
        x = -limit if x < -limit else x
        x = limit if x > limit else x
        e = _expm1_bounded(two * x)
        return e / (e + two)

    def implementation(x: Any) -> Any:
        a = abs(x)
        a = limit if a > limit else a
        square = a * a
        below = a + a * (square * small(square))
        above = one - one / (_half_exp_of_sum(two * a, zero) + half)
        y = above if a > one else below
        return -y if x < zero else y

    return precise if form.numba_type == types.float64 else implementation


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


@overload(sigmoid, jit_options=OPTIONS)
def _overload_sigmoid(x: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    one = form.real(1)

    def implementation(x: Any) -> Any:
        return one / (one + exp(-x))

    return implementation


def log1p(x: Any) -> Any:
    """log(1 + x) for x in [0, 1], precise relative to its value also near zero."""
    return np.log1p(x)


@overload(log1p, jit_options=OPTIONS)
def _overload_log1p(x: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    real = form.real
    threshold = real(math.sqrt(2) - 1)
    zero, half, two, ln2 = real(0), real(0.5), real(2), real(math.log(2))
    artanh = polynomial(form, [2 / (2 * k + 1) for k in range(form.log_terms)])
    rest = polynomial(form, _LOG1P)

    def precise(x: Any) -> Any:
        halve = x > threshold  # 1 + x = 2 (1 + f)
        f = half * x - half if halve else x
        s = f / (two + f)
        return s * artanh(s * s) + (ln2 if halve else zero)

    def implementation(x: Any) -> Any:
        halve = x > threshold
        f = half * x - half if halve else x
        return (f - f * f * rest(f)) + (ln2 if halve else zero)

    return precise if form.numba_type == types.float64 else implementation


def gaussian(x: Any) -> Any:
    """e^(-x^2 / 2)."""
    return np.exp(-0.5 * x * x)


@overload(gaussian, jit_options=OPTIONS)
def _overload_gaussian(x: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    single = form.numba_type == types.float32
    real = form.real
    # It is 0 beyond the limit, where it is below 1e-37 (float64: 1e-307); the shift rounds to so
    # few bits that their square is exact.
    limit, half = real(13 if single else 37.5), real(0.5)
    zero, two = real(0), real(2)
    shift = real(1.5 * 2.0 ** (15 if single else 32))

    def implementation(x: Any) -> Any:
        a = abs(x)
        b = limit if a > limit else a
        coarse = (b + shift) - shift
        fine = half * ((b + coarse) * (coarse - b))
        y = two * _half_exp_of_sum(-half * (coarse * coarse), fine)
        return zero if a > limit else y

    return implementation


# The normal distribution's tail over e^(-x^2 / 2), a ratio of polynomials for 0 <= x <= 15
# (relative error 6e-9).
_TAIL_NUMERATOR = [0.500000003, 0.4384979257, 0.1833857299, 0.04068405464, 0.004123871179]
_TAIL_DENOMINATOR = [1, 1.674880838, 1.203128177, 0.4698682356, 0.1019861799, 0.01033689404]


def normal_tail(x: Any, density: Any) -> Any:
    """The probability that a standard normal number exceeds x >= 0; `density`: ``gaussian(x)``."""
    return 0.5 * math.erfc(x * math.sqrt(0.5))


@overload(normal_tail, jit_options=OPTIONS)
def _overload_normal_tail(x: Any, density: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    if form.numba_type == types.float64:
        half, root_half = 0.5, math.sqrt(0.5)

        def libm(x: Any, density: Any) -> Any:
            return half * math.erfc(x * root_half)

        return libm
    limit = form.real(15)
    numerator = polynomial(form, _TAIL_NUMERATOR)
    denominator = polynomial(form, _TAIL_DENOMINATOR)

    def implementation(x: Any, density: Any) -> Any:
        x = limit if x > limit else x
        return density * (numerator(x) / denominator(x))

    return implementation
