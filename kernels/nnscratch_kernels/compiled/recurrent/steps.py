"""What recurrent cells share: going through the steps, and their kernels outside of a schedule."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from nnscratch_kernels.compiled.gemm import add_product, multiply
from nnscratch_kernels.jit import NO, ZERO, inner
from nnscratch_kernels.reference import recurrent as definitions
from nnscratch_kernels.runtime import team
from nnscratch_kernels.runtime.operation import row
from nnscratch_kernels.runtime.program import of_one
from nnscratch_kernels.runtime.shares import ROWS_PER_PART
from nnscratch_kernels.runtime.sharing import Shared, encoded
from nnscratch_kernels.runtime.threads import get_num_threads


def kernel_of(operation: Shared) -> Callable[..., None]:
    """Return the kernel that an operation is: that, on several threads if they have enough rows."""

    @functools.wraps(getattr(definitions, operation.name))
    def kernel(*arguments: Any) -> None:
        dtype, threads = arguments[0].dtype, get_num_threads()
        parts = threads if len(arguments[0]) >= ROWS_PER_PART * threads else 1
        program = of_one(operation.address(dtype), parts, encoded(arguments, dtype))
        if parts == 1 or not team.run(program):
            team.alone(program)

    return kernel


@inner
def step_at(k, steps, reverse):  # type: ignore[no-untyped-def]
    """The step that is gone through as number k."""
    return steps - 1 - k if reverse else k


@inner
def takes(mask, i, t):  # type: ignore[no-untyped-def]
    """Whether example i takes step t."""
    return mask.shape[1] == 0 or mask[i, t] != 0


@inner
def add_input(sums, x, weight, start, first, last):  # type: ignore[no-untyped-def]
    """sums = start + x weight, in all steps of examples first to last - 1."""
    steps = x.shape[1] // weight.shape[0]
    c = sums.reshape(sums.shape[0] * steps, weight.shape[1])
    a = x.reshape(x.shape[0] * steps, weight.shape[0])
    row = start.reshape(1, start.size)
    multiply(c, a, weight, row, NO, NO, first * steps, last * steps, ZERO, c.shape[1])


@inner
def copy_rows(to, k, source, j, n, first, last):  # type: ignore[no-untyped-def]
    """to[:, k : k + n] = source[:, j : j + n] in rows first to last - 1."""
    for i in range(first, last):
        a, b = row(to, i, k, n), row(source, i, j, n)
        for m in range(n):
            a[m] = b[m]


@inner
def clear(x, i, first, count):  # type: ignore[no-untyped-def]
    """x[i, first : first + count] = 0"""
    values = row(x, i, first, count)
    for j in range(count):
        values[j] = 0


@inner
def factor_back(through, k):  # type: ignore[no-untyped-def]
    """The factor of the gradient that goes back from step number k."""
    return through[k] if through.size > 0 else through.dtype.type(1)


@inner
def scale_rows(x, k, n, factor, first, last):  # type: ignore[no-untyped-def]
    """x[:, k : k + n] *= factor in rows first to last - 1."""
    for i in range(first, last):
        values = row(x, i, k, n)
        for j in range(n):
            values[j] *= factor


@inner
def come_back(to, at, dhidden, da, later, factor, keeps, panels, mask, first, last):  # type: ignore[no-untyped-def]
    """to[:, at : at + n] += factor times what comes back to the state before the step `later`.

    That is da of that step times the recurrent weights, in `panels`, and directly the gradient of
    its state where it was not taken; where it was, the part of it that `keeps` (array, offset,
    stride of a step) says, if that has columns.
    """
    if factor == 0:
        return
    wide, n = panels.shape
    if factor != 1:
        scale_rows(to, at, n, 1 / factor, first, last)
    kept, offset, stride = keeps
    for i in range(first, last):
        sums, dh = row(to, i, at, n), row(dhidden, i, later * n, n)
        if not takes(mask, i, later):
            for j in range(n):
                sums[j] += dh[j]
        elif kept.shape[1] > 0:
            share = row(kept, i, later * stride + offset, n)
            for j in range(n):
                sums[j] += dh[j] * share[j]
    add_product(to, da, panels, first, last, at, later * wide)
    if factor != 1:
        scale_rows(to, at, n, factor, first, last)
