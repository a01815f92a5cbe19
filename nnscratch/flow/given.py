"""What a `Recorder` is given: arrays of any framework, checked, and whether a step is complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from nnscratch.arrays import DTYPES, Array, as_array
from nnscratch.errors import ConfigError, DataError, ShapeError
from nnscratch.flow.answers import Loss
from nnscratch_records.mistakes import Mistake

# What has to be called before a step ends.
CALLS = {
    "input": "recorder.input(x)",
    "output": "recorder.output({0!r}, y)",
    "gradient": "recorder.gradient({0!r}, dy)",
    "parameter": "recorder.param({0!r}, values, gradient, before)",
    "statistics": "recorder.batchnorm({0!r}, mean, variance, ...)",
    "recurrence": "recorder.recurrent({0!r}, hidden_gradient, ...)",
    "probe output": "recorder.census({0!r}, outputs)",
}


def as_floats(what: str, given: npt.ArrayLike) -> Array:
    """Return `given` as a contiguous array of float32 or float64; `DataError` if it is none."""
    values = as_array(given, what)
    if values.dtype.kind not in "fiub":
        raise DataError(f"{what} holds {values.dtype}, expected real numbers")
    if values.dtype not in DTYPES:
        values = values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    return np.ascontiguousarray(values)


def as_batch(what: str, given: npt.ArrayLike, features: int | None, axis: int = -1) -> Array:
    """Return `given` as (batch, *positions, features); `ShapeError` if it is none of that width.

    axis : that of the features, where they are not last
    """
    values = as_floats(what, given)
    fits = values.ndim >= 2 and values.size and -values.ndim <= axis < values.ndim
    if not fits or features not in (None, values.shape[axis]):
        width = features or "features"
        where = "features last" if axis == -1 else f"features on axis {axis}"
        raise ShapeError(
            f"{what} has shape {values.shape}, expected (batch, {width}) or (batch, ..., {width}): "
            f"{where}"
        )
    return values


def each_with_each(loss: Loss, y: npt.ArrayLike) -> Mistake | None:
    """Return that a loss takes outputs and answers of two shapes for a table of both; None if it
    does not.

    It is asked, for outputs (examples, 1) and answers (examples,): of a table it is the same
    whichever output is whose, and not what it is for answers of the outputs' shape.
    """
    answers = np.asarray(y)
    if answers.ndim != 1 or answers.dtype.kind not in "fiub":
        return None
    column = answers.astype(np.float64)[:, None]
    asked = (column, answers), (np.roll(column, 1, axis=0), answers), (column, column)
    try:
        with np.errstate(all="ignore"):
            told, moved, right = (float(loss(outputs, of)[0]) for outputs, of in asked)
    except Exception:  # whatever a user's loss makes of a shape that it was not made for
        return None
    same = 1e-6 * max(abs(told), abs(right))
    if not (abs(told - moved) <= same < abs(told - right)):
        return None
    shapes = f"outputs of shape {column.shape} meet answers of shape {answers.shape}"
    return Mistake(
        "broadcast loss",
        f"The loss compares every output with the answers of all examples: {shapes}, and "
        f"broadcasting makes a table of both.",
        "So each output is pulled to the mean of the answers, whatever its input.",
        "give the answers the shape of the outputs",
        "y = y.reshape(-1, 1)",
    )


class Ascent:
    """Counts updates that go along the gradient: each adds to the loss that it was taken of."""

    ALONG = 0.9  # the cosine between update and gradient, of which momentum leaves less
    ALL = 12  # looks at parameters, and all of them alike

    def __init__(self) -> None:
        self._seen = self._along = 0

    def see(self, update: Array, gradient: Array) -> None:
        """Look at an update of a parameter and the gradient it was made of."""
        sizes = float(np.linalg.norm(update)) * float(np.linalg.norm(gradient))
        if sizes > 0:
            self._seen += 1
            self._along += float(np.vdot(update, gradient)) > self.ALONG * sizes

    def told(self) -> Mistake | None:
        """Return it; None if it is none."""
        if self._seen < self.ALL or self._along < self._seen:
            return None
        return Mistake(
            "steps uphill",
            f"The updates go along the gradient, not against it: {self._along} of "
            f"{self._seen} that were looked at.",
            "Along its gradient the loss rises as fast as it can.",
            "take the step off the weights, or turn the gradient's sign",
            "w -= lr * dw",
        )


class Given:
    """Notes what of a step was given.

    needed : names by what is needed of them, one of `CALLS`; what may be left out whole has to be
        complete once a part of it was given
    """

    def __init__(self, needed: Mapping[str, Sequence[str]], optional: Sequence[str] = ()) -> None:
        self._needed, self._optional = needed, optional
        self._all = {what: set(names) for what, names in needed.items()}
        self._found: dict[str, set[str]] = {}
        self.clear()

    def clear(self) -> None:
        """Begin a new step."""
        self._found = {what: set() for what in self._needed}

    def add(self, what: str, name: str = "") -> None:
        """Note that something was given."""
        self._found[what].add(name)

    def rest(self, what: str) -> None:
        """Note that all of it was given, or cannot be had."""
        self._found[what] = self._all[what].copy()

    def missing(self, what: str) -> list[str]:
        """Return the names of what was not given yet."""
        return [name for name in self._needed[what] if name not in self._found[what]]

    def check(self, step: int) -> None:
        """Raise `ConfigError` naming what is missing of a step, and the call that gives it."""
        for what, found in self._found.items():
            missing = [] if found == self._all[what] else self.missing(what)
            if missing and (found or what not in self._optional):
                of = f" of {missing[0]!r}" if missing[0] else ""
                more = f" (nor of {len(missing) - 1} more)" if len(missing) > 1 else ""
                raise ConfigError(
                    f"step {step} has no {what}{of}{more}: call {CALLS[what].format(missing[0])} "
                    f"before end_step"
                )
