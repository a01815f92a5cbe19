"""Saturation: the share of each activation's outputs that sit at an end of its range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import cells, style
from nnscratch_plots.axes import NAMES, label_layers_across, label_layers_up
from nnscratch_plots.bars import hatched_bars, percent_axis, stacked_bars
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Array, Record, Run, Series, Step, read_run
from nnscratch_plots.slopes import draw_slopes, has_slopes
from nnscratch_plots.thinning import largest_of, noted, window_size

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
    a flat hatch, or a mark, and a legend. Raises ValueError naming the record and key for wrong
    keys or shapes.
    """
    run = read_run(record)
    low, high = ends(run)
    with style.drawing_on(ax, 8.6, 4.6) as ax:
        title = "Saturated outputs of each activation"
        title += " during training" if step is None else f", {run.when(step)}"
        title += f"\n{style.wrapped(run.label, 70)}"
        if not low.layers:
            return style.say_nothing_to_draw(ax, title, _NOTHING)
        if step is None:
            style.legend_above(ax, title, _heatmap(ax, low, high))
        else:
            row = run.row(step)
            style.legend_above(ax, title, _bars(ax, low, low.values[row], high.values[row]))
    return ax


def saturation_figure(record: Record) -> Figure:
    """Draw the share of saturated outputs during training, and beside it by layer at the end.

    A network with PReLU gets a panel with the drift of its slopes (`prelu_slopes`). The sentence
    under the panels says how to read them.
    """
    run = read_run(record)
    low, high = ends(run)
    heading = f"Saturated outputs of each activation: {run.label}"
    # What each panel is called, how wide it is, and who draws it.
    panels: list[tuple[str, float, Callable[[Axes], list[Artist]]]] = []
    if low.layers:
        row = run.row("finite")
        panels = [
            ("during training", 1.25, lambda ax: _heatmap(ax, low, high)),
            (run.when("finite"), 1.0, lambda ax: _bars(ax, low, low.values[row], high.values[row])),
        ]
    reading = [READING["saturation"]]
    if has_slopes(run):
        panels.append(("PReLU's slopes", 1.0, lambda ax: draw_slopes(ax, run)))
        reading.append(READING["slopes"])
    size = (4.6 * len(panels) + 2.3, 4.2) if panels else (11.5, 1.2)
    with style.explained_figure(*size, heading, "; ".join(reading)) as figure:
        if not panels:
            style.say_nothing_to_draw(figure.subplots(), "", _NOTHING)
            return figure
        widths = [width for _, width, _ in panels]
        axes = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False)[0]
        for ax, (title, _, draw) in zip(axes, panels, strict=True):
            style.legend_above(ax, title, draw(style.prepared(ax)))
    return figure


def ends(run: Run) -> tuple[Series, Series]:
    """Shares at the low and at the high end (`Run.ends`), of the layers that have an end."""
    low, high = run.ends()
    chosen = np.flatnonzero(~np.isnan(low).all(axis=0))
    return run.made("layers", low, chosen), run.made("layers", high, chosen)


def _heatmap(ax: Axes, low: Series, high: Series) -> list[Artist]:
    window = window_size(len(low.steps), 1000)
    values = largest_of(low.values + high.values, window)
    cells.draw_fractions(ax, values, cells.edges_of(low.steps, window))
    label_layers_up(ax, low)
    ax.set_xlabel(noted("training step", window, "share"))
    ax.set_ylabel("activation (input at the bottom)" if style.inches_high(ax) > 2.4 else "")
    cells.share_bar([ax])
    return list(cells.legend_handles([values], kinds=("nan",)))


def _bars(ax: Axes, series: Series, low: Array, high: Array) -> list[Artist]:
    ends = {"low": np.nan_to_num(low), "high": np.nan_to_num(high)}
    labels = {name: f"at the {name} end" for name, heights in ends.items() if heights.any()}
    handles, _, _ = stacked_bars(ax, len(low), ends, LOOKS, labels)
    missing = np.isnan(low + high)
    handles += hatched_bars(ax, missing, NAMES["nan"], bottom=0.0, top=1.0, gid="nan")
    if not handles:
        text: dict[str, Any] = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "nothing is saturated", **text)
    label_layers_across(ax, [series])
    percent_axis(ax)
    ax.set_ylabel("share of the outputs")
    return handles
