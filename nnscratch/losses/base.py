"""What every loss is: a kernel, and the arrays that the kernel is called with."""

from __future__ import annotations

import inspect
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from nnscratch.arguments import Settings
from nnscratch.arrays import DTYPES, Array, as_array, fitted, rows
from nnscratch.backend import kernels
from nnscratch.datasets.checks import first_true, place_words
from nnscratch.errors import ConfigError, DataError, DtypeError, ShapeError, require_number, shown
from nnscratch.workspace import Workspace

Shape = tuple[int, ...]
DType = np.dtype[Any]
ClassWeights = Sequence[float] | Mapping[int, float] | None

NO_WEIGHTS = {dtype: np.empty(0, dtype) for dtype in DTYPES}


class Prepared(NamedTuple):
    """A kernel and what it takes beside the output: checked answers, weights and constants.

    Arrays have a row for every row of the output, whose rows are its positions one by one.
    """

    kernel: str
    arrays: tuple[Array, ...]
    constants: tuple[float, ...] = ()


class Loss(Settings):
    """Base of the losses of this package: ``value, doutput = loss(output, labels)``.

    A subclass says in `prepare` which kernel computes it from what. Calls from several threads do
    not disturb each other.

    Attributes
    ----------
    threshold : float
        With one output, the output above which the answer is yes rather than no.
    """

    threshold: ClassVar[float] = 0.5

    @property
    def constants(self) -> tuple[float, ...]:
        """What the kernel takes behind the arrays."""
        return ()

    def __call__(
        self, output: Array, labels: Array, sample_weights: Array | None = None
    ) -> tuple[float, Array]:
        """Return the value of the loss and its gradient with respect to `output`.

        output : array, shape (batch, *positions, n)
        labels : array
            The answers, see the class.
        sample_weights : array or None, shape (batch,) or (batch, *positions)
            A factor for the loss of each example, or of each position (0 leaves it out). The mean
            is over all of them, whatever the factors add up to.

        Raises `ShapeError`, `DtypeError` or `DataError` saying what is wrong and where.
        """
        self.check_output(output)
        output = np.ascontiguousarray(output)
        doutput = self._workspace.get("doutput", output.shape, output.dtype)
        prepared = self.prepare(output.shape, output.dtype, labels, sample_weights)
        return self.compute(doutput, output, prepared), doutput

    def prepare(
        self, shape: Shape, dtype: DType, labels: Array, sample_weights: Array | None = None
    ) -> Prepared:
        """Return what to call the kernel with, for an output of this shape and dtype.

        It costs no pass over the network: whoever trains may do it before the pass.
        """
        raise TypeError(f"{type(self).__name__} has no prepare: use a loss of nnscratch.losses")

    def compute(self, doutput: Array, output: Array, prepared: Prepared) -> float:
        """Return the value and write the gradient into `doutput`: one call of one kernel."""
        value: float = getattr(kernels, prepared.kernel)(
            rows(doutput), rows(output), *prepared.arrays, *prepared.constants
        )
        return value

    def predictions(self, output: Array) -> Array:
        """Return what an output says in the units of the targets: a probability for logits."""
        return output

    @property
    def _workspace(self) -> Workspace:
        """The buffers of the thread that asks."""
        local = self.__dict__.setdefault("_local", threading.local())
        if not hasattr(local, "workspace"):
            local.workspace = Workspace()
        workspace: Workspace = local.workspace
        return workspace

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes over: not the buffers."""
        return {name: value for name, value in self.__dict__.items() if name != "_local"}

    def __repr__(self) -> str:
        settings = [
            f"{name}={getattr(self, name)!r}"
            for name, parameter in inspect.signature(type(self)).parameters.items()
            if getattr(self, name, parameter.default) != parameter.default
        ]
        return f"{type(self).__name__}({', '.join(settings)})"

    # Checks that losses share

    def check_output(self, output: Any) -> None:
        """Raise unless `output` is what a network gives."""
        if not isinstance(output, np.ndarray) or output.ndim < 2:
            raise ShapeError(f"{self!r} expects an output of shape (batch, n), got {_kind(output)}")
        if output.size == 0:
            raise ShapeError(f"{self!r} got an empty batch: output of shape {output.shape}")
        if output.dtype not in DTYPES:
            raise DtypeError(
                f"{self!r} computes in float32 or float64, got output of {output.dtype}"
            )

    def check_targets(self, shape: Shape, dtype: DType, targets: Any) -> Array:
        """Return `targets` as contiguous rows, or raise unless they fit the output."""
        if isinstance(targets, np.ndarray):
            targets = as_array(targets, "targets")
        if not isinstance(targets, np.ndarray) or targets.shape != shape:
            hint = ""
            if isinstance(targets, np.ndarray) and targets.shape == shape[:-1] and shape[-1] == 1:
                hint = "; make it a column with targets.reshape(-1, 1)"
            elif isinstance(targets, np.ndarray) and targets.shape == shape[:-1]:
                hint = (
                    f": classes as numbers go with SoftmaxCrossEntropy(), or become one-hot rows "
                    f"with np.eye({shape[-1]})[y]"
                )
            raise ShapeError(
                f"{self!r} expects targets of the output's shape {shape}, "
                f"got {_kind(targets)}{hint}"
            )
        if targets.dtype != dtype:
            raise DtypeError(
                f"{self!r} got targets of {targets.dtype} for an output of {dtype}; "
                f"convert with targets.astype(np.{dtype})"
            )
        return rows(np.ascontiguousarray(targets))

    def check_range(
        self, targets: Array, shape: Shape, least: float, most: float, rule: str
    ) -> None:
        """Raise unless all `targets`, rows of an output of that shape, lie in [least, most]."""
        place = kernels.first_outside(targets.reshape(-1), least, most)
        if place >= 0:
            index = tuple(map(int, np.unravel_index(place, shape)))
            raise DataError(
                f"targets of {self!r} {rule}, "
                f"got {targets.flat[place]} in {place_words(index, len(shape))}"
            )

    def row_weights(self, shape: Shape, dtype: DType, weights: Any) -> Array | None:
        """Return one weight for each row of the output, shape (rows,), or None; or raise."""
        if weights is None:
            return None
        leading = shape[:-1]
        array = as_array(weights, "sample weights")
        if array.ndim == 0 or array.shape != leading[: array.ndim]:
            expected = f"{leading[:1]}" + (f" or {leading}" if len(leading) > 1 else "")
            raise ShapeError(
                f"{self!r} expects sample weights of shape {expected}, got shape {array.shape}"
            )
        array = fitted(array, dtype, f"sample weights of {self!r}")
        if not (np.isfinite(array).all() and array.min() >= 0):
            bad = first_true(~(np.isfinite(array) & (array >= 0)))
            raise DataError(
                f"sample weights of {self!r} must be finite and >= 0, "
                f"got {array[bad]} at index {', '.join(map(str, bad))}"
            )
        whole = array.reshape(array.shape + (1,) * (len(leading) - array.ndim))
        return np.ascontiguousarray(np.broadcast_to(whole, leading)).reshape(-1)

    def buffer(self, name: str, shape: Shape, dtype: DType) -> Array:
        """Return an array for something that was made of the labels, reused by the next call."""
        return self._workspace.get(name, shape, dtype)


class CrossEntropy(Loss):
    """Base of the losses ``-t log p``, whose labels may be smoothed and whose classes weighted."""

    def __init__(self, label_smoothing: float = 0.0, class_weights: ClassWeights = None) -> None:
        kind = type(self).__name__
        self.label_smoothing = require_number(
            f"{kind} label_smoothing", label_smoothing, least=0, below=1
        )
        self.class_weights = (
            None if class_weights is None else _check_class_weights(kind, class_weights)
        )

    def weight_of_each(self, classes: int) -> tuple[float, ...] | None:
        """Return the class weights, None for none; `ConfigError` if they are not so many."""
        weights = self.class_weights
        if weights is not None and len(weights) != classes:
            raise ConfigError(
                f"{self!r} has weights for {len(weights)} classes, there are {classes}"
            )
        return weights


def _check_class_weights(kind: str, values: Any) -> tuple[float, ...]:
    """Return class weights as a tuple, from a sequence or ``{class: weight}``."""
    try:
        if isinstance(values, np.ndarray):
            values = as_array(values, "class_weights")
        items = dict(values) if isinstance(values, dict) else dict(enumerate(values))
        numbers = tuple(float(items[k]) for k in range(len(items)))
    except (TypeError, ValueError, KeyError):
        raise ConfigError(
            f"{kind} class_weights must be a weight for each class 0, 1, ..., got {shown(values)}"
        ) from None
    if not numbers or not all(0 <= number < math.inf for number in numbers):
        raise ConfigError(f"{kind} class_weights must be finite and >= 0, got {shown(values)}")
    return numbers


def _kind(value: Any) -> str:
    return f"shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
