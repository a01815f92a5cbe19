"""The GRU."""

from __future__ import annotations

import numpy as np

from nnscratch_kernels.compiled.gemm import add_product, pack, pack_transposed
from nnscratch_kernels.compiled.recurrent.steps import (
    add_input,
    clear,
    come_back,
    copy_rows,
    factor_back,
    kernel_of,
    step_at,
    takes,
)
from nnscratch_kernels.compiled.vectormath import sigmoid, tanh
from nnscratch_kernels.jit import ZERO, inner
from nnscratch_kernels.runtime.operation import matrix, row, row_range, vector
from nnscratch_kernels.runtime.sharing import shared_by_hand


@inner
def gru_cell(y, i, t, gates, products, previous, n):  # type: ignore[no-untyped-def]
    """Gates and state of example i after step t, from the sums in `gates` and `products`."""
    a, u = row(gates, i, 3 * t * n, 3 * n), row(products, i, t * n, n)
    for j in range(2 * n):
        a[j] = sigmoid(a[j])
    for j in range(n):
        a[2 * n + j] = tanh(a[2 * n + j] + a[j] * u[j])
    h, h_before = row(y, i, t * n, n), row(previous, i, t * n, n)
    for j in range(n):
        h[j] = a[2 * n + j] + a[n + j] * (h_before[j] - a[2 * n + j])


@shared_by_hand(
    "w:rows w:rows w:rows w:rows r:rows r:any r:any r:any r:any r:rows r:rows", by="rows"
)
def gru_forward_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    y, gates, products = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    previous, x, weight = matrix(like, args, 9), matrix(like, args, 12), matrix(like, args, 15)
    bias, recurrent_weight = vector(like, args, 18), matrix(like, args, 20)
    recurrent_bias, initial = vector(like, args, 23), matrix(like, args, 25)
    mask, reverse = matrix(like, args, 28), args[31] != 0
    first, last = row_range(y.shape[0], part, parts)
    if first >= last:
        return
    n = recurrent_weight.shape[0]
    steps = y.shape[1] // n
    start = np.empty(3 * n, y.dtype)
    for j in range(3 * n):  # the gates add both biases up; the candidate's second one meets r first
        start[j] = bias[j] + recurrent_bias[j] if j < 2 * n else bias[j]
    of_gates, of_candidate = np.empty((n, 2 * n), y.dtype), np.empty((n, n), y.dtype)
    pack(of_gates, recurrent_weight, 0, 2 * n)
    pack(of_candidate, recurrent_weight, 2 * n, 3 * n)
    add_input(gates, x, weight, start, first, last)
    copy_rows(previous, step_at(0, steps, reverse) * n, initial, 0, n, first, last)
    for k in range(steps):
        t = step_at(k, steps, reverse)
        for i in range(first, last):
            u = row(products, i, t * n, n)
            for j in range(n):
                u[j] = recurrent_bias[2 * n + j]
        add_product(gates, previous, of_gates, first, last, 3 * t * n, t * n)
        add_product(products, previous, of_candidate, first, last, t * n, t * n)
        for i in range(first, last):
            gru_cell(y, i, t, gates, products, previous, n)
            if not takes(mask, i, t):
                copy_rows(y, t * n, previous, t * n, n, i, i + 1)
        if k + 1 < steps:
            copy_rows(previous, step_at(k + 1, steps, reverse) * n, y, t * n, n, first, last)


@inner
def gru_cell_backward(dgates, du, i, t, dhidden, gates, products, previous, n):  # type: ignore[no-untyped-def]
    """What the gates of example i add up at step t, from the gradient that arrives at its state."""
    one = dgates.dtype.type(1)
    a, da = row(gates, i, 3 * t * n, 3 * n), row(dgates, i, 3 * t * n, 3 * n)
    dh, h_before = row(dhidden, i, t * n, n), row(previous, i, t * n, n)
    u, du_t = row(products, i, t * n, n), row(du, i, 3 * t * n, 3 * n)
    for j in range(n):
        z, new = a[n + j], a[2 * n + j]
        da[2 * n + j] = dh[j] * (one - z) * (one - new * new)
        da[n + j] = dh[j] * (h_before[j] - new) * (z * (one - z))
    for j in range(n):
        r = a[j]
        da[j] = da[2 * n + j] * u[j] * (r * (one - r))
    for j in range(2 * n):
        du_t[j] = da[j]
    for j in range(n):
        du_t[2 * n + j] = a[j] * da[2 * n + j]


@shared_by_hand(
    "w:rows w:rows w:rows w:rows r:rows r:rows r:rows r:rows r:any r:rows r:any", by="rows"
)
def gru_backward_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    dgates, du, dhidden = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    dinitial, dy, gates = matrix(like, args, 9), matrix(like, args, 12), matrix(like, args, 15)
    products, previous = matrix(like, args, 18), matrix(like, args, 21)
    recurrent_weight, mask = matrix(like, args, 24), matrix(like, args, 27)
    through, reverse = vector(like, args, 30), args[32] != 0
    first, last = row_range(dy.shape[0], part, parts)
    if first >= last:
        return
    n = recurrent_weight.shape[0]
    steps = dy.shape[1] // n
    panels = np.empty((3 * n, n), dy.dtype)
    pack_transposed(panels, recurrent_weight, 0, n)
    by_z, later = (gates, n, 3 * n), ZERO
    for k in range(steps - 1, -1, -1):
        t = step_at(k, steps, reverse)
        copy_rows(dhidden, t * n, dy, t * n, n, first, last)
        if k + 1 < steps:
            factor = factor_back(through, k + 1)
            back = (dhidden, du, later, factor, by_z, panels, mask, first, last)
            come_back(dhidden, t * n, *back)
        for i in range(first, last):
            if takes(mask, i, t):
                gru_cell_backward(dgates, du, i, t, dhidden, gates, products, previous, n)
            else:
                clear(dgates, i, 3 * t * n, 3 * n)
                clear(du, i, 3 * t * n, 3 * n)
        later = t
    for i in range(first, last):
        clear(dinitial, i, 0, n)
    factor = factor_back(through, 0)
    come_back(dinitial, ZERO, dhidden, du, later, factor, by_z, panels, mask, first, last)


gru_forward = kernel_of(gru_forward_part)
gru_backward = kernel_of(gru_backward_part)
