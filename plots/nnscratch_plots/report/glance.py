"""A run in a few sentences with numbers: what a reader sees before any picture."""

from __future__ import annotations

import numpy as np

from nnscratch_plots.records import Array, Run
from nnscratch_records import field_named
from nnscratch_records.limits import verdict
from nnscratch_records.words import number, plural

NEEDED = ("label", "layers", "steps", "loss", "gradient_norm")
_MARKED = ("gradient_norm", "output_std", "update_ratio")


def glance(run: Run) -> list[str]:
    """Sentences on the loss, on the gradient from end to end, and on every marked value."""
    first, last = run.steps[0], run.steps[-1]
    loss = run.get("loss")
    said = f"{_steps(len(run.steps))} of {plural(len(run.layers), 'layer')}; "
    said += f"loss {number(loss[0])} at step {first}"
    said += f", {number(loss[-1])} at step {last}." if len(loss) > 1 else "."
    return [said, _from_end_to_end(run), *_marked(run)]


def _from_end_to_end(run: Run) -> str:
    series, ratio = run.series("gradient_norm"), run.ratio_of_ends()
    first, last = series.layers[0], series.layers[-1]
    if not np.isfinite(series.values).all(axis=1).any():
        return "No step has finite gradients at every layer."
    if np.isnan(ratio):
        return f"The gradient at the last layer ({last}) is exactly 0 at some steps."
    said = "" if len(series.layers) == 1 else f", which is {verdict(ratio)}"
    return (
        f"The back-propagated gradient at the first layer ({first}) is {number(ratio)} times that "
        f"at the last ({last}), median over the steps with finite gradients{said}."
    )


def _marked(run: Run) -> list[str]:
    """What the pictures mark in flat colours, counted and named."""
    said = []
    loss = run.get("loss")
    bad = np.flatnonzero(~np.isfinite(loss))
    if bad.size:
        said.append(
            f"Loss not finite at {_steps(bad.size)}; the first is step "
            f"{run.steps[bad[0]]} ({number(loss[bad[0]])})."
        )
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
    names = [run.layers[column] for column in columns[mask[row]]]
    # What goes wrong in the output goes on forward, in the gradient backward: name both ends.
    shown = ", ".join(names) if len(names) <= 3 else f"{names[0]} to {names[-1]} ({len(names)})"
    times = int(mask.sum())
    return (
        f"{what} {plural(times, 'time')}, at "
        f"{_steps(mask.any(axis=1).sum())}; the first is step {run.steps[row]}, at {shown}."
    )


def _steps(count: int) -> str:
    return plural(count, "recorded step")
