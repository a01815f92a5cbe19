"""What is wrong with the loop around a network: no change of the network makes up for it."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.flow.findings.data.labels import held_out, moves
from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS, KINDS
from nnscratch.flow.findings.network import alike
from nnscratch.flow.findings.network.moving import put_back
from nnscratch.flow.findings.progress import ENOUGH
from nnscratch.flow.findings.view import View
from nnscratch_records import mistakes
from nnscratch_records.words import number, percent, plural

LOOKS = 3  # at least, of which the later half says that gradients are gone
KEPT = 0.1  # of the gradients' norm that was there before the pass: they were not cleared
_CARRIED, _CLEARED = "state carried", "gradients cleared too soon"
# Of a run that has learned they are forgotten.
_LEARNED_ALL_THE_SAME = (
    *(_CARRIED, "dropout", "output activation", "softmax over one unit"),
    _CLEARED,
)
_CERTAIN = (
    "broadcast loss",
    "batch taken for time",
    "softmax over the batch",
    "not log-probabilities",
    "several labels",
    "target values",
    "class weights by frequency",
    "examples mixed",
    "looks ahead",
    _CLEARED,
    "steps uphill",
    "unused losses",
    "unbounded loss",
    "targets not detached",
    "held-out inputs",
    "discriminator wins",
    _CARRIED,
)  # nobody does it on purpose
_IF_NOTHING_ELSE = (
    "words hidden",
    "padding read",
    "no positions",
    "data written over",
)  # of a run that learns they say nothing
_SEEN_IN_LAYERS = ("output activation",)  # and told of these
STILL = 1e-5  # updates over weights: by shorter ones nothing is learned
_IF_IT_MOVES = ("no positions",)  # else it learns nothing of any order for want of steps
AWAY = 0.02  # of a parameter's norm: another before a step than behind the one before it
SAME = 1e-5  # of a norm: rounding changes it by no more
OFTEN, ALWAYS = 2, 0.5  # times: once may be a checkpoint; of the steps: a constraint
# Of a run that explodes, another one needs no clip; tests do no harm to what is learned.
_AS_IT_BRINGS = ("clipped too soon", "training mode")
_ONCE_IT_STANDS = ("term outweighed",)
_HELD = "held-out inputs"
FAR_WORSE = 0.1  # of the way from a constant answer's loss to the least, held-out ones over the own


def find(view: View) -> list[Finding]:
    """Return what whoever watched the loop saw, and gradients that add up from step to step."""
    told = [one for one in mistakes.read(view.text("mistakes")) if one.kind in KINDS]
    p = view.progress
    silent: tuple[str, ...] = _IF_NOTHING_ELSE if p.learns else ()
    silent += _LEARNED_ALL_THE_SAME if p.learned else ()
    silent += _SEEN_IN_LAYERS if view.output_activation else ()
    silent += () if view.rows < ENOUGH or moves(view, STILL) else _IF_IT_MOVES
    silent += () if view.nan_alone else ("non-finite",)
    silent += (_CLEARED,) if view.incomparable else ()  # the passes of the other network's steps
    silent += () if _far_worse(view) else (_HELD,)
    if any(one.kind == "examples mixed" for one in told) and alike.fade(view):
        silent += ("examples mixed",)  # what is alike takes nothing along
    seen = [_finding(view, *one) for one in told if one.kind not in silent]
    kept = view.looks("gradient_kept")
    if len(kept) and view.rows and min(kept[len(kept) // 2 :]) > KEPT:
        now, torch = float(kept[-1]), view.text("framework") == "torch"
        seen += [
            _finding(
                view,
                "gradients not cleared",
                f"Each backward pass adds to what the steps before left in the gradients: "
                f"{percent(now)} of their norm was there already.",
                "So every update repeats all earlier ones, as a momentum that never fades.",
                "clear the gradients before each backward pass",
                "optimizer.zero_grad()" if torch else "model.grads.flat[:] = 0",
                kept=now,
            )
        ]
    return [*seen, *_lost(view), *_set_back(view)]


def _far_worse(view: View) -> bool:
    """Whether held-out examples are judged worse than the training's, and by far."""
    held, p = held_out(view), view.progress
    return bool(held - p.now > FAR_WORSE * p.room)


def between(view: View) -> tuple[Array, Array, Array]:
    """Return the norms of parameters that each update left, (rows - 1, parameters), those that the
    next one met, and the ones that the first one met, (1, parameters). NaN: not known, as where
    steps between two rows were not recorded.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        before = view.get("param_update_norm") / view.get("update_ratio")
    next_one = np.diff(view.steps[: view.rows]) == 1
    return view.get("param_norm")[:-1], np.where(next_one[:, None], before[1:], np.nan), before[:1]


def _set_back(view: View) -> list[Finding]:
    """Between one update and the next parameters became others: drawn anew, or loaded."""
    left, met, began = between(view)
    gap = np.abs(met - left)
    far = gap > AWAY * np.maximum(met, left)
    # However near: the beginning is met again, where no more than digits lie between.
    again = np.abs(met - began) <= SAME * began
    far |= again & (gap > 10 * SAME * left)
    times = np.flatnonzero(far.any(axis=1))
    none = (
        view.progress.learned
        or view.incomparable
        or any(put_back(view, c) for c in view.weight_params)
    )
    if not OFTEN <= len(times) < ALWAYS * view.rows or none:
        return []
    row, columns = times[0], np.flatnonzero(far[times[0]])
    more = f" (and {len(columns) - 1} more)" if columns[1:].size else ""
    return [
        _finding(
            view,
            "weights set back",
            f"Between steps the parameters become others than the update has left: "
            f"{plural(len(times), 'time')}, first before step {int(view.steps[row + 1])}, where "
            f"the norm of {view.record['params'][columns[0]]}{more} was "
            f"{number(float(left[row, columns[0]]), 3)} and is "
            f"{number(float(met[row, columns[0]]), 3)}.",
            "Weights are drawn anew, or loaded, inside the loop: what was learned is lost there.",
            "build the network and its optimizer once, before the loop over epochs",
            "",
            times=float(len(times)),
        )
    ]


def _lost(view: View) -> list[Finding]:
    """Gradients came back, and at the update nothing of them is there."""
    lost = view.looks("gradient_lost")
    if len(lost) < LOOKS or not view.rows or min(lost[len(lost) // 2 :]) < 1:
        return []
    came = float(np.median(np.sqrt(np.nansum(view.get("param_gradient_norm") ** 2, axis=1))))
    return [
        _finding(
            view,
            _CLEARED,
            f"Each backward pass leaves gradients, of norm {number(came)} in the middle of "
            f"{plural(view.rows, 'step')}, and at optimizer.step() none of them is left: every "
            f"parameter's is None or 0.",
            "They are cleared between backward() and step(), so no step follows any of them.",
            "move zero_grad() in front of backward(), or behind step()",
            "optimizer.zero_grad(); loss(model(x), y).backward(); optimizer.step()",
            came=came,
        )
    ]


def _finding(
    view: View, kind: str, seen: str, why: str, what: str, line: str, **numbers: float
) -> Finding:
    harm = "serious" if kind in _CERTAIN else view.harm
    if kind in _ONCE_IT_STANDS:  # that a loss of several terms falls says nothing of this one
        harm = "notice" if view.progress.falling else "serious"
    return Finding(
        kind,
        "notice" if kind in _AS_IT_BRINGS else harm,
        (),
        view.first_step,
        seen,
        why,
        (Advice(what, line),),
        numbers,
        EXPLAINS[kind],
        first=True,
    )
