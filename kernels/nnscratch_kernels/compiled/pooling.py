"""From a sequence to one vector, compiled. Definitions: `reference`."""

from __future__ import annotations

from typing import Any

from nnscratch_kernels.jit import elementwise, inner
from nnscratch_kernels.runtime.sharing import Matrix, shared


@inner
def share(mask: Any, i: int, steps: int) -> Any:
    """What a step of example i counts in the mean."""
    count = 0
    for t in range(steps):
        if mask.shape[1] == 0 or mask[i, t] != 0:
            count += 1
    return mask.dtype.type(1 / max(count, 1))


@shared(by="rows", writes=1)
@elementwise
def last_step_forward(y: Matrix, x: Matrix) -> None:
    """y = x_T"""
    n = y.shape[1]
    for i in range(len(y)):
        for j in range(n):
            y[i, j] = x[i, x.shape[1] - n + j]


@shared(by="rows", writes=1)
@elementwise
def last_step_backward(dx: Matrix, dy: Matrix) -> None:
    """dx_T = dy and 0 in all other steps."""
    n = dy.shape[1]
    before = dx.shape[1] - n
    for i in range(len(dy)):
        for j in range(before):
            dx[i, j] = 0
        for j in range(n):
            dx[i, before + j] = dy[i, j]


@shared(by="rows", writes=1)
@elementwise
def hold_forward(y: Matrix, x: Matrix, mask: Matrix) -> None:
    """y_t = x_s, s the last step up to t that there is; t where there is none."""
    steps = mask.shape[1]
    n = x.shape[1] // steps
    for i in range(len(y)):
        last = -1
        for t in range(steps):
            if mask[i, t] != 0:
                last = t
            source = t if last < 0 else last
            for j in range(n):
                y[i, t * n + j] = x[i, source * n + j]


@shared(by="rows", writes=1)
@elementwise
def hold_backward(dx: Matrix, dy: Matrix, mask: Matrix) -> None:
    """dx_s = the sum of dy_t over all steps t at which x_s stands."""
    steps = mask.shape[1]
    n = dx.shape[1] // steps
    for i in range(len(dx)):
        last = -1
        for t in range(steps):
            own = mask[i, t] != 0 or last < 0
            if mask[i, t] != 0:
                last = t
            for j in range(n):
                dx[i, t * n + j] = dy[i, t * n + j] if own else 0
                if not own:
                    dx[i, last * n + j] += dy[i, t * n + j]


@shared(by="rows", writes=1)
@elementwise
def mean_over_time_forward(y: Matrix, x: Matrix, mask: Matrix) -> None:
    """y = the mean of x_t over the steps that there are."""
    n = y.shape[1]
    steps = x.shape[1] // n
    for i in range(len(y)):
        counts = share(mask, i, steps)
        for j in range(n):
            y[i, j] = 0
        for t in range(steps):
            if mask.shape[1] == 0 or mask[i, t] != 0:
                for j in range(n):
                    y[i, j] += x[i, t * n + j] * counts


@shared(by="rows", writes=1)
@elementwise
def mean_over_time_backward(dx: Matrix, dy: Matrix, mask: Matrix) -> None:
    """dx_t = dy / the number of steps in those that there are, else 0."""
    n = dy.shape[1]
    steps = dx.shape[1] // n
    for i in range(len(dy)):
        counts = share(mask, i, steps)
        for t in range(steps):
            for j in range(n):
                there = mask.shape[1] == 0 or mask[i, t] != 0
                dx[i, t * n + j] = dy[i, j] * counts if there else 0
