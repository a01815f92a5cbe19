"""Pictures for claims: values over several seeds beside what was published or predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from nnscratch_plots import style
from nnscratch_plots.picture import Picture
from nnscratch_plots.records import Array

Expected = float | tuple[float, float]


class Quantity(Protocol):
    """What a row of `interval_rows` is drawn from."""

    @property
    def values(self) -> Any:
        """One number per seed."""

    @property
    def interval(self) -> Any:
        """With `mean`, `low` and `high`."""

    @property
    def expected(self) -> Expected | None:
        """A value, a range or None."""


@contextmanager
def claim_figure(
    panels: int = 1, *, width: float = 8.4, height: float = 3.6
) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with `panels` axes side by side, in the look of all pictures."""
    with matplotlib.rc_context(style._SETTINGS):
        layout = ConstrainedLayoutEngine(w_pad=style._PAD, h_pad=style._PAD)
        figure = Picture(figsize=(width, height), layout=layout)
        axes = figure.subplots(1, panels, squeeze=False)[0]
        yield figure, [style.prepared(ax) for ax in axes]


def seed_lines(
    lines: Mapping[str, Any],
    *,
    x: Any = None,
    expected: Mapping[str, Any] | None = None,
    log: bool = False,
    log_x: bool = False,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw values of shape (points,) or (seeds, points): the mean, and a band from lowest to
    highest.

    x : the places of the points, for all lines or by label; 1, 2, ... if not given. `expected` maps
    a label to values, or to one for all points; they are drawn dashed, in the colour of the line of
    the same label where there is one. `log` takes geometric means, and leaves out what is not above
    0. Values that are not finite are left out.
    """
    with style.drawing_on(ax, 7.0, 4.2) as ax:
        colours: dict[str, str] = {}
        longest: Array = np.zeros(0)
        for index, (label, given) in enumerate(lines.items()):
            values = np.atleast_2d(np.asarray(given, dtype=np.float64))
            places = _places(x, label, values.shape[1])
            longest = places if len(places) > len(longest) else longest
            looks = style.line_style(index, len(lines), ax)
            looks["markevery"] = max(1, values.shape[1] // 12)
            colours[label] = looks["color"]
            mean, low, high = _summary(values, log)
            ax.plot(places, mean, label=style.wrapped(label, 36), **looks)
            if len(values) > 1:
                ax.fill_between(places, low, high, color=looks["color"], alpha=0.2, linewidth=0)
        greys = iter(("0.45", "0.7", "0.25"))
        for label, given in (expected or {}).items():
            predicted = np.atleast_1d(np.asarray(given, dtype=np.float64))
            places = _places(x, label, len(predicted)) if len(predicted) > 1 else longest
            ax.plot(
                places,
                predicted if len(predicted) > 1 else np.full(len(places), predicted[0]),
                color=colours.get(label) or next(greys, "0.45"),
                linestyle=(0, (2, 2)),
                linewidth=1.6,
                zorder=3,
                label=None if label in colours else style.wrapped(label, 36),
            )
        _scales(ax, log, log_x)
        if not log_x and len(longest) and np.array_equal(longest, np.rint(longest)):
            ax.xaxis.set_major_locator(style.step_ticks())
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.set_title(style.wrapped(title, 60))
        style.grid_up(ax)
        if len(lines) + len(expected or {}) > 1:
            ax.legend(frameon=True, framealpha=0.85, edgecolor="none", handlelength=3)
    return ax


def interval_rows(
    rows: Mapping[str, Quantity],
    *,
    log: bool = False,
    xlabel: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one row per label: a tick for each seed, the mean with its interval, and the expected.

    Each row has `values`, `interval` (with `mean`, `low` and `high`) and `expected`: a value
    (diamond), a range (bar) or None. What is not finite is left out, and said.
    """
    with style.drawing_on(ax, 7.0, 0.9 + 0.42 * len(rows)) as ax:
        color = style.line_color(1, ax)
        for place, row in enumerate(rows.values()):
            values = np.asarray(row.values, dtype=np.float64)
            finite = values[np.isfinite(values)]
            _expectation(ax, place, row.expected)
            ax.plot(finite, np.full(len(finite), place + 0.2), "|", color="0.45", markersize=6)
            ax.plot([row.interval.low, row.interval.high], [place] * 2, color=color, linewidth=2.2)
            ax.plot([row.interval.mean], [place], "o", color=color, markersize=6)
            if len(finite) < len(values):
                lost = f"{len(values) - len(finite)} of {len(values)} not finite"
                ax.annotate(lost, (1, place), xycoords=("axes fraction", "data"), ha="right")
        ax.set_yticks(range(len(rows)), [style.wrapped(label, 34) for label in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        _scales(ax, False, log)
        ax.set_xlabel(xlabel)
        ax.set_title(style.wrapped(title, 60))
        ax.grid(axis="x", **style.GRID)
        ax.set_axisbelow(True)
        _legend(ax, any(row.expected is not None for row in rows.values()))
    return ax


def _legend(ax: Axes, expected: bool) -> None:
    """Below the figure's axes: what the marks of `interval_rows` are."""
    color = style.line_color(1, ax)
    handles = [
        Line2D([], [], color=color, marker="o", label="mean, 95 % interval"),
        Line2D([], [], color="0.45", marker="|", linestyle="none", label="one seed"),
    ]
    if expected:
        color = style.line_color(2, ax)
        handles.append(Line2D([], [], color=color, marker="D", linestyle="none", label="expected"))
    figure = ax.figure
    if not figure.legends:
        figure.legend(handles=handles, loc="outside lower right", ncols=3, frameon=False)


def _expectation(ax: Axes, place: int, expected: Expected | None) -> None:
    color = style.line_color(2, ax)
    if expected is None:
        return
    if isinstance(expected, Sequence):
        low, high = expected
        ax.plot([low, high], [place, place], color=color, alpha=0.35, linewidth=9, zorder=1)
    else:
        ax.plot([expected], [place], "D", color=color, markersize=8, zorder=1, alpha=0.8)


def _places(x: Any, label: str, count: int) -> Array:
    given = x.get(label) if isinstance(x, Mapping) else x
    return np.arange(1, count + 1) if given is None else np.asarray(given)[:count]


def _summary(values: Array, log: bool) -> tuple[Array, Array, Array]:
    """Return mean, lowest and highest over the seeds, NaN where a value cannot be drawn."""
    kept = np.where(np.isfinite(values) & ((values > 0) | (not log)), values, np.nan)
    with np.errstate(invalid="ignore"):
        mean = np.exp(np.mean(np.log(kept), axis=0)) if log else np.mean(kept, axis=0)
    return mean, np.min(kept, axis=0), np.max(kept, axis=0)


def _scales(ax: Axes, log_y: bool, log_x: bool) -> None:
    if log_y:
        ax.set_yscale("log")
    if log_x:
        ax.set_xscale("log")
