"""Which changes are worth thinking about, and in which order they are tried."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nnscratch import initializers
from nnscratch.curing.changes import (
    AddBatchNorm,
    Change,
    ClipGradient,
    LearningRate,
    NewActivation,
    RemoveBatchNorm,
    Weights,
)
from nnscratch.curing.forecast import Forecast
from nnscratch.curing.plan import ACTIVATIONS, Plan
from nnscratch.initializers import Initializer, VarianceScaling
from nnscratch.layers import BatchNorm, Layer, activation
from nnscratch.theory import best_scale

_ACTIVATIONS = ("elu", "leaky_relu", "relu", "tanh")
_NAMED = ("he_normal", "lecun_normal", "glorot_normal")
_SATURATED = 10.0  # weights larger than this, n_in Var(w), drive units into saturation
_LEAST_BATCH = 5  # for batch norm
_SMALLER = 10.0  # a rate or threshold that is too large is divided by at least this
_BRISK = 0.01  # a first step that promises this share of the loss has a rate of the usual size


@dataclass(frozen=True)
class Candidate:
    """A change and what is expected of it."""

    change: Change
    forecast: Forecast


def propose(
    plan: Plan, now: Forecast, ills: Collection[str], *, stalled: bool, rows: int
) -> list[Change]:
    """Return the changes that could help a plan with these ills, each once.

    `ills` are what its trial showed: a reading such as "diverged", and the kinds of its findings.

    * weights at the critical scale of its own activation, and the usual initializers;
    * another activation at *its* critical scale;
    * batch norm where there is none, or its removal;
    * for a run that diverges or whose updates are too large: a learning rate smaller by a factor of
      10, or by as much as brings the first step's promise to a tenth of the loss;
    * for such a run and one that explodes: clipping at the norm 1, or at a tenth of the first
      gradient's norm if that is smaller (a clip that is there already: at a tenth of its limit);
    * for a run that does not learn because its steps are tiny: a rate with which the first step
      promises a hundredth of the loss.
    """
    changes: list[Change] = []
    hidden = len(plan.dense()) > 1
    has_norm = any(part.is_a(BatchNorm) for part in plan.layers)
    own = _own_activation(plan)
    critical = None if own is None else _critical(own)
    if hidden and not has_norm:
        if critical is not None:
            changes.append(Weights(critical))
        changes += [Weights(initializers.get(name)) for name in _NAMED]
    if hidden and own is not None:
        for name in _ACTIVATIONS:
            layer = activation(name)
            best = _critical(layer)
            if repr(layer) != repr(own) and best is not None:
                changes.append(NewActivation(name, best))
    if hidden and not has_norm and rows >= _LEAST_BATCH:
        changes.append(AddBatchNorm())
    if has_norm and critical is not None:
        changes.append(RemoveBatchNorm(critical))
    too_far = "diverged" in ills or "updates too large" in ills
    rate = None if callable(plan.lr) else float(plan.lr)
    if rate is not None and rate > 0:
        if too_far:
            promised = now.promise if math.isfinite(now.promise) else 1e6
            changes.append(LearningRate(_round(rate / _SMALLER / max(1.0, promised))))
        elif stalled and 0 < now.promise < _BRISK / _SMALLER:
            changes.append(LearningRate(_round(rate * _BRISK / now.promise)))
    if too_far or "exploding" in ills:
        norm = now.gradient_norm
        limit = min(1.0, norm / _SMALLER) if math.isfinite(norm) and norm > 0 else 1.0
        there = [value for value in vars(plan.clip).values() if value] if plan.clip else []
        changes.append(ClipGradient(_round(min([limit, *(value / _SMALLER for value in there)]))))
    return _different(plan, changes)


def select(candidates: Sequence[Candidate], tries: int) -> list[Candidate]:
    """Return the `tries` candidates to train: the least strain first, every kind once before
    any comes twice."""
    ranked = sorted(candidates, key=lambda one: one.forecast.strain)
    firsts: dict[str, Candidate] = {}
    for one in ranked:
        firsts.setdefault(one.change.kind, one)
    others = [one for one in ranked if firsts[one.change.kind] is not one]
    chosen = [*firsts.values(), *others][:tries]
    return sorted(chosen, key=lambda one: one.forecast.strain)


def _own_activation(plan: Plan) -> Layer | None:
    """Return the activation of the hidden layers; None if there is none or they differ."""
    last = plan.dense()[-1]
    made = [part.make(**part.options) for part in plan.layers[:last] if part.is_a(*ACTIVATIONS)]
    alike = {repr(layer) for layer in made}
    return made[0] if len(alike) == 1 else None


def _critical(layer: Layer) -> Initializer | None:
    """Return the weights with a rate of 1, by name if they have one; None if that needs
    saturated units or a signal that grows for ever."""
    sw2, point = best_scale(layer)
    growing = math.isinf(point.q)
    if sw2 > _SATURATED or growing or abs(point.chi_1 - 1) > 1e-3:
        return None
    for name in _NAMED[:2]:
        known = initializers.get(name)
        if abs(known.variance(100, 100) * 100 / sw2 - 1) < 1e-3:
            return known
    return VarianceScaling(float(f"{sw2:.4g}"), "fan_in")


def _different(plan: Plan, changes: Sequence[Change]) -> list[Change]:
    """Return the changes that change something, and no two that make the same network."""
    seen = [_signature(plan)]
    found = []
    for change in changes:
        signature = _signature(change.apply(plan))
        if signature not in seen:
            seen.append(signature)
            found.append(change)
    return found


def _signature(plan: Plan) -> list[object]:
    """Return what decides how a plan behaves, initializers by the variances they give."""
    rows: list[object] = [plan.lr, plan.clip]
    for part in plan.layers:
        options = dict(part.options)
        init = options.get("init")
        if isinstance(init, Initializer):
            variance = init.variance(options["n_in"], options["n_out"])
            # To two digits: the fan average of nearly equal fans is no other network.
            options["init"] = (type(init).__name__ == "Orthogonal", f"{variance:.1e}")
        rows.append((part.make, sorted(options.items())))
    return rows


def _round(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is at most `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    digit = max(d for d in (1, 2, 5) if d * power <= value * (1 + 1e-9))
    return float(f"{digit * power:.1g}")
