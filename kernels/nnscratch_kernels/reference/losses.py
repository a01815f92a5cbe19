"""Losses and their gradients, plain NumPy.

Every function fills the gradient of the *mean* loss (it is already divided by the count) and
returns the loss as a Python float, accumulated in float64. NaN propagates.
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
def sigmoid_cross_entropy(dlogits: Array, logits: Array, targets: Array) -> float:
    """Mean over all elements of max(z, 0) - z t + log1p(exp(-|z|)); dlogits = (sigmoid(z) - t) / N.

    The form never overflows: it is -t log sigmoid(z) - (1 - t) log(1 - sigmoid(z)) rearranged.
    """
    e = np.exp(-np.abs(logits))
    sigmoid = np.where(logits >= 0, 1, e) / (1 + e)
    dlogits[:] = (sigmoid - targets) / logits.dtype.type(logits.size)
    z = logits.astype(np.float64)
    return float(np.mean(np.maximum(z, 0) - z * targets + np.log1p(e)))


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def mean_squared_error(dpredictions: Array, predictions: Array, targets: Array) -> float:
    """Mean over all elements of (p - t)^2; dpredictions = 2 (p - t) / N."""
    difference = predictions - targets
    dpredictions[:] = difference * predictions.dtype.type(2.0 / predictions.size)
    return float(np.mean(np.square(difference.astype(np.float64))))
