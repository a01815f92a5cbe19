"""Layers-by-steps heatmaps of gradient norms: the whole history of a run at one glance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nnscratch_plots import cells, style
from nnscratch_plots.axes import axis_label, log_ticks
from nnscratch_plots.layer_ticks import label_layers_up
from nnscratch_plots.readings import map_reading
from nnscratch_plots.records import Array, Layers, Record, Series, read_norms
from nnscratch_plots.thinning import largest_of, noted, window_size
from nnscratch_records import field_named
from nnscratch_records.errors import ConfigError

COLORMAP = cells.COLORMAP
MOST_COLUMNS = 1000
# Of a colour scale: fewer would make small changes glaring, more would hide large ones.
LEAST_DECADES, MOST_DECADES = 6.0, 16.0


def shared_limits(
    records: Record | Iterable[Record],
    *,
    quantity: str = "gradient_norm",
    layers: Layers = "weights",
) -> tuple[float, float]:
    """Norms at the two ends of one colour scale for all records.

    They span every finite norm above 0, and 6 decades at least; where that is more than 16, the 16
    around the norms at the last layer and first step.
    """
    return color_limits(read_norms(records, quantity, layers), MOST_DECADES)


def gradient_norm_heatmap(
    record: Record,
    *,
    quantity: str = "gradient_norm",
    layers: Layers = "weights",
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw layers (up) by steps (across), the norm as colour on a log scale with a colour bar.

    Fractions, such as "output_zeros", have a scale from 0 to 100 %.

    `quantity` is any of `nnscratch_records.FIELDS`, `layers` as `gradient_norms` takes them;
    `limits` are the norms at the two ends of the colour scale (see `shared_limits`), by default
    those of this record. Zeros, infinities and NaN get flat hatched colours and a legend. More
    than 1000 recorded steps are thinned to the largest norm of each window, and the axis says so.
    Raises ConfigError naming the record and key for wrong keys or shapes, an unknown quantity or
    limits that are not 0 < low < high.
    """
    (series,) = read_norms([record], quantity, layers)
    scale = color_scale(color_limits([series]) if limits is None else limits)
    values, edges = thinned(series, MOST_COLUMNS)
    with style.drawing_on(ax, 8.6, 4.8) as ax:
        _draw(ax, values, edges, scale, quantity)
        small = style.inches_high(ax) < 2
        label_layers_up(ax, series, 6 if small else 14)
        ax.set_xlabel(noted("training step", _window(series, MOST_COLUMNS), "norm"))
        ax.set_ylabel("" if small else "layer (input at the bottom)")
        title = f"{field_named(quantity).title} of each layer during training"
        handles = _legend_handles([values], quantity)
        style.legend_above(ax, f"{title}\n{style.wrapped(series.label, 70)}", handles)
        color_bar(ax.figure, [ax], scale, [series], quantity)
    return ax


def draw_shares(ax: Axes, series: Series) -> list[Artist]:
    """Draw layers (up) by steps (across) of fractions, with a colour bar; what a legend needs."""
    window = _window(series, MOST_COLUMNS)
    values, edges = thinned(series, MOST_COLUMNS)
    cells.draw_fractions(ax, values, edges)
    label_layers_up(ax, series)
    ax.set_xlabel(noted("training step", window, "share"))
    cells.share_bar([ax])
    return list(cells.legend_handles([values], kinds=("nan",)))


def heatmap_figure(
    records: Record | Iterable[Record],
    *,
    quantity: str = "gradient_norm",
    layers: Layers = "weights",
) -> Figure:
    """Draw one heatmap per record as small multiples on one shared colour scale.

    The sentence under the panels says how to read them. Raises ConfigError as
    `gradient_norm_heatmap` does.
    """
    series = read_norms(records, quantity, layers)
    scale = color_scale(color_limits(series, MOST_DECADES if len(series) > 1 else np.inf))
    columns = 2 if len(series) == 4 else min(3, len(series))
    rows = -(-len(series) // columns)
    drawn = [thinned(one, MOST_COLUMNS // columns) for one in series]
    width = 4.0 * columns + (2.4 if columns == 1 else 0.8)
    body = 2.35 * rows + (1.4 if rows == 1 else 0.4)
    heading = f"{field_named(quantity).title} of each layer during training"
    sentence = _how_to_read(series, MOST_COLUMNS // columns, quantity)
    handles = _legend_handles([values for values, _ in drawn], quantity)
    with style.explained_figure(width, body, heading, sentence, handles=handles) as figure:
        panels = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)
        for index, (ax, one, (values, edges)) in enumerate(
            zip(panels, series, drawn, strict=False)
        ):
            _draw(style.prepared(ax), values, edges, scale, quantity)
            label_layers_up(ax, one, 6)
            ax.set_title(style.wrapped(one.label, 42), size=10)
            if index % columns == 0:
                ax.set_ylabel("layer")
            if index + columns >= len(series):
                ax.tick_params(labelbottom=True)
                ax.set_xlabel("training step")
        panels[0].set_xlim(
            min(edges[0] for _, edges in drawn), max(edges[-1] for _, edges in drawn)
        )
        for ax in panels[len(series) :]:
            ax.set_axis_off()
        color_bar(figure, panels, scale, series, quantity)
    return figure


def _draw(ax: Axes, values: Array, edges: Array, scale: Normalize, quantity: str) -> None:
    if _is_fraction(quantity):
        cells.draw_fractions(ax, values, edges)
    else:
        cells.draw_log(ax, values, edges, scale)


def _legend_handles(panels: Sequence[Array], quantity: str) -> list[Patch]:
    kinds = ("nan",) if _is_fraction(quantity) else tuple(cells.LOOKS)
    return cells.legend_handles(panels, kinds=kinds)


def _is_fraction(quantity: str) -> bool:
    return field_named(quantity).scale == "fraction"


def _how_to_read(series: Sequence[Series], most_columns: int, quantity: str) -> str:
    sentence = map_reading(quantity)
    window = max(_window(one, most_columns) for one in series)
    if window > 1:
        sentence += f". Each column shows the largest norm of up to {window} recorded steps"
    if len({one.steps[-1] for one in series}) > 1:
        sentence += ". Where a panel is blank on the right, the run had ended"
    return sentence


def thinned(series: Series, most_columns: int) -> tuple[Array, Array]:
    """Norms of at most `most_columns` columns, each the largest of its window, and their edges.

    NaN counts as larger than infinity, so that a window hides neither.
    """
    window = _window(series, most_columns)
    return largest_of(series.values, window), cells.edges_of(series.steps, window)


def _window(series: Series, most_columns: int) -> int:
    return window_size(len(series.steps), most_columns)


def color_limits(series: Sequence[Series], most_decades: float = np.inf) -> tuple[float, float]:
    """Values at the two ends of a colour scale for all of these."""
    exponents = _exponents(series)
    if not exponents.size:
        return 1e-3, 1e3
    low, high = float(exponents.min()), float(exponents.max())
    if high - low > most_decades:
        # Most decades below where the gradient starts its way, since it vanishes further than that.
        starts = np.array([one.values[0, -1] for one in series])
        starts = starts[np.isfinite(starts) & (starts > 0)]
        anchor = float(np.median(np.log10(starts) if starts.size else exponents))
        low, high = max(low, anchor - 0.6 * most_decades), min(high, anchor + 0.4 * most_decades)
    most = 300.0 - LEAST_DECADES  # of which there still is a power of ten
    low, high = max(min(low, most), -most), max(min(high, most), -most)
    missing = max(0.0, LEAST_DECADES - (high - low)) / 2
    return 10.0 ** (low - missing), 10.0 ** (high + missing)


def _exponents(series: Sequence[Series]) -> Array:
    pooled = np.concatenate([one.values.ravel() for one in series])
    return np.log10(pooled[np.isfinite(pooled) & (pooled > 0)])


def color_scale(limits: tuple[float, float]) -> Normalize:
    """The scale between two norms, of their log10."""
    low, high = limits
    if not (0 < low < high < np.inf):
        raise ConfigError(f"limits must be two norms with 0 < low < high, got {limits!r}")
    return Normalize(float(np.log10(low)), float(np.log10(high)))


def color_bar(
    figure: Any, axes: list[Axes], scale: Normalize, series: Sequence[Series], quantity: str
) -> None:
    """A colour bar beside the axes, with arrows where values lie beyond the scale."""
    if _is_fraction(quantity):
        cells.share_bar(axes, label=axis_label(axes[0], quantity))
        return
    low, high = float(scale.vmin or 0.0), float(scale.vmax or 0.0)
    exponents = _exponents(series)
    under = bool(np.any(exponents < low - 1e-9))
    over = bool(np.any(exponents > high + 1e-9))
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[under, over]
    bar = figure.colorbar(
        ScalarMappable(norm=scale, cmap=COLORMAP), ax=axes, extend=extend, pad=0.02, aspect=26
    )
    most = max(4, min(9, int(style.inches_high(axes[0]) / 0.2)))
    major, labels, minor = log_ticks(low, high, most)
    bar.set_ticks(major, labels=labels)
    bar.set_ticks(minor, minor=True)
    bar.set_label(axis_label(axes[0], quantity))
    bar.ax.tick_params(which="both", colors=style.INK, labelsize=style.tick_size(axes[0]))
