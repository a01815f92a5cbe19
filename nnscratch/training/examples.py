"""Examples to train or to evaluate on, checked once, and gathered into mini-batches."""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import Array, as_array, fitted
from nnscratch.datasets.checks import check_inputs, check_labels
from nnscratch.errors import ConfigError, DataError, ShapeError
from nnscratch.network.model import Sequential
from nnscratch.scores import accuracy
from nnscratch.sequences import without_padding
from nnscratch.workspace import Workspace
from nnscratch_records.words import plural

_LOOKED_AT = 1000  # sequences, of which a mask may leave out all that differs
_SHUFFLING = 2  # of a seed's streams; a model draws its weights and its noise from 0 and 1


class Examples:
    """Inputs `x` (examples, *positions, features) and what belongs to them, `y`.

    `y` holds class labels, whole numbers of the output's shape without its last axis, or targets of
    the output's shape. Inputs and targets are converted to the model's dtype. `weights` are factors
    of the loss, of each example or of each position; None: 1. `mask` says which steps of a sequence
    there are; None: all.

    Raises `ShapeError`, `DtypeError` or `DataError` saying what is wrong and where; `names` are the
    names of `x` and `y` in the message.
    """

    def __init__(
        self,
        model: Sequential,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        names: tuple[str, str] = ("x", "y"),
        weights: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
    ) -> None:
        there = None if mask is None else model.given(as_array(x, names[0]), mask).mask
        if there is not None:
            _check_mask(as_array(x, names[0]), there, names[0])
        given = without_padding(x, there)
        self.x = fitted(check_inputs(given, names[0]), model.dtype, names[0])
        features = self.x.shape[-1]
        if model.features_in not in (None, features):
            raise ShapeError(
                f"{names[0]} has {features} features (shape {self.x.shape}), "
                f"the model expects {model.features_in}"
            )
        shape = model.output_shape(self.x.shape)
        self.mask = None if there is None else there.astype(bool)
        # Whether there is an answer at every step, so that some of them are left out.
        self.masks_answers = self.mask is not None and shape[:-1] == self.mask.shape
        answers = without_padding(y, there, names[1]) if self.masks_answers else y
        self.y = _check_answers(answers, shape, model.dtype, names[1])
        self.has_classes = self.y.ndim < len(shape) or _names_classes(self.y)
        self.weights = None if weights is None else _check_weights(weights, shape[:-1])
        self._workspace = Workspace()

    def __len__(self) -> int:
        return len(self.x)

    def taken(self, rows: Array) -> Examples:
        """Return the examples `rows` by themselves."""
        made = copy.copy(self)
        for name in ("x", "y", "weights", "mask"):
            values = getattr(self, name)
            setattr(made, name, None if values is None else values[rows])
        made._workspace = Workspace()
        return made

    def order(self, seed: int, epoch: int) -> Array:
        """Return the shuffled order of the examples in `epoch`; every epoch has its own."""
        stream = np.random.SeedSequence(seed, spawn_key=(_SHUFFLING, epoch))
        return np.random.default_rng(stream).permutation(len(self))

    def gather(self, rows: Array) -> tuple[Array, Array]:
        """Return the examples `rows` as a mini-batch, in arrays that the next call reuses."""
        x, y = self.buffers(len(rows))
        # mode="clip" changes nothing for rows in range, and writes without a second buffer.
        self.x.take(rows, axis=0, out=x, mode="clip")
        self.y.take(rows, axis=0, out=y, mode="clip")
        return x, y

    def buffers(self, size: int) -> tuple[Array, Array]:
        """Return the arrays into which `gather` writes a mini-batch of `size` examples."""
        x = self._workspace.get("x", (size, *self.x.shape[1:]), self.x.dtype)
        y = self._workspace.get("y", (size, *self.y.shape[1:]), self.y.dtype)
        return x, y

    def gather_weights(self, rows: Array) -> Array | None:
        """Return the weights of the examples `rows`."""
        return None if self.weights is None else self.weights.take(rows, axis=0)

    def gather_mask(self, rows: Array) -> Array | None:
        """Return the mask of the examples `rows`."""
        return None if self.mask is None else self.mask.take(rows, axis=0)

    def there(self, values: Array, mask: Array | None) -> Array:
        """Return those of outputs or answers that the mask does not leave out."""
        return values[mask] if mask is not None and self.masks_answers else values

    def accuracy(
        self, outputs: Array, y: Array, threshold: float = 0.5, mask: Array | None = None
    ) -> float | None:
        """Return the fraction of right answers (`nnscratch.scores`); None for other answers."""
        if not self.has_classes:
            return None
        return accuracy(self.there(outputs, mask), self.there(y, mask), threshold)


def held_out(model: Sequential, validation: object) -> Examples:
    """Return the examples of ``validation=(x, y)`` or ``(x, y, mask)``."""
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise ConfigError("validation must be a pair (x, y), or (x, y, mask), or None")
    x, y, *mask = validation
    names = ("validation x", "validation y")
    return Examples(model, x, y, names=names, mask=mask[0] if mask else None)


def _check_mask(x: Array, mask: Array, what: str) -> None:
    """Raise `DataError` for a mask that leaves out all there is to see, of the first sequences."""
    told = f"the mask of {what}, 1 where a step is there and 0 where it is filled up, leaves out "
    if not mask.any():
        raise DataError(f"{told}every step of {plural(len(mask), 'sequence')}")
    x, there = x[:_LOOKED_AT], mask[:_LOOKED_AT] != 0
    kept, left = x[there], x[~there]
    if not (kept.size and left.size and kept.dtype.kind in "fiu" and (kept == kept.flat[0]).all()):
        return
    if np.isfinite(left).all() and (left != left.flat[0]).any():
        raise DataError(
            f"{told}all that differs: where it says that steps are there {what} is "
            f"{kept.flat[0]:g} throughout. Turned round it is ~mask"
        )


def _check_answers(
    y: npt.ArrayLike, shape: tuple[int, ...], dtype: np.dtype[np.floating], what: str
) -> Array:
    answers = as_array(y, what)
    if answers.ndim == len(shape) - 1 and shape[-1] == 1 and answers.dtype.kind in "biuf":
        one = answers.ndim == 1
        raise ShapeError(
            f"{what} holds targets of shape {answers.shape}, the model's output is "
            f"{shape}: make it a column with {what}{'.reshape(-1, 1)' if one else '[..., None]'}"
        )
    if answers.ndim != len(shape):
        return check_labels(answers, shape[-1], shape[:-1], what)
    if answers.shape != shape:
        column = answers.shape == (*shape[:-1], 1)
        way = f": a column becomes these with np.asarray({what})[..., 0]" if column else ""
        raise ShapeError(
            f"{what} has shape {answers.shape}; expected the output's shape {shape}, "
            f"or labels of shape {shape[:-1]}{way}"
        )
    if answers.dtype.kind in "biu":
        return answers.astype(dtype)
    return fitted(check_inputs(answers, what), dtype, what)


def _check_weights(weights: npt.ArrayLike, shape: tuple[int, ...]) -> Array:
    array = as_array(weights, "sample_weights")
    if array.ndim == 0 or array.shape != shape[: array.ndim]:
        raise ShapeError(
            f"sample_weights has shape {array.shape}; expected {shape[:1]}"
            + (f" or {shape}" if len(shape) > 1 else "")
        )
    return array


def _names_classes(targets: Array) -> bool:
    """Whether every row is a single one among zeros, or, alone, one of 0 and 1 (both occur)."""
    if not ((targets == 0) | (targets == 1)).all():
        return False
    if targets.shape[-1] == 1:
        return bool(targets.min() == 0 and targets.max() == 1)
    return bool((targets.sum(axis=-1) == 1).all())
