"""What all pictures share: one panel under its title, and several side by side with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style

Draw = Callable[[Axes], Sequence[Artist]]  # draws on axes, and returns what a legend needs
Panel = tuple[str, float, Draw]  # title, share of the width, and who draws it


def picture(ax: Axes | None, size: tuple[float, float], title: str, label: str, draw: Draw) -> Axes:
    """Draw a panel by itself, on `ax` or a new figure, under its title and the run's label."""
    with style.drawing_on(ax, *size) as ax:
        style.legend_above(ax, f"{title}\n{style.wrapped(label, 70)}", draw(ax))
    return ax


def pictures(
    size: tuple[float, float],
    heading: str,
    reading: str,
    panels: Sequence[Panel],
    nothing: str = "",
    **shared: Any,
) -> Figure:
    """Draw panels side by side, above the sentence that says how to read them.

    `nothing` says why there is nothing to draw, where that is so. `shared` is for `subplots`.
    """
    width, body = (size[0], 1.2) if nothing else size
    with style.explained_figure(width, body, heading, reading) as figure:
        if nothing:
            style.say_nothing(figure.subplots(), nothing)
            return figure
        widths = [share for _, share, _ in panels]
        axes = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False, **shared)[0]
        for ax, (title, _, draw) in zip(axes, panels, strict=True):
            style.legend_above(ax, title, draw(style.prepared(ax)))
    return figure
