"""Clipping, block by block: measure, decide, scale; or limit each component at once.

Definitions, results and what happens to NaN and infinity: see `reference.clipping`.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from nnscratch_kernels.compiled.operations.blocks import (
    BLOCKS,
    CHANGED,
    COSINE,
    FACTORS,
    FIRSTS,
    GRADS,
    LIMIT,
    NONFINITE,
    NORM,
    NORM_AFTER,
    NORMS,
    OWNERS,
    PARAMETERS,
    RECORDS,
    REPORT,
    TOP,
    block_of,
    joint_norm,
    reals,
    record,
    words,
)
from nnscratch_kernels.compiled.statistics import bit_view, count_nonfinite, norm_from_squares
from nnscratch_kernels.jit import FLAGS, inner
from nnscratch_kernels.native import pointer
from nnscratch_kernels.operation import number, operation, section

# mypy: disable-error-code="no-untyped-def"

FLOAT32_MARGIN = 2.0**-23  # above the rounding errors of scaling and of the norm
FLOAT64_MARGIN = 2.0**-43

BEFORE, AFTER, COUNT, LARGEST, ANGLE = range(5)  # the report


@inner(fastmath=FLAGS["fastmath"])
def squares_and_top(x):
    """Sum of squares, and the bits of the largest |x|: those of a NaN if any component is."""
    bits = bit_view(x)
    integer = bits.dtype.type  # kept at this width by hand: Numba would widen to 64 bits
    mask, top = integer(np.iinfo(bits.dtype).max), integer(0)
    squares = 0.0
    for i in range(len(x)):
        value = np.float64(x[i])
        squares += value * value
        magnitude = integer(bits[i] & mask)
        top = magnitude if magnitude > top else top
    return squares, top


@inner
def measure_gradient(like, args, block):
    """Record norm, largest component and count of what is not finite; return the first two."""
    g = block_of(like, args, GRADS, block)
    squares, top = squares_and_top(g)
    norm = norm_from_squares(squares, g)
    record(args, NORM)[block] = norm
    record(args, NONFINITE)[block] = 0 if math.isfinite(norm) else count_nonfinite(g)
    place = TOP * args[BLOCKS] + block
    words(args, RECORDS, place, 1)[0] = top
    largest = numba.carray(pointer(like, args[RECORDS] + 8 * place), (1,))[0]
    return norm, largest


@inner(forceinline=True)
def record_clip(args, block, norm, changed, cosine):
    """Record what clipping did to a block."""
    record(args, NORM_AFTER)[block] = norm
    record(args, CHANGED)[block] = changed
    record(args, COSINE)[block] = cosine


@operation
def gradient_block(like, args, part, parts):
    """Measure a block of the gradient."""
    measure_gradient(like, args, part)


@inner(fastmath=FLAGS["fastmath"])
def limit_components(g, limit):
    """Clip; return how many changed, the sum of squares after, and the product with before."""
    changed = 0
    squares = 0.0
    dot = 0.0
    for i in range(len(g)):
        before = g[i]
        after = limit if before > limit else before
        after = -limit if after < -limit else after
        changed += 1 if (before > limit) | (before < -limit) else 0
        g[i] = after
        value = np.float64(after)
        squares += value * value
        dot += value * np.float64(before)
    return changed, squares, dot


@inner
def careful_cosine(g, limit, norm):
    """The cosine that clipping is about to leave, of numbers with squares beyond float64."""
    squares = 0.0
    dot = 0.0
    for i in range(len(g)):
        after = max(-1.0, min(1.0, g[i] / limit))
        squares += after * after
        dot += after * (g[i] / norm)
    return dot / math.sqrt(squares)


@operation
def clip_value_block(like, args, part, parts):
    """Measure a block of the gradient, and limit its components if one is too large."""
    norm, largest = measure_gradient(like, args, part)
    g = block_of(like, args, GRADS, part)
    limit = g.dtype.type(number(args, LIMIT))
    if largest <= limit:
        record_clip(args, part, norm, 0, 1.0)
        return
    plain = 1e-140 < limit < 1e140 and not 1e140 < norm < math.inf
    cosine = 0.0 if plain else careful_cosine(g, limit, norm)
    changed, squares, dot = limit_components(g, limit)
    after = norm_from_squares(squares, g)
    record_clip(args, part, after, changed, dot / norm / after if plain else cosine)


@inner
def factor_for(like, args, norm):
    """What to multiply by, a little less than limit / norm; 1 where nothing is to be done."""
    limit = number(args, LIMIT)
    if not (norm > limit and norm < math.inf):
        return 1.0
    margin = FLOAT32_MARGIN if section(like, args, GRADS, 0, 1).itemsize == 4 else FLOAT64_MARGIN
    return limit / norm * (1.0 - margin)


@operation
def whole_factor(like, args, part, parts):
    """Decide by the norm of the whole gradient."""
    factors = reals(args, FACTORS, 0, args[PARAMETERS])
    factors[:] = factor_for(like, args, joint_norm(record(args, NORM), 0, args[BLOCKS]))


@operation
def parameter_factors(like, args, part, parts):
    """Decide for each parameter by the norm of its own gradient."""
    count = args[PARAMETERS]
    for p in range(part * count // parts, (part + 1) * count // parts):
        blocks = words(args, FIRSTS, p, 2)
        norm = joint_norm(record(args, NORM), blocks[0], blocks[1])
        reals(args, NORMS, p, 1)[0] = norm
        reals(args, FACTORS, p, 1)[0] = factor_for(like, args, norm)


@inner
def product(g, factor):
    """g * factor in float64, not to be reordered: (g * factor)^2 is safe, g^2 * factor^2 is not."""
    return np.float64(g) * factor


@inner(fastmath=FLAGS["fastmath"])
def scale(g, factor):
    """Scale; return how many changed and the sum of squares after."""
    real = g.dtype.type
    changed = 0
    squares = 0.0
    for i in range(len(g)):
        before = g[i]
        after = real(product(before, factor))
        changed += 1 if after != before else 0
        g[i] = after
        value = np.float64(after)
        squares += value * value
    return changed, squares


@operation
def scale_block(like, args, part, parts):
    """Scale a block of the gradient by the factor of its parameter."""
    factor = reals(args, FACTORS, words(args, OWNERS, part, 1)[0], 1)[0]
    if factor == 1.0:
        record_clip(args, part, record(args, NORM)[part], 0, 1.0)
        return
    g = block_of(like, args, GRADS, part)
    changed, squares = scale(g, factor)
    record_clip(args, part, norm_from_squares(squares, g), changed, 1.0)


@inner
def share_of_cosine(cosine, before, whole, after, left):
    """What a block adds to the cosine. Not to be reordered: before * after may overflow."""
    return cosine * (before / whole) * (after / left)


@operation
def clip_report(like, args, part, parts):
    """Gather what the clip did to all blocks, and to each parameter where there is a place."""
    before, after = record(args, NORM), record(args, NORM_AFTER)
    cosines = record(args, COSINE)
    report = reals(args, REPORT, 0, 5)
    whole, left = joint_norm(before, 0, args[BLOCKS]), joint_norm(after, 0, args[BLOCKS])
    tops = words(args, RECORDS, TOP * args[BLOCKS], args[BLOCKS])
    top, changed, cosine = 0, 0.0, 0.0
    for block in range(len(before)):
        top = max(top, tops[block])
        changed += record(args, CHANGED)[block]
        if after[block] > 0.0:
            cosine += share_of_cosine(cosines[block], before[block], whole, after[block], left)
    words(args, REPORT, LARGEST, 1)[0] = top
    largest = numba.carray(pointer(like, args[REPORT] + 8 * LARGEST), (1,))[0]
    report[BEFORE], report[AFTER], report[COUNT] = whole, left, changed
    report[LARGEST], report[ANGLE] = largest, cosine
    if args[NORMS] != 0:
        count = args[PARAMETERS]
        for p in range(count):
            blocks = words(args, FIRSTS, p, 2)
            reals(args, NORMS, count + p, 1)[0] = joint_norm(after, blocks[0], blocks[1])
