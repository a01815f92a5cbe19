"""The two ends of a network: what its input looks like, and what its loss sends back."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import DataError, ShapeError
from nnscratch.theory.spectrum import Spectrum, spectrum_of
from nnscratch.theory.wobble import Wobbles


@dataclass(frozen=True)
class InputStatistics:
    """What theory needs to know of the inputs of a dense layer.

    Attributes
    ----------
    square : float
        ``E x^2``, over inputs and features.
    product : float
        The same for two different inputs: ``E x_a x_b``.
    spectrum : Spectrum
        How the variance within a batch is spread over directions.
    average, average_square, average_product : float
        Of one input's mean over its features, m: ``E m``, ``E m^2``, and for two inputs
        ``E m_a m_b``. Layer norm takes it away.
    wobble : Wobbles or None
        How much one input's mean square differs over draws; None where nobody asks.
    units : (2, units) array or None
        Values of drawn units at two inputs; None where nobody asks.
    """

    square: float
    product: float
    spectrum: Spectrum
    average: float = 0.0
    average_square: float = 0.0
    average_product: float = 0.0
    wobble: Wobbles | None = None
    units: Array | None = None


def input_statistics(x: Array, batch_size: int | None = None) -> InputStatistics:
    """Return the `InputStatistics` of data, shape ``(rows, features)``, for batches of that size.

    Raises `ShapeError` for another shape or fewer than two inputs, `DataError` for values that are
    not finite and for inputs that are all 0.
    """
    if not isinstance(x, np.ndarray) or x.ndim != 2 or len(x) < 2:
        found = f"shape {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
        raise ShapeError(f"x must have shape (batch, features) with at least 2 rows, got {found}")
    if not np.isfinite(x).all():
        raise DataError("x holds values that are not finite")
    rows, features = x.shape
    total = float(np.einsum("ij,ij->", x, x, dtype=np.float64))
    if total == 0:
        raise DataError("x is 0 everywhere: there is no signal to follow")
    average = x.mean(axis=0, dtype=np.float64)
    square = total / (rows * features)
    of_mean = float(average @ average) / features
    product = (of_mean * rows - square) / (rows - 1)
    means = x.mean(axis=1, dtype=np.float64)
    mean, mean_square = float(means.mean()), float(np.mean(means * means))
    mean_product = (mean * mean * rows - mean_square) / (rows - 1)
    spectrum = spectrum_of(x, batch_size)
    return InputStatistics(square, product, spectrum, mean, mean_square, mean_product)


@dataclass(frozen=True)
class LossGradient:
    """The gradient of softmax cross-entropy with respect to the logits, before training.

    Attributes
    ----------
    square : float
        ``E |p - t|^2`` of one input; that of the mean loss over B inputs has norm
        ``sqrt(square / B)`` over the whole batch.
    correlation : float
        Mean correlation of the gradients of two inputs.
    correlation_square : float
        Mean square of it.
    along : float
        ``E (delta . z)^2 / (E |delta|^2 E z^2)`` with delta that gradient and z the logits: 1 if
        they had nothing to do with each other, more as the loss pulls down the largest of them.
    """

    square: float
    correlation: float
    correlation_square: float
    along: float = 1.0


def softmax_gradient(
    q: float, c: float, classes: int, same_class: float | None = None
) -> LossGradient:
    """Return what the loss sends back when logits are Gaussian, of variance q and correlation c.

    An average over draws of logits, always the same ones, so that the same arguments give the same
    numbers; good to about 1 %. `same_class` is the probability that two inputs have the same label,
    by default ``1 / classes``.
    """
    shared, first, second = _draws(max(256, min(4096, 2**18 // classes)), classes)
    c = min(1.0, max(0.0, c))
    a, b = (
        _softmax(np.sqrt(q) * (np.sqrt(c) * shared + np.sqrt(1 - c) * own))
        for own in (first, second)
    )
    alike = 1 / classes if same_class is None else same_class
    square = float(np.mean(np.sum(a * a, axis=1) - 2 * a[:, 0] + 1))
    both = np.sum(a * b, axis=1)
    # Classes are exchangeable: both inputs have label 0, or one has 0 and the other 1.
    same = both - a[:, 0] - b[:, 0] + 1
    other = both - a[:, 1] - b[:, 0]
    correlation = alike * same.mean() + (1 - alike) * other.mean()
    correlation_square = alike * np.mean(same**2) + (1 - alike) * np.mean(other**2)
    along = 1.0
    if q > 0:
        logits = np.sqrt(c) * shared + np.sqrt(1 - c) * first
        along = float(np.mean((np.sum(a * logits, axis=1) - logits[:, 0]) ** 2)) / square
    return LossGradient(
        square, float(correlation) / square, float(correlation_square) / square**2, along
    )


@functools.lru_cache(maxsize=4)
def _draws(count: int, classes: int) -> Array:
    return np.random.default_rng(0).standard_normal((3, count, classes))


def _softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
