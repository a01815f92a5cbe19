"""The LSTM."""

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
def squash(gates, i, at, n, tanhs_from, tanhs):  # type: ignore[no-untyped-def]
    """Sigmoid of n elements of row i from `at` on, but for `tanhs` of them, of which tanh."""
    low = row(gates, i, at, tanhs_from)
    for j in range(tanhs_from):
        low[j] = sigmoid(low[j])
    middle = row(gates, i, at + tanhs_from, tanhs)
    for j in range(tanhs):
        middle[j] = tanh(middle[j])
    high = row(gates, i, at + tanhs_from + tanhs, n - tanhs_from - tanhs)
    for j in range(n - tanhs_from - tanhs):
        high[j] = sigmoid(high[j])


@inner
def lstm_cell(y, i, t, cell, gates, c_before, n):  # type: ignore[no-untyped-def]
    """State and cell of example i after step t, from the gates."""
    c, h, a = row(cell, i, t * n, n), row(y, i, t * n, n), row(gates, i, 4 * t * n, 4 * n)
    for j in range(n):
        c[j] = a[n + j] * c_before[j] + a[j] * a[2 * n + j]
    for j in range(n):
        h[j] = a[3 * n + j] * tanh(c[j])


@shared_by_hand(
    "w:rows w:rows w:rows w:rows r:rows r:any r:any r:any r:rows r:rows r:rows", by="rows"
)
def lstm_forward_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    y, cell, gates = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    previous, x, weight = matrix(like, args, 9), matrix(like, args, 12), matrix(like, args, 15)
    bias, recurrent_weight = vector(like, args, 18), matrix(like, args, 20)
    initial, initial_cell = matrix(like, args, 23), matrix(like, args, 26)
    mask, reverse = matrix(like, args, 29), args[32] != 0
    first, last = row_range(y.shape[0], part, parts)
    if first >= last:
        return
    n = recurrent_weight.shape[0]
    steps = y.shape[1] // n
    panels = np.empty((n, 4 * n), y.dtype)
    pack(panels, recurrent_weight, 0, 4 * n)
    add_input(gates, x, weight, bias, first, last)
    copy_rows(previous, step_at(0, steps, reverse) * n, initial, 0, n, first, last)
    for k in range(steps):
        t = step_at(k, steps, reverse)
        add_product(gates, previous, panels, first, last, 4 * t * n, t * n)
        earlier = step_at(k - 1, steps, reverse)
        for i in range(first, last):
            squash(gates, i, 4 * t * n, 4 * n, 2 * n, n)
            c_before = row(cell, i, earlier * n, n) if k > 0 else row(initial_cell, i, 0, n)
            if takes(mask, i, t):
                lstm_cell(y, i, t, cell, gates, c_before, n)
            else:
                copy_rows(y, t * n, previous, t * n, n, i, i + 1)
                c = row(cell, i, t * n, n)
                for j in range(n):
                    c[j] = c_before[j]
        if k + 1 < steps:
            copy_rows(previous, step_at(k + 1, steps, reverse) * n, y, t * n, n, first, last)


@inner
def lstm_cell_backward(dgates, i, t, dc, dh, c, c_before, gates, n):  # type: ignore[no-untyped-def]
    """Add to dc what comes through the output; then what each gate adds up, from dc and dh."""
    one = dgates.dtype.type(1)
    a, da = row(gates, i, 4 * t * n, 4 * n), row(dgates, i, 4 * t * n, 4 * n)
    for j in range(n):
        o, tanh_c = a[3 * n + j], tanh(c[j])
        dc[j] += dh[j] * o * (one - tanh_c * tanh_c)
        da[3 * n + j] = dh[j] * tanh_c * (o * (one - o))
    for j in range(n):
        g, gate = a[2 * n + j], a[j]
        da[j] = dc[j] * g * (gate * (one - gate))
        da[2 * n + j] = dc[j] * gate * (one - g * g)
    for j in range(n):
        f = a[n + j]
        da[n + j] = dc[j] * c_before[j] * (f * (one - f))


@inner
def cell_gradient_back(to, i, dcell, gates, t, factor, n, mask):  # type: ignore[no-untyped-def]
    """to = factor times what comes back of example i's cell gradient from step t."""
    dc, f, taken = row(dcell, i, t * n, n), row(gates, i, 4 * t * n + n, n), takes(mask, i, t)
    for j in range(n):
        to[j] = factor * (dc[j] * f[j] if taken else dc[j])


@shared_by_hand(
    "w:rows w:rows w:rows w:rows w:rows r:rows r:rows r:rows r:rows r:any r:rows r:any", by="rows"
)
def lstm_backward_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    dgates, dhidden, dcell = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    dinitial, dinitial_cell = matrix(like, args, 9), matrix(like, args, 12)
    dy, cell, gates = matrix(like, args, 15), matrix(like, args, 18), matrix(like, args, 21)
    initial_cell, recurrent_weight = matrix(like, args, 24), matrix(like, args, 27)
    mask, through, reverse = matrix(like, args, 30), vector(like, args, 33), args[35] != 0
    first, last = row_range(dy.shape[0], part, parts)
    if first >= last:
        return
    n = recurrent_weight.shape[0]
    steps = dy.shape[1] // n
    panels = np.empty((4 * n, n), dy.dtype)
    pack_transposed(panels, recurrent_weight, 0, n)
    nothing, later = (np.empty((0, 0), dy.dtype), ZERO, ZERO), ZERO
    for k in range(steps - 1, -1, -1):
        t = step_at(k, steps, reverse)
        earlier = step_at(k - 1, steps, reverse)
        factor = factor_back(through, k + 1) if k + 1 < steps else dy.dtype.type(0)
        copy_rows(dhidden, t * n, dy, t * n, n, first, last)
        back = (dhidden, dgates, later, factor, nothing, panels, mask, first, last)
        come_back(dhidden, t * n, *back)
        for i in range(first, last):
            dc, dh, c = row(dcell, i, t * n, n), row(dhidden, i, t * n, n), row(cell, i, t * n, n)
            if factor != 0:
                cell_gradient_back(dc, i, dcell, gates, later, factor, n, mask)
            else:
                clear(dcell, i, t * n, n)
            if takes(mask, i, t):
                c_before = row(cell, i, earlier * n, n) if k > 0 else row(initial_cell, i, 0, n)
                lstm_cell_backward(dgates, i, t, dc, dh, c, c_before, gates, n)
            else:
                clear(dgates, i, 4 * t * n, 4 * n)
        later = t
    factor = factor_back(through, 0)
    for i in range(first, last):
        clear(dinitial, i, 0, n)
        cell_gradient_back(row(dinitial_cell, i, 0, n), i, dcell, gates, later, factor, n, mask)
    come_back(dinitial, ZERO, dhidden, dgates, later, factor, nothing, panels, mask, first, last)


lstm_forward = kernel_of(lstm_forward_part)
lstm_backward = kernel_of(lstm_backward_part)
