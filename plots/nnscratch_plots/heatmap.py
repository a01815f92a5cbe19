"""Layers-by-steps heatmaps of gradient norms: the whole history of a run at one glance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from nnscratch_plots import style
from nnscratch_plots.axes import NAMES, decade_ticks, power_of_ten, thinned_numbers
from nnscratch_plots.records import QUANTITIES, Array, Record, Series, read_norms

COLORMAP = "viridis"
MOST_COLUMNS = 1000
_MOST_DECADES = 16.0

# Flat colours outside the colour map, each with its own hatch for grayscale print.
_LOOKS: dict[str, dict[str, Any]] = {
    "zero": {"facecolor": "black", "edgecolor": "white", "hatch": "..."},
    "infinite": {"facecolor": "#e8590c", "edgecolor": "black", "hatch": "////"},
    "nan": {"facecolor": "#e4e4e4", "edgecolor": "#555555", "hatch": "xxxx"},
}


def shared_limits(
    records: Record | Iterable[Record], *, quantity: str = "backprop_norm"
) -> tuple[float, float]:
    """Norms at the two ends of one colour scale for all records.

    They span every finite norm above 0; where that is more than 16 decades, the 16 around the norms
    at the last layer and first step.
    """
    return _limits(read_norms(records, quantity), _MOST_DECADES)


def gradient_norm_heatmap(
    record: Record,
    *,
    quantity: str = "backprop_norm",
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw layers (up) by steps (across), the norm as colour on a log scale with a colour bar.

    `quantity` is "backprop_norm" or "weight_gradient_norm"; `limits` are the norms at the two ends
    of the colour scale (see `shared_limits`), by default those of this record. Zeros, infinities
    and NaN get flat hatched colours and a legend. More than 1000 recorded steps are thinned to the
    largest norm of each window, and the axis says so. Raises ValueError naming the record and key
    for wrong keys or shapes, an unknown quantity or limits that are not 0 < low < high.
    """
    (series,) = read_norms([record], quantity)
    scale = _color_scale(_limits([series]) if limits is None else limits)
    values, edges = thinned(series, MOST_COLUMNS)
    with style.drawing_on(ax, 8.6, 4.8) as ax:
        _draw(ax, values, edges, scale)
        names = [style.plain(name) for name in series.layers]
        numbers = thinned_numbers(len(names), 14)
        ax.set_yticks(numbers, [names[number - 1] for number in numbers])
        window = _window(series, MOST_COLUMNS)
        note = f" (each column: the largest norm of {window} recorded steps)" if window > 1 else ""
        ax.set_xlabel(f"training step{note}")
        ax.set_ylabel("layer (input at the bottom)")
        title = f"{QUANTITIES[quantity].title} of each layer during training"
        title += f"\n{style.wrapped(series.label, 70)}"
        handles = _legend_handles([values])
        ax.set_title(title, pad=26 if handles else 6)
        if handles:
            place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1.02)}
            ax.legend(handles=handles, ncols=len(handles), **place, **style.PATCH_LEGEND)
        _color_bar(ax.figure, [ax], scale, [series], quantity)
    return ax


def heatmap_figure(
    records: Record | Iterable[Record], *, quantity: str = "backprop_norm"
) -> Figure:
    """Draw one heatmap per record as small multiples on one shared colour scale.

    The sentence under the panels says how to read them. Raises ValueError as
    `gradient_norm_heatmap` does.
    """
    series = read_norms(records, quantity)
    scale = _color_scale(_limits(series, _MOST_DECADES if len(series) > 1 else np.inf))
    columns = 2 if len(series) == 4 else min(3, len(series))
    rows = -(-len(series) // columns)
    cells = [thinned(one, MOST_COLUMNS // columns) for one in series]
    width = 4.0 * columns + (2.4 if columns == 1 else 0.8)
    body = 2.35 * rows + (1.4 if rows == 1 else 0.4)
    heading = f"{QUANTITIES[quantity].title} of each layer during training"
    sentence = _how_to_read(series, MOST_COLUMNS // columns)
    handles = _legend_handles([values for values, _ in cells])
    with style.explained_figure(width, body, heading, sentence, handles=handles) as figure:
        panels = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)
        for index, (ax, one, (values, edges)) in enumerate(
            zip(panels, series, cells, strict=False)
        ):
            _draw(style.prepared(ax), values, edges, scale)
            ax.set_yticks(thinned_numbers(len(one.layers), 6))
            ax.set_title(style.wrapped(one.label, 42), size=10)
            if index % columns == 0:
                ax.set_ylabel("layer")
            if index + columns >= len(series):
                ax.tick_params(labelbottom=True)
                ax.set_xlabel("training step")
        panels[0].set_xlim(
            min(edges[0] for _, edges in cells), max(edges[-1] for _, edges in cells)
        )
        for ax in panels[len(series) :]:
            ax.set_axis_off()
        _color_bar(figure, panels, scale, series, quantity)
    return figure


def _how_to_read(series: Sequence[Series], most_columns: int) -> str:
    sentence = (
        "each row is a layer (input at the bottom), each column a moment of training; a panel of "
        "one colour from bottom to top has a healthy flow, one that darkens towards the bottom a "
        "vanishing gradient, one that brightens towards the bottom an exploding gradient"
    )
    window = max(_window(one, most_columns) for one in series)
    if window > 1:
        sentence += f". Each column shows the largest norm of up to {window} recorded steps"
    if len({one.steps[-1] for one in series}) > 1:
        sentence += ". Where a panel is blank on the right, the run had ended"
    return sentence


def _draw(ax: Axes, values: Array, edges: Array, scale: Normalize) -> None:
    """Draw the cells, and over them those that have no colour."""
    drawable = np.isfinite(values) & (values > 0)
    exponents = np.full(values.shape, np.nan)
    np.log10(values, out=exponents, where=drawable)
    rows = np.arange(values.shape[1] + 1) + 0.5
    # Rasterized: a vector file would otherwise hold a polygon for each of up to 200,000 cells.
    ax.pcolormesh(
        edges, rows, np.ma.masked_invalid(exponents.T), cmap=COLORMAP, norm=scale, rasterized=True
    )
    for kind, mask in _special_cells(values).items():
        patch = PathPatch(_outline(mask.T, edges, rows), linewidth=0, gid=kind, **_LOOKS[kind])
        ax.add_patch(patch)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(rows[0], rows[-1])
    ax.xaxis.set_major_locator(style.step_ticks())


def _special_cells(values: Array) -> dict[str, Array]:
    """Masks of the cells that a log scale cannot colour, for the kinds that occur."""
    masks = {"zero": values == 0, "nan": np.isnan(values), "infinite": np.isinf(values)}
    return {kind: mask for kind, mask in masks.items() if mask.any()}


def _legend_handles(panels: Sequence[Array]) -> list[Patch]:
    found = {kind for values in panels for kind in _special_cells(values)}
    return [
        Patch(linewidth=0.5, label=NAMES[kind], **looks)
        for kind, looks in _LOOKS.items()
        if kind in found
    ]


def thinned(series: Series, most_columns: int) -> tuple[Array, Array]:
    """Norms of at most `most_columns` columns, each the largest of its window, and their edges.

    NaN counts as larger than infinity, so that a window hides neither.
    """
    steps = series.steps.astype(np.float64)
    starts = np.arange(0, len(steps), _window(series, most_columns))
    values = np.maximum.reduceat(series.values, starts, axis=0)
    first, last = steps[starts], steps[np.append(starts[1:], len(steps)) - 1]
    gaps = np.diff(steps)
    before, after = (gaps[0], gaps[-1]) if gaps.size else (1.0, 1.0)
    inner = (last[:-1] + first[1:]) / 2
    edges = np.concatenate([[first[0] - before / 2], inner, [last[-1] + after / 2]])
    return values, edges


def _window(series: Series, most_columns: int) -> int:
    return -(-len(series.steps) // most_columns)


def _outline(mask: Array, edges: Array, rows: Array) -> Path:
    """One path around all True cells: a rectangle per unbroken run within a layer.

    None is narrower than 1/150 of the picture, or one infinite norm in a long run would be lost.
    """
    padded = np.zeros((mask.shape[0], mask.shape[1] + 2), dtype=np.int8)
    padded[:, 1:-1] = mask
    turns = np.diff(padded, axis=1)
    layer, start = np.nonzero(turns == 1)
    stop = np.nonzero(turns == -1)[1]
    low, high = rows[layer], rows[layer + 1]
    centre, width = (edges[start] + edges[stop]) / 2, edges[stop] - edges[start]
    width = np.maximum(width, (edges[-1] - edges[0]) / 150)
    left, right = centre - width / 2, centre + width / 2
    corners = np.stack(
        [[left, low], [right, low], [right, high], [left, high], [left, low]]
    ).transpose(2, 0, 1)
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(corners.reshape(-1, 2), codes * len(left))


def _limits(series: Sequence[Series], most_decades: float = np.inf) -> tuple[float, float]:
    exponents = _exponents(series)
    if not exponents.size:
        return 0.1, 10.0
    low, high = float(exponents.min()), float(exponents.max())
    if high - low > most_decades:
        # Most decades below where the gradient starts its way, since it vanishes further than that.
        starts = np.array([one.values[0, -1] for one in series])
        starts = starts[np.isfinite(starts) & (starts > 0)]
        anchor = float(np.median(np.log10(starts) if starts.size else exponents))
        low, high = max(low, anchor - 0.6 * most_decades), min(high, anchor + 0.4 * most_decades)
    if high - low < 1:
        low, high = (low + high) / 2 - 0.5, (low + high) / 2 + 0.5
    return 10.0**low, 10.0**high


def _exponents(series: Sequence[Series]) -> Array:
    pooled = np.concatenate([one.values.ravel() for one in series])
    return np.log10(pooled[np.isfinite(pooled) & (pooled > 0)])


def _color_scale(limits: tuple[float, float]) -> Normalize:
    low, high = limits
    if not (0 < low < high < np.inf):
        raise ValueError(f"limits must be two norms with 0 < low < high, got {limits!r}")
    return Normalize(float(np.log10(low)), float(np.log10(high)))


def _color_bar(
    figure: Any, axes: list[Axes], scale: Normalize, series: Sequence[Series], quantity: str
) -> None:
    low, high = float(scale.vmin or 0.0), float(scale.vmax or 0.0)
    exponents = _exponents(series)
    under = bool(np.any(exponents < low - 1e-9))
    over = bool(np.any(exponents > high + 1e-9))
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[under, over]
    bar = figure.colorbar(
        ScalarMappable(norm=scale, cmap=COLORMAP), ax=axes, extend=extend, pad=0.02, aspect=26
    )
    major, minor = decade_ticks(low, high)
    bar.set_ticks(major, labels=[power_of_ten(tick) for tick in major])
    bar.set_ticks(minor, minor=True)
    bar.set_label(QUANTITIES[quantity].axis)
    bar.ax.tick_params(which="both", colors=style.INK)
