"""Operations on blocks: what the passes of an optimizer step share.

Parameters and gradients are cut into blocks of at most `BLOCK` elements, none of which reaches over
the end of a parameter. Everything that a step does to a block is done while the block is in the
nearest cache, and what is summed is summed per block, then over blocks in order: so the bits do not
depend on who does which block.

A block operation is an operation whose `part` is the number of a block and whose `parts` is the
number of the thread's list. All of them share one list of arguments, the context, laid out below.
They reach for it through plain pointers, because every function that Numba has to look through
costs compile time, once for each constant that it is called with.
"""

from __future__ import annotations

import math

import numba

from nnscratch_kernels.jit import FLAGS, inner
from nnscratch_kernels.runtime.native import integers, invoke, pointer
from nnscratch_kernels.runtime.operation import operation
from nnscratch_kernels.vector.vectors import advance

# mypy: disable-error-code="no-untyped-def"

BLOCK = 4096
# Elements from one thread's scratch to the next one's: far enough apart that neither's prefetching
# of what comes next takes lines away from the other.
SCRATCH_SPACING = BLOCK + 4096

# The context: addresses of arrays ...
PARAMS, GRADS, MADE = range(3)  # MADE: how many updates were
STARTS, OWNERS, FIRSTS = range(4, 7)  # first element and parameter of blocks, parameters' blocks
RECORDS, FACTORS, NORMS, REPORT = range(7, 11)  # per block, parameter, parameter, and in all
NUMBERS, SCRATCH = range(11, 13)  # of the update and, first, the clip's limit
MEASURES, SAMPLES, PLACES, STRIDES = range(13, 17)  # a sample's places and stride per parameter
# ... and integers.
BLOCKS, PARAMETERS, CLIPS = range(17, 20)
STATE, MOST_STATES = 20, 4  # of the update, beginning there: addresses again
CONTEXT = 24

# Rows of the records, a float64 for each block (TOP: the bits of the number, in an int64).
NORM, TOP, NONFINITE, NORM_AFTER, CHANGED, COSINE = range(6)
PARAM_SUM, PARAM_NORM, PARAM_NORM_BEFORE, PARAM_NONFINITE, UPDATE_NORM = range(6, 11)
ROWS = 11


@inner(forceinline=True)
def block_of(like, args, flat, block):
    """The elements of a block, of the flat array at the address `flat`."""
    starts = integers(args[STARTS])
    first = starts[block]
    return numba.carray(advance(pointer(like, flat), first), (starts[block + 1] - first,))


@inner(forceinline=True)
def scratch_of(like, args, block, me):
    """Scratch as long as a block, of the thread's list `me`."""
    starts = integers(args[STARTS])
    place = advance(pointer(like, args[SCRATCH]), me * SCRATCH_SPACING)
    return numba.carray(place, (starts[block + 1] - starts[block],))


@inner(fastmath=FLAGS["fastmath"])
def joint_squares(norms, first, last, scale):
    """The sum of the scaled squares of norms first to last - 1."""
    squares = 0.0
    for i in range(first, last):
        value = norms[i] * scale
        squares += value * value
    return squares


@inner
def joint_norm(norms, first, last):
    """The norm of blocks first to last - 1 together: NaN if any is, else inf likewise."""
    if last == first + 1:
        return norms[first]
    squares = joint_squares(norms, first, last, 1.0)
    if 1e-290 <= squares < math.inf or squares != squares:
        return math.sqrt(squares)
    scale = 2.0**-600 if squares > 1.0 else 2.0**600
    return math.sqrt(joint_squares(norms, first, last, scale)) / scale


@operation
def each_block(like, args, part, parts):
    """Do some block operations, one after the other, to each of a part's blocks.

    Arguments: address of the context; number of operations; their addresses; then, for each part,
    its first block, and the number of blocks.
    """
    context, count = args[0], args[1]
    bounds = 2 + count + part
    for block in range(args[bounds], args[bounds + 1]):
        for k in range(count):
            invoke(args[2 + k], 0, context, block, part)
