"""What holds a network down on purpose, and too much: dropout, and a penalty on its weights."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np

from nnscratch import optimizers
from nnscratch.arrays import Array
from nnscratch.flow.findings.cures import anew, remade
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.optimizer import optimizer_python
from nnscratch.flow.findings.progress import LEARNED, LEARNS, WORTH
from nnscratch.flow.findings.training.wiring import between
from nnscratch.flow.findings.view import View
from nnscratch_records import limits
from nnscratch_records.looked import NOTHING
from nnscratch_records.words import percent, plural, since

LEFT = 3.0  # units that dropout leaves of a layer, where it takes _SOME
SHRUNK = 0.3  # of the norm with which the weights of a layer began
LAST_SHRUNK = 0.6  # the same, of the last layer, beside others that are SHRUNK
LESS, LAST_LESS = 0.6, 0.8  # of the same, below the last layer and of it, in a run that learns
PULLS = 0.3  # of the whole gradient, in half of the layers: a loss that stands there is held there
CUT = 1e-3  # of the weights' norm, between two updates: more than rounding
SMALLER = 0.9  # than the weights below the last layer began
ALMOST = 0.95  # of what there is to learn: what is missing is worth a word
USUAL = 1e-4  # a penalty or decay that is advised, and holds nothing down
_SOME = 0.25  # of the units
_ENOUGH = 50  # steps
_DECAY = re.compile(r"weight_decay=([^,)]+)")
_DECOUPLED = "AdamW("  # whose decay goes round the gradient and its moments
_ADDED = re.compile(r"\bl([12])=([^,)]+)")


def find(view: View) -> list[Finding]:
    """Return what is too much of a remedy, in a run that does not do what it should."""
    p = view.progress
    if view.rows < _ENOUGH or (p.learned and p.share >= ALMOST):
        return []
    # What other examples tell is little to go by where dropout may be what keeps the run there.
    penalty: list[Finding] = []
    if not _pulls(view).factor <= USUAL:
        penalty = (([] if p.learned else _penalty(view)) or _slowing(view)) if _bent(view) else []
        penalty = penalty or _balanced(view)
    if p.learned and p.share >= LEARNED:
        return penalty
    return [*penalty, *(_answers_dropped(view) or _dropout(view))]


def _penalty(view: View) -> list[Finding]:
    """Weights of all layers that lose their size: no loss with an activation below, of a layer or
    of a recurrent layer's own, asks for that.

    Without one it may: the best line through XOR is none.
    """
    below, top = _left(view)
    if np.isnan(below).any() or np.isnan(top).any():
        return []
    # What is answered must keep some size, whatever pulls: of the last layer less is asked.
    p = view.progress
    last = LAST_SHRUNK if not p.nothing or p.told > WORTH else SHRUNK
    shrunk = (below.max(axis=1) < SHRUNK) & (top < last)
    if not view.holds(shrunk):
        return []
    now = float(np.median(below.max(axis=1)[view.now]))
    step = view.since(shrunk)
    return _too_strong(
        view,
        now,
        f"The weights shrink instead of learning: below the last layer their norm is "
        f"{percent(now)} of what it was before the first step or less, and has been below "
        f"{percent(SHRUNK)} {since(step, view.first_step)}.",
        "pulls harder than the loss does",
    )


def _slowing(view: View) -> list[Finding]:
    """Weights of all layers that lose size, though they learn: the loss alone makes them grow."""
    below, top = _left(view)
    part = LEARNS <= view.progress.share < LEARNED
    if not part or np.isnan(below).any() or np.isnan(top).any():
        return []
    if not view.holds((below.max(axis=1) < LESS) & (top < LAST_LESS)):
        return []
    now, last = float(np.median(below.max(axis=1)[view.now])), float(np.median(top[view.now]))
    return _too_strong(
        view,
        now,
        f"The weights of all layers are smaller than they began, {percent(now)} of that at most "
        f"below the last layer and {percent(last)} there, where learning makes them larger; "
        f"{percent(view.progress.share)} of what there is to learn is learned.",
        "takes back a part of what the loss teaches",
    )


def _balanced(view: View) -> list[Finding]:
    """A loss that stands where the penalty's gradient, known by its factor, undoes its own.

    Weights that are smaller than they began say that this costs something: at the end of any
    training with a penalty the two are equal.
    """
    p, pull = view.progress, _pull(view)
    below, _ = _left(view)
    as_good = p.learned and p.share < LEARNED
    if p.falling or as_good or not p.share < ALMOST or not pull > PULLS:
        return []
    if not view.holds(below.max(axis=1) < SMALLER):
        return []
    now = float(np.median(below.max(axis=1)[view.now]))
    return _too_strong(
        view,
        now,
        f"The loss stands where the penalty's own gradient is {percent(min(pull, 1.0))} of the "
        f"whole one; {percent(p.share)} of what there is to learn is learned, and the norm of the "
        f"weights below the last layer is {percent(now)} of what it was before the first step, or "
        f"less.",
        "takes back what the loss teaches",
    )


def _pull(view: View) -> float:
    """Return the norm of what a penalty or decay adds to the gradient of weights, over that of the
    gradient, or of decoupled decay over the update: the median layer's, lately; NaN: not known.
    """
    over, columns = view.get("param_gradient_norm"), view.weight_params
    l1, l2, decay = _pulls(view)
    added, rate = l1 + l2 > 0, np.ones(view.rows)
    l2 = l2 if added else decay / 2
    if not added and view.text("optimizer").startswith(_DECOUPLED):
        rate, over = view.get("lr"), view.get("param_update_norm")
    signs = l1 * np.sqrt(view.record["param_sizes"][columns])
    size = np.hypot(signs, 2 * l2 * view.get("param_norm")[:, columns])
    with np.errstate(divide="ignore", invalid="ignore"):
        pulls = rate[:, None] * size / over[:, columns]
    return float(np.median(np.median(pulls[view.now], axis=0))) if columns else math.nan


class _Pulls(NamedTuple):
    """The factors of the weights' size and of its square in a penalty, and of a decay, or NaN."""

    l1: float
    l2: float
    decay: float

    @property
    def factor(self) -> float:
        return max(self.l1, self.l2) or self.decay


def _pulls(view: View) -> _Pulls:
    penalty, optimizer = view.text("penalty"), view.text("optimizer")
    added, known = dict(_ADDED.findall(penalty)), _DECAY.search(optimizer)
    none = penalty == NOTHING and hasattr(optimizers, optimizer.partition("(")[0])
    decay = float(known[1]) if known else 0.0 if none else math.nan
    return _Pulls(float(added.get("1", 0)), float(added.get("2", 0)), decay)


def _bent(view: View) -> bool:
    return bool(view.hidden_activations or view.recurrent)


def _left(view: View) -> tuple[Array, Array]:
    """Return the norms of weights over those before the first step, by row: of the layers below
    the last one, (rows, layers), and its own, (rows,); of one layer alone twice. NaN: not known.
    """
    columns = view.weight_params
    began, norms = view.record["param_norm_initial"][columns], view.get("param_norm")[:, columns]
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(began > 0, norms / began, np.nan)
    if not columns:
        return np.full((1, 1), np.nan), np.full(1, np.nan)
    return left[:, :-1] if left.shape[1] > 1 else left, left[:, -1]


def _too_strong(view: View, left: float, seen: str, how: str) -> list[Finding]:
    text = view.text("optimizer")
    decays = _DECAY.search(text)
    made = optimizer_python(_DECAY.sub(f"weight_decay={USUAL}", text)) if decays else ""
    pulls = _pulls(view)
    kind = "l1" if pulls.l1 > pulls.l2 else "l2"
    line = f"optimizer = {made}" if made else f"callbacks = [nn.Penalty({kind}={USUAL})]"
    named = f" ({decays[0]})" if decays else ""
    why = f"A penalty on them, or their decay{named}, {how}."
    less = Advice("take a thousandth of the penalty or less, and begin anew", line)
    advice: tuple[Advice, ...] = (anew(view, less), Advice("or none"))
    if not pulls.factor > 0 and _is_cut(view):
        why = (
            "Between one update and the next something else makes them smaller, at every step: "
            "clamp_(), a largest norm, or a factor."
        )
        advice = (Advice("leave them as the updates make them, or let them be larger"),)
    return [
        Finding(
            "penalty",
            view.harm,
            (),
            view.first_step,
            seen,
            why,
            advice,
            {"left": left},
            EXPLAINS["penalty"],
        )
    ]


def _is_cut(view: View) -> bool:
    """Whether weights are smaller before an update than the one before has left them, mostly."""
    left, met, _ = (norms[:, view.weight_params] for norms in between(view))
    return bool(len(met) and np.median((met < (1 - CUT) * left).any(axis=1)) > 0)


def _answers_dropped(view: View) -> list[Finding]:
    """Dropout behind the last weights: it takes away what the network answers."""
    last = view.weights[-1] if view.weights else len(view.kinds)
    above = [i for i, kind in enumerate(view.kinds) if kind == "dropout" and i > last]
    if not above:
        return []
    return [
        Finding(
            "dropout",
            view.harm,
            view.names(above),
            view.first_step,
            f"Dropout stands behind the last layer with weights, {view.layers[last]}: "
            f"in each step some of the answers are replaced by 0, whatever they were.",
            "No weights can make up for an answer that is not heard; dropout belongs between "
            "hidden layers.",
            (remade(view, "drop nothing, or take that layer away", "dropout=0.0"),),
            {"layers": float(len(above))},
            EXPLAINS["dropout"],
        )
    ]


def _dropout(view: View) -> list[Finding]:
    """Layers of dropout that leave too few units, by how many of their outputs are 0 anew."""
    found, alive, taken = {}, {}, {}
    for i in (i for i, kind in enumerate(view.kinds) if kind == "dropout"):
        zeros = view.now_of("output_zeros", i)
        below = view.now_of("output_zeros", i - 1) if i else 0.0
        rate = (zeros - below) / (1 - below) if below < 1 else math.nan
        if rate > _SOME:
            taken[i] = rate
        few = rate > _SOME and float(view.record["features"][i]) * (1 - rate) < LEFT
        if rate > limits.DROPPED or few:
            found[i], alive[i] = rate, 1 - below
    if not found:
        return [] if view.sure else _in_all(view, taken)  # it does not make scores sure
    worst = max(found, key=alive.__getitem__)  # of few that are not 0 anyway, it is not sure
    advice = remade(view, "drop fewer", "dropout=0.2")
    if all(i < view.ends[0] for i in found):
        advice = remade(view, "drop none of what goes in", "dropout=0.0")
    return [
        Finding(
            "dropout",
            view.harm,
            view.names(list(found)),
            view.first_step,
            f"Dropout takes {percent(found[worst])} of the "
            f"{int(view.record['features'][worst])} units of {view.layers[worst]} away in each "
            f"step, in {plural(len(found), 'layer')} so many; usual are 10 % to 50 % of many.",
            "What is left is another network each time, too small to learn what there is. Some "
            "libraries ask for the share that is kept, others for the one that is dropped.",
            (advice,),
            {"dropped": found[worst], "layers": float(len(found))},
            EXPLAINS["dropout"],
        )
    ]


def _in_all(view: View, taken: dict[int, float]) -> list[Finding]:
    """Usual dropout, in so many layers that what gets through all of them is mostly noise.

    taken : the share that each takes, by column
    """
    left = math.prod(1 - rate for rate in taken.values())
    if not left < limits.OPEN_WAYS:
        return []
    return [
        Finding(
            "dropout",
            view.harm,
            view.names(list(taken)),
            view.first_step,
            f"Dropout takes units away in {len(taken)} layers one behind the other, "
            f"{percent(max(taken.values()))} in the one that takes most: of the ways through all "
            f"of them {percent(left)} are open in a step.",
            "Each layer's noise is multiplied by the next one's, and drowns what tells examples "
            "apart; in deep networks less is dropped, or in the last layers only.",
            (remade(view, "drop fewer", "dropout=0.1"),),
            {"left": left, "layers": float(len(taken))},
            EXPLAINS["dropout"],
        )
    ]
