"""Matrix products and the dense layer, compiled; signatures and shapes as in `reference.matmul`.

The functions that end in `_serial` are jitted, run on the calling thread and may be called from
other jitted functions; the public ones choose between them and the same work split over threads.
Threads get blocks of the output, so every number of threads gives the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.gemm import multiply, pack_transposed
from nnscratch_kernels.jit import NO, ONE, YES, ZERO, elementwise, inner, jit
from nnscratch_kernels.runtime import team
from nnscratch_kernels.runtime.operation import (
    column_range,
    encode,
    matrix,
    operation,
    row_range,
    section,
    vector,
)
from nnscratch_kernels.runtime.program import of_one
from nnscratch_kernels.runtime.sharing import shared_by_hand
from nnscratch_kernels.runtime.threads import get_num_threads

Array = npt.NDArray[Any]

# The fewest multiply-adds that are split over threads: about 40 microseconds of one core, to pay
# for the 10 or so that handing it to the team costs, most of them in Python.
WORTH_THREADS = 2_000_000

# The products: a @ b, a.T @ b, a @ b.T.
A_B, AT_B, A_BT = np.int64(0), np.int64(1), np.int64(2)


@elementwise
def column_sums(sums: Array, dy: Array, accumulate: bool, first_column: int) -> None:
    """sums (+)= the sums of the columns of dy from `first_column` on, as many as `sums` holds.

    Four rows at a time: one pass over `sums` serves them all. Rows are cut, so that every index
    begins at 0: otherwise LLVM finds no vectors in the loop.
    """
    rows, columns = len(dy), len(sums)
    start, stop = first_column, first_column + columns
    if not accumulate:
        sums[:] = 0
    for i in range(0, rows - 3, 4):
        first, second = dy[i, start:stop], dy[i + 1, start:stop]
        third, fourth = dy[i + 2, start:stop], dy[i + 3, start:stop]
        for j in range(columns):
            sums[j] += (first[j] + second[j]) + (third[j] + fourth[j])
    for i in range(rows - rows % 4, rows):
        row = dy[i, start:stop]
        for j in range(columns):
            sums[j] += row[j]


@jit
def gemm_serial(
    c: Array, a: Array, b: Array, scratch: Array, start: Array, kind: int, chunk: int, chunks: int
) -> None:
    """Block number `chunk` of the `chunks` into which the output of c = start + op(a) op(b) is cut.

    0 and 1: all of it. `kind` is `A_B`, `AT_B` or `A_BT`; only the last one uses `scratch`, which
    has b's size. `start` is explained in `compiled.gemm`.
    """
    m, n = c.shape
    rows = (m + 4 * chunks - 1) // (4 * chunks) * 4
    columns = (n + 32 * chunks - 1) // (32 * chunks) * 32
    i, j = 0, chunk * columns
    if kind == A_BT or columns * m <= rows * n:  # cut by columns, the more even of the two
        rows = m
    else:
        i, j, columns = chunk * rows, 0, n
    i0, i1, j0, j1 = min(m, i), min(m, i + rows), min(n, j), min(n, j + columns)
    packed = kind == A_BT
    if packed:
        pack_transposed(scratch, b, j0, j1)
    multiply(c, a, scratch if packed else b, start, kind == AT_B, packed, i0, i1, j0, j1)


@jit
def dense_forward_serial(y: Array, x: Array, weight: Array, bias: Array) -> None:
    gemm_serial(y, x, weight, weight, bias.reshape(1, bias.size), A_B, ZERO, ONE)


@jit
def dense_backward_parameters_serial(
    dweight: Array, dbias: Array, dy: Array, x: Array, accumulate: bool
) -> None:
    start = dweight if accumulate else dweight[:0]
    gemm_serial(dweight, x, dy, dy, start, AT_B, ZERO, ONE)
    column_sums(dbias, dy, accumulate, 0)


@jit
def dense_backward_input_serial(dx: Array, dy: Array, weight: Array, weight_t: Array) -> None:
    gemm_serial(dx, dy, weight, weight_t, dx[:0], A_BT, ZERO, ONE)


@operation
def gemm_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    """`gemm_serial` for the team."""
    gemm_serial(
        matrix(like, args, 0),
        matrix(like, args, 3),
        matrix(like, args, 6),
        matrix(like, args, 9),
        matrix(like, args, 12),
        args[15],
        part,
        parts,
    )


def _gemm(c: Array, a: Array, b: Array, scratch: Array, start: Array, kind: np.int64) -> None:
    arrays = (c, a, b, scratch, start)
    threads = get_num_threads()
    # Addresses say nothing of strides and dtypes: what does not fit is left to fail below.
    fit = all(array.flags.c_contiguous and array.dtype == c.dtype for array in arrays)
    if threads > 1 and fit:
        words = encode((*arrays, kind))
        if team.run(of_one(gemm_part.address(c.dtype), threads, words)):
            return
    gemm_serial(c, a, b, scratch, start, kind, ZERO, ONE)


def matmul(out: Array, a: Array, b: Array) -> None:
    """out = a @ b, with a (m, k), b (k, n), out (m, n)."""
    if len(a) * b.size < WORTH_THREADS:
        gemm_serial(out, a, b, b, out[:0], A_B, ZERO, ONE)
    else:
        _gemm(out, a, b, b, out[:0], A_B)


def matmul_at_b(out: Array, a: Array, b: Array) -> None:
    """out = a.T @ b, with a (k, m), b (k, n), out (m, n)."""
    if len(out) * b.size < WORTH_THREADS:
        gemm_serial(out, a, b, b, out[:0], AT_B, ZERO, ONE)
    else:
        _gemm(out, a, b, b, out[:0], AT_B)


def dense_forward(y: Array, x: Array, weight: Array, bias: Array) -> None:
    """y = x @ weight + bias, with x (batch, n_in), bias (n_out,), y (batch, n_out)."""
    if len(x) * weight.size < WORTH_THREADS:
        dense_forward_serial(y, x, weight, bias)
    else:
        _gemm(y, x, weight, weight, bias.reshape(1, -1), A_B)


def dense_backward_parameters(
    dweight: Array, dbias: Array, dy: Array, x: Array, accumulate: bool
) -> None:
    """dweight = x.T @ dy and dbias = the column sums of dy; with `accumulate`, both are added."""
    if len(x) * dweight.size < WORTH_THREADS:
        dense_backward_parameters_serial(dweight, dbias, dy, x, accumulate)
    else:
        _gemm(dweight, x, dy, dy, dweight if accumulate else dweight[:0], AT_B)
        column_sums(dbias, dy, accumulate, 0)


def dense_backward_input(dx: Array, dy: Array, weight: Array, weight_t: Array) -> None:
    """dx = dy @ weight.T, with dy (batch, n_out); `weight_t` (n_out, n_in) is scratch."""
    if len(dy) * weight.size < WORTH_THREADS:
        dense_backward_input_serial(dx, dy, weight, weight_t)
    else:
        _gemm(dx, dy, weight, weight_t, dx[:0], A_BT)


def matmul_a_bt(out: Array, a: Array, b: Array, b_t: Array) -> None:
    """out = a @ b.T, with a (m, k), b (n, k), out (m, n); `b_t` (k, n) is scratch."""
    dense_backward_input(out, a, b, b_t)


# The same as operations. A negative number of parts splits by columns of the output, not by rows.
# The input gradient is two: `pack_weight` lays out the transposed weight as the product wants it,
# which needs nothing but the weight and may be done early; `dense_backward_input` multiplies. Both
# take the arguments of the kernel.


@inner(forceinline=True)
def block_range(rows, columns, part, parts):  # type: ignore[no-untyped-def]
    """First and last row, first and last column of a part of a product."""
    if parts > 0:
        i0, i1 = row_range(rows, part, parts)
        return i0, i1, 0, columns
    j0, j1 = column_range(columns, part, -parts)
    return 0, rows, j0, j1


@shared_by_hand("w:rows r:rows r:any r:any", by="rows", depth=lambda arrays: arrays[1].shape[1])
def dense_forward_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    y, x, weight = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    start = vector(like, args, 9).reshape(1, args[10])
    i0, i1, j0, j1 = block_range(y.shape[0], y.shape[1], part, parts)
    if i0 < i1 and j0 < j1:
        multiply(y, x, weight, start, NO, NO, i0, i1, j0, j1)


@shared_by_hand("-:any -:any r:any w:columns", by="columns")
def pack_weight_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    weight, weight_t = matrix(like, args, 6), matrix(like, args, 9)
    j0, j1 = column_range(weight.shape[0], part, parts)
    pack_transposed(weight_t, weight, j0, j1)


@shared_by_hand("w:rows r:rows -:any r:any", by="rows", depth=lambda arrays: arrays[1].shape[1])
def dense_backward_input_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    dx, dy, weight_t = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 9)
    i0, i1, j0, j1 = block_range(dx.shape[0], dx.shape[1], part, parts)
    if i0 < i1 and j0 < j1:
        multiply(dx, dy, weight_t, dx[:0], NO, YES, i0, i1, j0, j1)


@shared_by_hand(
    "w:rows w:columns r:any r:any", by="rows", depth=lambda arrays: len(arrays[2]), deferred=True
)
def dense_backward_parameters_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    dweight = matrix(like, args, 0)
    dy, x, accumulate = matrix(like, args, 5), matrix(like, args, 8), args[11] != 0
    start = dweight if accumulate else dweight[:0]
    i0, i1, j0, j1 = block_range(dweight.shape[0], dweight.shape[1], part, parts)
    if i0 < i1 and j0 < j1:
        multiply(dweight, x, dy, start, YES, NO, i0, i1, j0, j1)
    if parts > 0:
        j0, j1 = column_range(dweight.shape[1], part, parts)
    column_sums(section(like, args, 3, j0, j1), dy, accumulate, j0)
