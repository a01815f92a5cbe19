"""Sums over the elements of an array, of any size and finite or not: what `measures` is made of.

They run in the array's own precision over blocks short enough for it, and in float64 over blocks.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.statistics import flat_norm
from nnscratch_kernels.jit import FLAGS, inner
from nnscratch_kernels.runtime.native import stack_doubles
from nnscratch_kernels.vector.moments import REACH, WIDEST, vector_moments
from nnscratch_kernels.vector.vectors import FUSED, WIDTH, address, advance

Array = npt.NDArray[Any]

BLOCK = 4096
EXACT = 1 << 20  # so many ones and their sums are exact in float32


class Moments(NamedTuple):
    """The loops for one vector width.

    ``plain(x, count, out)`` writes sum, sum of squares, largest and least |x| of some elements;
    ``scaled(x, count, scale, out)`` those of the elements times `scale`.
    """

    plain: Any
    scaled: Any


def moments_of(width: int, fused: bool) -> Moments:
    """Make the loops for vectors of `width` bytes; 0: plain loops, which add in the same order.

    Four chains of four accumulators fill half of 32 registers; where there are 16, two do.
    """
    chains = 4 if width == 64 else 2
    as_they_are, times_scale = (width, chains, fused, False), (width, chains, fused, True)

    @inner(forceinline=True)
    def plain(x: Any, count: int, out: Any) -> None:
        vector_moments(as_they_are, x, count, x[0], out)

    @inner(forceinline=True)
    def scaled(x: Any, count: int, scale: Any, out: Any) -> None:
        vector_moments(times_scale, x, count, scale, out)

    @inner
    def simple(x: Any, count: int, scale: Any, out: Any) -> None:
        values = numba.carray(x, (count,))
        reach, lanes = REACH // values.itemsize, WIDEST // values.itemsize
        sums, squares = np.zeros((2, reach), values.dtype)
        largest, least = values.dtype.type(0), values.dtype.type(math.inf)
        start = 0
        while start < count:
            side_by_side = reach if start + reach <= count else lanes
            for k in range(min(side_by_side, count - start)):
                v = values[start + k] * scale
                sums[k] += v
                squares[k] += v * v
                magnitude = abs(v)
                largest = magnitude if magnitude > largest or magnitude != magnitude else largest
                least = min(least, magnitude)
            start += side_by_side
        for k in range(lanes, reach):
            sums[k % lanes] += sums[k]
            squares[k % lanes] += squares[k]
        half = lanes // 2
        while half:
            for k in range(half):
                sums[k] += sums[k + half]
                squares[k] += squares[k + half]
            half //= 2
        out[0], out[1], out[2], out[3] = sums[0], squares[0], largest, least

    @inner
    def simple_plain(x: Any, count: int, out: Any) -> None:
        simple(x, count, numba.carray(x, (0,)).dtype.type(1), out)

    return Moments(plain, scaled) if width else Moments(simple_plain, simple)


moments, scaled_moments = moments_of(WIDTH, FUSED)


# Three loops that count, in numbers as wide as the elements, which keeps them in vectors.


@inner(fastmath=FLAGS["fastmath"])
def zeros_of(flat: Array) -> Any:
    number = flat.dtype.type
    zero, one, found = number(0), number(1), number(0)
    for i in range(len(flat)):
        found += one if flat[i] == zero else zero
    return found


@inner(fastmath=FLAGS["fastmath"])
def below_of(flat: Array, end: Any) -> Any:
    number = flat.dtype.type
    zero, one, found = number(0), number(1), number(0)
    for i in range(len(flat)):
        found += one if flat[i] <= end else zero
    return found


@inner(fastmath=FLAGS["fastmath"])
def above_of(flat: Array, end: Any) -> Any:
    number = flat.dtype.type
    zero, one, found = number(0), number(1), number(0)
    for i in range(len(flat)):
        found += one if flat[i] >= end else zero
    return found


@inner
def rare_of(x: Any, count: int, zeros: bool, low: Any, high: Any) -> Any:
    """How many of `count` elements are zero, if that is asked for, <= low, >= high."""
    zero, below, above = 0.0, 0.0, 0.0
    for start in range(0, count, EXACT):
        flat = numba.carray(advance(x, start), (min(EXACT, count - start),))
        zero += zeros_of(flat) if zeros else 0.0
        below += below_of(flat, low) if low == low else 0.0
        above += above_of(flat, high) if high == high else 0.0
    return zero, below, above


@inner
def scaled_sums(x: Any, count: int, largest: float) -> Any:
    """Sum and norm of elements whose squares leave the range, the largest of them finite and not 0.

    Scaled by a power of two, which is exact, so that the largest lies near 1.
    """
    found = stack_doubles(4)
    real = numba.carray(x, (0,)).dtype.type
    most = 126 if numba.carray(x, (0,)).itemsize == 4 else 1022
    scale = math.ldexp(1.0, max(-most, min(most, -math.frexp(largest)[1])))
    total, squares = 0.0, 0.0
    for start in range(0, count, BLOCK):
        scaled_moments(advance(x, start), min(BLOCK, count - start), real(scale), found)
        total += found[0]
        squares += found[1]
    return total / scale, math.sqrt(squares) / scale


@inner
def careful_sums(flat: Array) -> Any:
    """Sum and norm of elements of any size, finite or not."""
    found = stack_doubles(4)
    largest = 0.0
    for start in range(0, len(flat), BLOCK):
        moments(address(flat, start), min(BLOCK, len(flat) - start), found)
        largest = found[2] if found[2] > largest or found[2] != found[2] else largest
    if largest == 0.0:
        return 0.0, 0.0
    if largest < math.inf:
        return scaled_sums(address(flat, 0), len(flat), largest)
    total, norm, _ = of_nonfinite(flat)
    return total, norm


@inner
def of_nonfinite(flat: Array) -> Any:
    """Sum, norm and largest finite magnitude where there are NaN or infinities."""
    total, largest = 0.0, 0.0
    for i in range(len(flat)):
        value = np.float64(flat[i])
        total += value
        magnitude = abs(value)
        if magnitude > largest and magnitude < math.inf:
            largest = magnitude
    return total, flat_norm(flat), largest
