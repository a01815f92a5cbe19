"""Softmax as a layer: scores become probabilities."""

from __future__ import annotations

from typing import ClassVar

from nnscratch.layers.activations import KernelPair

__all__ = ["Softmax"]


class Softmax(KernelPair):
    """``y_k = e^(x_k) / sum_j e^(x_j)`` over the features of each row: positive, summing to 1.

    Backward: ``dx_k = y_k (dy_k - sum_j dy_j y_j)``. A constant added to all of a row's `x` changes
    nothing; over *one* feature `y` is always 1, and no gradient passes (Bridle 1990).

    As the last layer it goes with `CategoricalCrossEntropy`. `SoftmaxCrossEntropy` wants the scores
    themselves: given probabilities it would take the softmax twice.
    """

    kernel: ClassVar[str] = "softmax"
