"""Losses and their gradients, plain NumPy.

Every function fills the gradient of the *mean* loss (it is already divided by the count) and
returns the loss as a Python float, accumulated in float64. NaN propagates.

`weights` holds a weight for every element, or nothing: every weight is then 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def softmax_cross_entropy(dlogits: Array, logits: Array, labels: Array) -> float:
    """Mean over the batch of -log softmax(logits)[label]; dlogits = (softmax - onehot) / batch.

    `logits` (batch, classes), `labels` int64 (batch,). The largest logit of a row is subtracted
    first, so finite logits of any size are safe; a logit of -inf is a class of probability 0 (and
    an infinite loss where it is the label).
    """
    rows = np.arange(len(labels))
    top = logits.max(axis=1, keepdims=True)
    e = np.exp(logits - top)
    total = e.sum(axis=1, keepdims=True, dtype=np.float64)
    dlogits[:] = e * (1.0 / total).astype(logits.dtype)
    dlogits[rows, labels] -= 1.0
    dlogits /= logits.dtype.type(len(labels))
    picked = logits[rows, labels].astype(np.float64)
    return float(np.mean(np.log(total[:, 0]) + (top[:, 0].astype(np.float64) - picked)))


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def softmax_cross_entropy_soft(dlogits: Array, logits: Array, targets: Array) -> float:
    """Mean over the batch of -sum_k t_k log softmax(logits)_k; dlogits = (softmax - t) / batch.

    `targets` (batch, classes): rows of probabilities, one-hot or soft. A target of 0 contributes 0
    even where the logit is -inf. The gradient is that of the formula for any row sum s:
    (s * softmax - t) / batch.
    """
    top = logits.max(axis=1, keepdims=True)
    e = np.exp(logits - top)
    total = e.sum(axis=1, keepdims=True, dtype=np.float64)
    weight = targets.sum(axis=1, keepdims=True, dtype=np.float64)
    dlogits[:] = (e * (weight / total).astype(logits.dtype) - targets) / logits.dtype.type(
        len(logits)
    )
    surprise = np.log(total) + (top.astype(np.float64) - logits)
    return float(np.where(targets != 0, targets * surprise, 0.0).sum() / len(logits))


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def sigmoid_cross_entropy(dlogits: Array, logits: Array, targets: Array, weights: Array) -> float:
    """Mean over all elements of w (max(z, 0) - z t + log1p(exp(-|z|))); dlogits =
    w (sigmoid(z) - t) / N.

    The form never overflows: it is -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)) rearranged.
    """
    e = np.exp(-np.abs(logits))
    sigmoid = np.where(logits >= 0, 1, e) / (1 + e)
    dlogits[:] = _weighted((sigmoid - targets) / logits.dtype.type(logits.size), weights)
    z = logits.astype(np.float64)
    return _mean(np.maximum(z, 0) - z * targets + np.log1p(e), weights)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def mean_squared_error(
    dpredictions: Array, predictions: Array, targets: Array, weights: Array
) -> float:
    """Mean over all elements of w (p - t)^2; dpredictions = 2 w (p - t) / N."""
    difference = predictions - targets
    gradient = difference * predictions.dtype.type(2.0 / predictions.size)
    dpredictions[:] = _weighted(gradient, weights)
    return _mean(np.square(difference.astype(np.float64)), weights)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def mean_absolute_error(
    dpredictions: Array, predictions: Array, targets: Array, weights: Array
) -> float:
    """Mean over all elements of w |p - t|; dpredictions = w sign(p - t) / N, 0 where p = t."""
    difference = predictions - targets
    gradient = np.sign(difference) * predictions.dtype.type(1.0 / predictions.size)
    dpredictions[:] = _weighted(gradient, weights)
    return _mean(np.abs(difference.astype(np.float64)), weights)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def huber(
    dpredictions: Array, predictions: Array, targets: Array, weights: Array, delta: float
) -> float:
    """Mean over all elements of w h(p - t), h(d) = d^2 / 2 where |d| <= delta, else
    delta (|d| - delta / 2); dpredictions = w d / N with d cut off at -delta and delta."""
    difference = predictions - targets
    inside = np.clip(difference, -delta, delta)
    gradient = inside * predictions.dtype.type(1.0 / predictions.size)
    dpredictions[:] = _weighted(gradient, weights)
    size, inside = np.abs(difference.astype(np.float64)), np.abs(inside.astype(np.float64))
    return _mean(inside * (size - 0.5 * inside), weights)


@np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore")
def categorical_cross_entropy(
    dprobabilities: Array, probabilities: Array, targets: Array, epsilon: float
) -> float:
    """Mean over the batch of -sum_k t_k log q_k with q = p / sum(p), cut off at epsilon and
    1 - epsilon; dprobabilities = (sum of t over what is not cut off / sum(p) - t / p) / batch
    where q is not cut off, else without - t / p."""
    p, t = probabilities.astype(np.float64), targets.astype(np.float64)
    total = p.sum(axis=1, keepdims=True)
    q = p / total
    cut = (q < epsilon) | (q > 1 - epsilon)
    weight = np.where(cut, 0, t).sum(axis=1, keepdims=True)
    dprobabilities[:] = (weight / total - np.where(cut, 0, t / p)) / len(p)
    surprise = -np.log(np.clip(q, epsilon, 1 - epsilon))
    return float((t * surprise).sum() / len(p))


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def binary_cross_entropy(
    dprobabilities: Array, probabilities: Array, targets: Array, weights: Array, epsilon: float
) -> float:
    """Mean over all elements of w (-t log p - (1 - t) log(1 - p)), p cut off at epsilon and
    1 - epsilon; dprobabilities = w (p - t) / (p (1 - p)) / N, 0 where p is cut off."""
    p, t = probabilities.astype(np.float64), targets.astype(np.float64)
    cut = (p < epsilon) | (p > 1 - epsilon)
    p = np.clip(p, epsilon, 1 - epsilon)
    gradient = np.where(cut, 0, (p - t) / (p * (1 - p) * p.size))
    dprobabilities[:] = _weighted(gradient, weights)
    return _mean(-t * np.log(p) - (1 - t) * np.log1p(-p), weights)


def _weighted(values: Array, weights: Array) -> Array:
    return values * weights.reshape(values.shape) if weights.size else values


def _mean(values: Array, weights: Array) -> float:
    return float(np.mean(_weighted(values, weights)))
