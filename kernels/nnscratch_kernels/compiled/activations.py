"""Smooth activation functions and their derivatives, compiled. Definitions: `reference`."""

from __future__ import annotations

import math

import numpy as np

from nnscratch_kernels.compiled.vectormath import exp, gaussian, log1p, normal_tail, sigmoid, tanh
from nnscratch_kernels.jit import elementwise
from nnscratch_kernels.runtime.sharing import Matrix, shared
from nnscratch_kernels.vector.vectors import widest

_NORMAL_PEAK = 1 / math.sqrt(2 * math.pi)


@shared(by="rows", writes=1)
@elementwise
def sigmoid_forward(y: Matrix, x: Matrix) -> None:
    """y = 1 / (1 + e^-x)."""
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        y[i] = sigmoid(x[i])


@shared(by="rows", writes=1)
@elementwise
def sigmoid_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy * y (1 - y)."""
    one = y.dtype.type(1)
    dx, dy, y = dx.reshape(dx.size), dy.reshape(dy.size), y.reshape(y.size)
    for i in range(y.size):
        dx[i] = dy[i] * (y[i] * (one - y[i]))


@shared(by="rows", writes=1)
@elementwise
def tanh_forward(y: Matrix, x: Matrix) -> None:
    """y = tanh x."""
    widest()
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        y[i] = tanh(x[i])


@shared(by="rows", writes=1)
@elementwise
def tanh_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy * (1 - y^2)."""
    one = y.dtype.type(1)
    dx, dy, y = dx.reshape(dx.size), dy.reshape(dy.size), y.reshape(y.size)
    for i in range(y.size):
        dx[i] = dy[i] * (one - y[i] * y[i])


@shared(by="rows", writes=1)
@elementwise
def softsign_forward(y: Matrix, x: Matrix) -> None:
    """y = x / (1 + |x|)."""
    one, largest = x.dtype.type(1), x.dtype.type(np.finfo(x.dtype).max)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        size = abs(x[i])
        fraction = one if size > largest else size / (one + size)
        y[i] = -fraction if x[i] < 0 else fraction


@shared(by="rows", writes=1)
@elementwise
def softsign_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy / (1 + |x|)^2."""
    one = x.dtype.type(1)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        r = one / (one + abs(x[i]))
        dx[i] = dy[i] * (r * r)


@shared(by="rows", writes=1)
@elementwise
def softplus_forward(y: Matrix, x: Matrix) -> None:
    """y = log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)."""
    widest()
    zero = x.dtype.type(0)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        positive = zero if x[i] < zero else x[i]
        y[i] = positive + log1p(exp(-abs(x[i])))


@shared(by="rows", writes=1)
@elementwise
def softplus_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy * sigmoid(x)."""
    widest()
    zero, one = x.dtype.type(0), x.dtype.type(1)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        e = exp(-abs(x[i]))  # never infinite: the tail keeps its precision
        dx[i] = dy[i] * ((e if x[i] < zero else one) / (one + e))


@shared(by="rows", writes=1)
@elementwise
def silu_forward(y: Matrix, x: Matrix) -> None:
    """y = x sigmoid(x)."""
    lowest = x.dtype.type(np.finfo(x.dtype).min)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        finite = lowest if x[i] < lowest else x[i]  # -infinity * 0 would be NaN
        y[i] = finite * sigmoid(x[i])


@shared(by="rows", writes=1)
@elementwise
def silu_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy * s (1 + x (1 - s)) with s = sigmoid(x)."""
    one, largest = x.dtype.type(1), x.dtype.type(np.finfo(x.dtype).max)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        finite = -largest if x[i] < -largest else x[i]
        finite = largest if finite > largest else finite
        s = sigmoid(x[i])
        dx[i] = dy[i] * (s * (one + finite * (one - s)))


@shared(by="rows", writes=1)
@elementwise
def gelu_forward(y: Matrix, x: Matrix) -> None:
    """y = x Phi(x) with the normal distribution function Phi."""
    widest()
    zero, one = x.dtype.type(0), x.dtype.type(1)
    lowest = x.dtype.type(np.finfo(x.dtype).min)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        size = abs(x[i])
        tail = normal_tail(size, gaussian(size))
        finite = lowest if x[i] < lowest else x[i]
        y[i] = finite * (tail if x[i] < zero else one - tail)


@shared(by="rows", writes=1)
@elementwise
def gelu_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy * (Phi(x) + x phi(x)) with the normal density phi."""
    widest()
    zero, one, limit = x.dtype.type(0), x.dtype.type(1), x.dtype.type(40)
    peak = x.dtype.type(_NORMAL_PEAK)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        v = -limit if x[i] < -limit else x[i]
        v = limit if v > limit else v
        size = abs(v)
        density = gaussian(size)
        tail = normal_tail(size, density)
        dx[i] = dy[i] * ((tail if v < zero else one - tail) + v * (peak * density))


@shared(by="rows", writes=1)
@elementwise
def exponential_forward(y: Matrix, x: Matrix) -> None:
    """y = e^x."""
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        y[i] = exp(x[i])


@shared(by="rows", writes=1)
@elementwise
def exponential_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy * y."""
    dx, dy, y = dx.reshape(dx.size), dy.reshape(dy.size), y.reshape(y.size)
    for i in range(y.size):
        dx[i] = dy[i] * y[i]


@shared(by="rows", writes=1)
@elementwise
def mish_forward(y: Matrix, x: Matrix) -> None:
    """y = x n / (n + 2) with n = e^x (e^x + 2)."""
    two, most = x.dtype.type(2), x.dtype.type(20)
    lowest = x.dtype.type(np.finfo(x.dtype).min)
    y, x = y.reshape(y.size), x.reshape(x.size)
    for i in range(x.size):
        e = exp(most if x[i] > most else x[i])
        n = e * (e + two)
        finite = lowest if x[i] < lowest else x[i]
        y[i] = finite * (n / (n + two))


@shared(by="rows", writes=1)
@elementwise
def mish_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = dy * (n / (n + 2) + 4 x e^x (1 + e^x) / (n + 2)^2)."""
    one, two, four = x.dtype.type(1), x.dtype.type(2), x.dtype.type(4)
    lowest, most = x.dtype.type(np.finfo(x.dtype).min), x.dtype.type(20)
    dx, dy, x = dx.reshape(dx.size), dy.reshape(dy.size), x.reshape(x.size)
    for i in range(x.size):
        v = most if x[i] > most else x[i]
        v = lowest if v < lowest else v
        e = exp(v)
        n = e * (e + two)
        r = one / (n + two)
        dx[i] = dy[i] * (n * r + v * (four * e * (one + e) * r * r))


@shared(by="rows", writes=1)
@elementwise
def softmax_forward(y: Matrix, x: Matrix) -> None:
    """y = e^x / (the sum of e^x over the features), row by row."""
    batch, features = x.shape
    for i in range(batch):
        top = x[i, 0]
        for j in range(1, features):
            top = max(top, x[i, j])
        for j in range(features):
            y[i, j] = x[i, j] - top
    flat = y.reshape(y.size)  # one loop over all rows: no tail of few features in each
    for i in range(len(flat)):
        flat[i] = exp(flat[i])
    for i in range(batch):
        total = 0.0
        for j in range(features):
            total += np.float64(y[i, j])
        scale = x.dtype.type(1.0 / total)
        for j in range(features):
            y[i, j] *= scale


@shared(by="rows", writes=1)
@elementwise
def softmax_backward(dx: Matrix, dy: Matrix, x: Matrix, y: Matrix) -> None:
    """dx = y (dy - the sum of dy y over the features)."""
    batch, features = y.shape
    for i in range(batch):
        total = 0.0
        for j in range(features):
            total += np.float64(dy[i, j]) * np.float64(y[i, j])
        mean = y.dtype.type(total)
        for j in range(features):
            dx[i, j] = y[i, j] * (dy[i, j] - mean)
