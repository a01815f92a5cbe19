"""Scores: how good outputs are, in numbers that people compare. Nothing learns from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_array
from nnscratch.datasets.checks import check_labels
from nnscratch.errors import DtypeError, ShapeError, require_number
from nnscratch_records import memory


def accuracy(outputs: npt.ArrayLike, labels: npt.ArrayLike, threshold: float = 0.5) -> float:
    """Return the fraction of rows whose largest output is that of the label.

    `outputs` are ``(batch, *positions, classes)``, logits or probabilities. `labels` are whole
    numbers, shape ``(batch, *positions)``, or one-hot or soft rows of the outputs' shape, whose
    largest entry counts. One output alone is that of class 1, and chooses it above `threshold`
    (0 for logits); its labels are 0 and 1, in a column or not. A row with a NaN is wrong, whatever
    its label. Raises `ShapeError`, `DtypeError` or `DataError`.
    """
    chosen, labels, _ = _chosen("accuracy", outputs, labels, threshold)
    return float(np.mean(chosen == labels))


def confusion(outputs: npt.ArrayLike, labels: npt.ArrayLike, threshold: float = 0.5) -> Array:
    """Return how many examples of class `i` (row) were taken for class `j` (column), int64.

    Arguments as for `accuracy`; a row with a NaN is left out.
    """
    chosen, labels, classes = _chosen("confusion", outputs, labels, threshold)
    memory.require(f"a confusion matrix of {classes:,} classes", 8 * classes * classes)
    pairs = (labels * classes + chosen)[chosen >= 0]
    counts: Array = np.bincount(pairs, minlength=classes * classes)
    return counts.reshape(classes, classes)


def r2(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Return ``1 - sum((p - t)^2) / sum((t - mean t)^2)``, averaged over the columns.

    1 is perfect, 0 as good as the mean of the targets, below 0 worse than that. A column whose
    targets are all the same has no answer: NaN, unless it is met exactly (1). Raises `ShapeError`,
    `DtypeError` or `DataError`.
    """
    p, t = _numbers(predictions, "predictions"), _numbers(targets, "targets")
    if p.shape != t.shape or p.size == 0 or p.ndim < 2:
        raise ShapeError(
            f"r2 expects predictions and targets of one shape (batch, n), "
            f"got {p.shape} and {t.shape}"
        )
    p, t = (a.reshape(-1, a.shape[-1]).astype(np.float64) for a in (p, t))
    with np.errstate(all="ignore"):
        left = np.square(p - t).sum(axis=0)
        whole = np.square(t - t.mean(axis=0)).sum(axis=0)
        scores = np.where(left == 0, 1.0, np.where(whole == 0, np.nan, 1 - left / whole))
    return float(scores.mean())


def _chosen(what: str, outputs: Any, labels: Any, threshold: float) -> tuple[Array, Array, int]:
    """Return the class chosen for each row (-1 where it is NaN), its label, and the classes."""
    outputs = _numbers(outputs, f"outputs of {what}")
    if outputs.ndim < 2 or outputs.size == 0:
        raise ShapeError(
            f"{what} expects outputs of shape (batch, classes), got shape {outputs.shape}"
        )
    require_number(f"{what} threshold", threshold)
    shape, labels = outputs.shape, _numbers(labels, f"labels of {what}")
    if labels.ndim == outputs.ndim:
        if labels.shape != shape:
            raise ShapeError(f"{what} got labels of shape {labels.shape}, outputs {shape}")
        labels = labels.argmax(axis=-1) if shape[-1] > 1 else (labels[..., 0] > 0.5).astype(int)
    labels = check_labels(labels, max(shape[-1], 2), shape[:-1], "labels").reshape(-1)
    rows = outputs.reshape(-1, shape[-1])
    chosen = rows.argmax(axis=1) if shape[-1] > 1 else (rows[:, 0] > threshold).astype(np.int64)
    return np.where(np.isnan(rows).any(axis=1), -1, chosen), labels, max(shape[-1], 2)


def _numbers(values: npt.ArrayLike, what: str) -> Array:
    """Return `values` as an array of numbers, or raise `DtypeError` or `DataError`."""
    array = as_array(values, what)
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"{what} must be numbers, got {array.dtype}")
    return array
