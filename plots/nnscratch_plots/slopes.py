"""PReLU's learned slopes: how far each has drifted from where it began."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from nnscratch_plots import style
from nnscratch_plots.over_steps import MOST_LINES, draw_band
from nnscratch_plots.panels import picture
from nnscratch_plots.records import Record, Run, read_run
from nnscratch_plots.thinning import evenly

_MARKS = 8
_LEAST_ROOM = 0.05  # no axis is so narrow that rounding looks like drift
_NOTHING = "This network has no PReLU, or its slopes were not recorded."


def prelu_slopes(record: Record, *, ax: Axes | None = None) -> Axes:
    """Draw the mean slope of every PReLU over the steps; where it comes to it, lines at 0 and 1.

    At most six layers get a line, spread over the depth; a grey band spans all of them. Raises
    ConfigError naming the record and key for wrong keys or shapes.
    """
    run = read_run(record)
    title = "PReLU: mean slope on the negative side"
    return picture(ax, (8.6, 4.4), title, run.label, lambda ax: draw_slopes(ax, run))


def has_slopes(run: Run) -> bool:
    """Whether slopes of a PReLU were recorded."""
    return "params" in run and "param_mean" in run and bool(_slopes(run))


def _slopes(run: Run) -> list[int]:
    return np.flatnonzero(run.facts("param_roles") == "slope").tolist()


def draw_slopes(ax: Axes, run: Run) -> list[Artist]:
    """Draw them on prepared axes; returns what a legend needs."""
    if not has_slopes(run):
        return style.say_nothing(ax, _NOTHING)
    series = run.made("params", run.get("param_mean"), _slopes(run))
    values = np.where(np.isfinite(series.values), series.values, np.nan)
    chosen, handles = evenly(len(series.layers), MOST_LINES), list[Artist]()
    if len(chosen) < len(series.layers):
        handles.append(draw_band(ax, series.steps, values, 1))
    apart = max(1, len(series.steps) // _MARKS)
    for index, i in enumerate(chosen):
        looks = style.line_style(index, len(chosen), ax)
        looks["markevery"] = (index * apart // len(chosen), apart)
        label = style.plain(series.layers[i])
        handles += ax.plot(series.steps, values[:, i], label=label, **looks)
    known = values[~np.isnan(values)]
    if known.size:
        low, high = known.min(), known.max()
        room = max(_LEAST_ROOM - (high - low), 0.1 * (high - low)) / 2
        ax.set_ylim(low - room, high + room)
    for at in (0.0, 1.0):  # where they lie inside, and only there
        ax.axhline(at, color="0.3", linewidth=1.0, zorder=0.7, gid="reference")
    style.grid_up(ax)
    style.steps_across(ax)
    ax.set_ylabel("mean slope where x < 0")
    return handles
