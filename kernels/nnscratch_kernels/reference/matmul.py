"""Matrix products and the dense layer, in plain NumPy.

Batches are (batch, features) and weights (n_in, n_out); one call's arrays share one dtype. The
output comes first and is overwritten. Nothing is validated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@np.errstate(over="ignore", invalid="ignore")
def matmul(out: Array, a: Array, b: Array) -> None:
    """out = a @ b, with a (m, k), b (k, n), out (m, n)."""
    np.matmul(a, b, out=out)


@np.errstate(over="ignore", invalid="ignore")
def matmul_at_b(out: Array, a: Array, b: Array) -> None:
    """out = a.T @ b, with a (k, m), b (k, n), out (m, n)."""
    np.matmul(a.T, b, out=out)


@np.errstate(over="ignore", invalid="ignore")
def matmul_a_bt(out: Array, a: Array, b: Array, b_t: Array) -> None:
    """out = a @ b.T, with a (m, k), b (n, k), out (m, n); `b_t` (k, n) is scratch."""
    np.matmul(a, b.T, out=out)


@np.errstate(over="ignore", invalid="ignore")
def dense_forward(y: Array, x: Array, weight: Array, bias: Array) -> None:
    """y = x @ weight + bias, with x (batch, n_in), bias (n_out,), y (batch, n_out)."""
    np.matmul(x, weight, out=y)
    y += bias


@np.errstate(over="ignore", invalid="ignore")
def dense_backward_parameters(
    dweight: Array, dbias: Array, dy: Array, x: Array, accumulate: bool
) -> None:
    """dweight = x.T @ dy and dbias = the column sums of dy; with `accumulate`, both are added."""
    if accumulate:
        dweight += x.T @ dy
        dbias += dy.sum(axis=0)
    else:
        np.matmul(x.T, dy, out=dweight)
        np.sum(dy, axis=0, out=dbias)


@np.errstate(over="ignore", invalid="ignore")
def dense_backward_input(dx: Array, dy: Array, weight: Array, weight_t: Array) -> None:
    """dx = dy @ weight.T, with dy (batch, n_out); `weight_t` (n_out, n_in) is scratch."""
    np.matmul(dy, weight.T, out=dx)
