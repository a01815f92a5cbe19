"""Losses and their gradients, row by row; definitions and special values: see `reference.losses`.

The work on the elements is in the arrays' dtype, every sum of a loss in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.vectormath import exp, log1p
from nnscratch_kernels.jit import jit

Array = npt.NDArray[Any]


@jit(fastmath={"contract"})
def surprise(log_total: float, top: float, z: Any) -> float:
    """-log softmax of a logit: log_total + (top - z). The difference first, for huge logits."""
    return log_total + (top - np.float64(z))


@jit
def exponentials(e: Array, tops: Array, z: Array) -> None:
    """e = exp(z - tops), tops (batch,) = the largest logit of each row."""
    batch, classes = z.shape
    for i in range(batch):
        top = z[i, 0]
        for j in range(1, classes):
            top = max(top, z[i, j])
        tops[i] = top
        for j in range(classes):
            e[i, j] = z[i, j] - top
    flat = e.reshape(e.size)  # one loop over all rows: no tail of few classes in each
    for i in range(len(flat)):
        flat[i] = exp(flat[i])


@jit
def sum_of(row: Array) -> float:
    """Return the sum of a 1-d array in float64."""
    total = 0.0
    for j in range(len(row)):
        total += np.float64(row[j])
    return total


@jit
def softmax_cross_entropy(dlogits: Array, logits: Array, labels: Array) -> float:
    """Mean over the batch of -log softmax(logits)[label]; dlogits = (softmax - onehot) / batch."""
    batch, classes = logits.shape
    number = logits.dtype.type
    share = number(1.0 / batch)
    tops = np.empty(batch, logits.dtype)
    exponentials(dlogits, tops, logits)
    loss = 0.0
    for i in range(batch):
        total = sum_of(dlogits[i])
        scale = number(1.0 / (total * batch))
        for j in range(classes):
            dlogits[i, j] *= scale
        dlogits[i, labels[i]] -= share
        loss += surprise(np.log(total), np.float64(tops[i]), logits[i, labels[i]])
    return loss / batch


@jit
def softmax_cross_entropy_soft(dlogits: Array, logits: Array, targets: Array) -> float:
    """Mean over the batch of -sum_k t_k log softmax(logits)_k; dlogits = (s * softmax - t) / batch
    where s, the sum of a row of `targets`, is 1 for probabilities."""
    batch, classes = logits.shape
    number = logits.dtype.type
    share = number(1.0 / batch)
    tops = np.empty(batch, logits.dtype)
    exponentials(dlogits, tops, logits)
    loss = 0.0
    for i in range(batch):
        total = sum_of(dlogits[i])
        log_total, top = np.log(total), np.float64(tops[i])
        scale = number(sum_of(targets[i]) / (total * batch))
        for j in range(classes):
            t = targets[i, j]
            dlogits[i, j] = dlogits[i, j] * scale - t * share
            term = np.float64(t) * surprise(log_total, top, logits[i, j])
            loss += term if t != 0 else 0.0  # 0 also where the logit is -inf
    return loss / batch


@jit(fastmath={"contract"})
def binary_surprise(z: float, t: float, log_term: float) -> float:
    """(max(z, 0) - z t) + log_term. The difference first, for huge logits."""
    return (max(z, 0.0) - z * t) + log_term


@jit
def sigmoid_cross_entropy(dlogits: Array, logits: Array, targets: Array) -> float:
    """Mean of max(z, 0) - z t + log1p(exp(-|z|)); dlogits = (sigmoid(z) - t) / N."""
    number = logits.dtype.type
    one, share = number(1.0), number(1.0 / logits.size)
    z_flat, t_flat = logits.reshape(logits.size), targets.reshape(targets.size)
    d_flat = dlogits.reshape(dlogits.size)
    loss = 0.0
    for i in range(len(z_flat)):
        z, t = z_flat[i], t_flat[i]
        e = exp(-abs(z))
        sigmoid = (one if z >= 0 else e) / (one + e)
        d_flat[i] = (sigmoid - t) * share
        loss += binary_surprise(np.float64(z), np.float64(t), np.float64(log1p(e)))
    return loss / logits.size


@jit
def mean_squared_error(dpredictions: Array, predictions: Array, targets: Array) -> float:
    """Mean over all elements of (p - t)^2; dpredictions = 2 (p - t) / N."""
    scale = predictions.dtype.type(2.0 / predictions.size)
    p_flat, t_flat = predictions.reshape(predictions.size), targets.reshape(targets.size)
    d_flat = dpredictions.reshape(dpredictions.size)
    loss = 0.0
    for i in range(len(p_flat)):
        difference = p_flat[i] - t_flat[i]
        d_flat[i] = difference * scale
        wide = np.float64(difference)
        loss += wide * wide
    return loss / predictions.size
