"""The two estimators: what the answers are, and what the outputs say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, DataError
from nnscratch.losses import Loss, MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from nnscratch.sklearn.network import Network


@dataclass(eq=False, repr=False)
class NeuralRegressor(RegressorMixin, Network):  # type: ignore[misc]
    """A network for numbers, one or several for each example. A `BaseEstimator`."""

    def partial_fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: Any = None) -> Self:
        """Train one epoch more on `X` and `y`."""
        self._train(X, y, sample_weight, not hasattr(self, "trainer_"), 1, None)
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return the numbers, of the shape that `y` had."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat else outputs

    def _answers(self, y: Array, anew: bool, classes: Any) -> tuple[Array, int, Loss]:
        self._flat = y.ndim == 1
        answers = np.asarray(y, np.float64)
        answers = answers.reshape(len(y), -1)
        return answers, answers.shape[1], MeanSquaredError()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@dataclass(eq=False, repr=False)
class NeuralClassifier(ClassifierMixin, Network):  # type: ignore[misc]
    """A network for classes, one for each example, or several labels, a column of 0 and 1 for each.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        Factors of the examples of each class; balanced: each class counts the same.

    Attributes
    ----------
    classes_ : array
        The classes; of several labels the numbers of the columns.
    """

    class_weight: Any = None

    def partial_fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        classes: npt.ArrayLike | None = None,
        sample_weight: Any = None,
    ) -> Self:
        """Train one epoch more on `X` and `y`; `classes` are all that will come, if not in `y`."""
        self._train(X, y, sample_weight, not hasattr(self, "trainer_"), 1, classes)
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return the class of each example; of several labels a column of 0 and 1 for each."""
        outputs = self._outputs(X)
        if self._several:
            return (outputs > self._loss.threshold).astype(int)
        return self.classes_[outputs.argmax(axis=1)]

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Return the probability of each class or label."""
        outputs = self._outputs(X)
        return self._loss.predictions(outputs)

    def decision_function(self, X: npt.ArrayLike) -> Array:
        """Return the outputs; of two classes their difference, above 0 for the second."""
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

    def _answers(self, y: Array, anew: bool, classes: Any) -> tuple[Array, int, Loss]:
        check_classification_targets(y)
        kind = type_of_target(y)
        if kind == "multiclass-multioutput":
            raise ConfigError(
                "NeuralClassifier takes one class for each example or labels of 0 and 1, got "
                "several columns of classes: use sklearn.multioutput.MultiOutputClassifier"
            )
        several = kind == "multilabel-indicator"
        y = y if several else column_or_1d(y, warn=True)
        given = np.arange(y.shape[1]) if several else unique_labels(y)
        if classes is not None and not several:
            classes = unique_labels(classes)
            _require_among(given, "and classes=", classes)
            given = classes
        if anew:
            self.classes_, self._several = given, several
        if several != self._several:
            raise DataError(f"y has classes {given}, the network was made for {self.classes_}")
        _require_among(given, "the network was made for", self.classes_)
        if several:
            return y.astype(np.float64), y.shape[1], SigmoidCrossEntropy()
        if len(self.classes_) < 2:
            raise DataError(f"NeuralClassifier needs two classes at least, y has 1 class: {given}")
        return np.searchsorted(self.classes_, y), len(self.classes_), SoftmaxCrossEntropy()

    def _weights(self, X: Array, y: Array, weights: Any) -> Array | None:
        own = super()._weights(X, y, weights)
        if self.class_weight is None:
            return own
        own = np.ones(len(y)) if own is None else own
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            return _balanced(y, own)
        return own * compute_sample_weight(self.class_weight, y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _require_among(given: Array, whose: str, known: Array) -> None:
    """Raise `DataError` if some of the classes given are not known."""
    if not np.isin(given, known).all():
        raise DataError(
            f"y has classes {given}, {whose} {known}: name all that will come at the first "
            f"partial_fit, or fit anew"
        )


def _balanced(y: Array, weights: Array) -> Array:
    """Return weights with which every class, of every column, counts the same in all."""
    made = weights
    for column in y.reshape(len(y), -1).T:
        _, at = np.unique(column, return_inverse=True)
        sums = np.bincount(at, weights)
        each = np.zeros_like(sums)
        np.divide(sums.sum(), np.count_nonzero(sums) * sums, out=each, where=sums > 0)
        made = made * each[at]
    return made
