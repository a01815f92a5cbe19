"""A run in a few sentences with numbers: what a reader sees before any picture."""

from __future__ import annotations

import numpy as np

from nnscratch_plots.records import Array
from nnscratch_plots.report.reading import Run

_NAMES = {
    "gradient_norm": "gradient",
    "output_std": "output",
    "update_ratio": "update",
}


def glance(run: Run) -> list[str]:
    """Sentences on the loss, on the gradient from end to end, and on every marked value."""
    first, last = run.steps[0], run.steps[-1]
    said = f"{_steps(len(run.steps))} of {len(run.layers)} layers; "
    if len(run.steps) == 1:
        said += f"loss {number(run.loss[0])} at step {first}."
    else:
        said += (
            f"loss {number(run.loss[0])} at step {first}, {number(run.loss[-1])} at step {last}."
        )
    return [said, _from_end_to_end(run), *_marked(run)]


def number(value: float) -> str:
    """Four digits, as the page's script writes numbers."""
    value = float(value)
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:#.4g}".rstrip(".")
    digits, exponent = f"{value:.3e}".split("e")
    return f"{digits}e{int(exponent):+d}"


def ratio_of_ends(run: Run) -> float:
    """Gradient norm at the first layer over that at the last: the median over finite steps.

    NaN where no step is finite or the last layer's is 0.
    """
    usable = _usable(run)
    if not len(usable) or not usable[:, -1].all():
        return float("nan")
    return float(np.median(usable[:, 0] / usable[:, -1]))


def _usable(run: Run) -> Array:
    norms = run.quantities["gradient_norm"].values
    return norms[np.isfinite(norms).all(axis=1)]


def _from_end_to_end(run: Run) -> str:
    usable = _usable(run)
    first, last = run.layers[0], run.layers[-1]
    if not len(usable):
        return "No step has finite gradients at every layer."
    if not usable[:, -1].all():
        return f"The gradient at the last layer ({last}) is exactly 0 at some steps."
    return (
        f"The back-propagated gradient at the first layer ({first}) is "
        f"{number(ratio_of_ends(run))} times "
        f"that at the last ({last}), median over the steps with finite gradients."
    )


def _marked(run: Run) -> list[str]:
    """What the pictures mark in flat colours, counted and named."""
    said = []
    bad = np.flatnonzero(~np.isfinite(run.loss))
    if bad.size:
        said.append(
            f"Loss not finite at {_steps(bad.size)}; the first is step "
            f"{run.steps[bad[0]]} ({number(run.loss[bad[0]])})."
        )
    for key, name in _NAMES.items():
        if key not in run.quantities:
            continue
        measured = run.quantities[key]
        values = measured.values
        kinds = {"infinite": np.isinf(values), "NaN": np.isnan(values), "exactly 0": values == 0}
        if key == "update_ratio":  # NaN: a step without an update
            del kinds["NaN"]
        for kind, mask in kinds.items():
            if mask.any():
                said.append(_where(run, f"{name} {kind}", mask, measured.columns))
    return said


def _where(run: Run, what: str, mask: Array, columns: Array) -> str:
    row = int(mask.any(axis=1).argmax())
    names = [run.layers[column] for column in columns[mask[row]]]
    # What goes wrong in the output goes on forward, in the gradient backward: name both ends.
    shown = ", ".join(names) if len(names) <= 3 else f"{names[0]} to {names[-1]} ({len(names)})"
    times = int(mask.sum())
    return (
        f"{what[0].upper()}{what[1:]} {times:,} {'time' if times == 1 else 'times'}, at "
        f"{_steps(mask.any(axis=1).sum())}; the first is step {run.steps[row]}, at {shown}."
    )


def _steps(count: int) -> str:
    return f"{count:,} recorded step{'' if count == 1 else 's'}"
