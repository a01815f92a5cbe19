"""Losses for numbers: how far predictions are from targets."""

from __future__ import annotations

import sys
from typing import ClassVar

from nnscratch.arrays import Array
from nnscratch.errors import require_number
from nnscratch.losses.base import NO_WEIGHTS, DType, Loss, Prepared, Shape

_LARGEST = sys.float_info.max


class _Distance(Loss):
    """A function of ``prediction - target`` for every element."""

    kernel: ClassVar[str]

    def prepare(
        self, shape: Shape, dtype: DType, labels: Array, sample_weights: Array | None = None
    ) -> Prepared:
        targets = self.check_targets(shape, dtype, labels)
        self.check_range(targets, shape, -_LARGEST, _LARGEST, "must be finite")
        weights = self.row_weights(shape, dtype, sample_weights)
        if weights is None:
            return Prepared(self.kernel, (targets, NO_WEIGHTS[dtype]), self.constants)
        each = self.buffer("weights", targets.shape, dtype)
        each[...] = weights[:, None]
        return Prepared(self.kernel, (targets, each.reshape(-1)), self.constants)


class MeanSquaredError(_Distance):
    """Mean over all elements of ``(prediction - target)^2``.

    ``dpredictions = 2 (prediction - target) / size``. Targets have the shape and dtype of the
    predictions and are finite.
    """

    kernel: ClassVar[str] = "mean_squared_error"


class MeanAbsoluteError(_Distance):
    """Mean over all elements of ``|prediction - target|``.

    ``dpredictions = sign(prediction - target) / size``, 0 where they are equal: its size says
    nothing about how far off a prediction is. Targets are those of `MeanSquaredError`.
    """

    kernel: ClassVar[str] = "mean_absolute_error"


class Huber(_Distance):
    """Mean of ``d^2 / 2`` where ``|d| <= delta``, else ``delta (|d| - delta / 2)``.

    `d` is ``prediction - target``; ``dpredictions`` is `d`, cut off at ``-delta`` and `delta`, over
    the size: a squared error whose gradient outliers cannot blow up (Huber 1964). Targets are those
    of `MeanSquaredError`.

    Parameters
    ----------
    delta : float > 0, default 1
    """

    kernel: ClassVar[str] = "huber"

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = require_number("Huber delta", delta, above=0)

    @property
    def constants(self) -> tuple[float, ...]:
        return (self.delta,)
