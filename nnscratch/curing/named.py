"""What findings name and one change mends: the rate; names, long tails and rare classes in data."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array
from nnscratch.curing.changes import (
    Change,
    ClassWeights,
    LearningRate,
    Logarithms,
    OneHot,
    TargetLogarithms,
)
from nnscratch.curing.conditions import Conditions
from nnscratch.curing.trials import Trial
from nnscratch.flow.findings import rates
from nnscratch.flow.findings.outliers import ONE_SIDED, TAIL
from nnscratch.flow.findings.view import View

RARE = "class weights"  # the finding that one class is rare, or weighed as if it were not
_FAR = 20.0  # times the middle distance from the middle value: above that a tail is long
_FEW = 0.03  # of the columns, such as pixels: that so few of them have tails is chance
_MOST = 20  # classes that are weighed by hand, names of one column


def named_rate(trial: Trial) -> Change | None:
    """Return the learning rate to begin with where findings tell first that a trial's is too large;
    None if they do not. (Of one that is too small a range test tells more.)
    """
    first = next(iter(trial.findings.causes), None)
    large = first is not None and first.kind == "learning rate too large"
    rate = rates.lower_rate(View(trial.record)) if large else math.nan
    return LearningRate(rate) if rate > 0 else None


def named(trial: Trial, c: Conditions) -> list[Change]:
    """Return the changes that answer what was found in the data of a trial.

    * columns that number things in no order become zeros and ones;
    * inputs and targets of 0 or more, most of them small and some far above, become logarithms;
    * where one class is rare, all classes count alike in the loss.
    """
    made: list[Change] = []
    view = View(trial.record)
    if view.latest("codes_told") > 0 and c.x.ndim == 2:
        columns = [view.latest(f"codes_{of}") for of in ("one", "other")]
        codes = tuple(sorted(int(j) for j in columns if np.isfinite(j)))
        values = sum(len(np.unique(c.x[:, j])) for j in codes)
        made.append(OneHot(codes, values - len(codes)))
    if tails := long_tails(c.real_x):
        made.append(Logarithms(tails))
    numbers = not c.answers.has_classes and c.y.dtype.kind == "f"
    if numbers and (tails := long_tails(c.real_y)):
        made.append(TargetLogarithms(tails))
    if RARE in trial.ills and (weights := balance(c)):
        made.append(ClassWeights(weights))
    return made


def long_tails(values: Array) -> tuple[int, ...]:
    """Return the columns of at least 0 of which some lie far above most, and none far below."""
    rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
    middle = np.median(rows, axis=0)
    away = rows - middle
    usual = np.median(np.abs(away), axis=0)
    far = (away > _FAR * usual).mean(axis=0) >= TAIL
    above = away.max(axis=0) > ONE_SIDED * -away.min(axis=0)
    found = (usual > 0) & far & above & (rows.min(axis=0) >= 0)
    return tuple(np.flatnonzero(found).tolist()) if found.mean() >= _FEW else ()


def balance(c: Conditions) -> tuple[float, ...]:
    """Return factors by which all classes count alike; none where there are many, or several an
    example.
    """
    rows, y = c.answers.rows, c.real_y
    if not c.answers.has_classes or y.size != len(y) or rows.shape[1] > _MOST:
        return ()
    count = np.bincount(y.reshape(-1).astype(int), minlength=max(2, rows.shape[1]))
    return tuple(float(f"{w:.3g}") for w in count.sum() / len(count) / np.maximum(count, 1))
