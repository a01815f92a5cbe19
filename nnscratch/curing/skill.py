"""Skill: what a network knows of the answers, on one scale whatever its loss and its targets.

The share of the answers' variance that predictions explain, in the units of the answers:
``1 - sum((p - t)^2) / sum((t - mean)^2)``, with the mean of the training answers. 1 is perfect, 0
is what the best constant reaches, below 0 is worse than that. For classes `p` are probabilities and
`t` rows of 0 and 1: the skill of a Brier score (Brier 1950).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.datasets.far import are_near
from nnscratch.losses import Loss
from nnscratch.network.nodes import LossFunction
from nnscratch.scores import accuracy

LEAST_SPLIT = 60  # examples: with fewer none are held out
HELD_OUT = 5  # else one in so many is
MOST_HELD_OUT = 2000
_MOST_BITS = 20


@dataclass(frozen=True)
class Answers:
    """The answers of the examples that are judged on.

    Attributes
    ----------
    y : array
        Labels or targets, as they were given.
    rows : float64 array
        The same as rows of numbers: labels as 0 and 1.
    constant : float64 array
        The mean of the training answers.
    has_classes : bool
    there : array of bool or None
        Which of them count, where there is one at every step of a masked sequence.
    weights : float64 array or None, shape (rows, 1)
        How much each row counts; None: all alike.
    weighed : str
        That in words, for a sentence.
    """

    y: Array
    rows: Array
    constant: Array
    has_classes: bool
    there: Array | None = None
    weights: Array | None = None
    weighed: str = ""

    @classmethod
    def of(
        cls,
        y: Array,
        training: Array,
        outputs: int,
        has_classes: bool,
        there: Array | None = None,
    ) -> Answers:
        """Return the answers `y`, with the constant of the training answers that count."""
        rows = _rows(chosen(y, there), outputs)
        return cls(y, rows, _rows(training, outputs).mean(axis=0), has_classes, there)

    @property
    def variance(self) -> float:
        """The sum of squares that a constant leaves."""
        return self._sum(np.square(self.rows - self.constant))

    def balanced(self) -> Answers:
        """Return the same with classes that count alike, however many examples they have."""
        _, which, count = np.unique(self.rows, axis=0, return_inverse=True, return_counts=True)
        weights = 1 / count[which.reshape(-1), None]
        return self._by(weights, "all classes counting alike, ")

    def near(self) -> Answers:
        """Return the same without the rows that lie far from all others."""
        kept = are_near(self.rows)[:, None].astype(np.float64)
        return self if kept.all() else self._by(kept, "what is far off left out, ")

    def _by(self, weights: Array, words: str) -> Answers:
        constant = (weights * self.rows).sum(axis=0) / weights.sum()
        return replace(self, weights=weights, constant=constant, weighed=words)

    def _sum(self, squares: Array) -> float:
        return float((squares if self.weights is None else self.weights * squares).sum())

    def skill(self, predictions: Array) -> float:
        """Return the skill of predictions in the answers' units, -1 at the least."""
        p = chosen(predictions, self.there).reshape(self.rows.shape).astype(np.float64)
        if not np.isfinite(p).all() or self.variance == 0:
            return -1.0
        rest = self._sum(np.square(np.clip(p, -1e100, 1e100) - self.rows))
        return max(-1.0, 1 - rest / self.variance)

    def accuracy(self, outputs: Array, loss: LossFunction) -> float:
        """Return the share of right classes; NaN where the answers are numbers."""
        if not self.has_classes:
            return float("nan")
        threshold = float(getattr(loss, "threshold", 0.5))
        return accuracy(chosen(outputs, self.there), chosen(self.y, self.there), threshold)


def predictions(loss: LossFunction, outputs: Array, has_classes: bool) -> Array:
    """Return what outputs say in the units of the answers, as far as the loss is known.

    Outputs of a loss of somebody's own are logits where the answers are classes and some outputs
    are below 0.
    """
    if isinstance(loss, Loss):
        return loss.predictions(outputs)
    if has_classes and outputs.shape[-1] > 1 and outputs.min() < 0:
        e = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        softmax: Array = e / e.sum(axis=-1, keepdims=True)
        return softmax
    return outputs


def split(x: Array, seed: int, classes: Array | None = None) -> tuple[Array, Array]:
    """Return which examples to train on and which to judge on, as large a part of every class.

    All of them for both if they are few, or a truth table: the rest says nothing of a row of it.
    """
    examples = len(x)
    if examples < LEAST_SPLIT or is_truth_table(x):
        every = np.arange(examples)
        return every, every
    order = np.random.default_rng(seed).permutation(examples)
    count = min(examples // HELD_OUT, MOST_HELD_OUT)
    places = np.arange(count)
    if classes is not None:  # evenly over the examples, class after class
        by_class = np.argsort(classes[order], kind="stable")
        places = np.sort(by_class[((places + 0.5) * examples / count).astype(int)])
    return np.sort(np.delete(order, places)), order[places]


def is_truth_table(x: Array) -> bool:
    """Return whether examples are all that there can be of two values a column, each once."""
    columns = x.shape[-1]
    if x.ndim != 2 or columns > _MOST_BITS or len(x) != 2**columns:
        return False
    low, high = x.min(axis=0), x.max(axis=0)
    bits = x == high
    if not ((x == low) | bits).all() or (low == high).any():
        return False
    return len(np.unique(bits @ (1 << np.arange(columns)))) == len(x)


def chosen(values: Array, there: Array | None) -> Array:
    """Return those of outputs or answers that count, one after the other; None: as they are."""
    return values if there is None else values[there]


def _rows(y: Any, outputs: int) -> Array:
    if y.dtype.kind in "iu" and outputs > 1:
        return np.eye(outputs)[y.reshape(-1)]
    return np.asarray(y, np.float64).reshape(-1, y.shape[-1])


def neighbours_skill(x: Array, y: Array, held_x: Array, answers: Answers, all_seen: bool) -> float:
    """Return the skill of the mean answer of the five nearest training examples.

    all_seen : the examples that are judged are the training examples: none is its own neighbour
    """
    few, some = min(len(held_x), 300), min(len(x), 3000)
    if answers.rows.shape[0] != len(held_x) or some < 10:  # sequences; too few
        return float("nan")
    std = x.std(axis=0, dtype=np.float64)
    scale = np.where(std > 0, std, 1)
    near, far = (
        (v.astype(np.float64) / scale).reshape(len(v), -1) for v in (held_x[:few], x[:some])
    )
    distance = np.square(near).sum(axis=1)[:, None] - 2 * near @ far.T + np.square(far).sum(axis=1)
    if all_seen:
        np.fill_diagonal(distance, np.inf)
    nearest = np.argpartition(distance, 5, axis=1)[:, :5]
    said = _rows(y, answers.rows.shape[1])[nearest].mean(axis=1)
    judged = Answers(answers.y[:few], answers.rows[:few], answers.constant, answers.has_classes)
    return judged.skill(said)
