"""Histograms as ridgelines: how values spread, over the layers or over the steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import power_of_ten
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Array, Layers, Record, Step, read_run
from nnscratch_plots.thinning import evenly
from nnscratch_records.errors import ConfigError

MOST_RIDGES = 12
_PEAK = 0.92  # of a row: how high the tallest ridge is
_NAMES = {
    "output": ("Outputs", "output, y", "activation"),
    "gradient": ("Back-propagated gradients", "magnitude of the gradient, |∂L/∂y|", "weights"),
    "param": ("Weights", "weight, w", "weights"),
}


def histogram_ridges(
    record: Record,
    *,
    quantity: str = "output",
    step: Step = "finite",
    layer: str | None = None,
    layers: Layers | None = None,
    ridges: int = MOST_RIDGES,
    ax: Axes | None = None,
) -> Axes:
    """Draw histograms of "output", "gradient" or "param" as ridges on one logarithmic axis.

    Without `layer`: a ridge per layer at `step` ("first", "last", "finite" for the last step at
    which all was finite, or a recorded step number), the input at the bottom; `layers` chooses them
    (default: activations for outputs, layers with weights for gradients, weights for parameters).
    With `layer` (for "param" a parameter): a ridge per step, the first at the bottom. At most
    `ridges` are drawn, evenly spread. Heights are the square root of the share of the values per
    unit of the log axis, on one scale. Raises ConfigError naming what is wrong.
    """
    run = read_run(record)
    if quantity not in _NAMES:
        raise ConfigError(f"quantity must be 'output', 'gradient' or 'param', got {quantity!r}")
    if ridges < 1:
        raise ConfigError(f"ridges must be 1 or more, got {ridges!r}")
    title, axis, usual = _NAMES[quantity]
    over = "params" if quantity == "param" else "layers"
    if layer is None:
        chosen = run.select(over, usual if layers is None else layers)
        chosen = [chosen[i] for i in evenly(len(chosen), ridges)]
        rows = [run.row(step)] * len(chosen)
        labels = [run.names(over)[i] for i in chosen]
        heading = f"{title} by layer, {run.when(step)}"
    else:
        rows = evenly(len(run.steps), ridges)
        chosen = run.select(over, [layer]) * len(rows)
        labels = [f"step {run.steps[row]}" for row in rows]
        heading = f"{title} of {layer} during training"
    size = (7.6, max(3.4, 0.38 * len(rows) + 1.6))
    with style.drawing_on(ax, *size) as ax:
        kept = run.histograms(quantity) if chosen else None
        if kept is None:
            style.say_nothing(ax, "No histograms were recorded.")
        else:
            shapes = np.array([kept[0][row, i] for row, i in zip(rows, chosen, strict=True)])
            _draw(ax, shapes.astype(np.float64), kept[1])
            ax.set_yticks(range(len(labels)), style.tick_names(labels, ax))
            ax.set_xlabel(axis + ", log scale to both sides of 0" * (quantity != "gradient"))
        ax.set_title(f"{heading}\n{style.wrapped(run.label, 60)}")
    return ax


def histogram_figure(record: Record, *, step: Step = "finite") -> Figure:
    """Draw outputs, gradients and weights by layer at one step, side by side.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    heading = f"Values by layer, {run.when(step)}: {run.label}"
    with style.explained_figure(12.5, 4.6, heading, READING["ridges"]) as figure:
        for ax, quantity in zip(figure.subplots(1, 3), _NAMES, strict=True):
            histogram_ridges(run, quantity=quantity, step=step, ax=style.prepared(ax))
            ax.set_title(_NAMES[quantity][0])
    return figure


class _Axis:
    """Both sides of 0 on log scales, from the smallest magnitude that occurs, and a column for 0.

    One unit is one bin. Bins that touch 0 share the column from -1 to 1.
    """

    def __init__(self, edges: Array, counts: Array) -> None:
        used = counts.any(axis=0)
        self._zero = (edges[:-1] <= 0) & (edges[1:] >= 0)
        inner, outer = np.sort(np.abs([edges[:-1], edges[1:]]), axis=0)
        signs = np.sign(edges[:-1] + edges[1:])
        off_zero = used & ~self._zero
        self.smallest = float(inner[off_zero].min(initial=1e300))
        self._edges = edges
        self._ratio = float(edges[-1] / edges[-2])
        self._sides: list[tuple[Array, Array]] = []  # per side with values: its bins, their ends
        self.largest = {}
        for sign in (-1, 1):
            if np.any(off_zero & (signs == sign)):
                self.largest[sign] = float(outer[off_zero & (signs == sign)].max())
                bins = np.flatnonzero(
                    ~self._zero
                    & (signs == sign)
                    & (inner >= self.smallest)
                    & (outer <= self.largest[sign])
                )
                ends = self.at(edges[np.append(bins, bins[-1] + 1)])
                self._sides.append((bins, ends))
        self.has_zero = bool(np.any(used & self._zero)) or len(self._sides) == 2
        reached = [end for _, ends in self._sides for end in (ends[0], ends[-1])]
        reached += [-1.0, 1.0] if self.has_zero else []
        self.low, self.high = min(reached, default=-1.0), max(reached, default=1.0)

    def at(self, values: Array) -> Array:
        """Where values lie that are at least `smallest` in magnitude."""
        bins = np.log(np.abs(values) / self.smallest) / np.log(self._ratio)
        return np.sign(values) * (1.5 + bins)

    def pieces(self, heights: Array, zero: float) -> list[tuple[Array, Array]]:
        """What to draw of one ridge: heights and the ends of their bins, side by side."""
        parts = [(heights[bins], ends) for bins, ends in self._sides]
        return [*parts, (np.array([zero]), np.array([-1.0, 1.0]))] if zero else parts

    def zero_share(self, shares: Array) -> Array:
        """Share of the values in the column for 0."""
        return shares[:, self._zero].sum(axis=1)

    def ticks(self) -> list[tuple[float, str]]:
        """Powers of ten, few enough to be read, 0, and the bins for all that lies beyond."""
        ticks = []
        for sign, largest in self.largest.items():
            first, last = np.ceil(np.log10(self.smallest)), np.floor(np.log10(largest) + 1e-9)
            powers = np.arange(first, last + 1)
            every = next(
                n for n in (1, 2, 3, 5, 10, 20) if len(powers) / n <= 7 / len(self.largest)
            )
            for power in powers[powers % every == 0]:
                text = ("\N{MINUS SIGN}" if sign < 0 else "") + power_of_ten(power)
                ticks.append((float(self.at(np.array(sign * 10.0**power))), text))
        if len(ticks) < 2 and list(self.largest) == [1]:
            edges = self._edges[(self._edges >= self.smallest) & (self._edges <= self.largest[1])]
            ticks = [(float(self.at(edge)), f"{edge:.3g}") for edge in edges[-6:]]
        ends = [sign for sign, largest in self.largest.items() if largest >= self._edges[-1]]
        own = [(sign * (abs(self.high if sign > 0 else self.low) - 0.5), sign) for sign in ends]
        last = f"{self._edges[-2]:,.0f}" if self._edges[-2] < 1e5 else f"{self._edges[-2]:.1e}"
        named = [(at, f"≥ {last}" if sign > 0 else f"≤ \N{MINUS SIGN}{last}") for at, sign in own]
        named += [(0.0, "0")] if self.has_zero else []
        span = self.high - self.low
        free = [
            tick
            for tick in ticks
            if all(abs(tick[0] - at) > (0.08 if at == 0 else 0.15) * span for at, _ in named)
        ]
        return sorted(free + named)


def _draw(ax: Axes, counts: Array, edges: Array) -> None:
    axis = _Axis(edges, counts)
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    heights, zeros = np.sqrt(shares), np.sqrt(axis.zero_share(shares) / 2)  # it is two bins wide
    peak = max(float(heights.max()), float(zeros.max()), 1e-12)
    colors = colormaps["viridis"](np.linspace(0.08, 0.8, len(counts)))
    if axis.has_zero:
        ax.axvspan(-1, 1, zorder=0, **style.STRIP)
    for row, color in enumerate(colors):
        ax.axhline(row, color=color, linewidth=0.6, zorder=2)
        looks: dict[str, Any] = {"facecolor": color, "edgecolor": color, "linewidth": 0.3}
        scale = _PEAK / peak
        for part, ends in axis.pieces(heights[row] * scale, float(zeros[row]) * scale):
            ax.stairs(row + part, ends, baseline=row, fill=True, zorder=3, gid="ridge", **looks)
        if not totals[row]:
            middle = (axis.low + axis.high) / 2
            text: dict[str, Any] = {
                "ha": "center",
                "va": "bottom",
                "style": "italic",
                "gid": "nothing",
            }
            ax.text(middle, row + 0.08, "nothing finite", **text)
    ticks = axis.ticks()
    ax.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
    ax.set_xlim(axis.low - 0.4, axis.high + 0.4)
    ax.set_ylim(-0.15, len(counts))
