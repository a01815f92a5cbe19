"""Losses as operations, in one part each: their sum has one order.

One integer follows the kernel's arguments: the address of the loss, a float64.
"""

from __future__ import annotations

import numba
import numpy as np

from nnscratch_kernels.compiled import losses
from nnscratch_kernels.jit import jit
from nnscratch_kernels.native import pointer
from nnscratch_kernels.operation import matrix, operation

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
    store(args, 9, losses.sigmoid_cross_entropy(dlogits, logits, targets))


@operation
def mean_squared_error(like, args, part, parts):
    dpredictions, predictions = matrix(like, args, 0), matrix(like, args, 3)
    store(args, 9, losses.mean_squared_error(dpredictions, predictions, matrix(like, args, 6)))
