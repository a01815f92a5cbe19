"""The dense layer as operations.

The input gradient is two: `pack_weight` lays out the transposed weight as the product wants it,
which needs nothing but the weight and may be done early; `dense_backward_input` multiplies. Both
take the arguments of the kernel `dense_backward_input`.

A negative number of parts splits by columns of the output instead of rows.
"""

from __future__ import annotations

from nnscratch_kernels.compiled.gemm import multiply, pack_transposed
from nnscratch_kernels.compiled.matmul import column_sums
from nnscratch_kernels.operation import (
    column_range,
    matrix,
    operation,
    row_range,
    section,
    vector,
)

# mypy: disable-error-code="no-untyped-def"


@operation
def dense_forward(like, args, part, parts):
    y, x, weight = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    start = vector(like, args, 9).reshape(1, args[10])
    i0, i1, j0, j1 = 0, y.shape[0], 0, y.shape[1]
    if parts > 0:
        i0, i1 = row_range(y.shape[0], part, parts)
    else:
        j0, j1 = column_range(y.shape[1], part, -parts)
    if i0 < i1 and j0 < j1:
        multiply(y, x, weight, start, False, False, i0, i1, j0, j1)


@operation
def pack_weight(like, args, part, parts):
    weight, weight_t = matrix(like, args, 6), matrix(like, args, 9)
    j0, j1 = column_range(weight.shape[0], part, parts)
    pack_transposed(weight_t, weight, j0, j1)


@operation
def dense_backward_input(like, args, part, parts):
    dx, dy, weight_t = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 9)
    i0, i1, j0, j1 = 0, dx.shape[0], 0, dx.shape[1]
    if parts > 0:
        i0, i1 = row_range(dx.shape[0], part, parts)
    else:
        j0, j1 = column_range(dx.shape[1], part, -parts)
    if i0 < i1 and j0 < j1:
        multiply(dx, dy, weight_t, dx[:0], False, True, i0, i1, j0, j1)


@operation
def dense_backward_parameters(like, args, part, parts):
    dweight = matrix(like, args, 0)
    dy, x, accumulate = matrix(like, args, 5), matrix(like, args, 8), args[11] != 0
    start = dweight if accumulate else dweight[:0]
    m, n = dweight.shape
    i0, i1, j0, j1 = 0, m, 0, n
    if parts > 0:
        i0, i1 = row_range(m, part, parts)
    else:
        j0, j1 = column_range(n, part, -parts)
    if i0 < i1 and j0 < j1:
        multiply(dweight, x, dy, start, True, False, i0, i1, j0, j1)
    if parts > 0:
        j0, j1 = column_range(n, part, parts)
    column_sums(section(like, args, 3, j0, j1), dy, accumulate, j0)
