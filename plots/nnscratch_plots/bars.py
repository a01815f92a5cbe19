"""Stacked bars by layer: a colour and a hatch for each part, and a hatch for what has no height."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from nnscratch_plots import cells, style
from nnscratch_plots.records import Array

_NARROW = 60  # with more bars than this they touch, without a hatch
Looks = Mapping[str, Mapping[str, Any]]


def stacked_bars(
    ax: Axes, count: int, parts: Mapping[str, Array], looks: Looks, labels: Mapping[str, str]
) -> tuple[list[Artist], Array, Array]:
    """Draw the `parts` of `count` bars on top of each other, what is below 0 downwards from 0.

    `labels` names what the legend holds. Returns its handles, and the lower and upper ends.
    """
    down, up = np.zeros(count), np.zeros(count)
    handles: list[Artist] = []
    for name, heights in parts.items():
        look = {**looks[name], "linewidth": 0.5}
        if count > _NARROW:
            look |= {"linewidth": 0.0, "hatch": None}
        bottom = np.where(heights >= 0, up, down)
        ax.bar(_places(count), heights, _width(count), bottom=bottom, gid=name, **look)
        down, up = down + np.minimum(heights, 0), up + np.maximum(heights, 0)
        if name in labels:
            handles.append(Patch(label=labels[name], **look))
    return handles, down, up


def hatched_bars(
    ax: Axes, where: Array, label: str, *, bottom: float, top: float, gid: str
) -> list[Artist]:
    """Hatch the bars `where` there is nothing to draw; returns what a legend needs."""
    if not where.any():
        return []
    look = {**cells.LOOKS["nan"], "linewidth": 0}
    places, width = _places(len(where))[where], _width(len(where))
    ax.bar(places, top - bottom, width, bottom=bottom, gid=gid, **look)
    return [Patch(label=label, **look)]


def percent_axis(ax: Axes) -> None:
    """A y axis from 0 to 100 %."""
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    style.grid_up(ax)


def _places(count: int) -> Array:
    return np.arange(1, count + 1)


def _width(count: int) -> float:
    return 0.8 if count <= _NARROW else 1.0
