"""Norms and counts: one vectorised pass over the array, as `reference.statistics` defines them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import overload

from nnscratch_kernels.jit import jit

Array = npt.NDArray[Any]

SMALLEST_SAFE_SQUARES = 1e-290  # below, squares may have lost digits to underflow


def bit_view(x: Array) -> Array:
    """View `x` as signed integers of the same size: without the sign bit, they order like |x|,
    infinity above every number and NaN above infinity, and their maximum vectorises."""
    return x.view(f"i{x.itemsize}")


@overload(bit_view)
def _bit_view(x: Any) -> Any:
    integer = np.int32 if x.dtype.bitwidth == 32 else np.int64

    def implementation(x: Any) -> Any:
        return x.view(integer)

    return implementation


@jit
def flat_norm(flat: Array) -> float:
    """Return the norm of a 1-d array."""
    squares = 0.0
    for i in range(len(flat)):
        value = np.float64(flat[i])
        squares += value * value
    return norm_from_squares(squares, flat)


@jit(fastmath={"contract"})  # reordered, (v * scale)^2 may become v^2 * scale^2, which overflows
def norm_from_squares(squares: float, flat: Array) -> float:
    """Return sqrt(squares), from a second, scaled pass where the plain sum is not to be trusted."""
    if SMALLEST_SAFE_SQUARES <= squares < math.inf or math.isnan(squares):
        return math.sqrt(squares)
    scale = 2.0**-600 if squares > 1.0 else 2.0**600  # powers of two: exact
    total = 0.0
    for i in range(len(flat)):
        value = np.float64(flat[i]) * scale
        total += value * value
    return math.sqrt(total) / scale


@jit
def norm(x: Array) -> float:
    """Return the Euclidean norm of `x` (any shape): NaN if any component is, else inf likewise."""
    return flat_norm(x.reshape(x.size))


@jit
def segment_norms(norms: Array, flat: Array, offsets: Array) -> None:
    """norms[i] = norm(flat[offsets[i]:offsets[i + 1]]); `norms` float64, `offsets` int64."""
    for i in range(len(norms)):
        norms[i] = flat_norm(flat[offsets[i] : offsets[i + 1]])


@jit
def count_nonfinite(x: Array) -> int:
    """Return how many components of `x` (any shape) are NaN or infinite."""
    flat = x.reshape(x.size)
    infinity = np.full(1, np.inf, flat.dtype)
    bound = bit_view(infinity)[0]
    bits = bit_view(flat)
    mask = bits.dtype.type(np.iinfo(bits.dtype).max)
    count = 0
    for i in range(len(bits)):
        if bits[i] & mask >= bound:
            count += 1
    return count


@jit
def first_outside(values: Array, least: float, most: float) -> int:
    """Return the place of the first of `values` (1-d) that is below `least`, above `most` or NaN;
    -1 if there is none."""
    outside = 0
    for i in range(len(values)):
        outside += not (values[i] >= least and values[i] <= most)
    if outside == 0:
        return -1
    i = 0
    while values[i] >= least and values[i] <= most:
        i += 1
    return i
