"""What is wrong with the loop around a network: no change of the network makes up for it."""

from __future__ import annotations

from nnscratch.flow.findings.finding import Advice, Finding
from nnscratch.flow.findings.graph import EXPLAINS, KINDS
from nnscratch.flow.findings.view import View
from nnscratch_records.words import percent

KEPT = 0.1  # of the gradients' norm that was there before the pass: they were not cleared
_CERTAIN = (
    "broadcast loss",
    "batch taken for time",
    "not log-probabilities",
    "several labels",
    "examples mixed",
    "looks ahead",
)  # nobody does it on purpose
_FIELDS = 5  # of a line of the record's `mistakes`


def find(view: View) -> list[Finding]:
    """Return what whoever watched the loop saw, and gradients that add up from step to step."""
    lines = [line.split("\t") for line in view.text("mistakes").splitlines()]
    told = [line for line in lines if len(line) == _FIELDS and line[0] in KINDS]
    seen = [_finding(view, *line) for line in told]
    kept = view.looks("gradient_kept")
    if len(kept) and view.rows and min(kept[len(kept) // 2 :]) > KEPT:
        now = float(kept[-1])
        seen += [
            _finding(
                view,
                "gradients not cleared",
                f"Each backward pass adds to what the steps before left in the gradients: "
                f"{percent(now)} of their norm was there already.",
                "So every update repeats all earlier ones, as a momentum that never fades.",
                "clear the gradients before each backward pass",
                "optimizer.zero_grad()",
                kept=now,
            )
        ]
    return seen


def _finding(
    view: View, kind: str, seen: str, why: str, what: str, line: str, **numbers: float
) -> Finding:
    return Finding(
        kind,
        "serious" if kind in _CERTAIN else view.harm,
        (),
        view.first_step,
        seen,
        why,
        (Advice(what, line),),
        numbers,
        EXPLAINS[kind],
        first=True,
    )
