"""Outputs that could be the best one and the same for all examples, whatever the loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from nnscratch.arrays import Array

_EDGE = 1e-12
_OUTPUTS = 20  # of more each would be asked for too often
_STEP = 0.03  # of a logit


def usual(t: Array, weights: Array | None = None) -> Iterator[Array]:
    """Yield the best constants of squares, absolutes and entropies.

    t : (n, *positions, outputs), the answers; weights : (n, ...), of examples
    """
    mean = t.mean(axis=0) if weights is None else _weighted_mean(t, weights)
    yield mean
    yield np.median(t, axis=0)
    if t.min() >= 0 and t.max() <= 1:
        inner = np.clip(mean, _EDGE, 1 - _EDGE)
        yield np.log(inner)
        yield np.log(inner / (1 - inner))


def of_classes(t: Array, value: Callable[[Array], float]) -> Iterator[Array]:
    """Yield those of entropies of logits that weigh classes, read off how the loss changes.

    With weights W_k of all answers of a class, and W of all, its slope in the logit of a class is
    ``W p_k - W_k`` behind a softmax: at two constants it tells W, and the best logits are
    ``log W_k``. Behind a sigmoid it is ``a p - b (1 - p)``, and the best one ``log(b / a)``.

    t : (n, outputs), answers between 0 and 1; of others, or of many outputs, there are none
    value : the loss of outputs like t
    """
    if t.ndim != 2 or t.shape[1] > _OUTPUTS or not (t.min() >= 0 and t.max() <= 1):
        return
    outputs = t.shape[1]

    def slope(logits: Array, k: int) -> float:
        step = _STEP * np.eye(outputs)[k]
        up, down = (value(np.broadcast_to(one, t.shape)) for one in (logits + step, logits - step))
        return (up - down) / (2 * _STEP)

    each, even = range(outputs), np.zeros(outputs)
    here = np.array([slope(even, k) for k in each])
    if outputs > 1:
        first = math.e / (math.e + outputs - 1)
        whole = (slope(np.eye(outputs)[0], 0) - here[0]) / (first - 1 / outputs)
        yield np.log(np.maximum(1 / outputs - here / whole, _EDGE))
    p, higher = 1 / (1 + math.exp(-1)), np.array([slope(even + 1, k) for k in each])
    yes = np.maximum((higher - 2 * p * here) / (2 * p - 1), 0.0)
    yield np.log(np.maximum(yes, _EDGE) / np.maximum(yes + 2 * here, _EDGE))


def _weighted_mean(t: Array, weights: Array) -> Array:
    """Return the mean over examples; where all weigh nothing, as steps that are not there, 0."""
    share = weights.reshape(*weights.shape, *[1] * (t.ndim - weights.ndim))
    whole = np.broadcast_to(share, t.shape).sum(axis=0)
    return np.asarray((t * share).sum(axis=0) / np.where(whole > 0, whole, 1.0))
