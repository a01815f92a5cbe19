"""Losses as operations, in one part each: their sum has one order.

One integer follows the kernel's arguments: the address of the loss, a float64.
"""

from __future__ import annotations

import numba
import numpy as np

from nnscratch_kernels.compiled import losses
from nnscratch_kernels.jit import jit
from nnscratch_kernels.native import pointer
from nnscratch_kernels.operation import matrix, number, operation, vector

# mypy: disable-error-code="no-untyped-def"


@jit
def store(args, k, value):
    """Store the float64 at the address in `args[k]`."""
    numba.carray(pointer(args, args[k]), (1,)).view(np.float64)[0] = value


@operation
def softmax_cross_entropy(like, args, part, parts):
    dlogits, logits = matrix(like, args, 0), matrix(like, args, 3)
    labels = numba.carray(pointer(args, args[6]), (args[7],))
    store(args, 8, losses.softmax_cross_entropy(dlogits, logits, labels))


@operation
def softmax_cross_entropy_soft(like, args, part, parts):
    dlogits, logits, targets = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    store(args, 9, losses.softmax_cross_entropy_soft(dlogits, logits, targets))


@operation
def sigmoid_cross_entropy(like, args, part, parts):
    dlogits, logits, targets = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    store(args, 11, losses.sigmoid_cross_entropy(dlogits, logits, targets, vector(like, args, 9)))


@operation
def mean_squared_error(like, args, part, parts):
    dp, p, t = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    store(args, 11, losses.mean_squared_error(dp, p, t, vector(like, args, 9)))


@operation
def mean_absolute_error(like, args, part, parts):
    dp, p, t = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    store(args, 11, losses.mean_absolute_error(dp, p, t, vector(like, args, 9)))


@operation
def huber(like, args, part, parts):
    dp, p, t = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    store(args, 12, losses.huber(dp, p, t, vector(like, args, 9), number(args, 11)))


@operation
def categorical_cross_entropy(like, args, part, parts):
    dp, p, t = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    store(args, 10, losses.categorical_cross_entropy(dp, p, t, number(args, 9)))


@operation
def binary_cross_entropy(like, args, part, parts):
    dp, p, t = matrix(like, args, 0), matrix(like, args, 3), matrix(like, args, 6)
    weights, epsilon = vector(like, args, 9), number(args, 11)
    store(args, 12, losses.binary_cross_entropy(dp, p, t, weights, epsilon))
