"""The plain recurrent layer, of any activation function."""

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
from nnscratch_kernels.jit import ZERO, inner
from nnscratch_kernels.runtime.native import invoke
from nnscratch_kernels.runtime.operation import matrix, row, row_range, vector
from nnscratch_kernels.runtime.sharing import shared_by_hand


@inner
def apply(words, function, out, k, arrays, n):  # type: ignore[no-untyped-def]
    """Call an elementwise kernel's operation on n elements of a row of each array.

    `words` are its arguments: here go the addresses, the rest of them stays.
    """
    words[0] = row(out, k[0], k[1], n).ctypes.data
    for m in range(len(arrays)):
        words[3 * m + 3] = row(arrays[m], k[0], k[1], n).ctypes.data
    invoke(function, 0, words.ctypes.data, 0, 1)


@inner
def elementwise_words(matrices, n, constant):  # type: ignore[no-untyped-def]
    """The arguments of an elementwise kernel of so many matrices, each a row of n elements."""
    words = np.ones(3 * matrices + 1, np.int64)
    for k in range(matrices):
        words[3 * k + 2] = n
    words[3 * matrices] = constant
    return words


@shared_by_hand("w:rows w:rows w:rows r:rows r:any r:any r:any r:rows r:rows", by="rows")
def rnn_forward_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    y, before, previous = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    x, weight, bias = matrix(like, args, 9), matrix(like, args, 12), vector(like, args, 15)
    recurrent_weight, initial = matrix(like, args, 17), matrix(like, args, 20)
    mask, reverse = matrix(like, args, 23), args[26] != 0
    first, last = row_range(y.shape[0], part, parts)
    if first >= last:
        return
    n = recurrent_weight.shape[0]
    steps = y.shape[1] // n
    words = elementwise_words(2, n, args[28])
    panels = np.empty((n, n), y.dtype)
    pack(panels, recurrent_weight, 0, n)
    add_input(before, x, weight, bias, first, last)
    copy_rows(previous, step_at(0, steps, reverse) * n, initial, 0, n, first, last)
    for k in range(steps):
        t = step_at(k, steps, reverse)
        add_product(before, previous, panels, first, last, t * n, t * n)
        for i in range(first, last):
            if takes(mask, i, t):
                apply(words, args[27], y, (i, t * n), (before,), n)
            else:
                copy_rows(y, t * n, previous, t * n, n, i, i + 1)
        if k + 1 < steps:
            copy_rows(previous, step_at(k + 1, steps, reverse) * n, y, t * n, n, first, last)


@shared_by_hand("w:rows w:rows w:rows r:rows r:rows r:rows r:any r:rows r:any", by="rows")
def rnn_backward_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    da, dhidden, dinitial = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    dy, y, before = matrix(like, args, 9), matrix(like, args, 12), matrix(like, args, 15)
    recurrent_weight, mask = matrix(like, args, 18), matrix(like, args, 21)
    through, reverse = vector(like, args, 24), args[26] != 0
    first, last = row_range(dy.shape[0], part, parts)
    if first >= last:
        return
    n = recurrent_weight.shape[0]
    steps = dy.shape[1] // n
    words = elementwise_words(4, n, args[28])
    panels = np.empty((n, n), dy.dtype)
    pack_transposed(panels, recurrent_weight, 0, n)
    nothing, later = (np.empty((0, 0), dy.dtype), ZERO, ZERO), ZERO
    for k in range(steps - 1, -1, -1):
        t = step_at(k, steps, reverse)
        copy_rows(dhidden, t * n, dy, t * n, n, first, last)
        if k + 1 < steps:
            factor = factor_back(through, k + 1)
            back = (dhidden, da, later, factor, nothing, panels, mask, first, last)
            come_back(dhidden, t * n, *back)
        for i in range(first, last):
            if takes(mask, i, t):
                apply(words, args[27], da, (i, t * n), (dhidden, before, y), n)
            else:
                clear(da, i, t * n, n)
        later = t
    for i in range(first, last):
        clear(dinitial, i, 0, n)
    factor = factor_back(through, 0)
    come_back(dinitial, ZERO, dhidden, da, later, factor, nothing, panels, mask, first, last)


rnn_forward = kernel_of(rnn_forward_part)
rnn_backward = kernel_of(rnn_backward_part)
