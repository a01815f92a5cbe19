"""Elementary functions that LLVM turns into vector instructions inside a kernel's loop.

A call of libm is one scalar call per element; these are straight-line code without branches. Use
them inside jitted code, on float32 or float64 scalars. NaN stays NaN; infinities go to the limits.

* ``exp``, ``expm1``: x = n ln2 + r with |r| <= ln2 / 2, the Taylor polynomial in r, times 2^n
  (ln2 in two parts, so that r is exact to the last bits: Cody and Waite 1980).
* ``tanh``, ``sigmoid``: from ``expm1`` and ``exp``, keeping the relative precision near zero.
* ``log1p`` on [0, 1], the range softplus needs: 2 artanh(s), s = f / (2 + f), after halving 1 + x.
* ``erf``: a rational function for float32; libm (not vectorised) for float64.

The compensated steps must not be reordered, so these functions allow ``contract`` only. Called
from plain Python each is its NumPy or `math` namesake.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

OPTIONS: Any = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True}


@dataclass(frozen=True)
class _Format:
    """What exp and log1p must know about a floating-point type."""

    real: Callable[[float], Any]
    numba_type: Any
    llvm_type: Any
    bits: int
    mantissa: int  # stored bits of the mantissa
    bias: int  # of the exponent
    ln2_high: float  # few enough bits that n * ln2_high is exact
    ln2_low: float
    lowest: float  # exp is 0 below
    highest: float  # exp is infinite above
    exp_degree: int
    log_degree: int

    @property
    def round_shift(self) -> float:
        """1.5 * 2^mantissa: adding it leaves the rounded integer in the low bits of the sum."""
        return 1.5 * 2.0**self.mantissa


_FORMATS = {
    types.float32: _Format(
        np.float32, types.float32, ir.FloatType(), 32, 23, 127,
        0.693359375, -2.12194440054690583e-4, -105.0, 89.0, exp_degree=7, log_degree=5,
    ),
    types.float64: _Format(
        np.float64, types.float64, ir.DoubleType(), 64, 52, 1023,
        6.93147180369123816490e-01, 1.90821492927058770002e-10, -746.0, 710.0,
        exp_degree=13, log_degree=10,
    ),
}  # fmt: skip


def _polynomial(form: _Format, coefficients: list[float]) -> Any:
    """A jit-callable polynomial, lowest coefficient first, by Horner's rule."""

    @intrinsic
    def polynomial(_context: Any, x: Any) -> Any:
        def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            constants = [ir.Constant(form.llvm_type, float(form.real(c))) for c in coefficients]
            total = constants.pop()
            while constants:
                product = builder.fmul(total, arguments[0], flags=("contract",))
                total = builder.fadd(product, constants.pop(), flags=("contract",))
            return total

        return form.numba_type(form.numba_type), code

    return polynomial


def _times_power_of_two(form: _Format) -> Any:
    """A jit-callable ``x * 2**n``, where `shifted` is n + round_shift.

    In two factors 2^h and 2^(n - h), so that n may lie beyond the range of exponents and the
    product goes gradually to zero and exactly to infinity.
    """
    integer = ir.IntType(form.bits)
    shift_bits = (form.bias + form.mantissa) << form.mantissa | 1 << (form.mantissa - 1)

    @intrinsic
    def times_power_of_two(_context: Any, x: Any, shifted: Any) -> Any:
        def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            value, shifted = arguments
            both = builder.add(  # the two biased exponents together: n + 2 bias
                builder.bitcast(shifted, integer), ir.Constant(integer, 2 * form.bias - shift_bits)
            )
            first = builder.lshr(both, ir.Constant(integer, 1))
            for exponent in (first, builder.sub(both, first)):
                power = builder.shl(exponent, ir.Constant(integer, form.mantissa))
                value = builder.fmul(value, builder.bitcast(power, form.llvm_type))
            return value

        return form.numba_type(form.numba_type, form.numba_type), code

    return times_power_of_two


def exp(x: Any) -> Any:
    """e^x."""
    return np.exp(x)


@overload(exp, jit_options=OPTIONS)
def _exp(x: Any) -> Any:
    form = _FORMATS.get(x)
    if form is None:
        return None
    real = form.real
    low, high, shift = real(form.lowest), real(form.highest), real(form.round_shift)
    per_ln2, ln2_high, ln2_low = real(1 / math.log(2)), real(form.ln2_high), real(form.ln2_low)
    taylor = _polynomial(form, [1 / math.factorial(k) for k in range(2, form.exp_degree + 1)])
    times_power_of_two = _times_power_of_two(form)
    one = real(1)

    def implementation(x: Any) -> Any:
        x = low if x < low else x
        x = high if x > high else x
        shifted = x * per_ln2 + shift
        n = shifted - shift
        r = (x - n * ln2_high) - n * ln2_low
        return times_power_of_two(one + (r + r * r * taylor(r)), shifted)

    return implementation


def expm1(x: Any) -> Any:
    """e^x - 1, precise relative to its value also near zero."""
    return np.expm1(x)


@overload(expm1, jit_options=OPTIONS)
def _expm1(x: Any) -> Any:
    form = _FORMATS.get(x)
    if form is None:
        return None
    real = form.real
    low, high, shift = real(-2 * form.mantissa), real(form.highest), real(form.round_shift)
    per_ln2, ln2_high, ln2_low = real(1 / math.log(2)), real(form.ln2_high), real(form.ln2_low)
    taylor = _polynomial(form, [1 / math.factorial(k) for k in range(2, form.exp_degree + 1)])
    times_power_of_two = _times_power_of_two(form)
    half, two = real(0.5), real(2)

    def implementation(x: Any) -> Any:
        x = low if x < low else x
        x = high if x > high else x
        shifted = x * per_ln2 + shift
        n = shifted - shift
        r = (x - n * ln2_high) - n * ln2_low
        power = times_power_of_two(half, shifted)  # 2^(n - 1): 2^n itself may overflow
        return two * (power * (r + r * r * taylor(r)) + (power - half))

    return implementation


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, precise relative to its value also near zero."""
    return np.tanh(x)


@overload(tanh, jit_options=OPTIONS)
def _tanh(x: Any) -> Any:
    form = _FORMATS.get(x)
    if form is None:
        return None
    real = form.real
    limit = real(form.mantissa / 2)  # tanh rounds to 1 well below
    two = real(2)

    def implementation(x: Any) -> Any:
        x = -limit if x < -limit else x
        x = limit if x > limit else x
        e = expm1(two * x)
        return e / (e + two)

    return implementation


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-x))


@overload(sigmoid, jit_options=OPTIONS)
def _sigmoid(x: Any) -> Any:
    form = _FORMATS.get(x)
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
def _log1p(x: Any) -> Any:
    form = _FORMATS.get(x)
    if form is None:
        return None
    real = form.real
    threshold = real(math.sqrt(2) - 1)
    zero, half, two, ln2 = real(0), real(0.5), real(2), real(math.log(2))
    artanh = _polynomial(form, [2 / (2 * k + 1) for k in range(form.log_degree + 1)])

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
def _erf(x: Any) -> Any:
    form = _FORMATS.get(x)
    if form is None:
        return None
    if form.numba_type == types.float64:

        def libm(x: Any) -> Any:
            return math.erf(x)

        return libm
    limit, one = form.real(4.05), form.real(1)  # the ratio passes 1 at 3.96
    numerator = _polynomial(form, _ERF_NUMERATOR)
    denominator = _polynomial(form, _ERF_DENOMINATOR)

    def implementation(x: Any) -> Any:
        x = -limit if x < -limit else x
        x = limit if x > limit else x
        square = x * x
        y = x * numerator(square) / denominator(square)
        y = -one if y < -one else y
        return one if y > one else y

    return implementation
