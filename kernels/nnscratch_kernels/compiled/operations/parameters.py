"""What an update did: measures of each block around it, then of each parameter.

A block's old values are copied before its update, so that both are in the nearest cache when they
are compared, and the arrays are read from memory once. Sums run in the parameters' own precision
over a block, which is short enough for it; where a sum may have left the range of squares it is
made again in float64.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.operations.blocks import (
    CLIPS,
    FIRSTS,
    GRADS,
    HISTOGRAM,
    MEASURES,
    NONFINITE,
    NORM,
    OWNERS,
    PARAM_NONFINITE,
    PARAM_NORM,
    PARAM_NORM_BEFORE,
    PARAM_SUM,
    PARAMETERS,
    PARAMS,
    STARTS,
    STRIDES,
    TABLES,
    UPDATE_NORM,
    block_of,
    joint_norm,
    reals,
    record,
    scratch_of,
    words,
)
from nnscratch_kernels.compiled.statistics import bit_view, count_nonfinite, flat_norm
from nnscratch_kernels.jit import FLAGS, inner
from nnscratch_kernels.native import shorts
from nnscratch_kernels.operation import operation
from nnscratch_kernels.reference.measures import BINS, SIGNED_LEAST, TABLE

# mypy: disable-error-code="no-untyped-def"

Array = npt.NDArray[Any]

# Rows of the measures, a float64 for each parameter.
VALUES = (
    *("param_norm", "param_mean", "param_norm_before", "param_update_norm"),
    *("param_gradient_norm", "param_nonfinite", "param_gradient_nonfinite"),
)


def _bins(exponents: int, bias: int) -> Array:
    """Return the bin that belongs to each value of sign and exponent (see `sample_signed`)."""
    place = np.clip(np.arange(exponents) - bias - SIGNED_LEAST, 0, BINS // 2 - 1)
    return np.concatenate([BINS // 2 + place, BINS // 2 - 1 - place]).astype(np.uint8)


FLOAT32_BINS, FLOAT64_BINS = _bins(256, 127), _bins(2048, 1023)


@inner
def is_safe(squares, x):
    """Whether a sum of squares of a block has neither overflowed nor lost digits to underflow."""
    if x.itemsize == 4:
        return 1e-28 < squares < 1e36
    return 1e-290 < squares < math.inf


@inner
def careful_norm(x):
    """The norm of what may be very small, very large or not finite; soon done where all is zero."""
    bits = bit_view(x)
    some = bits.dtype.type(0)
    for i in range(len(x)):
        some |= bits[i]
    mask = np.int64(np.iinfo(bits.dtype).max)
    return flat_norm(x) if np.int64(some) & mask else 0.0


@inner(fastmath=FLAGS["fastmath"])
def keep(kept, p, g):
    """Copy `p`; return the sums of p^2 and g^2."""
    zero = p.dtype.type(0)
    squares, gradient_squares = zero, zero
    for i in range(len(p)):
        value = p[i]
        kept[i] = value
        squares += value * value
        gradient_squares += g[i] * g[i]
    return squares, gradient_squares


@operation
def before_block(like, args, part, parts):
    """Copy a block of the parameters and measure it, and its gradient unless a clip has done so."""
    p, g = block_of(like, args, PARAMS, part), block_of(like, args, GRADS, part)
    kept = scratch_of(like, args, part, parts)
    squares, gradient_squares = keep(kept, p, g)
    norm = math.sqrt(squares) if is_safe(squares, p) else careful_norm(p)
    record(args, PARAM_NORM_BEFORE)[part] = norm
    if args[CLIPS] == 0:
        norm = math.sqrt(gradient_squares) if is_safe(gradient_squares, g) else careful_norm(g)
        record(args, NORM)[part] = norm
        record(args, NONFINITE)[part] = 0 if math.isfinite(norm) else count_nonfinite(g)


@inner(fastmath=FLAGS["fastmath"])
def compare(new, old):
    """The sums of new, new^2 and (new - old)^2."""
    zero = new.dtype.type(0)
    total, squares, change_squares = zero, zero, zero
    for i in range(len(new)):
        change = new[i] - old[i]
        total += new[i]
        squares += new[i] * new[i]
        change_squares += change * change
    return total, squares, change_squares


@inner
def sum_of(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i]
    return total


@inner
def count_sample(like, args, x, block):
    """Count every so-manieth element of the parameter, as far as they lie in this block."""
    table = numba.carray(shorts(args[TABLES] + 2 * TABLE * block), (TABLE,))
    table[:] = 0
    bits = bit_view(x)
    mask = np.int64(np.iinfo(bits.dtype).max)
    mantissa, bins = (23, FLOAT32_BINS) if x.itemsize == 4 else (52, FLOAT64_BINS)
    highest = mask >> mantissa
    p = words(args, OWNERS, block, 1)[0]
    stride = words(args, STRIDES, p, 1)[0]
    begin = words(args, STARTS, words(args, FIRSTS, p, 1)[0], 1)[0]
    first = stride // 2 - (words(args, STARTS, block, 1)[0] - begin)
    for i in range(first if first >= 0 else first % stride, len(x), stride):
        word = np.int64(bits[i])
        top = word >> mantissa & (2 * highest + 1)
        place: Any = np.int64(bins[top])
        if top & highest == highest and word & mask > highest << mantissa:
            place = BINS  # NaN
        elif word & mask == 0:
            place = BINS // 2  # zero, of either sign
        table[place] += 1


@operation
def after_block(like, args, part, parts):
    """Measure a block of the parameters, and how far it is from the copy."""
    new, old = block_of(like, args, PARAMS, part), scratch_of(like, args, part, parts)
    total, squares, change_squares = compare(new, old)
    safe = is_safe(squares, new)
    norm = math.sqrt(squares) if safe else careful_norm(new)
    record(args, PARAM_SUM)[part] = total if safe else sum_of(new)
    record(args, PARAM_NORM)[part] = norm
    record(args, PARAM_NONFINITE)[part] = 0 if math.isfinite(norm) else count_nonfinite(new)
    norm = math.sqrt(change_squares)
    if not is_safe(change_squares, new):
        for i in range(len(new)):
            old[i] = new[i] - old[i]
        norm = careful_norm(old)
    record(args, UPDATE_NORM)[part] = norm
    if args[HISTOGRAM] != 0:
        count_sample(like, args, new, part)


@operation
def measure_parameters(like, args, part, parts):
    """Gather the measures of a part's parameters from their blocks."""
    count = args[PARAMETERS]
    measures = reals(args, MEASURES, 0, len(VALUES) * count)
    for p in range(part * count // parts, (part + 1) * count // parts):
        blocks = words(args, FIRSTS, p, 2)
        first, last = blocks[0], blocks[1]
        size = words(args, STARTS, last, 1)[0] - words(args, STARTS, first, 1)[0]
        total, nonfinite, gradient_nonfinite = 0.0, 0.0, 0.0
        for block in range(first, last):
            total += record(args, PARAM_SUM)[block]
            nonfinite += record(args, PARAM_NONFINITE)[block]
            gradient_nonfinite += record(args, NONFINITE)[block]
        measures[p] = joint_norm(record(args, PARAM_NORM), first, last)
        measures[count + p] = total / max(size, 1)
        measures[2 * count + p] = joint_norm(record(args, PARAM_NORM_BEFORE), first, last)
        measures[3 * count + p] = joint_norm(record(args, UPDATE_NORM), first, last)
        measures[4 * count + p] = joint_norm(record(args, NORM), first, last)
        measures[5 * count + p] = nonfinite
        measures[6 * count + p] = gradient_nonfinite
        if args[HISTOGRAM] != 0:
            counts = numba.carray(shorts(args[HISTOGRAM] + 2 * BINS * p), (BINS,))
            counts[:] = 0
            for block in range(first, last):
                table = numba.carray(shorts(args[TABLES] + 2 * TABLE * block), (BINS,))
                for k in range(BINS):
                    counts[k] += table[k]
