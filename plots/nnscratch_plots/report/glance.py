"""A run in a few sentences with numbers: what a reader sees before any picture."""

from __future__ import annotations

import numpy as np

from nnscratch_plots.records import Array, Run
from nnscratch_plots.sentences import facts, from_end_to_end, shows
from nnscratch_records import field_named
from nnscratch_records.words import listed, plural

NEEDED = ("label", "layers", "steps", "loss", "gradient_norm")
_MARKED = ("gradient_norm", "output_std", "update_ratio")


def glance(run: Run) -> list[str]:
    """Sentences on the record, the loss, the gradient from end to end, and every marked value."""
    return [
        facts(run),
        f"{field_named('loss').title}: {shows(run, 'loss')}",
        f"{field_named('gradient_norm').title}: {from_end_to_end(run)}",
        *_marked(run),
    ]


def _marked(run: Run) -> list[str]:
    """What the pictures mark in flat colours, counted and named."""
    said = []
    for key in filter(run.has, _MARKED):
        values, columns = run.by_layer(key)
        kinds = {"infinite": np.isinf(values), "NaN": np.isnan(values), "exactly 0": values == 0}
        if key == "update_ratio":  # NaN: a step without an update
            del kinds["NaN"]
        for kind, mask in kinds.items():
            if mask.any():
                said.append(_where(run, f"{field_named(key).title} {kind}", mask, columns))
    return said


def _where(run: Run, what: str, mask: Array, columns: Array) -> str:
    row = int(mask.any(axis=1).argmax())
    # What goes wrong in the output goes on forward, in the gradient backward: name both ends.
    names = listed([run.layers[column] for column in columns[mask[row]]])
    steps = plural(int(mask.any(axis=1).sum()), "recorded step")
    times = plural(int(mask.sum()), "time")
    return f"{what} {times}, at {steps}; the first is step {run.steps[row]}, at {names}."
