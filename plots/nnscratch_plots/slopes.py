"""PReLU's learned slopes: how far each has drifted from where it began."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from nnscratch_plots import style
from nnscratch_plots.records import Record, Run, Series, read_run
from nnscratch_plots.thinning import evenly

_MOST_LINES, _MARKS = 6, 8
_LEAST_ROOM = 0.05  # no axis is so narrow that rounding looks like drift
_NOTHING = "This network has no PReLU, or its slopes were not recorded."


def prelu_slopes(record: Record, *, ax: Axes | None = None) -> Axes:
    """Draw the mean slope of every PReLU over the steps; where it comes to it, lines at 0 and 1.

    At most six layers get a line, spread over the depth; a grey band spans all of them. Raises
    ValueError naming the record and key for wrong keys or shapes.
    """
    run = read_run(record)
    title = f"PReLU: mean slope on the negative side\n{style.wrapped(run.label, 70)}"
    with style.drawing_on(ax, 8.6, 4.4) as ax:
        if not has_slopes(run):
            return style.say_nothing_to_draw(ax, title, _NOTHING)
        style.legend_above(ax, title, draw_slopes(ax, run))
    return ax


def has_slopes(run: Run) -> bool:
    """Whether slopes of a PReLU were recorded."""
    return "params" in run and "param_mean" in run and bool(_slopes(run))


def _slopes(run: Run) -> list[int]:
    return np.flatnonzero(run.facts("param_roles") == "slope").tolist()


def draw_slopes(ax: Axes, run: Run) -> list[Artist]:
    """Draw them on prepared axes; returns what a legend needs."""
    columns, names = _slopes(run), run.names("params")
    values = run.get("param_mean")[:, columns]
    values = np.where(np.isfinite(values), values, np.nan)
    series = Series(run.label, tuple(names[i] for i in columns), run.steps, values)
    chosen, handles = evenly(len(columns), _MOST_LINES), list[Artist]()
    if len(chosen) < len(columns):
        looks: dict[str, Any] = {"color": "0.5", "alpha": 0.25, "linewidth": 0}
        low, high = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
        handles.append(ax.fill_between(series.steps, low, high, gid="band", zorder=1, **looks))
        handles[-1].set_label(f"all {len(columns)}")
    apart = max(1, len(series.steps) // _MARKS)
    for index, i in enumerate(chosen):
        looks = style.line_style(index, len(chosen), ax)
        looks["markevery"] = (index * apart // len(chosen), apart)
        (line,) = ax.plot(series.steps, values[:, i], label=style.plain(series.layers[i]), **looks)
        handles.append(line)
    known = values[~np.isnan(values)]
    if known.size:
        low, high = known.min(), known.max()
        room = max(_LEAST_ROOM - (high - low), 0.1 * (high - low)) / 2
        ax.set_ylim(low - room, high + room)
    for at in (0.0, 1.0):  # where they lie inside, and only there
        ax.axhline(at, color="0.3", linewidth=1.0, zorder=0.7, gid="reference")
    ax.grid(axis="y", **style.GRID)
    ax.xaxis.set_major_locator(style.step_ticks())
    ax.set_xlabel("training step")
    ax.set_ylabel("mean slope where x < 0")
    return handles
