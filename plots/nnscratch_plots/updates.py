"""Update-to-weight ratios: how far each step moves the weights, layer by layer."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nnscratch_plots import style
from nnscratch_plots.axes import HonestLogAxis, axis_label
from nnscratch_plots.layer_ticks import label_layers_across
from nnscratch_plots.over_steps import draw_over_steps
from nnscratch_plots.panels import Panel, picture, pictures
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Layers, Record, Series, Step, read_run
from nnscratch_records import FIELDS
from nnscratch_records.limits import LEAST_UPDATE, MOST_UPDATE, UPDATE

_TITLE = FIELDS["update_ratio"].title
_NOTHING = "No parameters were recorded."


def update_ratios(
    record: Record,
    *,
    step: Step | None = None,
    layers: Layers = "weights",
    ax: Axes | None = None,
) -> Axes:
    """Draw ‖ΔW‖ / ‖W‖ of the weights over the steps, with the line at 1e-3 and its usual band.

    At most six layers get a line, spread over the depth; a grey band spans all of them. With `step`
    ("first", "last" or a number) the ratios of that step are drawn over the layers instead. NaN
    stands for steps without an update and for weights that are not finite. Raises ConfigError
    naming the record and key for wrong keys or shapes.
    """
    series = read_run(record).series("update_ratio", layers)
    title = f"{_TITLE} during training"
    if step is None:
        return picture(ax, (8.6, 4.8), title, series.label, partial(_over_steps, series=series))
    row = series.row(step)
    title = f"{_TITLE}, step {series.steps[row]}"
    draw = partial(_over_layers, series=series, row=row)
    return picture(ax, (8.6, 4.8), title, series.label, draw)


def update_ratio_figure(record: Record, *, layers: Layers = "weights") -> Figure:
    """Draw the update-to-weight ratios over the steps, and by layer at the last finite step.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    series = run.series("update_ratio", layers)
    heading = f"{_TITLE}: {series.label}"
    row = run.row("finite")
    panels: list[Panel] = [
        ("during training", 1.25, partial(_over_steps, series=series)),
        ("by layer", 1.0, partial(_over_layers, series=series, row=row)),
    ]
    nothing = "" if series.layers else _NOTHING
    return pictures((11.5, 4.2), heading, READING["updates"], panels, nothing)


def _over_steps(ax: Axes, series: Series) -> list[Artist]:
    if not series.layers:
        return style.say_nothing(ax, _NOTHING)
    handles = draw_over_steps(ax, series, what="ratio", shown=(LEAST_UPDATE, MOST_UPDATE))
    ax.set_ylabel(axis_label(ax, "update_ratio"))
    return [*handles, mark_usual(ax)]


def _over_layers(ax: Axes, series: Series, row: int) -> list[Artist]:
    if not series.layers:
        return style.say_nothing(ax, _NOTHING)
    values = series.values[row]
    scale = HonestLogAxis([values, np.array([LEAST_UPDATE, MOST_UPDATE])])
    scale.apply(ax)
    line = scale.draw(ax, 0, np.arange(1, len(values) + 1), values)
    line.set_label(f"step {series.steps[row]}")
    label_layers_across(ax, [series])
    ax.set_ylabel(axis_label(ax, "update_ratio"))
    return [line, mark_usual(ax)]


def mark_usual(ax: Axes) -> Patch:
    """Draw the usual band and its line; returns what a legend needs."""
    looks: dict[str, Any] = {"color": style.COLORS[3], "alpha": 0.16, "linewidth": 0}
    ax.axhspan(LEAST_UPDATE, MOST_UPDATE, zorder=0.2, gid="usual", **looks)
    ax.axhline(UPDATE, color=style.COLORS[3], linewidth=1.4, zorder=0.6, gid="line")
    return Patch(label=f"{LEAST_UPDATE:g} to {MOST_UPDATE:g}", **{**looks, "alpha": 0.4})
