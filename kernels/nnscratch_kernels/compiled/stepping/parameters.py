"""What an update did: measures of each block around it, then of each parameter.

A block's old values are copied before its update, so that both are in the nearest cache when they
are compared, and the arrays are read from memory once. Sums run in the parameters' own precision
over a block, which is short enough for it; where a sum may have left the range of squares it is
made again in float64.
"""

from __future__ import annotations

import math

import numpy as np

from nnscratch_kernels.compiled.statistics import bit_view
from nnscratch_kernels.compiled.stepping.blocks import (
    BLOCKS,
    CLIPS,
    FIRSTS,
    GRADS,
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
    PLACES,
    RECORDS,
    SAMPLES,
    STARTS,
    STRIDES,
    UPDATE_NORM,
    block_of,
    joint_norm,
    scratch_of,
)
from nnscratch_kernels.compiled.stepping.clipping import nonfinite_in
from nnscratch_kernels.compiled.sums import careful_sums
from nnscratch_kernels.jit import FLAGS, inner
from nnscratch_kernels.reference.measures import SAMPLE_RUN
from nnscratch_kernels.runtime.native import doubles, integers, octets
from nnscratch_kernels.runtime.operation import operation
from nnscratch_kernels.vector.bins import note_bins
from nnscratch_kernels.vector.vectors import address, advance

# mypy: disable-error-code="no-untyped-def"


@inner(forceinline=True)
def is_safe(squares, x):
    """Whether a sum of squares of a block has neither overflowed nor lost digits to underflow."""
    if x.itemsize == 4:
        return 1e-28 < squares < 1e36
    return 1e-290 < squares < math.inf


@inner(forceinline=True)
def is_tiny(g):
    """Whether squares of `g` may underflow; it is looked at in three places only.

    Such squares are made again anyway, and some processors need very long for them.
    """
    some = np.float64(abs(g[0])) + abs(g[len(g) // 2]) + abs(g[len(g) - 1])
    return 0.0 < some < (1e-15 if g.itemsize == 4 else 1e-145)


@inner(fastmath=FLAGS["fastmath"])
def keep(kept, p, g, tiny):
    """Copy `p`; return the sums of p^2 and, unless `tiny`, g^2."""
    zero = p.dtype.type(0)
    squares, gradient_squares = zero, zero
    for i in range(len(p)):
        value, seen = p[i], zero if tiny else g[i]
        kept[i] = value
        squares += value * value
        gradient_squares += seen * seen
    return squares, gradient_squares


@inner
def note_carefully(args, block, x, norm_row, sum_row, nonfinite_row):
    """Record a block's norm, sum and what is not finite (-1: not), where squares left the range."""
    records, blocks = doubles(args[RECORDS] + 8 * block), args[BLOCKS]
    total, norm = careful_sums(x)
    records[norm_row * blocks] = norm
    if sum_row >= 0:
        records[sum_row * blocks] = total
    if nonfinite_row >= 0 and not math.isfinite(norm):
        records[nonfinite_row * blocks] = nonfinite_in(x)


@inner(forceinline=True)
def note_before(args, block, old, g, squares, gradient_squares):
    """Record a block's norm before the update, and its gradient's unless a clip has done so."""
    records, blocks = doubles(args[RECORDS] + 8 * block), args[BLOCKS]
    records[PARAM_NORM_BEFORE * blocks] = math.sqrt(squares)
    if not is_safe(squares, old):
        note_carefully(args, block, old, PARAM_NORM_BEFORE, -1, -1)
    if args[CLIPS] == 0:
        records[NORM * blocks], records[NONFINITE * blocks] = math.sqrt(gradient_squares), 0
        if not is_safe(gradient_squares, g):
            note_carefully(args, block, g, NORM, -1, NONFINITE)


@operation
def before_block(like, args, part, parts):
    """Copy a block of the parameters, and measure it and its gradient."""
    p, g = block_of(like, args, args[PARAMS], part), block_of(like, args, args[GRADS], part)
    kept = scratch_of(like, args, part, parts)
    squares, gradient_squares = keep(kept, p, g, is_tiny(g))
    note_before(args, part, kept, g, squares, gradient_squares)


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


@inner(forceinline=True)
def note_sample(args, x, block):
    """Note the bins of the parameter's sample, as far as it lies in this block.

    Runs of the sample begin at multiples of their length, so none reaches into the next block.
    """
    starts, firsts = integers(args[STARTS]), integers(args[FIRSTS])
    p = integers(args[OWNERS])[block]
    begin, end = starts[firsts[p]], starts[firsts[p + 1]]
    places, stride = integers(args[PLACES]), integers(args[STRIDES])[p]
    length = min(SAMPLE_RUN, end - begin)
    before = starts[block] - begin
    run = (before + stride - 1) // stride
    at, place = run * stride - before, places[p] + SAMPLE_RUN * run
    while at + length <= len(x) and place + SAMPLE_RUN <= places[p + 1]:
        note_bins(advance(octets(args[SAMPLES]), place), address(x, at), length, True)
        at += stride
        place += SAMPLE_RUN


@inner
def differ(new, old):
    """Whether any bit has changed; soon known where a rate is too small to change any."""
    bits, others = bit_view(new), bit_view(old)
    integer = bits.dtype.type  # kept at this width by hand: Numba would widen to 64 bits
    some = integer(0)
    for i in range(len(bits)):
        some = integer(some | (bits[i] ^ others[i]))
    return some != 0


@inner(forceinline=True)
def note_after(args, block, new, old, total, squares, change_squares):
    """Record a block's sum and norm after the update, that of the change, and a sample."""
    records, blocks = doubles(args[RECORDS] + 8 * block), args[BLOCKS]
    records[PARAM_SUM * blocks], records[PARAM_NORM * blocks] = total, math.sqrt(squares)
    records[PARAM_NONFINITE * blocks] = 0
    if not is_safe(squares, new):
        note_carefully(args, block, new, PARAM_NORM, PARAM_SUM, PARAM_NONFINITE)
    records[UPDATE_NORM * blocks] = math.sqrt(change_squares)
    if not is_safe(change_squares, new) and differ(new, old):
        for i in range(len(new)):
            old[i] = new[i] - old[i]
        note_carefully(args, block, old, UPDATE_NORM, -1, -1)
    if args[SAMPLES] != 0:
        note_sample(args, new, block)


@operation
def after_block(like, args, part, parts):
    """Measure a block of the parameters, and how far it is from the copy."""
    new, old = block_of(like, args, args[PARAMS], part), scratch_of(like, args, part, parts)
    total, squares, change_squares = compare(new, old)
    note_after(args, part, new, old, total, squares, change_squares)


@operation
def measure_parameters(like, args, part, parts):
    """Gather the measures of a part's parameters from their blocks."""
    count, blocks = args[PARAMETERS], args[BLOCKS]
    firsts, starts = integers(args[FIRSTS]), integers(args[STARTS])
    records = doubles(args[RECORDS])
    rows, size = args[RECORDS], 8 * blocks
    for p in range(part * count // parts, (part + 1) * count // parts):
        measures = doubles(args[MEASURES] + 8 * p)
        first, last = firsts[p], firsts[p + 1]
        total, nonfinite, gradient_nonfinite = 0.0, 0.0, 0.0
        for block in range(first, last):
            total += records[PARAM_SUM * blocks + block]
            nonfinite += records[PARAM_NONFINITE * blocks + block]
            gradient_nonfinite += records[NONFINITE * blocks + block]
        measures[0] = joint_norm(doubles(rows + PARAM_NORM * size), first, last)
        measures[count] = total / max(starts[last] - starts[first], 1)
        measures[2 * count] = joint_norm(doubles(rows + PARAM_NORM_BEFORE * size), first, last)
        measures[3 * count] = joint_norm(doubles(rows + UPDATE_NORM * size), first, last)
        measures[4 * count] = joint_norm(doubles(rows + NORM * size), first, last)
        measures[5 * count], measures[6 * count] = nonfinite, gradient_nonfinite
