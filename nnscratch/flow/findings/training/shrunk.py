"""Steps that an epsilon shrinks: what adaptive optimizers divide by is most of all that one."""

from __future__ import annotations

import math
import re

import numpy as np

from nnscratch.flow.findings import rates
from nnscratch.flow.findings.finding import Advice, Finding, Shown
from nnscratch.flow.findings.graph import EXPLAINS
from nnscratch.flow.findings.optimizer import optimizer_python
from nnscratch.flow.findings.progress import ENOUGH
from nnscratch.flow.findings.torch_lines import optimizer_line
from nnscratch.flow.findings.view import View
from nnscratch_records.words import number, percent

SHARE = 0.1  # of a step, that epsilon leaves
LOOKS = 3  # at least, of which the later half says so
BRISK = 1e-3  # updates over weights: no short steps, whatever made them
_USUAL = {"Adagrad": 1e-10}
_OTHERS = 1e-8
_BELOW = 100.0  # times below the gradients: then it is felt no more
_EPSILON = re.compile(r"\b(eps|epsilon)=([0-9.e+-]+)")
# The gradient is as small as that: no epsilon makes up for it.
_FADED = frozenset({"vanishing", "dead layer", "non-finite", "diverged"})


def find(view: View, shown: Shown) -> list[Finding]:
    """Return that epsilon leaves little of the steps of a run that is not done."""
    shares, p = view.looks("step_share"), view.progress
    if len(shares) < LOOKS or not view.rows or not view.weight_params:
        return []
    share = float(np.median(shares[len(shares) // 2 :]))
    size = view.typical_updates[view.now]
    brisk = np.isnan(size).all() or float(np.nanmedian(size)) >= BRISK
    if not share < SHARE or brisk or p.learned or _FADED & set(shown):
        return []
    name, rate = rates.optimizer_name(view), rates.rate_at(view)
    given = _EPSILON.search(view.text("optimizer"))
    usual = _USUAL.get(name, _OTHERS)
    epsilon = float(given[2]) if given else usual
    root = epsilon * share / (1 - share)
    advised = usual if usual * _BELOW <= root else rates.rounded(root / _BELOW)
    made = float(view.steps[view.rows - 1] - view.steps[0]) + 1
    slow = view.rows >= ENOUGH and (p.nothing or p.steps_left > made)
    return [
        Finding(
            "epsilon",
            "serious" if slow else "notice",
            (),
            view.first_step,
            f"The epsilon of {name} leaves {percent(share)} of each step: it is "
            f"{number(epsilon)}, and the gradients have a root mean square of {number(root)} in "
            f"the middle of the layers.",
            f"Steps are divided by that root and epsilon together. Where epsilon is most of it, "
            f"they are those of plain descent with the rate {number(rate / epsilon)}.",
            (Advice(f"take an epsilon of {advised:g}", _line(view, advised)),),
            {"share": share, "epsilon": epsilon, "root": root},
            EXPLAINS["epsilon"],
        )
    ]


def _line(view: View, epsilon: float) -> str:
    if not math.isfinite(epsilon):
        return ""
    text = view.text("optimizer")
    if view.text("framework") == "torch":
        return optimizer_line(view, eps=f"{epsilon:g}")
    made = optimizer_python(_EPSILON.sub(f"epsilon={epsilon:g}", text))
    return f"optimizer = {made}" if made else ""
