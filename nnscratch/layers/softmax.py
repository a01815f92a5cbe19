"""Softmax as a layer: scores become probabilities."""

from __future__ import annotations

from typing import ClassVar

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.layers.base import Layer

__all__ = ["Softmax"]


class Softmax(Layer):
    """``y_k = e^(x_k) / sum_j e^(x_j)`` over the features of each row: positive, summing to 1.

    Backward: ``dx_k = y_k (dy_k - sum_j dy_j y_j)``. A constant added to all of a row's `x` changes
    nothing; over *one* feature `y` is always 1, and no gradient passes (Bridle 1990).

    As the last layer it goes with `CategoricalCrossEntropy`. `SoftmaxCrossEntropy` wants the scores
    themselves: given probabilities it would take the softmax twice.
    """

    kind: ClassVar[str] = "softmax"
    role: ClassVar[str] = "activation"
    captured_whole: ClassVar[bool] = True

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        x = self.check_input(x)
        y = self.buffer("y", x.shape)
        kernels.softmax_forward(rows(y), rows(x))
        return y, (x, y)

    def backward(
        self,
        dy: Array,
        cache: tuple[Array, Array],
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> Array | None:
        if not input_gradient:
            return None
        x, y = cache
        dx = self.buffer("dx", x.shape)
        kernels.softmax_backward(rows(dx), rows(dy), rows(x), rows(y))
        return dx
