"""Attribution as stacked bars: what each part of the network does to the gradient's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.bars import hatched_bars, stacked_bars
from nnscratch_plots.layer_ticks import label_layers_across
from nnscratch_plots.panels import Panel, picture, pictures
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Array, Record, Run, Series, Step, read_run
from nnscratch_records.attribution import TERMS, TITLES
from nnscratch_records.errors import ConfigError

# Of each term: one of the colours, and a hatch for print in grey.
TERM_LOOKS: dict[str, tuple[int, str]] = {
    "weights": (1, ""),
    "recurrent": (8, "oo"),
    "derivative": (6, "//"),
    "scale": (3, ".."),
    "projection": (4, "xx"),
    "norm": (3, "||"),
    "noise": (5, "--"),
    "sum": (2, "\\\\"),
    "mix": (8, "**"),
    "unrecorded": (7, ""),
    "opaque": (9, "++"),
}
LOOKS: dict[str, dict[str, Any]] = {
    term: {"facecolor": style.COLORS[color], "edgecolor": "white", "hatch": hatch}
    for term, (color, hatch) in TERM_LOOKS.items()
}
BROKEN = "a norm is 0 or not finite"
_TITLES = {
    "backward": "What changes the back-propagated gradient, layer by layer",
    "forward": "What changes the signal, layer by layer",
}


@dataclass(frozen=True)
class Split:
    """What each term adds, in log10, to the size of gradient or signal, by group of layers.

    A group is named by its layer with weights (or join). `values` is (groups,) for each term that
    occurs; `broken` marks the groups where a norm is 0 or not finite.
    """

    layers: tuple[str, ...]
    values: dict[str, Array]
    broken: Array

    def totals(self) -> dict[str, float]:
        """Sum of each term over the groups that are not broken."""
        return {term: float(values[~self.broken].sum()) for term, values in self.values.items()}


def attribution_bars(
    record: Record,
    *,
    direction: str = "backward",
    step: Step = "finite",
    ax: Axes | None = None,
) -> Axes:
    """Draw, in log10 units, what each term adds to the gradient's norm by group of layers, stacked.

    `direction` is "backward": the change of the gradient on its way down to a layer with weights
    (or a join of branches) from the one above, or "forward": the change of the signal's root mean
    square from the one below (or the input) through it and what follows it. Around a block it goes
    the short way, by the skip connection. The terms add up exactly to the whole change (see
    `nnscratch_records.attribution`). Groups with a norm that is 0 or not finite are hatched. Raises
    ConfigError naming what the record lacks, the direction or the step.
    """
    run = read_run(record)
    title = f"{_titled(direction)}, {run.when(step)}"
    return picture(
        ax, (8.6, 4.6), title, run.label, lambda ax: _draw(ax, run, run.row(step), direction)
    )


def attribution_figure(record: Record, *, step: Step = "finite") -> Figure:
    """Draw the attribution of the gradient and of the signal side by side.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    heading = f"What each part of the network does, {run.when(step)}: {run.label}"
    reading = f"{READING['attribution']}; the legend has the sums"
    row = run.row(step)
    panels: list[Panel] = [
        ("back-propagated gradient", 1.0, lambda ax: _draw(ax, run, row, "backward")),
        ("forward signal", 1.0, lambda ax: _draw(ax, run, row, "forward")),
    ]
    return pictures((12.0, 4.4), heading, reading, panels)


def split_at(run: Run, row: int, direction: str) -> Split:
    """Split the change of gradient or signal at one recorded step into terms by group."""
    _titled(direction)
    names, sums = run.attribution.grouped(slice(row, row + 1), direction == "forward")
    values = {term: sums[0, :, i] for i, term in enumerate(TERMS) if np.any(sums[0, :, i] != 0)}
    return Split(names, values, ~np.isfinite(sums[0].sum(axis=1)))


def _titled(direction: str) -> str:
    if direction not in _TITLES:
        raise ConfigError(f"direction must be 'backward' or 'forward', got {direction!r}")
    return _TITLES[direction]


def _draw(ax: Axes, run: Run, row: int, direction: str) -> list[Artist]:
    split = split_at(run, row, direction)
    if not split.layers:
        return style.say_nothing(ax, "There is one layer only.")
    totals = split.totals()
    labels = {
        term: TITLES[term] + ("" if split.broken.all() else f": {round(total, 2) + 0.0:+.2f}")
        for term, total in totals.items()
    }
    heights = {term: np.where(split.broken, 0.0, split.values[term]) for term in totals}
    handles, down, up = stacked_bars(ax, len(split.layers), heights, LOOKS, labels)
    low, high = float(down.min()), float(up.max())
    top, bottom = max(0.1, 1.08 * high, -0.1 * low), min(-0.1, 1.08 * low, -0.1 * high)
    handles += hatched_bars(ax, split.broken, BROKEN, bottom=bottom, top=top, gid="broken")
    ax.axhline(0, color="0.4", linewidth=0.8)
    ax.set_ylim(bottom, top)
    style.grid_up(ax)
    blocks = dict(zip(run.layers, run.facts("blocks").tolist(), strict=True))
    of_groups = tuple(blocks.get(name, "") for name in split.layers)
    label_layers_across(ax, [Series(run.label, split.layers, run.steps, up, None, of_groups)])
    what = "gradient" if direction == "backward" else "signal"
    small = style.inches_high(ax) < 2.4
    ax.set_ylabel("powers of ten" if small else f"change of the {what}, in powers of ten")
    return handles
