"""How good a network is on examples: loss, accuracy, R^2, confusion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy.typing as npt

from nnscratch.arrays import Array
from nnscratch.network.model import Sequential, require_model
from nnscratch.network.nodes import LossFunction, require_loss, value_of
from nnscratch.scores import accuracy, confusion, r2
from nnscratch.training.examples import Examples
from nnscratch_records.words import plural


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` found. Unpacked it is ``loss, accuracy``.

    Attributes
    ----------
    loss : float
    outputs : array
        The network's output for every example, or every step that a mask says there is.
    accuracy : float or None
        Fraction of examples whose largest output is that of the class, or, with one output and
        targets 0 and 1, that lie on the right side of the loss's threshold (a half, for logits 0).
        None where the answers are numbers.
    confusion : int64 array, shape (classes, classes), or None
        How many examples of class `i` were taken for class `j`.
    r2 : float or None
        The share of the targets' variance that is explained; None where the answers are classes.
    """

    loss: float
    outputs: Array
    answers: Array
    names_classes: bool
    threshold: float

    @cached_property
    def accuracy(self) -> float | None:
        """See the class."""
        if not self.names_classes:
            return None
        return accuracy(self.outputs, self.answers, self.threshold)

    @cached_property
    def confusion(self) -> Array | None:
        """See the class."""
        if not self.names_classes:
            return None
        return confusion(self.outputs, self.answers, self.threshold)

    @cached_property
    def r2(self) -> float | None:
        """See the class."""
        return None if self.names_classes else r2(self.outputs, self.answers)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.loss, self.accuracy))

    def __repr__(self) -> str:
        score = f"R2 {self.r2:.4g}" if self.accuracy is None else f"accuracy {self.accuracy:.4f}"
        return f"Evaluation(loss {self.loss:.4g}, {score}, {plural(len(self.outputs), 'example')})"


def evaluate(
    model: Sequential,
    loss: LossFunction,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    statistics: str = "running",
    batch_size: int = 1000,
    mask: npt.ArrayLike | None = None,
) -> Evaluation:
    """Return how good `model` is on `x`, `y`: ``nn.evaluate(model, loss, x, y).accuracy``.

    `statistics` are those that batch norm uses; `mask` (examples, time) says which steps the
    sequences have. Raises `ShapeError`, `DtypeError` or `DataError`.
    """
    require_model("evaluate model", model)
    require_loss("evaluate loss", loss)
    return evaluate_examples(model, loss, Examples(model, x, y, mask=mask), statistics, batch_size)


def evaluate_examples(
    model: Sequential,
    loss: LossFunction,
    examples: Examples,
    statistics: str = "running",
    batch_size: int = 1000,
) -> Evaluation:
    """Do what `evaluate` does, for examples that were checked already."""
    whole = model.predict(examples.x, batch_size, statistics, examples.mask)
    outputs, answers = (examples.there(values, examples.mask) for values in (whole, examples.y))
    value, _ = value_of(loss, outputs, answers)
    threshold = float(getattr(loss, "threshold", 0.5))
    return Evaluation(value, outputs, answers, examples.has_classes, threshold)
