"""The gradient at every block with a skip connection: what arrives, and which way it goes on."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import LEAST_DECADES, HonestLogAxis, axis_label, label_layers_across
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Array, Record, Run, Series, Step, read_run

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
    marked in strips. Raises ValueError naming the record and key for wrong keys or shapes.
    """
    run = read_run(record)
    with style.drawing_on(ax, 8.6, 4.4) as ax:
        title = f"{_TITLE}, {run.when(step)}\n{style.wrapped(run.label, 70)}"
        if not lanes(run):
            return style.say_nothing_to_draw(ax, title, _NOTHING)
        style.legend_above(ax, title, _draw([ax], run, [run.row(step)]))
    return ax


def block_gradient_figure(record: Record) -> Figure:
    """Draw the gradient at each block at the first and at the last finite step, on one scale.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    heading = f"{_TITLE}: {run.label}"
    body = 4.2 if lanes(run) else 1.2
    with style.explained_figure(11.5, body, heading, READING["blocks"]) as figure:
        if not lanes(run):
            style.say_nothing_to_draw(figure.subplots(), "", _NOTHING)
            return figure
        panels = [style.prepared(ax) for ax in figure.subplots(1, 2, sharey=True)]
        handles = _draw(panels, run, [0, run.row("finite")])
        style.legend_above(panels[0], run.when("first"), handles)
        style.legend_above(panels[1], run.when("finite"), [])
        panels[1].set_ylabel("")
    return figure


def lanes(run: Run) -> dict[str, tuple[tuple[str, ...], list[int]]]:
    """By kind of `LANES`: the blocks that have such a layer, and its column; empty without any."""
    kinds, blocks = run.facts("kinds").tolist(), run.facts("blocks").tolist()
    found = {}
    for lane in LANES:
        columns = [i for i, kind in enumerate(kinds) if kind == lane and blocks[i]]
        found[lane] = (tuple(blocks[i] for i in columns), columns)
    return found if all(columns for _, columns in found.values()) else {}


def _draw(panels: list[Axes], run: Run, rows: list[int]) -> list[Artist]:
    norms, found = run.get("gradient_norm"), lanes(run)
    order = found["sum"][0]
    lines: dict[str, list[Array]] = {}
    for lane, (blocks, columns) in found.items():
        at = dict(zip(blocks, columns, strict=True))
        lines[lane] = [
            np.array([norms[row, at[block]] if block in at else np.nan for block in order])
            for row in rows
        ]
    scale = HonestLogAxis([np.concatenate(parts) for parts in lines.values()], least=LEAST_DECADES)
    handles: list[Artist] = []
    for panel, ax in enumerate(panels):
        scale.apply(ax)
        drawn = []
        for index, (lane, parts) in enumerate(lines.items()):
            line = scale.draw(ax, index, np.arange(1.0, len(order) + 1), parts[panel])
            line.set_label(LANES[lane])
            drawn.append(line)
        handles = handles or list(drawn)
        label_layers_across(ax, [Series(run.label, order, run.steps, norms)])
        ax.set_xlabel("block (input side on the left)")
        ax.set_ylabel(axis_label(ax, "gradient_norm"))
    return handles
