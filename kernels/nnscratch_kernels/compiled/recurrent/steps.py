"""What recurrent cells share: going through the steps, and their kernels outside of a schedule."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from nnscratch_kernels.compiled.gemm import multiply
from nnscratch_kernels.jit import inner
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
    multiply(c, a, weight, row, False, False, first * steps, last * steps, 0, c.shape[1])


@inner
def copy_rows(to, k, source, j, n, first, last):  # type: ignore[no-untyped-def]
    """to[:, k : k + n] = source[:, j : j + n] in rows first to last - 1."""
    for i in range(first, last):
        a, b = row(to, i, k, n), row(source, i, j, n)
        for m in range(n):
            a[m] = b[m]


@inner
def arrive(dhidden, t, dy, first, last, n, later, mask):  # type: ignore[no-untyped-def]
    """dhidden_t = dy_t, and where the step `later` (-1: none) was not taken, what came there."""
    for i in range(first, last):
        to, above = row(dhidden, i, t * n, n), row(dy, i, t * n, n)
        if later >= 0 and not takes(mask, i, later):
            back = row(dhidden, i, later * n, n)
            for j in range(n):
                to[j] = above[j] + back[j]
        else:
            for j in range(n):
                to[j] = above[j]


@inner
def arrive_at_start(dinitial, dhidden, t, first, last, n, mask):  # type: ignore[no-untyped-def]
    """dinitial = what comes back from the first step, t, by not taking it."""
    for i in range(first, last):
        to, back, skipped = row(dinitial, i, 0, n), row(dhidden, i, t * n, n), not takes(mask, i, t)
        for j in range(n):
            to[j] = back[j] if skipped else 0


@inner
def clear(x, i, first, count):  # type: ignore[no-untyped-def]
    """x[i, first : first + count] = 0"""
    values = row(x, i, first, count)
    for j in range(count):
        values[j] = 0
