"""Activation functions with a corner at zero, compiled. Definitions: `reference`."""

from __future__ import annotations

import numpy as np

from nnscratch_kernels.compiled.vectormath import exp, expm1
from nnscratch_kernels.jit import elementwise, jit
from nnscratch_kernels.runtime.sharing import Matrix, Vector, shared

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


@shared(by="rows", writes=1)
@elementwise
def relu_forward(y: Matrix, x: Matrix) -> None:
    """y = max(x, 0)."""
    zero = x.dtype.type(0)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        y[i] = zero if x[i] < zero else x[i]  # in this order NaN stays


@shared(by="rows", writes=1)
@elementwise
def relu_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy where x > 0, else 0."""
    zero = x.dtype.type(0)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        dx[i] = zero if x[i] <= zero else dy[i]


@shared(by="rows", writes=1)
@elementwise
def leaky_relu_forward(y: Matrix, x: Matrix, slope: float) -> None:
    """y = x where x > 0, else slope * x."""
    zero, factor = x.dtype.type(0), x.dtype.type(slope)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        y[i] = x[i] if x[i] > zero else factor * x[i]


@shared(by="rows", writes=1)
@elementwise
def leaky_relu_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix, slope: float) -> None:
    """dx = dy where x > 0, else slope * dy."""
    zero, factor = x.dtype.type(0), x.dtype.type(slope)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        dx[i] = dy[i] if x[i] > zero else factor * dy[i]


@shared(by="rows", writes=1)
@elementwise
def prelu_forward(y: Matrix, x: Matrix, slope: Vector) -> None:
    """y = x where x > 0, else slope * x; slope of shape (1,) or (features,)."""
    zero = x.dtype.type(0)
    if slope.size == 1:
        leaky_relu_forward(y, x, slope[0])
    else:
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                y[i, j] = x[i, j] if x[i, j] > zero else slope[j] * x[i, j]


@shared(by="nothing", writes=2)
@jit
def prelu_backward(
    dx: Matrix, dslope: Vector, dy: Matrix, x: Matrix, slope: Vector, accumulate: bool
) -> None:
    """dx = dy where x > 0, else slope * dy; dslope (+)= sum of dy * x where x <= 0."""
    zero, number = x.dtype.type(0), x.dtype.type
    if not accumulate:
        dslope[:] = zero
    if slope.size == 1:
        factor, total = slope[0], 0.0
        dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
        for i in range(x.size):
            below, share = factor * dy[i], dy[i] * x[i]
            dx[i] = dy[i] if x[i] > zero else below
            total += np.float64(zero if x[i] > zero else share)
        dslope[0] += number(total)
    else:
        totals = np.zeros(x.shape[1])
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                # products outside the choices: LLVM makes vectors of selections, not of branches
                below, share = slope[j] * dy[i, j], dy[i, j] * x[i, j]
                dx[i, j] = dy[i, j] if x[i, j] > zero else below
                totals[j] += np.float64(zero if x[i, j] > zero else share)
        for j in range(x.shape[1]):
            dslope[j] += number(totals[j])


@shared(by="rows", writes=1)
@elementwise
def elu_forward(y: Matrix, x: Matrix, alpha: float) -> None:
    """y = x where x > 0, else alpha (e^x - 1)."""
    zero, factor = x.dtype.type(0), x.dtype.type(alpha)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        below = factor * expm1(x[i])
        y[i] = x[i] if x[i] > zero else below


@shared(by="rows", writes=1)
@elementwise
def elu_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix, alpha: float) -> None:
    """dx = dy where x > 0, else dy * alpha e^x."""
    zero, factor = x.dtype.type(0), x.dtype.type(alpha)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        below = dy[i] * (factor * exp(x[i]))
        dx[i] = dy[i] if x[i] > zero else below


@shared(by="rows", writes=1)
@elementwise
def selu_forward(y: Matrix, x: Matrix) -> None:
    """y = scale * elu(x, alpha)."""
    zero, scale = x.dtype.type(0), x.dtype.type(SELU_SCALE)
    factor = x.dtype.type(SELU_SCALE * SELU_ALPHA)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        below = factor * expm1(x[i])
        y[i] = scale * x[i] if x[i] > zero else below


@shared(by="rows", writes=1)
@elementwise
def selu_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy * scale where x > 0, else dy * scale * alpha e^x."""
    zero, scale = x.dtype.type(0), x.dtype.type(SELU_SCALE)
    factor = x.dtype.type(SELU_SCALE * SELU_ALPHA)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        below = factor * exp(x[i])
        dx[i] = dy[i] * (scale if x[i] > zero else below)


@shared(by="rows", writes=1)
@elementwise
def hard_sigmoid_forward(y: Matrix, x: Matrix, slope: float) -> None:
    """y = slope * x + 1/2, cut off at 0 and 1."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    half, factor = x.dtype.type(0.5), x.dtype.type(slope)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        v = factor * x[i] + half
        v = zero if v < zero else v
        y[i] = one if v > one else v


@shared(by="rows", writes=1)
@elementwise
def hard_sigmoid_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix, slope: float) -> None:
    """dx = slope * dy where 0 < y < 1, else 0."""
    zero, one, factor = y.dtype.type(0), y.dtype.type(1), y.dtype.type(slope)
    dx, dy, y = dx.reshape(dx.size), dy.reshape(dy.size), y.reshape(y.size)
    for i in range(y.size):
        inside = factor * dy[i]
        dx[i] = zero if (y[i] <= zero) | (y[i] >= one) else inside


@shared(by="rows", writes=1)
@elementwise
def hard_tanh_forward(y: Matrix, x: Matrix) -> None:
    """y = x, cut off at -1 and 1."""
    one = x.dtype.type(1)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        v = -one if x[i] < -one else x[i]
        y[i] = one if v > one else v


@shared(by="rows", writes=1)
@elementwise
def hard_tanh_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy where -1 < x < 1, else 0."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        dx[i] = zero if (x[i] <= -one) | (x[i] >= one) else dy[i]
