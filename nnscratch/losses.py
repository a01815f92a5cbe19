"""Losses: each returns its value and the gradient with respect to the logits.

``value, dlogits = loss(logits, labels)``. The value is a Python float, accumulated in float64, and
NaN where the logits are NaN: a run that diverged says so. The gradient is that of the *mean* loss
and lives in a buffer that the next call with this shape reuses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnscratch.arrays import DTYPES, Array
from nnscratch.backend import kernels
from nnscratch.datasets.checks import check_labels
from nnscratch.errors import DataError, DtypeError, ShapeError
from nnscratch.workspace import Workspace

ROW_SUM_TOLERANCE = 1e-5  # rounding of rows of probabilities that were made in float32


class SoftmaxCrossEntropy:
    """Mean over the batch of ``-log softmax(logits)[label]``, for one class out of several.

    ``dlogits = (softmax(logits) - onehot(label)) / batch``, safe for logits of any finite size.

    Labels are whole numbers from 0 to ``classes - 1``, shape ``(batch,)``, or rows of
    probabilities (one-hot or soft), shape ``(batch, classes)`` and the logits' dtype, each summing
    to 1: the loss is then ``-sum_k t_k log softmax(logits)_k`` (Bridle 1990).
    """

    def __init__(self) -> None:
        self._workspace = Workspace()

    def __call__(self, logits: Array, labels: Array) -> tuple[float, Array]:
        """Return ``(value, dlogits)``.

        Raises `ShapeError`, `DtypeError`, or `DataError` for a label out of range and for rows that
        are no probabilities, naming the first bad one.
        """
        logits, dlogits = _prepare(self, self._workspace, logits)
        if getattr(labels, "ndim", 0) == 2:
            targets = _check_targets(self, logits, labels)
            self.check(targets)
            return kernels.softmax_cross_entropy_soft(dlogits, logits, targets), dlogits
        batch, classes = logits.shape
        labels = check_labels(labels, classes, batch, "labels")
        return kernels.softmax_cross_entropy(dlogits, logits, labels), dlogits

    def check(self, targets: Array) -> None:
        """Raise `DataError` unless the rows of `targets` are probabilities."""
        _check_probability_rows(self, targets)

    def __repr__(self) -> str:
        return "SoftmaxCrossEntropy()"


class SigmoidCrossEntropy:
    """Mean over all elements of ``-t log s - (1 - t) log(1 - s)`` with ``s = sigmoid(logit)``.

    For independent yes/no answers. ``dlogits = (s - t) / size``, safe for logits of any finite
    size. Targets have the shape and dtype of the logits and lie between 0 and 1.
    """

    def __init__(self) -> None:
        self._workspace = Workspace()

    def __call__(self, logits: Array, labels: Array) -> tuple[float, Array]:
        """Return ``(value, dlogits)``. Raises `ShapeError`, `DtypeError` or `DataError`."""
        logits, dlogits = _prepare(self, self._workspace, logits)
        targets = _check_targets(self, logits, labels)
        self.check(targets)
        return kernels.sigmoid_cross_entropy(dlogits, logits, targets), dlogits

    def check(self, targets: Array) -> None:
        """Raise `DataError` unless `targets` lie between 0 and 1."""
        low, high = targets.min(), targets.max()
        if not (low >= 0 and high <= 1):
            row, column = _first(~((targets >= 0) & (targets <= 1)))
            raise DataError(
                f"targets of {self!r} must lie between 0 and 1, "
                f"got {targets[row, column]} in row {row}, column {column}"
            )

    def __repr__(self) -> str:
        return "SigmoidCrossEntropy()"


class MeanSquaredError:
    """Mean over all elements of ``(prediction - target)^2``.

    ``dpredictions = 2 (prediction - target) / size``. Targets have the shape and dtype of the
    predictions and are finite.
    """

    def __init__(self) -> None:
        self._workspace = Workspace()

    def __call__(self, predictions: Array, targets: Array) -> tuple[float, Array]:
        """Return ``(value, dpredictions)``. Raises `ShapeError`, `DtypeError` or `DataError`."""
        predictions, dpredictions = _prepare(self, self._workspace, predictions)
        targets = _check_targets(self, predictions, targets)
        self.check(targets)
        return kernels.mean_squared_error(dpredictions, predictions, targets), dpredictions

    def check(self, targets: Array) -> None:
        """Raise `DataError` unless `targets` are finite."""
        if not (np.isfinite(targets.min()) and np.isfinite(targets.max())):
            row, column = _first(~np.isfinite(targets))
            raise DataError(
                f"targets of {self!r} must be finite, "
                f"got {targets[row, column]} in row {row}, column {column}"
            )

    def __repr__(self) -> str:
        return "MeanSquaredError()"


Loss = SoftmaxCrossEntropy | SigmoidCrossEntropy | MeanSquaredError


def accuracy(logits: Array, labels: Array) -> float:
    """Return the fraction of rows whose largest logit is that of the label.

    `labels` are whole numbers, shape ``(batch,)``, or one-hot or soft rows of the logits' shape,
    whose largest entry counts. A row with a NaN is wrong, whatever its label.
    """
    if not isinstance(logits, np.ndarray) or logits.ndim != 2 or logits.size == 0:
        raise ShapeError(f"accuracy expects logits of shape (batch, classes), got {_shape(logits)}")
    if getattr(labels, "ndim", 0) == 2:
        if labels.shape != logits.shape:
            raise ShapeError(f"accuracy got labels of shape {labels.shape}, logits {logits.shape}")
        labels = labels.argmax(axis=1)
    labels = check_labels(labels, logits.shape[1], len(logits), "labels")
    best = logits.argmax(axis=1)  # a NaN counts as the largest
    right = (best == labels) & ~np.isnan(logits[np.arange(len(best)), best])
    return float(np.mean(right))


def _prepare(loss: Loss, workspace: Workspace, logits: Any) -> tuple[Array, Array]:
    """Return `logits` contiguous and the buffer for their gradient, or raise."""
    if not isinstance(logits, np.ndarray) or logits.ndim != 2:
        raise ShapeError(f"{loss!r} expects an output of shape (batch, n), got {_shape(logits)}")
    if logits.size == 0:
        raise ShapeError(f"{loss!r} got an empty batch: output of shape {logits.shape}")
    if logits.dtype not in DTYPES:
        raise DtypeError(f"{loss!r} computes in float32 or float64, got output of {logits.dtype}")
    return np.ascontiguousarray(logits), workspace.get("dlogits", logits.shape, logits.dtype)


def _check_targets(loss: Loss, logits: Array, targets: Any) -> Array:
    """Return `targets` contiguous, or raise unless they have the logits' shape and dtype."""
    if not isinstance(targets, np.ndarray) or targets.shape != logits.shape:
        raise ShapeError(
            f"{loss!r} expects targets of the output's shape {logits.shape}, got {_shape(targets)}"
        )
    if targets.dtype != logits.dtype:
        raise DtypeError(
            f"{loss!r} got targets of {targets.dtype} for an output of {logits.dtype}; "
            f"convert with targets.astype(np.{logits.dtype})"
        )
    return np.ascontiguousarray(targets)


def _check_probability_rows(loss: Loss, targets: Array) -> None:
    with np.errstate(invalid="ignore"):
        sums = targets.sum(axis=1)
    off = np.abs(sums - 1)
    if not (targets.min() >= 0 and off.max() <= ROW_SUM_TOLERANCE):
        bad = ~((targets >= 0).all(axis=1) & (off <= ROW_SUM_TOLERANCE))
        (row,) = _first(bad)
        raise DataError(
            f"targets of {loss!r} must be rows of probabilities: not negative and summing to 1; "
            f"row {row} sums to {sums[row]:g}, its smallest entry is {targets[row].min():g}"
        )


def _first(bad: Array) -> tuple[int, ...]:
    """Return the index of the first True."""
    return tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))


def _shape(value: Any) -> str:
    return f"shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
