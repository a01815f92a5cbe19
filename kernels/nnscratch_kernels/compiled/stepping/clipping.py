"""Clipping, block by block: measure, decide, scale; or limit each component at once.

Definitions, results and what happens to NaN and infinity: see `reference.clipping`.
"""

from __future__ import annotations

import math

import numpy as np

from nnscratch_kernels.compiled.statistics import bit_view, norm_from_squares
from nnscratch_kernels.compiled.stepping.blocks import (
    BLOCKS,
    CHANGED,
    COSINE,
    FACTORS,
    FIRSTS,
    GRADS,
    NONFINITE,
    NORM,
    NORM_AFTER,
    NORMS,
    NUMBERS,
    OWNERS,
    PARAMETERS,
    RECORDS,
    REPORT,
    TOP,
    block_of,
    joint_norm,
)
from nnscratch_kernels.jit import FLAGS, inner
from nnscratch_kernels.runtime.native import doubles, integers, pointer
from nnscratch_kernels.runtime.operation import operation

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
def nonfinite_in(x):
    """How many components are NaN or infinite."""
    count = 0
    for i in range(len(x)):
        count += 1 if x[i] - x[i] != 0 else 0
    return count


@inner
def measure_gradient(like, args, g, block):
    """Record norm, largest component and count of what is not finite; return the first two."""
    squares, top = squares_and_top(g)
    norm = norm_from_squares(squares, g)
    records, blocks = args[RECORDS] + 8 * block, args[BLOCKS]
    doubles(records)[NORM * blocks] = norm
    doubles(records)[NONFINITE * blocks] = 0 if math.isfinite(norm) else nonfinite_in(g)
    integers(records)[TOP * blocks] = top
    return norm, pointer(like, records + 8 * TOP * blocks)[0]


@inner
def record_clip(args, block, norm, changed, cosine):
    """Record what clipping did to a block."""
    records, blocks = doubles(args[RECORDS]), args[BLOCKS]
    records[NORM_AFTER * blocks + block] = norm
    records[CHANGED * blocks + block] = changed
    records[COSINE * blocks + block] = cosine


@operation
def gradient_block(like, args, part, parts):
    """Measure a block of the gradient."""
    measure_gradient(like, args, block_of(like, args, args[GRADS], part), part)


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
    g = block_of(like, args, args[GRADS], part)
    norm, largest = measure_gradient(like, args, g, part)
    limit = g.dtype.type(doubles(args[NUMBERS])[0])
    if largest <= limit:
        record_clip(args, part, norm, 0.0, 1.0)
        return
    plain = 1e-140 < limit < 1e140 and not 1e140 < norm < math.inf
    cosine = 0.0 if plain else careful_cosine(g, limit, norm)
    changed, squares, dot = limit_components(g, limit)
    after = norm_from_squares(squares, g)
    record_clip(args, part, after, float(changed), dot / norm / after if plain else cosine)


@inner
def factor_for(like, args, norm):
    """What to multiply by, a little less than limit / norm; 1 where nothing is to be done."""
    limit = doubles(args[NUMBERS])[0]
    if not (norm > limit and norm < math.inf):
        return 1.0
    single = block_of(like, args, args[GRADS], 0).itemsize == 4
    return limit / norm * (1.0 - (FLOAT32_MARGIN if single else FLOAT64_MARGIN))


@operation
def whole_factor(like, args, part, parts):
    """Decide by the norm of the whole gradient."""
    norms, blocks = doubles(args[RECORDS] + 8 * NORM * args[BLOCKS]), args[BLOCKS]
    factor = factor_for(like, args, joint_norm(norms, 0, blocks))
    for p in range(args[PARAMETERS]):
        doubles(args[FACTORS])[p] = factor


@operation
def parameter_factors(like, args, part, parts):
    """Decide for each parameter by the norm of its own gradient."""
    count, firsts = args[PARAMETERS], integers(args[FIRSTS])
    norms = doubles(args[RECORDS] + 8 * NORM * args[BLOCKS])
    for p in range(part * count // parts, (part + 1) * count // parts):
        norm = joint_norm(norms, firsts[p], firsts[p + 1])
        doubles(args[NORMS])[p] = norm
        doubles(args[FACTORS])[p] = factor_for(like, args, norm)


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
    factor = doubles(args[FACTORS])[integers(args[OWNERS])[part]]
    norm, count = doubles(args[RECORDS])[NORM * args[BLOCKS] + part], 0
    if factor != 1.0:
        g = block_of(like, args, args[GRADS], part)
        count, squares = scale(g, factor)
        norm = norm_from_squares(squares, g)
    record_clip(args, part, norm, float(count), 1.0)


@inner
def share_of_cosine(cosine, before, whole, after, left):
    """What a block adds to the cosine. Not to be reordered: before * after may overflow."""
    return cosine * (before / whole) * (after / left)


@operation
def clip_report(like, args, part, parts):
    """Gather what the clip did to all blocks, and to each parameter where there is a place."""
    blocks, records = args[BLOCKS], doubles(args[RECORDS])
    tops = integers(args[RECORDS] + 8 * TOP * blocks)
    norms = doubles(args[RECORDS] + 8 * NORM * blocks)
    norms_after = doubles(args[RECORDS] + 8 * NORM_AFTER * blocks)
    whole, left = joint_norm(norms, 0, blocks), joint_norm(norms_after, 0, blocks)
    top, changed, cosine = 0, 0.0, 0.0
    for block in range(blocks):
        top = max(top, tops[block])
        changed += records[CHANGED * blocks + block]
        if norms_after[block] > 0.0:
            share = records[COSINE * blocks + block]
            cosine += share_of_cosine(share, norms[block], whole, norms_after[block], left)
    integers(args[REPORT])[LARGEST] = top
    largest = pointer(like, args[REPORT] + 8 * LARGEST)[0]
    report = doubles(args[REPORT])
    report[BEFORE], report[AFTER], report[COUNT] = whole, left, changed
    report[LARGEST], report[ANGLE] = largest, cosine
    if args[NORMS] != 0:
        count, firsts = args[PARAMETERS], integers(args[FIRSTS])
        for p in range(count):
            norm = joint_norm(norms_after, firsts[p], firsts[p + 1])
            doubles(args[NORMS])[count + p] = norm
