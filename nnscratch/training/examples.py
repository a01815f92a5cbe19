"""Examples to train or to evaluate on, checked once, and gathered into mini-batches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array
from nnscratch.datasets.checks import check_inputs, check_labels
from nnscratch.errors import ShapeError
from nnscratch.model import Sequential
from nnscratch.scores import accuracy
from nnscratch.workspace import Workspace

_SHUFFLING = 2  # of a seed's streams; a model draws its weights and its noise from 0 and 1


class Examples:
    """Inputs `x` (examples, features) and what belongs to them, `y`.

    `y` holds class labels, whole numbers of shape ``(examples,)``, or targets of the output's
    shape, ``(examples, outputs)``. Inputs and targets are converted to the model's dtype.

    Raises `ShapeError`, `DtypeError` or `DataError` saying what is wrong and where; `names` are the
    names of `x` and `y` in the message.
    """

    def __init__(
        self,
        model: Sequential,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        names: tuple[str, str] = ("x", "y"),
    ) -> None:
        self.x = check_inputs(x, names[0]).astype(model.dtype, copy=False)
        n, features = self.x.shape
        if model.features_in not in (None, features):
            raise ShapeError(
                f"{names[0]} has {features} features (shape {self.x.shape}), "
                f"the model expects {model.features_in}"
            )
        # Layers without a width of their own keep that of the input.
        self.y = _check_answers(y, n, model.features_out or features, model.dtype, names[1])
        self.has_classes = self.y.ndim == 1 or _is_one_hot(self.y)
        self._workspace = Workspace()

    def __len__(self) -> int:
        return len(self.x)

    def order(self, seed: int, epoch: int) -> Array:
        """Return the shuffled order of the examples in `epoch`; every epoch has its own."""
        stream = np.random.SeedSequence(seed, spawn_key=(_SHUFFLING, epoch))
        return np.random.default_rng(stream).permutation(len(self))

    def gather(self, rows: Array) -> tuple[Array, Array]:
        """Return the examples `rows` as a mini-batch, in arrays that the next call reuses."""
        x = self._workspace.get("x", (len(rows), *self.x.shape[1:]), self.x.dtype)
        y = self._workspace.get("y", (len(rows), *self.y.shape[1:]), self.y.dtype)
        # mode="clip" changes nothing for rows in range, and writes without a second buffer.
        self.x.take(rows, axis=0, out=x, mode="clip")
        self.y.take(rows, axis=0, out=y, mode="clip")
        return x, y

    def accuracy(self, logits: Array, y: Array) -> float | None:
        """Return the fraction of rows whose largest logit is right; None where `y` has no class."""
        return accuracy(logits, y) if self.has_classes else None


def _check_answers(
    y: npt.ArrayLike, n: int, outputs: int, dtype: np.dtype[np.floating], what: str
) -> Array:
    answers = np.asarray(y)
    if answers.ndim == 1 and answers.dtype.kind == "f" and outputs == 1:
        raise ShapeError(
            f"{what} holds targets of shape {answers.shape}, the model's output is "
            f"({n}, 1): make it a column with {what}.reshape(-1, 1)"
        )
    if answers.ndim != 2:
        return check_labels(answers, outputs, n, what)
    if answers.shape != (n, outputs):
        raise ShapeError(
            f"{what} has shape {answers.shape}; expected the output's shape {(n, outputs)}, "
            f"or labels of shape ({n},)"
        )
    if answers.dtype.kind in "biu":
        return answers.astype(dtype)
    return check_inputs(answers, what).astype(dtype, copy=False)


def _is_one_hot(targets: Array) -> bool:
    """Whether every row is a single one among zeros, so that it names a class."""
    if targets.shape[1] < 2:
        return False
    binary = ((targets == 0) | (targets == 1)).all()
    return bool(binary and (targets.sum(axis=1) == 1).all())
