"""The cells of a heatmap: layers up, steps across, and what has no colour in flat hatches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from nnscratch_plots import style
from nnscratch_plots.axes import NAMES
from nnscratch_plots.records import Array

COLORMAP = "viridis"

# Flat colours outside the colour map, each with its own hatch for grayscale print.
LOOKS: dict[str, dict[str, Any]] = {
    "zero": {"facecolor": "black", "edgecolor": "white", "hatch": "..."},
    "infinite": {"facecolor": "#e8590c", "edgecolor": "black", "hatch": "////"},
    "nan": {"facecolor": "#e4e4e4", "edgecolor": "#555555", "hatch": "xxxx"},
}


def draw_log(
    ax: Axes, values: Array, edges: Array, scale: Normalize, rows: Array | None = None
) -> None:
    """Draw (columns, layers) values by their log10, and over them those that have none.

    rows : where the rows begin and end; None: each is 1 high, the first around 1
    """
    drawable = np.isfinite(values) & (values > 0)
    exponents = np.full(values.shape, np.nan)
    np.log10(values, out=exponents, where=drawable)
    draw(ax, exponents, edges, scale, special(values), rows)


def draw_fractions(ax: Axes, values: Array, edges: Array) -> None:
    """Draw (columns, layers) fractions from 0 to 1, and over them those that are NaN."""
    missing = {kind: mask for kind, mask in special(values).items() if kind == "nan"}
    draw(ax, values, edges, Normalize(0.0, 1.0), missing)


def draw(
    ax: Axes,
    colored: Array,
    edges: Array,
    scale: Normalize,
    special: dict[str, Array],
    rows: Array | None = None,
) -> None:
    """Draw the cells, and over them those that have no colour; rows as `draw_log` has them."""
    rows = np.arange(colored.shape[1] + 1) + 0.5 if rows is None else rows
    # Rasterized: a vector file would otherwise hold a polygon for each of up to 200,000 cells.
    ax.pcolormesh(
        edges, rows, np.ma.masked_invalid(colored.T), cmap=COLORMAP, norm=scale, rasterized=True
    )
    for kind, mask in special.items():
        patch = PathPatch(_outline(mask.T, edges, rows), linewidth=0, gid=kind, **LOOKS[kind])
        ax.add_patch(patch)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(rows[0], rows[-1])
    ax.xaxis.set_major_locator(style.step_ticks())


def share_bar(axes: Sequence[Axes], *, label: str = "") -> None:
    """A colour bar from 0 to 100 % beside the axes."""
    mapped = ScalarMappable(norm=Normalize(0.0, 1.0), cmap=COLORMAP)
    bar = axes[0].figure.colorbar(mapped, ax=list(axes), pad=0.02, aspect=26)
    bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "25 %", "50 %", "75 %", "100 %"])
    bar.ax.tick_params(which="both", colors=style.INK, labelsize=style.tick_size(axes[0]))
    if label:
        bar.set_label(label)


def legend_handles(panels: Sequence[Array], *, kinds: Sequence[str] = tuple(LOOKS)) -> list[Patch]:
    """A patch for each kind of cell without a colour that occurs."""
    found = {kind for values in panels for kind in special(values)}
    return [
        Patch(linewidth=0.5, label=NAMES[kind], **LOOKS[kind])
        for kind in LOOKS
        if kind in found and kind in kinds
    ]


def edges_of(steps: Array, window: int = 1) -> Array:
    """Where the columns of a heatmap begin and end: half way to the neighbouring steps."""
    steps = steps.astype(np.float64)
    starts = np.arange(0, len(steps), window)
    first, last = steps[starts], steps[np.append(starts[1:], len(steps)) - 1]
    gaps = np.diff(steps)
    before, after = (gaps[0], gaps[-1]) if gaps.size else (1.0, 1.0)
    inner = (last[:-1] + first[1:]) / 2
    return np.concatenate([[first[0] - before / 2], inner, [last[-1] + after / 2]])


def special(values: Array) -> dict[str, Array]:
    """Masks of the cells that a log scale cannot colour, for the kinds that occur."""
    masks = {"zero": values == 0, "nan": np.isnan(values), "infinite": np.isinf(values)}
    return {kind: mask for kind, mask in masks.items() if mask.any()}


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
