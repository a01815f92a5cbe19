"""Operations on blocks: what the passes of an optimizer step share.

Parameters and gradients are cut into blocks of at most `BLOCK` elements, none of which reaches over
the end of a parameter. Everything that a step does to a block is done while the block is in the
nearest cache, and what is summed is summed per block, then over blocks in order: so the bits do not
depend on who does which block.

A block operation is an operation whose `part` is the number of a block and whose `parts` is the
number of the thread's list. All of them share one list of arguments, the context, laid out below.
"""

from __future__ import annotations

import numba
import numpy as np

from nnscratch_kernels.compiled.statistics import norm_from_squares
from nnscratch_kernels.jit import FLAGS, inner
from nnscratch_kernels.native import invoke, pointer
from nnscratch_kernels.operation import operation, section

# mypy: disable-error-code="no-untyped-def"

BLOCK = 2048

# The context: addresses of arrays ...
PARAMS, GRADS, STATE, SECOND_STATE = range(4)
STARTS, OWNERS, FIRSTS = range(4, 7)  # first element and parameter of blocks, parameters' blocks
RECORDS, FACTORS, NORMS, REPORT = range(7, 11)  # per block, parameter, parameter, and in all
SCRATCH, MEASURES, HISTOGRAM, STRIDES, TABLES = range(11, 16)
# ... and numbers.
BLOCKS, PARAMETERS, CLIPS, LIMIT, NUMBERS = range(16, 21)
CONTEXT = NUMBERS + 8

# Rows of the records, a float64 for each block (TOP: the bits of the number, in an int64).
NORM, TOP, NONFINITE, NORM_AFTER, CHANGED, COSINE = range(6)
PARAM_SUM, PARAM_NORM, PARAM_NORM_BEFORE, PARAM_NONFINITE, UPDATE_NORM = range(6, 11)
ROWS = 11


@inner(forceinline=True)
def words(args, k, first, count):
    """The `count` integers that follow the first `first` at the address `args[k]`."""
    return numba.carray(pointer(args, args[k] + 8 * first), (count,))


@inner(forceinline=True)
def reals(args, k, first, count):
    """The same for float64 numbers."""
    return words(args, k, first, count).view(np.float64)


@inner(forceinline=True)
def record(args, row):
    """A row of the records."""
    return reals(args, RECORDS, row * args[BLOCKS], args[BLOCKS])


@inner(forceinline=True)
def block_of(like, args, k, block):
    """The elements of a block, of the flat array at `args[k]`."""
    starts = words(args, STARTS, block, 2)
    return section(like, args, k, starts[0], starts[1])


@inner(forceinline=True)
def scratch_of(like, args, block, me):
    """Scratch as long as a block, of the thread's list `me`."""
    starts = words(args, STARTS, block, 2)
    return section(like, args, SCRATCH, me * BLOCK, me * BLOCK + starts[1] - starts[0])


@inner(fastmath=FLAGS["fastmath"])
def joint_norm(norms, first, last):
    """The norm of what parts first to last - 1 have together: NaN if any is, else inf likewise."""
    if last == first + 1:
        return norms[first]
    squares = 0.0
    for i in range(first, last):
        squares += norms[i] * norms[i]
    return norm_from_squares(squares, norms[first:last])


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
