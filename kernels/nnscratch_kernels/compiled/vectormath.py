"""Elementary functions that LLVM turns into vector instructions inside a kernel's loop.

A call of libm is one scalar call per element; these are straight-line code without branches. Use
them inside jitted code, on float32 or float64 scalars. NaN stays NaN; infinities go to the limits.

* ``exp``, ``expm1``: x = n ln2 + r with |r| <= ln2 / 2, a polynomial in r, times 2^n
  (ln2 in two parts, so that r is exact to the last bits: Cody and Waite 1980).
* ``tanh``, ``sigmoid``: from ``expm1`` and ``exp``, keeping the relative precision near zero.
* ``log1p`` on [0, 1], the range softplus needs: 2 artanh(s), s = f / (2 + f), after halving 1 + x.
* ``erf``: a rational function for float32; libm (not vectorised) for float64.

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


@overload(tanh, jit_options=OPTIONS)
def _overload_tanh(x: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    limit, two = form.real(form.mantissa / 2), form.real(2)  # tanh rounds to 1 below this limit

    def implementation(x: Any) -> Any:
        x = -limit if x < -limit else x
        x = limit if x > limit else x
        e = _expm1_bounded(two * x)
        return e / (e + two)

    return implementation


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

    def implementation(x: Any) -> Any:
        halve = x > threshold  # 1 + x = 2 (1 + f)
        f = half * x - half if halve else x
        s = f / (two + f)
        return s * artanh(s * s) + (ln2 if halve else zero)

    return implementation


# erf(x) / x as a ratio of polynomials in x^2 for |x| <= 3.95 (relative error 2e-8), fitted by
# iteratively reweighted least squares; beyond, erf rounds to 1 in float32.
_ERF_NUMERATOR = [
    1.128379144, 0.1915503737, 0.05287545626,
    0.003808165018, 0.000284687958, 2.025909428e-06,
]  # fmt: skip
_ERF_DENOMINATOR = [
    1, 0.5030897743, 0.1145596512,
    0.01505509606, 0.001170726905, 3.783182771e-05,
]  # fmt: skip


def erf(x: Any) -> Any:
    """2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x."""
    return math.erf(x)


@overload(erf, jit_options=OPTIONS)
def _overload_erf(x: Any) -> Any:
    form = FORMATS.get(x)
    if form is None:
        return None
    if form.numba_type == types.float64:

        def libm(x: Any) -> Any:
            return math.erf(x)

        return libm
    limit, one = form.real(4.05), form.real(1)  # the ratio passes 1 at 3.96
    numerator = polynomial(form, _ERF_NUMERATOR)
    denominator = polynomial(form, _ERF_DENOMINATOR)

    def implementation(x: Any) -> Any:
        x = -limit if x < -limit else x
        x = limit if x > limit else x
        square = x * x
        y = x * numerator(square) / denominator(square)
        y = -one if y < -one else y
        return one if y > one else y

    return implementation
