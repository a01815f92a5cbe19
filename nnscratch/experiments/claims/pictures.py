"""What a claim's picture is: panels side by side, drawn when they are asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Panel = Callable[[Any], object]
"""Draws into the axes that it is given."""


class Picture:
    """Panels side by side, of together `width` x `height` inches."""

    def __init__(self, *panels: Panel, width: float = 8.4, height: float = 3.6) -> None:
        self.panels, self.width, self.height = panels, width, height

    def draw(self) -> Figure:
        """Return the panels, drawn: only now is matplotlib imported."""
        from nnscratch_plots.claims import claim_figure

        sizes = {"width": self.width, "height": self.height}
        with claim_figure(len(self.panels), **sizes) as (figure, axes):
            for panel, ax in zip(self.panels, axes, strict=True):
                panel(ax)
        return figure


def _panel(
    kind: str,
    given: Any,
    *,
    at: float | None = None,
    level: float | None = None,
    limits: Sequence[float] = (),
    xlim: tuple[float, float | None] | None = None,
    ylim: tuple[float, float | None] | None = None,
    **words: Any,
) -> Panel:
    """Return the panel that a function of `nnscratch_plots.claims` draws, which takes `words` too.

    at, level, limits : where an upright line is drawn, one that lies, and dotted upright ones
    """

    def draw(ax: Any) -> None:
        from nnscratch_plots import claims

        getattr(claims, kind)(given, ax=ax, **words)
        if at is not None:
            ax.axvline(at, color="0.3", linewidth=1)
        if level is not None:
            ax.axhline(level, color="0.3", linewidth=1)
        for limit in limits:
            ax.axvline(limit, color="0.5", linewidth=1, linestyle=":")
        ax.set(**{name: ends for name, ends in (("xlim", xlim), ("ylim", ylim)) if ends})

    return draw


interval_rows = functools.partial(_panel, "interval_rows")
seed_lines = functools.partial(_panel, "seed_lines")


def accuracy_picture(curves: Any, published: Any) -> Picture:
    """Return test accuracies by epoch, beside published ones."""

    def panel(ax: Any) -> None:
        from nnscratch_plots import accuracy_curves

        accuracy_curves(curves, published=published, ax=ax)

    return Picture(panel, width=9.2, height=4.2)
