"""Activation functions as operations, split by rows.

Written out one by one, because Numba keeps compiled code between processes for functions that stand
in a file, not for those that another function makes.
"""

from __future__ import annotations

from nnscratch_kernels.compiled import activations, rectifiers
from nnscratch_kernels.operation import matrix, number, operation, row_range, rows, vector

# mypy: disable-error-code="no-untyped-def"


@operation
def sigmoid_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    activations.sigmoid_forward(y, x)


@operation
def sigmoid_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    activations.sigmoid_backward(dx, dy, x, y)


@operation
def tanh_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    activations.tanh_forward(y, x)


@operation
def tanh_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    activations.tanh_backward(dx, dy, x, y)


@operation
def softsign_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    activations.softsign_forward(y, x)


@operation
def softsign_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    activations.softsign_backward(dx, dy, x, y)


@operation
def softplus_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    activations.softplus_forward(y, x)


@operation
def softplus_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    activations.softplus_backward(dx, dy, x, y)


@operation
def silu_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    activations.silu_forward(y, x)


@operation
def silu_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    activations.silu_backward(dx, dy, x, y)


@operation
def gelu_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    activations.gelu_forward(y, x)


@operation
def gelu_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    activations.gelu_backward(dx, dy, x, y)


@operation
def relu_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    rectifiers.relu_forward(y, x)


@operation
def relu_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    rectifiers.relu_backward(dx, dy, x, y)


@operation
def leaky_relu_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    rectifiers.leaky_relu_forward(y, x, number(args, 6))


@operation
def leaky_relu_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    rectifiers.leaky_relu_backward(dx, dy, x, y, number(args, 12))


@operation
def elu_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    rectifiers.elu_forward(y, x, number(args, 6))


@operation
def elu_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    rectifiers.elu_backward(dx, dy, x, y, number(args, 12))


@operation
def selu_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    rectifiers.selu_forward(y, x)


@operation
def selu_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    rectifiers.selu_backward(dx, dy, x, y)


@operation
def prelu_forward(like, args, part, parts):
    first, last = row_range(args[1], part, parts)
    y, x = matrix(like, args, 0)[first:last], matrix(like, args, 3)[first:last]
    rectifiers.prelu_forward(y, x, vector(like, args, 6))


@operation
def prelu_backward(like, args, part, parts):
    dx, dslope = matrix(like, args, 0), vector(like, args, 3)
    dy, x, slope = matrix(like, args, 5), matrix(like, args, 8), vector(like, args, 11)
    rectifiers.prelu_backward(dx, dslope, dy, x, slope, args[13] != 0)


@operation
def exponential_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    activations.exponential_forward(y, x)


@operation
def exponential_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    activations.exponential_backward(dx, dy, x, y)


@operation
def mish_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    activations.mish_forward(y, x)


@operation
def mish_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    activations.mish_backward(dx, dy, x, y)


@operation
def hard_sigmoid_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    rectifiers.hard_sigmoid_forward(y, x, number(args, 6))


@operation
def hard_sigmoid_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    rectifiers.hard_sigmoid_backward(dx, dy, x, y, number(args, 12))


@operation
def hard_tanh_forward(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    rectifiers.hard_tanh_forward(y, x)


@operation
def hard_tanh_backward(like, args, part, parts):
    dx, dy = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    x, y = rows(like, args, 6, part, parts), rows(like, args, 9, part, parts)
    rectifiers.hard_tanh_backward(dx, dy, x, y)


@operation
def softmax_forward(like, args, part, parts):
    first, last = row_range(args[1], part, parts)
    activations.softmax_forward(
        matrix(like, args, 0)[first:last], matrix(like, args, 3)[first:last]
    )


@operation
def softmax_backward(like, args, part, parts):
    first, last = row_range(args[1], part, parts)
    dx, dy = matrix(like, args, 0)[first:last], matrix(like, args, 3)[first:last]
    x, y = matrix(like, args, 6)[first:last], matrix(like, args, 9)[first:last]
    activations.softmax_backward(dx, dy, x, y)
