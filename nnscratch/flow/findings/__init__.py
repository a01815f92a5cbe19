"""Findings: what a record says is wrong, where, since when, why, and what cures it.

Each family looks at one side of a record. All thresholds stand at the top of the families' files;
they were chosen on the labelled runs of `nnscratch.experiments.faults`, and are measured on other
seeds of them.
"""

from __future__ import annotations

from nnscratch.errors import DataError
from nnscratch.flow.findings import data, gradient, stability, units, updates
from nnscratch.flow.findings.finding import KINDS, SEVERITIES, Finding, Findings, arrange
from nnscratch.flow.findings.view import View
from nnscratch.flow.findings.words import plural
from nnscratch.flow.records import Record

__all__ = ["KINDS", "SEVERITIES", "Finding", "Findings", "find"]

_FAMILIES = (stability, gradient, units, updates, data)


def find(record: Record) -> Findings:
    """Return the `Findings` of a record. Raises `DataError` for a record without a step."""
    if not len(record["steps"]):
        raise DataError(f"the record of {record['label']} holds no step: there is nothing to read")
    view = View(record)
    found = [finding for family in _FAMILIES for finding in family.find(view)]
    return Findings(arrange(found), str(record["label"]), _scope(view))


def _scope(view: View) -> str:
    steps = len(view.steps)
    text = (
        f"Read: {plural(steps, 'recorded step')}, {int(view.steps[0])} to {int(view.steps[-1])}, "
        f"of {plural(len(view.layers), 'layer')}."
    )
    if not len(view.record["census_steps"]) and "relu" in view.kinds:
        text += " Dead units were not counted: give GradientFlow a probe batch for that."
    note = str(view.record.get("note", ""))
    return f"{text} {note}" if note else text
