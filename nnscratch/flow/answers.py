"""What a run is asked to learn: the examples it has seen, and what its loss can come to on them.

A loss is asked, not known: it is called with a few outputs - what is the least that one and the
same output for all examples gives, what is the least at all, and what is the least that the last
layer can give? So any loss will do, a user's own too.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.datasets.codes import codes
from nnscratch.flow import columns, constants, flaws
from nnscratch.flow.order import between
from nnscratch.flow.pairs import hardest
from nnscratch.flow.repeats import repeats
from nnscratch.sequences import joined_weights

Loss = Callable[..., Any]
Function = Callable[[Array], Array]

_MOST = 512  # examples kept
_POSITIONS = 4096  # of answers at positions, of which nothing is known that went in
_EACH = 10  # of those for each class: fewer say too little of how often it comes
_NUMBERS = 2**19  # of inputs, and of outputs, kept at most
_FAR = 25.0  # a logit that leaves nothing to wish for, and is exact in float32
_NEIGHBOURS = 5
_TINY = 1e-30  # a column of zeros is divided by that
_LEAST = 40  # examples that a guess from other examples needs
_RIDGE = 1e-2  # of the sum of squares of the inputs
_SETTLED = 48  # steps after which it is asked what other examples would have told
_LEARNED = 0.9  # of what there is to learn: nobody needs to ask
_UNTOLD = 0.85  # of the answers' variance
_FEW = 0.05  # of the targets may lie far off
_FAR_OFF = 10.0  # times as far from the middle as the others


class Answers:
    """Keeps the first examples of a run, and measures them and the loss.

    Attributes
    ----------
    seen : int
        How many were kept.
    full : bool
        Whether no more are.
    """

    def __init__(self) -> None:
        self._x: list[Array] = []
        self._y: list[Array] = []
        self._weights: list[Array] | None = None  # None: all count alike
        self._at: list[int] = []
        self._flat = False  # whether examples are rows of columns
        self._scattered = False  # what is kept are positions, not examples
        self.seen = 0
        self.full = False
        self._known: dict[str, float] = {}
        self._measured = self._guessed = 0  # examples of the latest measurement

    def add(self, at: int, x: Array, y: Array, outputs: int, weights: Array | None = None) -> None:
        """Keep a batch: inputs, and labels or targets of a network that gives `outputs` numbers.

        at : counts the batches, for `truncate`
        weights : (examples,) or (examples, *positions), the factors of their losses; of all batches
            or none
        """
        if self.full or len(y) != len(x) or not len(x):
            return
        self._flat = x.ndim == 2
        x = x.reshape(len(x), math.prod(x.shape[1:]))
        most = max(8, min(_MOST, _NUMBERS // max(x.shape[1], outputs, 1)))
        self._keep(at, x, y, most, weights)

    def scatter(self, at: int, y: Array, classes: int) -> None:
        """Keep labels at positions of examples, of which nothing is known that went in."""
        most = min(_POSITIONS, _NUMBERS // classes)
        self._scattered = True
        if not self.full and len(y) and most >= _EACH * classes:
            self._keep(at, np.zeros((len(y), 0)), y, most)

    def _keep(self, at: int, x: Array, y: Array, most: int, weights: Array | None = None) -> None:
        rows = most - self.seen
        if self._x and (x.shape[1], y.shape[1:]) != (self._x[0].shape[1], self._y[0].shape[1:]):
            return  # sequences of another length than the first
        self._x.append(x[:rows].copy())
        self._y.append(y[:rows].copy())
        self._at.append(at)
        if weights is not None and (self._weights is not None or not self.seen):
            self._weights = [*(self._weights or []), np.array(weights[:rows], np.float64)]
        self.seen += len(self._x[-1])
        self.full = self.seen >= most

    def known(
        self,
        count: int,
        value: float,
        loss: Loss | None,
        shape: tuple[int, ...],
        dtype: Any,
        last: Function = lambda z: z,
    ) -> dict[str, float]:
        """Return all that is known at the `count`-th recorded step, by field.

        value : the step's loss
        shape, dtype, last : see `measure`
        """
        if loss is None or not self.seen:
            return {}
        if self._measured != self.seen:
            self._measured = self.seen
            self._known |= self.measure(loss, shape, dtype, last)
        constant, free = (self._known.get(f"loss_{of}", math.nan) for of in ("constant", "free"))
        unsure = not value < constant - _LEARNED * (constant - free)
        if count >= _SETTLED and self._guessed != self.seen and unsure:
            self._guessed = self.seen
            self._known |= self.repeated(shape) | self.guess(shape)
        return self._known

    def truncate(self, at: int) -> None:
        """Forget the batches from number `at` on."""
        keep = sum(one < at for one in self._at)
        if keep < len(self._at):
            self._x, self._y, self._at = self._x[:keep], self._y[:keep], self._at[:keep]
            self._weights = self._weights[:keep] if self._weights and keep else None
            self.seen, self.full = sum(map(len, self._x)), False
        self._known, self._measured, self._guessed = {}, 0, 0

    def _different(self) -> tuple[Array, Array, Array | None]:
        """Return the different examples among those kept: inputs, float64, answers, weights.

        All of them, where inputs have no columns: they are not known.
        """
        x, y = np.concatenate(self._x), np.concatenate(self._y)
        alike = self._weights is None or len(self._weights) < len(self._y)
        weights = None if alike else joined_weights(self._weights or [])
        if not x.shape[1]:
            return x, y, weights
        whole = np.concatenate([x, y.reshape(len(y), -1).astype(x.dtype)], axis=1)
        rows = np.ascontiguousarray(whole).view(f"V{whole.itemsize * whole.shape[1]}")[:, 0]
        _, first = np.unique(rows, return_index=True)
        first.sort()
        return x[first].astype(np.float64), y[first], None if weights is None else weights[first]

    def measure(
        self, loss: Loss, shape: tuple[int, ...], dtype: Any, last: Function
    ) -> dict[str, float]:
        """Return what is recorded of examples and loss, by field; nothing if they do not fit.

        shape, dtype : of the network's output for one example
        last : what the last layer makes of its input, where that is an activation
        """
        x, y, weights = self._different()
        t = _targets(y, shape)
        if t is None or (self._scattered and len(t) < _EACH * t.shape[-1]):
            return {}
        found = _statistics(t, y) | _inputs(x) | _asked(loss, x, y, t, weights, dtype, last)
        if self._scattered:
            return found  # positions of an example have much in common: no batch is a sample
        given = [_targets(batch, shape) for batch in self._y]
        whole = [one for one in given if one is not None]
        return found | (between(whole) if _single(t) and len(whole) == len(given) else {})

    def repeated(self, shape: tuple[int, ...]) -> dict[str, float]:
        """Return how many examples have inputs with several answers: see `repeats`."""
        x, t = np.concatenate(self._x), _targets(np.concatenate(self._y), shape)
        return {} if t is None or not x.shape[1] else repeats(x, t.reshape(len(t), -1))

    def guess(self, shape: tuple[int, ...]) -> dict[str, float]:
        """Return how much of the targets' variance can be told from other examples.

        Half of the examples are guessed from the other half, and the other way round: by a linear
        fit, and by the mean of the nearest neighbours. 1: everything; 0: no more than their mean.
        Of classes also which two are hardest to tell apart: see `hardest`.
        """
        x, y, _ = self._different()
        t = _targets(y, shape)
        if len(x) < _LEAST or t is None or not x.shape[1]:
            return {}
        found = columns.codes(x, t.reshape(len(t), -1)) if self._flat else {}
        given_back = x.size == t.size and bool((x.ravel() == t.ravel()).all())
        # Of each column by itself: beside a time stamp all others would count as constant.
        size = np.maximum(x.std(axis=0), 1e-9 * np.abs(x).max(axis=0) + _TINY)
        x, t = (x - x.mean(axis=0)) / size, t.reshape(len(t), -1)
        single, truth, mean = _single(t), t.argmax(axis=1), t.mean(axis=0)
        t = t - mean
        total = float((t**2).sum())
        if not (total > 0 and math.isfinite(total) and np.isfinite(x).all()):
            return {}
        half = len(x) // 2
        linear, near = np.empty_like(t), np.empty_like(t)
        for known, asked in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
            linear[asked] = _linear(x[known], t[known], x[asked])
            near[asked] = _nearest(x[known], t[known], x[asked])
        left = [float(((guess - t) ** 2).sum()) / total for guess in (linear, near)]
        if given_back and min(left) > _UNTOLD:
            left[0] = 0.0  # of so many columns that few examples do not show what is plain
        found |= {"guess_linear": 1 - left[0], "guess_neighbours": 1 - left[1]}
        found |= columns.kinds(x, t + mean) if t.shape[1] == 1 else {}
        if single:
            better = linear if left[0] < left[1] else near
            found |= hardest(truth, (better + mean).argmax(axis=1))
        return found


def _targets(y: Array, shape: tuple[int, ...]) -> Array | None:
    """Return answers as the outputs they stand for, labels one-hot; None if they cannot be that."""
    if y.dtype.kind in "biu" and y.ndim == len(shape) and y.min(initial=0) >= 0:
        return np.eye(max(shape[-1], int(y.max(initial=0)) + 1))[y.astype(np.int64)]
    if y.dtype.kind not in "biuf" or y.size != len(y) * math.prod(shape):
        return None
    return y.reshape(len(y), *shape).astype(np.float64)


def _statistics(t: Array, y: Array) -> dict[str, float]:
    zero_one = bool(((t == 0) | (t == 1)).all())
    single = _single(t)
    return {
        "target_count": float(len(y)),
        "target_values": float(len(np.unique(y.reshape(len(y), -1), axis=0))),
        "target_mean": float(t.mean()),
        "target_std": math.sqrt(float(t.var(axis=0).mean())),
        "target_min": float(t.min()),
        "target_max": float(t.max()),
        "target_classes": 2.0 if single else float(zero_one),
        **({} if zero_one else _far(t.reshape(len(t), -1))),
        **flaws.quarter(t),
    }


def _single(t: Array) -> bool:
    """Whether each row is a single 1 among zeros."""
    one = t.shape[-1] > 1 and bool(((t == 0) | (t == 1)).all())
    return one and bool((t.sum(axis=-1) == 1).all())


def _far(t: Array) -> dict[str, float]:
    """How many rows lie far from all others, and how much of the squared distances is theirs.

    From the middle of each column, and against those that lie nearest: their own deviation is what
    few rows that are far away decide alone, so that k of n never are sqrt(n / k) of it away.
    """
    away = (t - np.median(t, axis=0)) ** 2
    near = np.sort(away, axis=0)[: len(t) - int(_FEW * len(t))].mean(axis=0)
    far = (away > _FAR_OFF**2 * near) & (near > 0)
    total = float(away.sum())
    return {
        "target_far": float(far.any(axis=1).sum()),
        "target_far_share": float(away[far].sum()) / total if total > 0 else 0.0,
    }


def _inputs(x: Array) -> dict[str, float]:
    """How different the scales of the features are, and how far from zero they lie."""
    std, mean = x.std(axis=0), np.abs(x.mean(axis=0))
    live = std > 1e-6 * np.maximum(mean, 1e-30)
    if not live.any():
        return {}
    kept = std[live]
    return codes(x) | {
        "feature_ratio": float(kept.max() / np.median(kept)),
        "feature_offset": float(np.median(mean[live] / kept)),
    }


def _asked(
    loss: Loss, x: Array, y: Array, t: Array, weights: Array | None, dtype: Any, last: Function
) -> dict[str, float]:
    """Return the least loss of a constant, of any outputs, and of what the last layer can give;
    what it counts the commonest answer for, and whether it sees which output is whose.
    """
    asked = copy.deepcopy(loss)  # its buffers are those of the training's batches
    factors = () if weights is None else (weights.astype(dtype),)

    def value(outputs: Array, answers: Array = y) -> float:
        own = factors if answers is y else ()
        try:
            found = float(asked(np.ascontiguousarray(outputs, dtype), answers, *own)[0])
        except Exception:  # whatever a user's loss makes of outputs that no network gave
            return math.nan
        return found if math.isfinite(found) else math.nan

    with np.errstate(all="ignore"):
        alike = constants.usual(t, weights), constants.of_classes(t, value)
        same = [np.broadcast_to(one, t.shape) for one in itertools.chain(*alike)]
        constant = _least([value(outputs) for outputs in same])
        free = _least([constant, *(value(outputs) for outputs in _outputs(t))])
        floor = _least([value(last(outputs.astype(dtype))) for outputs in _outputs(t)])
        more = flaws.commonest(t, y, value, lambda z: last(z.astype(dtype)))
        more |= flaws.unpaired(t, y, value)
        if t.shape[1:] == (1,) and x.shape[1] and not ((t == 0) | (t == 1)).all():
            more |= columns.naive(x, t, value)
        more |= flaws.slope(t, value, lambda z: asked(z, y)[1], dtype)
        more |= flaws.grows(t, lambda z: asked(z, y)[1], dtype)
    return {"loss_constant": constant, "loss_free": free, "loss_floor": floor} | more


def _least(values: list[float]) -> float:
    return min((value for value in values if not math.isnan(value)), default=math.nan)


def _outputs(t: Array) -> Iterator[Array]:
    """Outputs that could be the best ones: the targets themselves, or far on the right side."""
    yield t
    if t.min() >= 0 and t.max() <= 1:
        yield _FAR * (2 * t - 1)
    # What an exponential, a sigmoid, a tanh at the output makes the targets of.
    yield np.log(np.maximum(t, 1e-12))
    inner = np.clip(t, 1e-6, 1 - 1e-6)
    yield np.log(inner / (1 - inner))
    yield np.arctanh(np.clip(t, -1 + 1e-7, 1 - 1e-7))


def _linear(x: Array, t: Array, asked: Array) -> Array:
    """Ridge regression, by way of features or of examples, whichever are fewer."""
    mean, middle = x.mean(axis=0), t.mean(axis=0)
    x, t, asked = x - mean, t - middle, asked - mean
    wide = x.shape[1] > len(x)
    gram = x @ x.T if wide else x.T @ x
    gram[np.diag_indices(len(gram))] += _RIDGE * max(float(np.trace(gram)), 1e-12)
    weights = x.T @ np.linalg.solve(gram, t) if wide else np.linalg.solve(gram, x.T @ t)
    return np.asarray(middle + asked @ weights)


def _nearest(x: Array, t: Array, asked: Array) -> Array:
    """The mean over the nearest neighbours."""
    distance = (x**2).sum(axis=1) - 2 * asked @ x.T
    nearest = np.argpartition(distance, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    return np.asarray(t[nearest].mean(axis=1))
