"""Units that are copies of one another, and weights that do not move as the gradient says."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings import cures
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.progress import STEADY
from nnscratch.flow.findings.rates import is_plain
from nnscratch.flow.findings.view import View
from nnscratch.theory.suited import suited_scale
from nnscratch_records.words import listed, percent, since

COPIES = 0.5  # of a layer's units: so many are copies of one another
FELT = 1e-5  # of the weights' norm: a step of plain descent that their digits show
PUT_BACK = 10  # steps before each of which weights stand where they began
WANDERED = 1e-6  # of the weights' norm: a change of it that float32 shows
_SEEN = 3  # steps: a gradient that overflows what keeps its square moves nothing either, once
_SAME = 1e-12  # two norms that differ by no more, relative to either


def find(view: View) -> list[Finding]:
    """Return what never tells units apart, and what never moves."""
    return [*_symmetric(view), *_frozen(view)] if view.rows else []


def random_weights(view: View) -> Advice:
    """Return weights drawn at random as advice."""
    kind = view.activation
    init = '"glorot_normal"' if math.isnan(suited_scale(kind)) else cures.init_for(kind)
    return cures.remade(view, "draw the weights at random", f"init={init}")


def _symmetric(view: View) -> list[Finding]:
    """Units that began equal, and got the same gradient ever since."""
    copies = view.looks("param_copies")
    if len(copies) < 2:
        return []
    params = {i: view.param(i, "weight") for i in view.weights[:-1]}
    # Dropout tells copies apart, by chance: what began as copies has still to become something.
    apart = "noise" in view.roles and not view.progress.learned
    seen_at = [0] if apart else [0, -1]
    share = {i: float(copies[seen_at, p].min()) for i, p in params.items() if p is not None}
    equal = [i for i, value in share.items() if value > COPIES]
    if not equal:
        return []
    zero = [i for i in equal if view.now_of("param_norm", params[i] or 0) == 0]
    worst = max(equal, key=share.__getitem__)
    units = int(view.record["features"][worst])
    if zero:
        are = "is" if len(zero) == 1 else "are"
        seen = (
            f"All weights of {listed(view.names(zero))} {are} 0: the units of a layer are copies "
            f"of one another, and no gradient gets past them."
        )
    else:
        still = "and still are: they get the same gradient, and do the work of one."
        if not float(copies[-1, params[worst] or 0]) > COPIES:
            still = "and got the same gradient: only dropout, by chance, has told them apart."
        seen = (
            f"{percent(share[worst])} of the {units} units of {view.layers[worst]} began as copies "
            f"of one another {still}"
        )
    return [
        Finding(
            "symmetric units",
            view.harm if not zero or view.progress.falling or view.progress.learns else "fatal",
            view.names(equal),
            view.first_step,
            seen,
            "Weights must be drawn at random, or nothing ever tells two units apart.",
            (random_weights(view),),
            {"copies": share[worst], "units": float(units)},
            EXPLAINS["symmetric units"],
        )
    ]


def _frozen(view: View) -> list[Finding]:
    """Weights with a gradient and no update, with an update and no gradient, or put back."""
    moved, pulled = view.get("param_update_norm"), view.get("param_gradient_norm")
    known = ~np.isnan(moved).all(axis=1)
    lr = np.nan_to_num(view.get("lr"))
    lr = np.where(lr == 0, 1.0, lr)
    plain = is_plain(view)
    groups: dict[str, list[int]] = {"still": [], "pushed": [], "put back": []}
    for column in view.weight_params:
        layer = int(view.record["param_layers"][column])
        arrives, below = view.get("gradient_norm")[:, layer] > 0, view.below(layer)
        fed = below < 0 or view.get("output_norm")[:, below].any()  # else there is nothing to learn
        # As much as would be seen in the weights' digits.
        felt = lr * pulled[:, column] > FELT * view.get("param_norm")[:, column]
        stands = known & felt & (moved[:, column] == 0)
        if len(stands) >= _SEEN and view.holds(stands) and (plain or stands.all()):
            groups["still"].append(layer)
        # From the first step on: where units below died since, momentum moves them for a while.
        elif (
            fed
            and view.holds(known & arrives & (moved[:, column] > 0))
            and not pulled[:, column].any()
        ):
            groups["pushed"].append(layer)
        elif put_back(view, column):
            groups["put back"].append(layer)
    if not any(groups.values()) and "frozen parameters" not in view.text("mistakes"):
        groups["on purpose"] = _kept(view)
    how = next((name for name, columns in groups.items() if columns), "")
    if not how:
        return []
    columns = groups[how]
    whole = len(columns) == len(view.weight_params)
    severity = "serious" if whole or not view.progress.learned else "notice"
    severity = view.harm if how == "on purpose" else severity
    step, seen, why = _told(view, how, columns, moved)
    advice = Advice("check that these parameters are what the optimizer changes", "print(model)")
    if how == "still" and not view.factors[view.weight_params].any():
        why, advice = "All are frozen.", Advice("let them be trained", "model.unfreeze()")
    elif how == "on purpose":
        advice = Advice("let them be trained too", "model.unfreeze()")
    elif how == "still" and whole and float(view.get("lr")[-1]) == 0:
        why, advice = "The learning rate is 0.", Advice("train with a rate", "optimizer.lr = 0.01")
    return [
        Finding(
            "frozen parameters",
            severity,
            view.names(columns),
            step,
            seen,
            why,
            (advice,),
            {"layers": float(len(columns))},
            EXPLAINS["frozen parameters"],
        )
    ]


def _kept(view: View) -> list[int]:
    """Return frozen layers of weights, where what is trained beside them does not do."""
    columns = [view.param(layer, "weight") for layer in view.weights]
    frozen = [
        layer
        for layer, column in zip(view.weights, columns, strict=True)
        if column is not None and not view.factors[column] > 0
    ]
    p = view.progress
    return frozen if p.rows >= STEADY and not (p.learned or p.steps_left < p.rows) else []


def _told(view: View, how: str, columns: list[int], moved: Array) -> tuple[int, str, str]:
    """Return since when, what is seen, and why."""
    names = listed(view.names(columns))
    if how == "still":
        step = view.since(moved[:, view.param(columns[0], "weight")] == 0)
        return (
            step,
            f"The weights of {names} get a gradient and do not move, "
            f"{since(step, view.first_step)}.",
            "Frozen, left out of the optimizer, or replaced by a copy.",
        )
    if how == "on purpose":
        count = f"{len(columns)} of the {len(view.weights)} layers with weights"
        whole = len(columns) == len(view.weights)
        alone = "no weight is trained" if whole else "what is learned the others learn alone"
        return (
            view.first_step,
            f"{count} are frozen, {names}: {alone}, and of what there is "
            f"{percent(max(0.0, view.progress.share))} is.",
            "What frozen layers hand on is all that the others get to see: that does where they "
            "were trained on something like it, not as they were drawn.",
        )
    if how == "pushed":
        return (
            view.first_step,
            f"The weights of {names} move, and no gradient of the loss reaches them.",
            "Their layer is cut off from the loss, and only decay or momentum moves them.",
        )
    return (
        view.first_step,
        f"The weights of {names} are updated, and stand before each step where they began.",
        "Something puts them back: a copy is trained in their place, or they are loaded anew.",
    )


def put_back(view: View, column: int) -> bool:
    """Whether a parameter is before every step what it was before the first, updates or not.

    Where it is normalised its updates stand at right angles to it, and all r of its norm that they
    are add no more to the norm than r^2 / 2 each: they must have been enough to be seen there.
    """
    moved, ratio = (view.get(key)[:, column] for key in ("param_update_norm", "update_ratio"))
    with np.errstate(divide="ignore", invalid="ignore"):
        before = moved / ratio
    before = before[np.isfinite(before)]
    if len(before) < PUT_BACK or not np.sum(ratio[np.isfinite(ratio)] ** 2) / 2 > WANDERED:
        return False
    return bool(np.ptp(before) <= _SAME * before[0])
