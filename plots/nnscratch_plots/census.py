"""The census of units: alive, dead or saturated on the probe batch, who died and who came back."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nnscratch_plots import style
from nnscratch_plots.bars import percent_axis, stacked_bars
from nnscratch_plots.layer_ticks import label_layers_across
from nnscratch_plots.panels import Panel, picture, pictures
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Array, Record, Run, Series, Step, read_run
from nnscratch_plots.thinning import window_size

_LOOKS: dict[str, dict[str, Any]] = {
    "alive": {"facecolor": "#d9ece4", "edgecolor": "0.55"},
    "dead": {"facecolor": "black", "edgecolor": "white", "hatch": ".."},
    "saturated low": {"facecolor": style.COLORS[1], "edgecolor": "white", "hatch": "//"},
    "saturated high": {"facecolor": style.COLORS[6], "edgecolor": "white", "hatch": "\\\\"},
}
STATES = tuple(_LOOKS)
_MOST_BARS = 60
_NOTHING = "No census of units was recorded: it needs a probe batch."


def dead_units(record: Record, *, step: Step = "last", ax: Axes | None = None) -> Axes:
    """Draw the units of each activation at one census: alive, dead, saturated low and high.

    `step` is "first", "last" or the number of a step with a census. Raises ConfigError naming the
    record and key for wrong keys or shapes, or the step.
    """
    run = read_run(record)
    steps, layers, counts = run.census()
    title = "Units of each activation on the probe batch"
    row = -1
    if len(steps):
        row = Series(run.label, layers, steps, counts).row(step)
        title += f", step {steps[row]}"
    return picture(ax, (8.6, 4.6), title, run.label, lambda ax: _bars(ax, run, row))


def unit_turnover(record: Record, *, ax: Axes | None = None) -> Axes:
    """Draw how many units stopped being alive (up) and came back (down) from census to census.

    Raises ConfigError naming the record and key for wrong keys or shapes.
    """
    run = read_run(record)
    title = "Units that stopped and units that came back"
    return picture(ax, (8.6, 4.2), title, run.label, lambda ax: _turnover_bars(ax, run))


def dead_unit_figure(record: Record) -> Figure:
    """Draw the last census by layer, and beside it the units that stopped and came back.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    steps = run.census()[0]
    panels: list[Panel] = [
        (f"at the last census, step {max(steps, default=0)}", 1.25, lambda ax: _bars(ax, run, -1)),
        ("Units that stopped and units that came back", 1.0, lambda ax: _turnover_bars(ax, run)),
    ]
    heading = f"Dead and saturated units: {run.label}"
    reading = f"left: {READING['census']}. Right: {READING['turnover']}"
    return pictures((11.5, 4.0), heading, reading, panels, "" if len(steps) else _NOTHING)


def turnover(run: Run) -> tuple[Array, Array, Array]:
    """Census steps, and per census the units that stopped being alive and that came back."""
    steps, layers, _ = run.census()
    if not layers or len(steps) < 2:
        return steps, np.zeros(len(steps), dtype=int), np.zeros(len(steps), dtype=int)
    alive = run.alive()
    stopped = (alive[:-1] & ~alive[1:]).sum(axis=1)
    revived = (~alive[:-1] & alive[1:]).sum(axis=1)
    return steps, np.append(0, stopped), np.append(0, revived)


def _bars(ax: Axes, run: Run, row: int) -> list[Artist]:
    steps, _, counted = run.census()
    if not len(steps):
        return style.say_nothing(ax, _NOTHING)
    counts = counted[row]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    totals = dict(zip(STATES, counts.sum(axis=0).tolist(), strict=True))
    parts = {name: shares[:, i] for i, name in enumerate(STATES) if totals[name]}
    labels = {name: f"{name}: {totals[name]}" for name in parts}
    handles, _, _ = stacked_bars(ax, len(counts), parts, _LOOKS, labels)
    label_layers_across(ax, [run.made("census_layers", counts.T)])
    percent_axis(ax)
    ax.set_ylabel("share of the units")
    return handles


def _turnover_bars(ax: Axes, run: Run) -> list[Artist]:
    steps, stopped, revived = turnover(run)
    if len(steps) < 2:
        return style.say_nothing(ax, "That takes two censuses or more.")
    if not (stopped.any() or revived.any()):
        text = f"No unit stopped being alive or came back in {len(steps)} censuses."
        return style.say_nothing(ax, text)
    window = window_size(len(steps), _MOST_BARS)
    starts = np.arange(0, len(steps), window)
    stopped, revived = (np.add.reduceat(counts, starts) for counts in (stopped, revived))
    steps = steps[starts]
    width = 0.8 * float(np.diff(steps).min())
    handles: list[Artist] = []
    for name, heights, looks in (
        ("stopped", stopped, _LOOKS["dead"]),
        ("revived", -revived, {"facecolor": style.COLORS[3], "edgecolor": "white"}),
    ):
        looks = {**looks, "linewidth": 0}
        ax.bar(steps, heights, width, gid=name, **looks)
        words = "stopped being alive" if name == "stopped" else "came back"
        handles.append(Patch(label=f"{words}: {abs(int(heights.sum()))}", **looks))
    most = max(1, int(stopped.max()), int(revived.max()))
    ax.set_ylim(-1.1 * most, 1.1 * most)
    ax.axhline(0, color="0.4", linewidth=0.8)
    ax.yaxis.set_major_locator(style.step_ticks())
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    style.grid_up(ax)
    style.steps_across(ax, "training step of the census")
    ax.set_ylabel("units" if window == 1 else f"units, in {window} censuses")
    return handles
