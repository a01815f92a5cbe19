"""Runs that learn nothing: what their loss is worth, what was ruled out, what to look at next."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.flow.findings.columns import THROUGH_TIME
from nnscratch.flow.findings.cures import adaptive
from nnscratch.flow.findings.finding import NOT_YET, Advice, Finding, Shown
from nnscratch.flow.findings.view import View
from nnscratch_records.words import listed, number, percent

_NEAR = 0.01
_FEW = 20  # examples that any network should learn by heart


def state(view: View) -> str:
    """Return whether the run learns, in a sentence."""
    p = view.progress
    lost = _not_finite(view)
    if p.rows < 2 or math.isnan(p.share):
        return lost
    if lost:
        losses = view.record["loss"]
        return f"The loss began at {number(float(losses[np.isfinite(losses)][0]), 3)}. {lost}"
    first, now = number(p.first, 3), number(p.now, 3)
    fell = f"The loss goes from {first} to {now}" if first != now else f"The loss stands at {now}"
    if not p.known:
        return f"{fell}."
    if not p.share > 0:
        return f"{fell}; {_constant(view)}: {NOT_YET}."
    share = percent(min(1.0, p.share))
    made = (
        f"{share} of the way down is made" if p.now < p.first else f"it is {share} of the way below"
    )
    return f"{fell}; {_constant(view)}: {made}."


def _not_finite(view: View) -> str:
    """Return since when the loss is not finite, in a sentence; empty if it is, or is not seen."""
    known = np.flatnonzero(np.isfinite(view.record["loss"]))
    if not len(known) or known[-1] == len(view.steps) - 1:
        return ""
    before = f"It was {number(float(view.record['loss'][known[-1]]), 3)} the step before."
    return f"The loss is not finite since step {int(view.steps[known[-1] + 1])}. {before}"


def _constant(view: View) -> str:
    p = view.progress
    outputs = float(view.record["features"][-1])
    named = ""
    if view.latest("target_classes") == 2 and outputs > 1:
        same = abs(p.constant - math.log(outputs)) < _NEAR * p.constant
        named = f", ln {int(outputs)}" if same else ""
    return f"one and the same answer for all examples gives {number(p.constant, 3)}{named}"


def find(view: View, shown: Shown) -> list[Finding]:
    """Return that the run has learned nothing."""
    p = view.progress
    if not p.nothing or view.incomparable:
        return []
    stands = (
        f"The loss stands at {number(p.now, 3)}, and {_constant(view)}"
        if p.known
        else f"The loss has not fallen: {number(p.first, 3)} at the beginning, "
        f"{number(p.now, 3)} now"
    )
    out = _ruled_out(view, shown)
    told = [f"Ruled out: {'; '.join(out)}."] if out else []
    not_seen, look = unseen(view)
    cause = " ".join([*told, *not_seen])
    return [
        Finding(
            "does not learn",
            "serious",
            (),
            int(view.steps[view.now.start]),
            f"{stands}: in {view.rows:,} recorded steps nothing was learned.",
            cause,
            (*look, *adaptive(view), _by_heart(view)),
            {"loss": p.now, "constant": p.constant, "share": p.share},
        )
    ]


def unseen(view: View) -> tuple[list[str], list[Advice]]:
    """Return what nobody saw of recurrent modules of PyTorch, whose inside no hook gets to."""
    layers = [i for i, kind in enumerate(view.kinds) if kind in THROUGH_TIME]
    layers = [i for i in layers if view.roles[i] != "recurrent"]
    if not layers:
        return [], []
    told = []
    for i in layers:
        column, units = view.param(i, "recurrent_weight"), float(view.record["features"][i])
        if view.kinds[i] == "rnn" and column is not None:
            size = float(view.record["param_norm_initial"][column]) / math.sqrt(units)
            told.append(f"; the recurrent weights of {view.layers[i]} began with |U| / sqrt(units)")
            told.append(f" = {number(size)}, by about which a step back multiplies it at most")
            break
    names = listed(view.names(layers))
    seen = f"Not seen: what the gradient does through time, inside {names}{''.join(told)}."
    return [seen], [
        Advice(
            "see how many steps back it can learn, of a copy in this engine",
            "print(nnscratch.predict(nnscratch.pytorch.from_torch(model), x))",
        )
    ]


def _by_heart(view: View) -> Advice:
    batch = min(_FEW, int(view.get("batch_size")[0]))
    return Advice(
        f"see whether it learns {_FEW} examples by heart: if not the network is at fault, if so "
        f"the data are, or it needs more or longer steps",
        f"trainer.fit(x[:{_FEW}], y[:{_FEW}], epochs=500, batch_size={batch})",
    )


def _ruled_out(view: View, shown: Shown) -> list[str]:
    """Return what is as it should be, with its numbers."""
    out = []
    p = view.progress
    if p.told > 0:
        which = "a linear fit tells" if p.linear >= p.near else "the nearest neighbours tell"
        out.append(f"the labels ({which} {percent(p.told)} of the answers' variance)")
    if not {"vanishing", "exploding", "dead layer"} & set(shown) and len(view.weights) > 1:
        norms = view.get("gradient_norm")[view.now]
        ends = [float(np.median(norms[:, i])) for i in view.ends]
        if min(ends) > 0:
            out.append(f"the gradient (norm {number(ends[1])} at the top, {number(ends[0])} below)")
    if (
        not {"saturated", "dead units", "dead layer"} & set(shown)
        and view.hidden_activations
        and view.weights
    ):
        names = view.names([i for i in view.columns("activation") if i < view.weights[-1]])
        out.append(f"the units of {listed(names)}")
    sizes = view.typical_updates[view.now]
    if not np.isnan(sizes).all() and 1e-4 <= float(np.nanmedian(sizes)) <= 1e-2:
        out.append(f"the size of the updates ({number(float(np.nanmedian(sizes)))} of the weights)")
    return out
