"""Lines over steps for a few layers out of many, with a band for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnscratch_plots import style
from nnscratch_plots.axes import HonestLogAxis, classified
from nnscratch_plots.records import Array, Series
from nnscratch_plots.thinning import evenly, largest_of, noted, smallest_of, window_size

MOST_LINES, FEWER_LINES = 6, 4  # fewer on small axes
MOST_POINTS = 1000
_BAND: dict[str, Any] = {"color": "0.5", "alpha": 0.25, "linewidth": 0}
_OTHERS: dict[str, Any] = {"linestyle": "none", "marker": "|", "markersize": 4, "color": "0.4"}


def draw_over_steps(
    ax: Axes, series: Series, *, what: str, shown: Sequence[float] = ()
) -> list[Artist]:
    """Draw a line per layer on a log axis, for at most six layers; the band spans all of them.

    On small axes it is four. What has no logarithm is marked in strips, for layers without a line
    in a row of its own. The values `shown` are inside the limits. Returns what a legend needs.
    """
    window = window_size(len(series.steps), MOST_POINTS)
    steps, highest = series.steps[::window], largest_of(series.values, window)
    chosen = evenly(len(series.layers), MOST_LINES if style.inches_high(ax) > 2 else FEWER_LINES)
    rest = np.setdiff1d(np.arange(len(series.layers)), chosen)
    lines = [highest[:, i] for i in chosen]
    scale = HonestLogAxis(
        [*lines, highest[:, rest].ravel(), np.array(shown, dtype=np.float64)], least=1.0
    )
    scale.apply(ax)
    handles: list[Artist] = []
    if rest.size:
        drawable = np.where(classified(series.values)["drawable"], series.values, np.nan)
        handles.append(draw_band(ax, steps, drawable, window))
        _mark_others(ax, scale, len(lines), steps, highest[:, rest])
    for index, (i, values) in enumerate(zip(chosen, lines, strict=True)):
        line = scale.draw(ax, index, steps, values, marked=False)
        line.set_label(style.plain(series.layers[i]))
        handles.append(line)
    style.steps_across(ax, noted("training step", window, what))
    return handles


def draw_band(ax: Axes, steps: Array, values: Array, window: int) -> Patch:
    """Draw a band from the lowest to the highest value, NaN left out; what a legend needs."""
    with np.errstate(all="ignore"):
        high = np.fmax.reduce(largest_of(values, window), axis=1)
        low = np.fmin.reduce(smallest_of(values, window), axis=1)
    ax.fill_between(steps, low, high, gid="band", zorder=1, **_BAND)
    return Patch(label=f"all {values.shape[1]}", **_BAND)


def _mark_others(ax: Axes, scale: HonestLogAxis, index: int, steps: Array, values: Array) -> None:
    kinds = classified(values)
    for name in scale.strips:
        found = kinds[name].any(axis=1)
        if found.any():
            at = np.where(found, scale.row(name, index), np.nan)
            ax.add_line(Line2D(steps, at, gid=name, **_OTHERS))
