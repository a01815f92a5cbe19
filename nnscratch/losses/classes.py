"""Losses for one class out of several: on logits and on probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels
from nnscratch.datasets.checks import check_labels, first_true, place_words
from nnscratch.errors import DataError, require_number
from nnscratch.losses.base import ClassWeights, CrossEntropy, DType, Prepared, Shape

_LABEL = np.dtype(np.int64)
ROW_SUM_TOLERANCE = 1e-5  # rounding of rows of probabilities that were made in float32


class _ClassLoss(CrossEntropy):
    """A cross-entropy ``-sum_k t_k log p_k`` with the probabilities `t` of the labels."""

    def targets(self, shape: Shape, dtype: DType, labels: Array, sample_weights: Any) -> Array:
        """Return ``w t`` for every row of the output, labels smoothed and weighted."""
        classes = shape[-1]
        weights = self.row_weights(shape, dtype, sample_weights)
        class_weights = self.weight_of_each(classes)
        if getattr(labels, "ndim", 0) == len(shape):
            given = self.check_targets(shape, dtype, labels)
            self._check_probabilities(given.reshape(shape))
            if weights is None and class_weights is None and not self.label_smoothing:
                return given
            targets = self.buffer("targets", given.shape, dtype)
            targets[...] = given
        else:
            flat = self.check_labels(shape, labels)
            targets = self.buffer("targets", (len(flat), classes), dtype)
            targets[...] = 0
            targets[np.arange(len(flat)), flat] = 1
        if self.label_smoothing:
            targets *= dtype.type(1 - self.label_smoothing)
            targets += dtype.type(self.label_smoothing / classes)
        if class_weights is not None:
            targets *= np.array(class_weights, dtype)
        if weights is not None:
            targets *= weights[:, None]
        return targets

    def check_labels(self, shape: Shape, labels: Any) -> Array:
        """Return the labels of all rows, (rows,), or raise."""
        # One look at what is right, for every step of a training. The same array for the same
        # labels: a captured pass then finds it where it was.
        if (
            type(labels) is np.ndarray
            and labels.dtype == _LABEL
            and labels.shape == shape[:-1]
            and labels.flags.c_contiguous
        ):
            flat = labels if labels.ndim == 1 else labels.reshape(-1)
            if kernels.first_outside(flat, 0, shape[-1] - 1) < 0:
                return flat
        return check_labels(labels, shape[-1], shape[:-1], "labels").reshape(-1)

    def _check_probabilities(self, targets: Array) -> None:
        with np.errstate(invalid="ignore"):
            sums = targets.sum(axis=-1)
        off = np.abs(sums - 1)
        if not (targets.min() >= 0 and off.max() <= ROW_SUM_TOLERANCE):
            row = first_true(~((targets >= 0).all(axis=-1) & (off <= ROW_SUM_TOLERANCE)))
            raise DataError(
                f"targets of {self!r} must be rows of probabilities: not negative and summing to "
                f"1; {place_words(row, targets.ndim)} sums to {sums[row]:g}, "
                f"its smallest entry is {targets[row].min():g}"
            )


class SoftmaxCrossEntropy(_ClassLoss):
    """Mean over the batch of ``-log softmax(logits)[label]``, for one class out of several.

    ``dlogits = (softmax(logits) - onehot(label)) / batch``, safe for logits of any finite size. It
    takes logits: a network that ends in `Softmax` wants `CategoricalCrossEntropy`.

    Labels are whole numbers from 0 to ``classes - 1``, shape ``(batch, *positions)``, or rows of
    probabilities (one-hot or soft), shape ``(batch, *positions, classes)`` and the logits' dtype,
    each summing to 1: the loss is then ``-sum_k t_k log softmax(logits)_k`` (Bridle 1990).

    Parameters
    ----------
    label_smoothing : float in [0, 1), default 0
        Labels become ``(1 - s) t + s / classes`` (Szegedy et al. 2016).
    class_weights : sequence of float, or dict {class: float}, or None
        A factor for the terms of each class: ``-sum_k w_k t_k log softmax(logits)_k``. The mean
        divides by the number of examples, as Keras's does; PyTorch divides by the sum of the
        labels' weights where the labels are whole numbers.
    """

    def prepare(
        self, shape: Shape, dtype: DType, labels: Array, sample_weights: Array | None = None
    ) -> Prepared:
        plain = not self.label_smoothing and self.class_weights is None and sample_weights is None
        if plain and getattr(labels, "ndim", 0) != len(shape):
            return Prepared("softmax_cross_entropy", (self.check_labels(shape, labels),))
        targets = self.targets(shape, dtype, labels, sample_weights)
        return Prepared("softmax_cross_entropy_soft", (targets,))

    def predictions(self, output: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            e = np.exp(output - output.max(axis=-1, keepdims=True))
            probabilities: Array = e / e.sum(axis=-1, keepdims=True)
        return probabilities


class CategoricalCrossEntropy(_ClassLoss):
    """Mean over the batch of ``-sum_k t_k log q_k``, for a network that ends in `Softmax`.

    ``q = p / sum(p)``, cut off at `epsilon` and ``1 - epsilon``, so that outputs that are no
    probabilities (of a sigmoid, of a ReLU) have a loss too: Keras's definition. Where a
    probability is cut off its term has no gradient; elsewhere ``dp = (s / sum(p) - t / p) / batch``
    with `s` the sum of `t` over what is not cut off.

    `SoftmaxCrossEntropy` on logits is the better-conditioned choice: softmax and logarithm cancel.

    Labels, `label_smoothing` and `class_weights` are those of `SoftmaxCrossEntropy`.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default 0
    class_weights : sequence of float, or dict {class: float}, or None
    epsilon : float in (0, 0.5), default 1e-7
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        class_weights: ClassWeights = None,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(label_smoothing, class_weights)
        self.epsilon = require_number(
            "CategoricalCrossEntropy epsilon", epsilon, above=0, below=0.5
        )

    def prepare(
        self, shape: Shape, dtype: DType, labels: Array, sample_weights: Array | None = None
    ) -> Prepared:
        targets = self.targets(shape, dtype, labels, sample_weights)
        return Prepared("categorical_cross_entropy", (targets,), (self.epsilon,))

    def predictions(self, output: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            probabilities: Array = output / output.sum(axis=-1, keepdims=True)
        return probabilities
