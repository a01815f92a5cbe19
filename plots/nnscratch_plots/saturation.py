"""Saturation: the share of each activation's outputs that sit at an end of its range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nnscratch_plots import cells, style
from nnscratch_plots.axes import label_layers_across, thinned_numbers
from nnscratch_plots.records import Array, Record, Run, Series, Step, read_run
from nnscratch_plots.slopes import READING as SLOPES
from nnscratch_plots.slopes import draw_slopes, has_slopes
from nnscratch_plots.thinning import largest_of, noted, window_size

LOOKS: dict[str, dict[str, Any]] = {
    "low": {"facecolor": style.COLORS[1], "edgecolor": "white", "hatch": "//", "linewidth": 0},
    "high": {"facecolor": style.COLORS[6], "edgecolor": "white", "linewidth": 0},
}
_NOTHING = "No activation of this network has an end at which it saturates."
READING = (
    "where an activation sits at an end of its range its derivative is almost 0 and the gradient "
    "stops there; left, the brighter a cell the larger the share of saturated outputs; right, the "
    "same by layer at one late step, split into the low and the high end. For ReLU the low end is "
    "its zero: about half is usual"
)


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
    reading = [READING] if panels else []
    if has_slopes(run):
        panels.append(("PReLU's slopes", 1.0, lambda ax: draw_slopes(ax, run)))
        reading.append(SLOPES)
    size = (4.6 * len(panels) + 2.3, 4.2) if panels else (11.5, 1.2)
    with style.explained_figure(*size, heading, "; ".join(reading) or READING) as figure:
        if not panels:
            style.say_nothing_to_draw(figure.subplots(), "", _NOTHING)
            return figure
        widths = [width for _, width, _ in panels]
        axes = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False)[0]
        for ax, (title, _, draw) in zip(axes, panels, strict=True):
            style.legend_above(ax, title, draw(style.prepared(ax)))
    return figure


def ends(run: Run) -> tuple[Series, Series]:
    """Shares at the low and at the high end, of the layers that have an end.

    A layer's missing end counts as 0; where no end was finite the share is NaN.
    """
    low, high = run.get("saturated_low"), run.get("saturated_high")
    has_low, has_high = ~np.isnan(low).all(axis=0), ~np.isnan(high).all(axis=0)
    chosen = np.flatnonzero(has_low | has_high)
    names = tuple(run.names("layers")[i] for i in chosen)
    # The end that a layer lacks is NaN at every step: 0, as long as the other is a number.
    low_filled = np.where(~has_low & ~np.isnan(high), 0.0, low)[:, chosen]
    high_filled = np.where(~has_high & ~np.isnan(low), 0.0, high)[:, chosen]
    return (
        Series(run.label, names, run.steps, low_filled),
        Series(run.label, names, run.steps, high_filled),
    )


def _heatmap(ax: Axes, low: Series, high: Series) -> list[Artist]:
    window = window_size(len(low.steps), 1000)
    values = largest_of(low.values + high.values, window)
    cells.draw_fractions(ax, values, cells.edges_of(low.steps, window))
    numbers = thinned_numbers(len(low.layers), max(6, round(3.2 * style.inches_high(ax))))
    ax.set_yticks(numbers, [style.plain(low.layers[number - 1]) for number in numbers])
    ax.set_xlabel(noted("training step", window, "share"))
    ax.set_ylabel("activation (input at the bottom)" if style.inches_high(ax) > 2.4 else "")
    cells.share_bar([ax])
    return list(cells.legend_handles([values], kinds=("nan",)))


def _bars(ax: Axes, series: Series, low: Array, high: Array) -> list[Artist]:
    places = np.arange(1, len(low) + 1)
    width = 0.8 if len(low) <= 60 else 1.0
    bottom = np.zeros(len(low))
    handles: list[Artist] = []
    for name, shares in (("low", low), ("high", high)):
        heights = np.nan_to_num(shares)
        looks = LOOKS[name] if len(low) <= 60 else {**LOOKS[name], "hatch": None}
        ax.bar(places, heights, width, bottom=bottom, label=name, gid=name, **looks)
        bottom = bottom + heights
        if heights.any():
            handles.append(Patch(label=f"at the {name} end", **looks))
    missing = np.isnan(low + high)
    if missing.any():
        looks = cells.LOOKS["nan"]
        ax.bar(places[missing], 1.0, width, linewidth=0, gid="nan", **looks)
        handles.append(Patch(label="not a number (NaN)", **looks))
    elif not bottom.any():
        text: dict[str, Any] = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "nothing is saturated", **text)
    label_layers_across(ax, [series])
    percent_axis(ax)
    ax.set_ylabel("share of the outputs")
    return handles


def percent_axis(ax: Axes) -> None:
    """A y axis from 0 to 100 %."""
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    ax.grid(axis="y", **style.GRID)
    ax.set_axisbelow(True)
