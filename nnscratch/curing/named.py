"""What findings name and one change mends: the rate; what is in the data; weights and few units."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nnscratch import initializers
from nnscratch.arrays import Array
from nnscratch.curing.candidates import WIDTH, suited_weights
from nnscratch.curing.changes import (
    Change,
    ClassWeights,
    CutInputs,
    LearningRate,
    Logarithms,
    OneHot,
    OnlyNear,
    TargetLogarithms,
    WithoutCode,
    together,
)
from nnscratch.curing.conditions import Conditions
from nnscratch.curing.network import NewActivation, Weights
from nnscratch.curing.size import Wider, on_purpose
from nnscratch.curing.skill import Answers
from nnscratch.curing.trials import Trial
from nnscratch.datasets.codes import codes
from nnscratch.datasets.far import FAR_OFF, distances
from nnscratch.flow.findings import rates
from nnscratch.flow.findings.data.flaws import RARE
from nnscratch.flow.findings.data.outliers import ONE_SIDED, TAIL
from nnscratch.flow.findings.view import View

_WEIGHTS = "class weights"  # the finding that one class is rare, or weighed as if it were not
_WILD = "outliers"  # that a few targets are most of the loss
_TOLD = 0.2  # skill: with less a rare class, or a target, is hardly told from the others
_CRAMPED = 4  # units of a layer: too few for most answers that are not simple
_LONE = 0.1  # of a column: what lies far off is errors, not a kind of rows
_SPANNED = 5.0  # times the middle distance: more deviation than columns of one shape have
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


def judged_by(trial: Trial, c: Conditions) -> Conditions:
    """Return conditions by whose answers the network of a trial and its changes are judged.

    All classes count alike where one is rare and is not told from the others; targets that lie far
    from all others count nothing where they are most of the loss.
    """
    if _has_wild(trial, c):
        return _weighed(c, Answers.near)
    weights = balance(c)
    rare = bool(weights) and min(weights) * len(weights) <= 1 / RARE and not trial.skill > _TOLD
    if weights and (rare or _WEIGHTS in trial.ills):
        return _weighed(c, Answers.balanced)
    return c


def _has_wild(trial: Trial, c: Conditions) -> bool:
    """Whether a few targets far off are most of the loss of a trial that has learned little."""
    known = trial.skill > _TOLD or c.mask is not None or c.real_y.ndim != 2
    return _WILD in trial.findings.kinds and not known


def _weighed(c: Conditions, weigh: Callable[[Answers], Answers]) -> Conditions:
    seen = None if c.seen is None else weigh(c.seen)
    return replace(c, answers=weigh(c.answers), seen=seen)


def named_in_network(trial: Trial, c: Conditions) -> list[Change]:
    """Return the changes that answer what was found in the network of a trial.

    * weights that are found the cause are drawn at the critical scale;
    * layers of too few units, or of a handful where next to nothing is learned, get more, and ReLU,
      unless they are narrow on purpose.
    """
    made: list[Change] = []
    first = next(iter(trial.findings.causes), None)
    weights = suited_weights(trial.plan)
    if first is not None and first.kind == "initial weights" and weights is not None:
        made.append(Weights(weights))
    widths = [trial.plan.layers[i].options["n_out"] for i in trial.plan.dense()[:-1]]
    cramped = min(widths, default=math.inf) <= _CRAMPED and not trial.skill > _TOLD
    if ("capacity" in trial.ills or cramped) and not on_purpose(trial.plan, c.given_back):
        wider = Wider(WIDTH)
        # Saturating units of another scale may not find what they now have room for.
        bent = NewActivation("relu", initializers.get("he_normal"))
        made += filter(None, [wider, together(wider, bent)])
    return made


def named_in_data(trial: Trial, c: Conditions) -> list[Change]:
    """Return the changes that answer what was found in the data of a trial.

    * what stands for missing values becomes the mean of its column;
    * inputs that lie far from all others of their column are cut, such targets left out;
    * columns that number things in no order become zeros and ones;
    * inputs and targets of 0 or more, most of them small and some far above, become logarithms;
    * where all classes count alike in the skill, so they do in the loss.
    """
    made: list[Change] = []
    x = c.real_x
    if c.x.ndim == 2 and np.isfinite(code := codes(x).get("missing_code", math.nan)):
        made.append(WithoutCode(code))
        x = np.where(x == code, np.median(x, axis=0), x)
    if is_wild(x):
        made.append(CutInputs(FAR_OFF))
    if _has_wild(trial, c):
        made.append(OnlyNear())
    view = View(trial.record)
    if view.latest("codes_told") > 0 and c.x.ndim == 2:
        columns = [view.latest(f"codes_{of}") for of in ("one", "other")]
        names = tuple(sorted(int(j) for j in columns if np.isfinite(j)))
        values = sum(len(np.unique(c.x[:, j])) for j in names)
        made.append(OneHot(names, values - len(names)))
    if tails := long_tails(x):
        made.append(Logarithms(tails))
    numbers = not c.answers.has_classes and c.y.dtype.kind == "f"
    if numbers and (tails := long_tails(c.real_y)):
        made.append(TargetLogarithms(tails))
    if c.answers.weights is not None and c.answers.has_classes:
        made.append(ClassWeights(balance(c)))
    return made


def long_tails(values: Array) -> tuple[int, ...]:
    """Return the columns of at least 0 of which some lie far above most, and none far below."""
    found = _far(values)[1]
    return tuple(np.flatnonzero(found).tolist()) if found.mean() >= _FEW else ()


def is_wild(x: Array) -> bool:
    """Whether few inputs lie so far from all others of their column that they are its deviation."""
    share, tails, spanned = _far(x)
    return bool((~tails & (share < _LONE) & spanned).any())


def _far(values: Array) -> tuple[Array, Array, Array]:
    """Return, of each column, what share lies far off, whether that is a tail to one side of what
    is at least 0, and whether it is most of the deviation.
    """
    rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
    away, usual = distances(rows)
    share = (np.abs(away) > FAR_OFF * usual).mean(axis=0)
    above = away.max(axis=0) > ONE_SIDED * -away.min(axis=0)
    tails = (usual > 0) & (share >= TAIL) & above & (rows.min(axis=0) >= 0)
    return share, tails, (usual > 0) & (rows.std(axis=0) > _SPANNED * usual)


def balance(c: Conditions) -> tuple[float, ...]:
    """Return factors by which all classes count alike; none where there are many, or several an
    example.
    """
    rows, y = c.answers.rows, c.real_y
    if not c.answers.has_classes or y.size != len(y) or rows.shape[1] > _MOST:
        return ()
    count = np.bincount(y.reshape(-1).astype(int), minlength=max(2, rows.shape[1]))
    return tuple(float(f"{w:.3g}") for w in count.sum() / len(count) / np.maximum(count, 1))
