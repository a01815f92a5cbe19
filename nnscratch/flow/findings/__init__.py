"""Findings: what a record says is wrong, what causes it, and the one change to begin with.

What a run shows (`stability`, `gradient`, `units`, `updates`, `learning`) is told apart from what
can cause it, in three rooms: the `data`, the `network`, its `training`. `recurrent` does both for
layers through time; `graph` says what causes what, and puts consequences under their cause.
All thresholds stand at the top of their files, with cases on both sides of each in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnscratch.flow.findings import learning
from nnscratch.flow.findings.data import flaws, labels, meant, scales
from nnscratch.flow.findings.finding import SEVERITIES, Advice, Finding, Findings
from nnscratch.flow.findings.graph import KINDS, arrange
from nnscratch.flow.findings.network import gradient, moving, output, shape, units, weights
from nnscratch.flow.findings.optimizer import with_one
from nnscratch.flow.findings.recurrent import through_time
from nnscratch.flow.findings.recurrent.sequences import for_sequences
from nnscratch.flow.findings.together import with_others
from nnscratch.flow.findings.torch_lines import in_torch
from nnscratch.flow.findings.training import (
    held,
    memory,
    overfitting,
    shrunk,
    stability,
    step_size,
    updates,
    wiring,
)
from nnscratch.flow.findings.view import View
from nnscratch_records import Record
from nnscratch_records.words import plural

__all__ = ["KINDS", "SEVERITIES", "Advice", "Finding", "Findings", "find"]

_EQUAL = frozenset({"symmetric units"})  # with these nothing more is to be said of the weights


@np.errstate(all="ignore")  # of a run that exploded in float64 squares are beyond all numbers
def find(record: Record) -> Findings:
    """Return the `Findings` of a record. Raises `RecordError` for one that does not fit."""
    view = View(record)
    symptoms = [
        finding for family in (stability, gradient, units, updates) for finding in family.find(view)
    ]
    symptoms += through_time.find_symptoms(view)
    shown = {finding.kind: finding for finding in symptoms}
    symptoms += learning.find(view, shown)
    shown = {finding.kind: finding for finding in symptoms}
    families = (wiring, scales, meant, output, held, memory, moving)
    causes = [one for family in families for one in family.find(view)]
    causes += flaws.find(view, shown)
    causes += through_time.find_causes(view, shown)
    if not _EQUAL & {one.kind for one in causes}:
        causes += weights.find(view, shown)
    causes += shape.find(view, shown, [one.kind for one in causes])
    causes += shrunk.find(view, shown)
    holding = [one.kind for one in causes if one.explains]  # what explains nothing holds nothing up
    causes += step_size.find(view, shown, holding)
    causes += overfitting.find(view)
    causes = labels.last_resort(causes)
    causes = flaws.last_resort(view, shown, causes)
    found: Sequence[Finding] = with_one(arrange([*symptoms, *causes]))
    found = with_others(found, view)
    found = for_sequences(found, view)
    if view.text("framework") == "torch":
        found = in_torch(found, view)
    return Findings(tuple(found), str(view.record["label"]), _scope(view), learning.state(view))


def _scope(view: View) -> str:
    steps = len(view.steps)
    text = (
        f"Read: {plural(steps, 'recorded step')}, {int(view.steps[0])} to {int(view.steps[-1])}, "
        f"of {plural(len(view.layers), 'layer')}."
    )
    if view.rectifiers and not units.census(view):
        by = "watch" if view.text("framework") else "GradientFlow"
        text += f" Dead units were not counted: give {by} a probe batch for that."
    opaque = [view.layers[i] for i in view.columns("opaque")]
    if opaque:
        more = f" and {plural(len(opaque) - 1, 'more layer')}" if opaque[1:] else ""
        text += f" It is not known what {opaque[0]}{more} {'do' if more else 'does'}."
    note = str(view.record.get("note", ""))
    return f"{text} {note}" if note else text
