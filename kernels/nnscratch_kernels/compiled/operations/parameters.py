"""What an update did: measures of each block around it, then of each parameter.

A block's old values are copied before its update, so that both are in the nearest cache when they
are compared, and the arrays are read from memory once.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from nnscratch_kernels.compiled.operations.blocks import (
    FIRSTS,
    HISTOGRAM,
    MEASURES,
    NONFINITE,
    NORM,
    PARAM_NORM,
    PARAM_NORM_BEFORE,
    PARAM_SUM,
    PARAMETERS,
    PARAMS,
    SAMPLES,
    STARTS,
    UPDATE_NORM,
    block_of,
    joint_norm,
    reals,
    record,
    scratch_of,
    words,
)
from nnscratch_kernels.compiled.statistics import bit_view, count_nonfinite, norm_from_squares
from nnscratch_kernels.jit import FLAGS, inner
from nnscratch_kernels.native import integers
from nnscratch_kernels.operation import operation, section

# mypy: disable-error-code="no-untyped-def"

# Rows of the measures, a float64 for each parameter.
VALUES = (
    *("param_norm", "param_mean", "param_norm_before", "param_update_norm"),
    *("param_gradient_norm", "param_nonfinite", "param_gradient_nonfinite"),
)

BINS = 64  # by sign and exponent: half of them for either sign, one per factor 2
HALF = BINS // 2
LOWEST = -20  # the exponent of the innermost bins, which reach to zero


@operation
def keep_block(like, args, part, parts):
    """Copy a block of the parameters."""
    p = block_of(like, args, PARAMS, part)
    kept = scratch_of(like, args, part, parts)
    for i in range(len(p)):
        kept[i] = p[i]


@inner(fastmath=FLAGS["fastmath"])
def sums(new, old):
    """The sums of new, new^2, old^2 and (new - old)^2."""
    total = squares = old_squares = change_squares = 0.0
    for i in range(len(new)):
        now, before = np.float64(new[i]), np.float64(old[i])
        change = now - before
        total += now
        squares += now * now
        old_squares += before * before
        change_squares += change * change
    return total, squares, old_squares, change_squares


@operation
def measure_block(like, args, part, parts):
    """Compare a block of the parameters with the copy."""
    new = block_of(like, args, PARAMS, part)
    old = scratch_of(like, args, part, parts)
    total, squares, old_squares, change_squares = sums(new, old)
    record(args, PARAM_SUM)[part] = total
    record(args, PARAM_NORM)[part] = norm_from_squares(squares, new)
    record(args, PARAM_NORM_BEFORE)[part] = norm_from_squares(old_squares, old)
    for i in range(len(new)):
        old[i] = new[i] - old[i]
    record(args, UPDATE_NORM)[part] = norm_from_squares(change_squares, old)


@inner
def count_sample(counts, x, samples):
    """Count evenly spaced elements of `x`, at most so many, by sign and exponent."""
    bits = bit_view(x)
    wide = x.itemsize == 8
    mantissa = 52 if wide else 23
    highest = 2047 if wide else 255
    lowest = (1023 if wide else 127) + LOWEST
    counts[:] = 0
    stride = (len(x) + samples - 1) // samples
    for i in range(0, len(x), max(stride, 1)):
        value = x[i]
        place: int = ((np.int64(bits[i]) >> mantissa) & highest) - lowest  # type: ignore[assignment]
        place = 0 if place < 0 else place
        place = HALF - 1 if place >= HALF else place
        if not math.isnan(value):
            counts[HALF - 1 - place if value < 0 else HALF + place] += 1


@operation
def measure_parameters(like, args, part, parts):
    """Gather the measures of a part's parameters from their blocks."""
    count = args[PARAMETERS]
    for p in range(part * count // parts, (part + 1) * count // parts):
        blocks = words(args, FIRSTS, p, 2)
        first, last = blocks[0], blocks[1]
        bounds = words(args, STARTS, 0, last + 1)
        x = section(like, args, PARAMS, bounds[first], bounds[last])
        norm = joint_norm(record(args, PARAM_NORM)[first:last])
        total, nonfinite = 0.0, 0.0
        for block in range(first, last):
            total += record(args, PARAM_SUM)[block]
            nonfinite += record(args, NONFINITE)[block]
        measures = reals(args, MEASURES, 0, len(VALUES) * count)
        measures[p] = norm
        measures[count + p] = total / max(len(x), 1)
        measures[2 * count + p] = joint_norm(record(args, PARAM_NORM_BEFORE)[first:last])
        measures[3 * count + p] = joint_norm(record(args, UPDATE_NORM)[first:last])
        measures[4 * count + p] = joint_norm(record(args, NORM)[first:last])
        measures[5 * count + p] = 0 if math.isfinite(norm) else count_nonfinite(x)
        measures[6 * count + p] = nonfinite
        if args[HISTOGRAM] != 0:
            place = integers(args[HISTOGRAM] + 2 * BINS * p)
            counts = numba.carray(place, (BINS // 4,)).view(np.uint16)
            count_sample(counts, x, args[SAMPLES])
