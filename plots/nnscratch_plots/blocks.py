"""The gradient at every block with a skip connection: what arrives, and which way it goes on."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import LEAST_DECADES, HonestLogAxis, axis_label
from nnscratch_plots.layer_ticks import label_layers_across
from nnscratch_plots.panels import Panel, picture, pictures
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Record, Run, Series, Step, read_run

# What arrives at a block's output, and what leaves it below, by the kind of layer that has it.
LANES = {
    "sum": "arrives at the block",
    "branch": "goes down its branch",
    "skip": "goes down its skip connection",
}
_TITLE = "Gradient at each block"
_NOTHING = "This network has no blocks with a skip connection."


def block_gradients(record: Record, *, step: Step = "last", ax: Axes | None = None) -> Axes:
    """Draw the norm of the gradient that arrives at each block, of its branch and of its skip.

    `step` is "first", "last", "finite" or a recorded step number. Values of 0, infinity and NaN are
    marked in strips. Raises ConfigError naming the record and key for wrong keys or shapes.
    """
    run = read_run(record)
    title, row = f"{_TITLE}, {run.when(step)}", run.row(step)
    return picture(ax, (8.6, 4.4), title, run.label, lambda ax: _draw(ax, run, row, [row]))


def block_gradient_figure(record: Record) -> Figure:
    """Draw the gradient at each block at the first and at the last finite step, on one scale.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    heading = f"{_TITLE}: {run.label}"
    rows = [0, run.row("finite")]
    panels: list[Panel] = [
        (run.when(step), 1.0, partial(_draw, run=run, row=row, rows=rows))
        for step, row in zip(("first", "finite"), rows, strict=True)
    ]
    nothing = "" if lanes(run) else _NOTHING
    return pictures((11.5, 4.2), heading, READING["blocks"], panels, nothing, sharey=True)


def lanes(run: Run) -> dict[str, tuple[tuple[str, ...], list[int]]]:
    """By kind of `LANES`: the blocks that have such a layer, and its column; empty without any."""
    kinds, blocks = run.facts("kinds").tolist(), run.facts("blocks").tolist()
    found = {}
    for lane in LANES:
        columns = [i for i, kind in enumerate(kinds) if kind == lane and blocks[i]]
        found[lane] = (tuple(blocks[i] for i in columns), columns)
    return found if all(columns for _, columns in found.values()) else {}


def _draw(ax: Axes, run: Run, row: int, rows: list[int]) -> list[Artist]:
    """Draw the lanes at a row, on a scale that has room for them at all `rows`."""
    norms, found = run.get("gradient_norm"), lanes(run)
    if not found:
        return style.say_nothing(ax, _NOTHING)
    order = found["sum"][0]
    columns = [
        [dict(zip(*found[lane], strict=True)).get(block, -1) for block in order] for lane in LANES
    ]
    padded = np.column_stack([norms, np.full(len(norms), np.nan)])  # -1: a block without the lane
    scale = HonestLogAxis([padded[rows][:, of].ravel() for of in columns], least=LEAST_DECADES)
    scale.apply(ax)
    handles: list[Artist] = []
    for index, (lane, of) in enumerate(zip(LANES, columns, strict=True)):
        line = scale.draw(ax, index, np.arange(1.0, len(order) + 1), padded[row, of])
        line.set_label(LANES[lane])
        handles.append(line)
    label_layers_across(ax, [Series(run.label, order, run.steps, norms)])
    ax.set_xlabel("block (input side on the left)")
    ax.set_ylabel(axis_label(ax, "gradient_norm"))
    return handles
