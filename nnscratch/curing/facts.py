"""What data and network say before any training: changes that need no trial to be thought of."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np

from nnscratch import initializers
from nnscratch.arrays import Array
from nnscratch.curing.changes import (
    Change,
    LessDecay,
    NewOutput,
    NoPenalty,
    StandardInputs,
    StandardTargets,
)
from nnscratch.curing.conditions import Conditions
from nnscratch.curing.network import (
    LayerNorms,
    LessDropout,
    NewActivation,
    NoLoneNorm,
    NormMomentum,
    Weights,
    is_lone_norm,
)
from nnscratch.curing.part import Part
from nnscratch.curing.plan import Plan
from nnscratch.datasets.standard import Standardizer
from nnscratch.flow import flaws
from nnscratch.flow.findings.cures import LEAST_BATCH
from nnscratch.layers import BatchNorm, Dense, Dropout, activation
from nnscratch.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Loss,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from nnscratch.network.blocks import Bidirectional, Residual
from nnscratch.network.nodes import LossFunction
from nnscratch.training.penalty import Regularizer
from nnscratch_records import limits

STALE = 0.05  # of running statistics that the run leaves as they began
QUICK_MOMENTUM = 0.9
LITTLE = 0.1  # of dropout: hardly any harm
DECAYS, USUAL_DECAY = 0.01, 0.01  # of a weight, in each step; AdamW's own factor
_ENTROPIES = (
    *(SoftmaxCrossEntropy, CategoricalCrossEntropy),
    *(SigmoidCrossEntropy, BinaryCrossEntropy),
)


def repairs(plan: Plan, c: Conditions) -> list[Change]:
    """Return the changes that data and network ask for as they are.

    * inputs or targets whose scale is far from 1 are standardised;
    * classes get a cross-entropy on scores, numbers a linear output where the activation at the
      output cannot reach them, or may die;
    * a loss of somebody's own that does not see which output is whose, or whose gradient points up,
      becomes one of this package;
    * weights that are all the same, and units that nothing tells apart, are drawn;
    * dense layers without an activation between them get one;
    * batch norm over very few examples becomes layer norm; one whose running statistics could not
      follow in these steps gets a quicker momentum;
    * a norm of each example over one unit, of which it leaves nothing, goes;
    * dropout that takes most of a layer, or in many layers most ways through them, takes less;
    * a penalty that outweighs the loss as the training begins is left out; decay of the weights
      that is as strong becomes the usual one.
    """
    made: list[Change | None] = [_inputs(plan, c.real_x), _targets(plan, c), _output(plan, c)]
    made += [_activation(plan), _weights(plan, c.seed), _norm(plan, c)]
    made += [_dropout(plan), _penalty(plan, c)]
    made.append(NoLoneNorm() if any(map(is_lone_norm, plan.layers)) else None)
    now = plan.statements(c.seed)
    # Where layers are frozen a change may find nothing to change.
    return [one for one in made if one is not None and one.apply(plan).statements(c.seed) != now]


def _inputs(plan: Plan, x: Array) -> Change | None:
    if plan.standard_inputs or plan.old is not None:  # which learned from inputs as they are
        return None
    rows = x.reshape(-1, x.shape[-1]).astype(np.float64)
    size, std = np.sqrt(np.square(rows).mean(axis=0)), rows.std(axis=0)
    known = std[std > 1e-12 * np.maximum(size, 1e-300)]
    uneven = known.size > 1 and known.max() > limits.TRIED_UNEVEN_INPUT * np.median(known)
    wrong = (
        size.max() > limits.TRIED_LARGE_INPUT
        or math.sqrt(np.square(rows).mean()) < limits.TRIED_SMALL_INPUT
        or uneven
    )
    return StandardInputs() if wrong else None


def _targets(plan: Plan, c: Conditions) -> Change | None:
    if plan.standard_targets or c.answers.has_classes or c.y.dtype.kind != "f":
        return None
    y = c.real_y.reshape(-1, c.y.shape[-1]).astype(np.float64)
    if _bits(y):  # yes and no, several at once
        return None
    large = math.sqrt(np.square(y).mean()) > limits.TRIED_LARGE_TARGET
    return StandardTargets() if large or y.std(axis=0).max() < limits.TRIED_SMALL_TARGET else None


def _output(plan: Plan, c: Conditions) -> Change | None:
    """Return the loss that goes with the answers, on a linear output."""
    ends = plan.ends()
    if not isinstance(plan.loss, Part) and not _unfit(plan.loss, ends, c):
        return None
    wanted: type[Loss]
    if c.answers.has_classes:
        wanted = SoftmaxCrossEntropy if c.answers.rows.shape[1] > 1 else SigmoidCrossEntropy
    elif _bits(c.answers.rows):
        wanted = SigmoidCrossEntropy
    else:
        rows = c.answers.rows
        if plan.standard_targets or _targets(plan, c) is not None:
            rows = Standardizer(rows)(rows)
        low, high = rows.min(), rows.max()
        kept = isinstance(plan.loss, Part) and not plan.loss_is(*_ENTROPIES)
        if kept and all(_reaches(part, low, high) for part in ends):
            return None
        if plan.loss_is(SigmoidCrossEntropy) and not ends and low >= 0 and high <= 1:
            return None
        wanted = plan.loss.make if kept else MeanSquaredError  # type: ignore[union-attr]
    return NewOutput(wanted) if ends or not plan.loss_is(wanted) else None


def _unfit(loss: LossFunction, ends: Sequence[Part], c: Conditions) -> bool:
    """Whether a loss of somebody's own cannot be learned by: one that does not see which output is
    whose, whose gradient points up or is 0 whatever comes out, that takes absolute errors of zeros
    and ones, or that is asked of a softmax for rows that do not sum to 1.
    """
    rows = c.answers.rows
    shared = rows.shape[1] > 1 and _bits(rows) and any(map(_is_no_help, ends))
    if shared and bool((rows.sum(axis=1) != 1).any()):
        return True
    own = copy.deepcopy(loss)

    def asked(outputs: Array) -> tuple[float, Array]:
        try:
            value, slope = own(outputs.astype(c.x.dtype), c.answers.y)
            return float(value), np.asarray(slope)
        except Exception:  # whatever a user's loss makes of outputs that no network gave
            return math.nan, np.empty(0)

    t = np.ascontiguousarray(rows.reshape(len(c.answers.y), -1))
    if t.shape[1] != rows.shape[1]:
        return False  # at every step of a sequence
    with np.errstate(all="ignore"):
        flat = asked(np.random.default_rng(0).standard_normal(t.shape))[1]
        if flat.size and not flat.any():
            return True
        pairs = flaws.unpaired(t, t, lambda outputs, _: asked(outputs)[0])
        way = flaws.slope(t, lambda z: asked(z)[0], lambda z: asked(z)[1], c.x.dtype)
        far = flaws.grows(t, lambda z: asked(z)[1], c.x.dtype)
    if _bits(rows) and flaws.is_absolute(far.get("loss_grows", math.nan)):
        return True
    return pairs.get("loss_paired", 1.0) <= limits.UNPAIRED or (
        way.get("loss_slope", 1.0) < -limits.WRONG_WAY
    )


def _reaches(part: Part, low: float, high: float) -> bool:
    """Whether an activation at the output gives these numbers, and a gradient wherever it is."""
    layer = part.new().initialize(0, np.float64)
    ends, _ = layer.forward(np.array([[-50.0, 50.0]]))
    least, most = float(ends.min()), float(ends.max())
    return part.make.__name__ != "Softmax" and not layer.rectifies and least <= low and high <= most


def _activation(plan: Plan) -> Change | None:
    """Return one for dense layers that none follows, or only a softmax."""
    starts = plan.dense()
    if len(starts) < 2 or any(part.is_a(Residual, Bidirectional) for part in plan.layers):
        return None
    between = plan.layers[starts[0] + 1 : starts[-1]]
    bend = ("activation", "recurrent", "opaque")
    sound = [p for p in between if p.role in bend and not _is_no_help(p)]
    return None if sound else NewActivation("relu", initializers.get("he_normal"))


def _is_no_help(part: Part) -> bool:
    return part.make.__name__ == "Softmax"


def _weights(plan: Plan, seed: int) -> Change | None:
    """Return weights that differ where those of a layer are all the same."""
    model = plan.model(seed)
    same = False
    for layer in model.layers.values():
        if isinstance(layer, Dense) and layer.n_out > 1:
            weight = layer.params["weight"]
            # Units of one layer that start alike stay alike.
            same = same or bool((weight == weight[:, :1]).all())
    kind = next((p for p in plan.layers if p.role == "activation" and not _is_no_help(p)), None)
    he = kind is not None and activation("relu").rectifies and kind.new().rectifies
    return Weights(initializers.get("he_normal" if he else "glorot_uniform")) if same else None


def _norm(plan: Plan, c: Conditions) -> Change | None:
    norms = [part for part in plan.hidden() if part.is_a(BatchNorm)]
    if norms and c.batch_size < LEAST_BATCH:
        return LayerNorms()
    slow = [part for part in norms if part.options["momentum"] ** c.steps > STALE]
    return NormMomentum(QUICK_MOMENTUM) if slow else None


def _dropout(plan: Plan) -> Change | None:
    rates = [p.options["rate"] for p in plan.hidden() if p.is_a(Dropout)]
    much = max(rates, default=0.0) > limits.DROPPED
    shut = math.prod(1 - rate for rate in rates) < limits.OPEN_WAYS
    first = next((p for p in plan.hidden() if p.role not in ("shape", "norm")), None)
    if much and first is not None and first.is_a(Dropout):
        return LessDropout(0.0)  # of what goes in, which no other unit says again
    return LessDropout(LITTLE) if much or shut else None


def _bits(rows: Array) -> bool:
    return bool(((rows == 0) | (rows == 1)).all() and rows.min() < rows.max())


def _penalty(plan: Plan, c: Conditions) -> Change | None:
    """Return none where that on the weights as they begin is more than the loss, and less decay
    where it takes most of a weight away within a few steps.
    """
    if plan.largest_rate(c.steps) * plan.optimizer.options.get("weight_decay", 0.0) > DECAYS:
        return LessDecay(USUAL_DECAY)
    added = None if plan.penalty is None else plan.new_penalty()
    if not isinstance(added, Regularizer):  # what others add is not known as a number
        return None
    model, rows = plan.model(c.seed), slice(c.batch_size)
    with np.errstate(all="ignore"):
        mask = None if c.mask is None else c.mask[rows]
        value = model.training_pass(c.x[rows], c.y[rows], plan.new_loss(), mask=mask)
        heavy = added.add(model) > value
    return NoPenalty() if heavy else None
