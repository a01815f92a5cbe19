"""What `vectormath` is built from: facts about float32 and float64, and code emitted through LLVM.

The builders return functions to be called from jitted code. They are emitted, not written as jitted
functions, where Numba would widen (its integer arithmetic is 64 bits wide) or cannot say it (the
bits of a number).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.polynomial import chebyshev


@dataclass(frozen=True)
class Format:
    """What the elementary functions must know about a floating-point type."""

    real: Callable[[float], Any]
    numba_type: Any
    llvm_type: Any
    integer_type: Any
    mantissa: int  # stored bits of the mantissa
    bias: int  # of the exponent
    ln2_high: float  # few enough bits that n * ln2_high is exact
    ln2_low: float
    lowest: float  # exp is 0 below
    highest: float  # exp is infinite above
    exp_terms: int  # terms of `exp_tail`
    log_terms: int  # terms of the series of artanh

    @property
    def round_shift(self) -> float:
        """1.5 * 2^mantissa: adding it leaves the rounded integer in the low bits of the sum."""
        return 1.5 * 2.0**self.mantissa

    @property
    def round_shift_bits(self) -> int:
        """The bits of round_shift, read as an integer."""
        return (self.bias + self.mantissa) << self.mantissa | 1 << (self.mantissa - 1)


FORMATS = {
    types.float32: Format(
        np.float32, types.float32, ir.FloatType(), ir.IntType(32), mantissa=23, bias=127,
        ln2_high=0.693359375, ln2_low=-2.12194440054690583e-4,
        lowest=-105.0, highest=89.0, exp_terms=5, log_terms=6,
    ),
    types.float64: Format(
        np.float64, types.float64, ir.DoubleType(), ir.IntType(64), mantissa=52, bias=1023,
        ln2_high=6.93147180369123816490e-01, ln2_low=1.90821492927058770002e-10,
        lowest=-746.0, highest=710.0, exp_terms=10, log_terms=11,
    ),
}  # fmt: skip


def polynomial(form: Format, coefficients: Sequence[float]) -> Any:
    """p(x), lowest coefficient first, by Horner's rule."""

    @intrinsic
    def horner(_context: Any, x: Any) -> Any:
        def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            constants = [ir.Constant(form.llvm_type, float(form.real(c))) for c in coefficients]
            total = constants.pop()
            while constants:
                product = builder.fmul(total, arguments[0], flags=("contract",))
                total = builder.fadd(product, constants.pop(), flags=("contract",))
            return total

        return form.numba_type(form.numba_type), code

    return horner


def exp_tail(form: Format) -> Any:
    """(e^r - 1 - r) / r^2 for |r| <= ln2 / 2.

    The Taylor polynomial, carried to rounding error and then cut in the Chebyshev basis
    (Lanczos's economisation), which saves one or two terms.
    """
    powers = (math.log(2) / 2) ** np.arange(20)
    taylor = np.array([1 / math.factorial(k + 2) for k in range(20)])
    cut = chebyshev.poly2cheb(taylor * powers)[: form.exp_terms]
    return polynomial(form, list(chebyshev.cheb2poly(cut) / powers[: form.exp_terms]))


def half_power_of_two(form: Format) -> Any:
    """2^(n - 1), given n + round_shift. Half, because 2^n itself may overflow."""

    @intrinsic
    def power(_context: Any, shifted: Any) -> Any:
        def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            integer = form.integer_type
            offset = ir.Constant(integer, form.bias - 1 - form.round_shift_bits)
            exponent = builder.add(builder.bitcast(arguments[0], integer), offset)
            bits = builder.shl(exponent, ir.Constant(integer, form.mantissa))
            return builder.bitcast(bits, form.llvm_type)

        return form.numba_type(form.numba_type), code

    return power


def times_power_of_two(form: Format) -> Any:
    """x * 2^n, given x and n + round_shift.

    In two factors 2^h and 2^(n - h), so that n may lie beyond the range of exponents and the
    product goes gradually to zero and exactly to infinity.
    """

    @intrinsic
    def scale(_context: Any, x: Any, shifted: Any) -> Any:
        def code(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            integer = form.integer_type
            value, shifted = arguments
            offset = ir.Constant(integer, 2 * form.bias - form.round_shift_bits)
            both = builder.add(builder.bitcast(shifted, integer), offset)  # n + 2 bias
            first = builder.lshr(both, ir.Constant(integer, 1))
            for exponent in (first, builder.sub(both, first)):
                bits = builder.shl(exponent, ir.Constant(integer, form.mantissa))
                value = builder.fmul(value, builder.bitcast(bits, form.llvm_type))
            return value

        return form.numba_type(form.numba_type, form.numba_type), code

    return scale
