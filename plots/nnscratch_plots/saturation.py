"""Saturation: the share of each activation's outputs that sit at an end of its range."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import NAMES
from nnscratch_plots.bars import hatched_bars, percent_axis, stacked_bars
from nnscratch_plots.heatmap import draw_shares
from nnscratch_plots.layer_ticks import label_layers_across
from nnscratch_plots.panels import Panel, picture, pictures
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Record, Run, Series, Step, read_run
from nnscratch_plots.slopes import draw_slopes, has_slopes

LOOKS: dict[str, dict[str, Any]] = {
    "low": {"facecolor": style.COLORS[1], "edgecolor": "white", "hatch": "//"},
    "high": {"facecolor": style.COLORS[6], "edgecolor": "white"},
}
_NOTHING = "No activation of this network has an end at which it saturates."


def saturation(record: Record, *, step: Step | None = None, ax: Axes | None = None) -> Axes:
    """Draw the share of saturated outputs: layers (up) by steps (across), as colour.

    With `step` ("first", "last", "finite" for the last step at which all was finite,
    or a number), instead: bars by layer at that step, the low end (for
    ReLU: zeros) below, the high end on top of it. Only layers that can saturate are drawn. NaN gets
    a flat hatch, or a mark, and a legend. Raises ConfigError naming the record and key for wrong
    keys or shapes.
    """
    run = read_run(record)
    title = "Saturated outputs of each activation"
    title += " during training" if step is None else f", {run.when(step)}"
    draw = partial(_heatmap, run=run) if step is None else partial(_bars, run=run, step=step)
    return picture(ax, (8.6, 4.6), title, run.label, draw)


def saturation_figure(record: Record) -> Figure:
    """Draw the share of saturated outputs during training, and beside it by layer at the end.

    A network with PReLU gets a panel with the drift of its slopes (`prelu_slopes`). The sentence
    under the panels says how to read them.
    """
    run = read_run(record)
    heading = f"Saturated outputs of each activation: {run.label}"
    reading = READING["saturation"]
    panels: list[Panel] = []
    if ends(run)[0].layers:
        panels += [
            ("during training", 1.25, partial(_heatmap, run=run)),
            (run.when("finite"), 1.0, partial(_bars, run=run, step="finite")),
        ]
    if has_slopes(run):
        panels.append(("PReLU's slopes", 1.0, lambda ax: draw_slopes(ax, run)))
        reading += f"; {READING['slopes']}"
    size = (4.6 * max(2, len(panels)) + 2.3, 4.2)
    return pictures(size, heading, reading, panels, "" if panels else _NOTHING)


def ends(run: Run) -> tuple[Series, Series]:
    """Shares at the low and at the high end (`Run.ends`), of the layers that have an end."""
    low, high = run.ends()
    chosen = np.flatnonzero(~np.isnan(low).all(axis=0))
    return run.made("layers", low, chosen), run.made("layers", high, chosen)


def _heatmap(ax: Axes, run: Run) -> list[Artist]:
    low, high = ends(run)
    if not low.layers:
        return style.say_nothing(ax, _NOTHING)
    handles = draw_shares(ax, replace(low, values=low.values + high.values))
    ax.set_ylabel("activation (input at the bottom)" if style.inches_high(ax) > 2.4 else "")
    return handles


def _bars(ax: Axes, run: Run, step: Step) -> list[Artist]:
    series, other = ends(run)
    if not series.layers:
        return style.say_nothing(ax, _NOTHING)
    low, high = series.values[run.row(step)], other.values[run.row(step)]
    shares = {"low": np.nan_to_num(low), "high": np.nan_to_num(high)}
    labels = {name: f"at the {name} end" for name, heights in shares.items() if heights.any()}
    handles, _, _ = stacked_bars(ax, len(low), shares, LOOKS, labels)
    missing = np.isnan(low + high)
    handles += hatched_bars(ax, missing, NAMES["nan"], bottom=0.0, top=1.0, gid="nan")
    if not handles:
        text: dict[str, Any] = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "nothing is saturated", **text)
    label_layers_across(ax, [series])
    percent_axis(ax)
    ax.set_ylabel("share of the outputs")
    return handles
