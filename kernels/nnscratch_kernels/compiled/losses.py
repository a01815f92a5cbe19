"""Losses and their gradients, row by row; definitions and special values: see `reference.losses`.

The work on the elements is in the arrays' dtype, every sum of a loss in float64. No loop both sums
in any order and writes: LLVM makes vectors of such a one only where its arrays lie far enough from
each other, so that the order, and the last bit, would depend on their places in memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.vectormath import exp, log1p
from nnscratch_kernels.jit import jit
from nnscratch_kernels.runtime.sharing import Labels, Matrix, Vector, shared

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


@shared(by="nothing", writes=1)
@jit
def softmax_cross_entropy(dlogits: Matrix, logits: Matrix, labels: Labels) -> float:
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


@shared(by="nothing", writes=1)
@jit
def softmax_cross_entropy_soft(dlogits: Matrix, logits: Matrix, targets: Matrix) -> float:
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


@shared(by="nothing", writes=1)
@jit(fastmath={"contract"})
def sigmoid_cross_entropy(
    dlogits: Matrix, logits: Matrix, targets: Matrix, weights: Vector
) -> float:
    """Mean of w (max(z, 0) - z t + log1p(exp(-|z|))); dlogits = w (sigmoid(z) - t) / N."""
    number = logits.dtype.type
    one, share, weighted = number(1.0), number(1.0 / logits.size), weights.size > 0
    z_flat, t_flat = logits.reshape(logits.size), targets.reshape(targets.size)
    d_flat, w_flat = dlogits.reshape(dlogits.size), weights.reshape(weights.size)
    terms = np.empty(logits.size, np.float64)
    for i in range(len(z_flat)):
        z, t = z_flat[i], t_flat[i]
        weight = w_flat[i] if weighted else one
        e = exp(-abs(z))
        sigmoid = (one if z >= 0 else e) / (one + e)
        d_flat[i] = weight * ((sigmoid - t) * share)
        terms[i] = weight * binary_surprise(np.float64(z), np.float64(t), np.float64(log1p(e)))
    return sum_of(terms) / logits.size


@jit
def squared_differences(p: Array, t: Array, weights: Array) -> float:
    """Return the sum of w (p - t)^2 in float64."""
    total, weighted = 0.0, weights.size > 0
    for i in range(len(p)):
        wide = np.float64(p[i] - t[i])
        total += (np.float64(weights[i]) if weighted else 1.0) * (wide * wide)
    return total


@shared(by="nothing", writes=1)
@jit(fastmath={"contract"})
def mean_squared_error(
    dpredictions: Matrix, predictions: Matrix, targets: Matrix, weights: Vector
) -> float:
    """Mean over all elements of w (p - t)^2; dpredictions = 2 w (p - t) / N."""
    number = predictions.dtype.type
    one, scale, weighted = number(1.0), number(2.0 / predictions.size), weights.size > 0
    p_flat, t_flat = predictions.reshape(predictions.size), targets.reshape(targets.size)
    d_flat, w_flat = dpredictions.reshape(dpredictions.size), weights.reshape(weights.size)
    for i in range(len(p_flat)):
        weight = w_flat[i] if weighted else one
        d_flat[i] = weight * ((p_flat[i] - t_flat[i]) * scale)
    return squared_differences(p_flat, t_flat, w_flat) / predictions.size


@shared(by="nothing", writes=1)
@jit(fastmath={"contract"})  # one order, with weights or without, at every width
def mean_absolute_error(
    dpredictions: Matrix, predictions: Matrix, targets: Matrix, weights: Vector
) -> float:
    """Mean over all elements of w |p - t|; dpredictions = w sign(p - t) / N, 0 where p = t."""
    number = predictions.dtype.type
    zero, one, share = number(0.0), number(1.0), number(1.0 / predictions.size)
    weighted = weights.size > 0
    p_flat, t_flat = predictions.reshape(predictions.size), targets.reshape(targets.size)
    d_flat, w_flat = dpredictions.reshape(dpredictions.size), weights.reshape(weights.size)
    loss = 0.0
    for i in range(len(p_flat)):
        weight = w_flat[i] if weighted else one
        difference = p_flat[i] - t_flat[i]
        sign = one if difference > zero else difference  # 0 and NaN stay
        sign = -one if difference < zero else sign
        d_flat[i] = weight * (sign * share)
        loss += weight * abs(np.float64(difference))
    return loss / predictions.size


@shared(by="nothing", writes=1)
@jit(fastmath={"contract"})  # one order, with weights or without, at every width
def huber(
    dpredictions: Matrix, predictions: Matrix, targets: Matrix, weights: Vector, delta: float
) -> float:
    """Mean over all elements of w h(p - t), h(d) = d^2 / 2 where |d| <= delta, else
    delta (|d| - delta / 2); dpredictions = w d / N with d cut off at -delta and delta."""
    number = predictions.dtype.type
    one, most, share = number(1.0), number(delta), number(1.0 / predictions.size)
    weighted = weights.size > 0
    p_flat, t_flat = predictions.reshape(predictions.size), targets.reshape(targets.size)
    d_flat, w_flat = dpredictions.reshape(dpredictions.size), weights.reshape(weights.size)
    loss = 0.0
    for i in range(len(p_flat)):
        weight = w_flat[i] if weighted else one
        difference = p_flat[i] - t_flat[i]
        inside = -most if difference < -most else difference
        inside = most if inside > most else inside
        d_flat[i] = weight * (inside * share)
        size, part = abs(np.float64(difference)), abs(np.float64(inside))
        loss += weight * (part * (size - 0.5 * part))
    return loss / predictions.size


@shared(by="nothing", writes=1)
@jit(fastmath={"contract"})
def categorical_cross_entropy(
    dprobabilities: Matrix, probabilities: Matrix, targets: Matrix, epsilon: float
) -> float:
    """Mean over the batch of -sum_k t_k log q_k with q = p / sum(p), cut off at epsilon and
    1 - epsilon; dprobabilities: see `reference.losses`."""
    batch, classes = probabilities.shape
    low, high = epsilon, 1.0 - epsilon
    loss = 0.0
    for i in range(batch):
        total = sum_of(probabilities[i])
        weight = 0.0  # of the targets whose probability is not cut off
        for j in range(classes):
            q, t = probabilities[i, j] / total, 1.0 * targets[i, j]  # in float64
            cut = q < low or q > high
            weight += 0.0 if cut else t
            q = low if q < low else q
            q = high if q > high else q
            if t != 0.0 or q != q:
                loss -= t * np.log(q)
        for j in range(classes):
            p, t = 1.0 * probabilities[i, j], 1.0 * targets[i, j]
            cut = p / total < low or p / total > high
            gradient = weight / total - (0.0 if cut else t / p)
            dprobabilities[i, j] = gradient / batch
    return loss / batch


@shared(by="nothing", writes=1)
@jit
def binary_cross_entropy(
    dprobabilities: Matrix, probabilities: Matrix, targets: Matrix, weights: Vector, epsilon: float
) -> float:
    """Mean over all elements of w (-t log p - (1 - t) log(1 - p)), p cut off at epsilon and
    1 - epsilon; dprobabilities = w (p - t) / (p (1 - p)) / N, 0 where p is cut off."""
    low, high, weighted = epsilon, 1.0 - epsilon, weights.size > 0
    p_flat, t_flat = probabilities.reshape(probabilities.size), targets.reshape(targets.size)
    d_flat, w_flat = dprobabilities.reshape(dprobabilities.size), weights.reshape(weights.size)
    loss = 0.0
    for i in range(len(p_flat)):
        weight = np.float64(w_flat[i]) if weighted else 1.0
        p, t = 1.0 * p_flat[i], 1.0 * t_flat[i]  # in float64
        cut = p < low or p > high
        p = low if p < low else p
        p = high if p > high else p
        d_flat[i] = 0.0 if cut else weight * ((p - t) / (p * (1.0 - p) * p_flat.size))
        right = t * np.log(p) if t != 0.0 else 0.0 * p
        wrong = (1.0 - t) * np.log1p(-p) if t != 1.0 else 0.0 * p
        loss -= weight * (right + wrong)
    return loss / p_flat.size
