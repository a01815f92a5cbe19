"""Losses for independent yes/no answers: on logits and on probabilities."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import require_number
from nnscratch.losses.base import NO_WEIGHTS, ClassWeights, CrossEntropy, DType, Prepared, Shape


class _BinaryLoss(CrossEntropy):
    """``-t log p - (1 - t) log(1 - p)`` for every element."""

    kernel: ClassVar[str]

    def prepare(
        self, shape: Shape, dtype: DType, labels: Array, sample_weights: Array | None = None
    ) -> Prepared:
        targets = self.check_targets(shape, dtype, labels)
        self.check_range(targets, shape, 0.0, 1.0, "must lie between 0 and 1")
        rows = self.row_weights(shape, dtype, sample_weights)
        class_weights = self.weight_of_each(2)
        if self.label_smoothing:
            smooth = self.buffer("targets", targets.shape, dtype)
            np.multiply(targets, dtype.type(1 - self.label_smoothing), out=smooth)
            smooth += dtype.type(self.label_smoothing / 2)
            targets = smooth
        if rows is None and class_weights is None:
            return Prepared(self.kernel, (targets, NO_WEIGHTS[dtype]), self.constants)
        weights = self.buffer("weights", targets.shape, dtype)
        weights[...] = 1 if rows is None else rows[:, None]
        if class_weights is not None:
            # -w1 t log p - w0 (1 - t) log(1 - p) is the loss for another target, times a weight.
            no, yes = (dtype.type(weight) for weight in class_weights)
            each = no * (1 - targets) + yes * targets
            targets = np.divide(yes * targets, each, out=np.zeros_like(each), where=each > 0)
            weights *= each
        return Prepared(self.kernel, (targets, weights.reshape(-1)), self.constants)


class SigmoidCrossEntropy(_BinaryLoss):
    """Mean over all elements of ``-t log s - (1 - t) log(1 - s)`` with ``s = sigmoid(logit)``.

    For independent yes/no answers. ``dlogits = (s - t) / size``, safe for logits of any finite
    size. Targets have the shape and dtype of the logits and lie between 0 and 1. It takes logits: a
    network that ends in `Sigmoid` wants `BinaryCrossEntropy`.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default 0
        Targets become ``(1 - s) t + s / 2``.
    class_weights : (float, float), or {0: float, 1: float}, or None
        Factors of the terms for no and yes: ``-w1 t log s - w0 (1 - t) log(1 - s)``; PyTorch's
        ``pos_weight`` is `w1`.
    """

    kernel: ClassVar[str] = "sigmoid_cross_entropy"
    threshold: ClassVar[float] = 0.0  # a logit's

    def predictions(self, output: Array) -> Array:
        with np.errstate(over="ignore"):
            probabilities: Array = 1 / (1 + np.exp(-output))
        return probabilities


class BinaryCrossEntropy(_BinaryLoss):
    """Mean over all elements of ``-t log p - (1 - t) log(1 - p)``, for a network with sigmoids.

    `p` is cut off at `epsilon` and ``1 - epsilon``, so that any output has a loss: Keras's
    definition. ``dp = (p - t) / (p (1 - p)) / size``, and 0 where `p` is cut off. Targets have the
    shape and dtype of the output and lie between 0 and 1.

    `SigmoidCrossEntropy` on logits is the better-conditioned choice.

    Parameters
    ----------
    label_smoothing, class_weights
        As for `SigmoidCrossEntropy`.
    epsilon : float in (0, 0.5), default 1e-7
    """

    kernel: ClassVar[str] = "binary_cross_entropy"

    def __init__(
        self,
        label_smoothing: float = 0.0,
        class_weights: ClassWeights = None,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__(label_smoothing, class_weights)
        self.epsilon = require_number("BinaryCrossEntropy epsilon", epsilon, above=0, below=0.5)

    @property
    def constants(self) -> tuple[float, ...]:
        return (self.epsilon,)
