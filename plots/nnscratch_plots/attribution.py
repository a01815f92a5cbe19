"""Attribution as stacked bars: what each part of the network does to the gradient's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import label_layers_across
from nnscratch_plots.bars import hatched_bars, stacked_bars
from nnscratch_plots.records import Array, Record, Run, Series, Step, read_run

_TERM_OF = {"dense": "weights", "batchnorm": "scale", "dropout": "noise"}
LOOKS: dict[str, dict[str, Any]] = {
    "weights": {"facecolor": style.COLORS[1], "edgecolor": "white"},
    "derivative": {"facecolor": style.COLORS[6], "edgecolor": "white", "hatch": "//"},
    "scale": {"facecolor": style.COLORS[3], "edgecolor": "white", "hatch": ".."},
    "projection": {"facecolor": style.COLORS[4], "edgecolor": "white", "hatch": "xx"},
    "noise": {"facecolor": style.COLORS[5], "edgecolor": "white", "hatch": "--"},
    "unrecorded": {"facecolor": style.COLORS[7], "edgecolor": "white"},
}
_NAMES = {
    "backward": {
        "weights": "weights",
        "derivative": "derivative",
        "scale": "gamma / sigma",
        "projection": "batch norm, rest",
        "noise": "dropout",
        "unrecorded": "not recorded",
    },
    "forward": {
        "weights": "weights",
        "derivative": "activation",
        "scale": "batch norm",
        "noise": "dropout",
        "unrecorded": "not recorded",
    },
}
_TITLES = {
    "backward": "What changes the back-propagated gradient, layer by layer",
    "forward": "What changes the signal, layer by layer",
}
_READING = (
    "a bar down to -1 stands for a factor of ten lost, a bar up to 1 for a factor of ten gained, "
    "and the bars of all layers add up exactly to the change from one end of the network to the "
    "other; the legend has these sums. A layer's bar in the left panel is what happens to the "
    "gradient on its way down to it from the dense layer above"
)

_NOTHING = "There is one layer only."


@dataclass(frozen=True)
class Split:
    """What each term adds, in log10, to the size of gradient or signal, by block.

    A block is named by its dense layer. `values` is (blocks,) for each term that the network has;
    `broken` marks the blocks where a norm is 0 or not finite.
    """

    blocks: tuple[str, ...]
    values: dict[str, Array]
    broken: Array

    def totals(self) -> dict[str, float]:
        """Sum of each term over the blocks that are not broken."""
        return {term: float(values[~self.broken].sum()) for term, values in self.values.items()}


def attribution_bars(
    record: Record,
    *,
    direction: str = "backward",
    step: Step = "finite",
    ax: Axes | None = None,
) -> Axes:
    """Draw, in log10 units, what each term adds to the gradient's norm by dense block, stacked.

    `direction` is "backward": the change of the gradient on its way down to a dense layer from the
    one above, or "forward": the change of the signal's root mean square from the dense layer below
    (or the input) through a dense layer and what follows it. The terms add up exactly to the whole
    change. Blocks with a norm that is 0 or not finite are hatched. Raises ValueError naming the
    record and key for wrong keys or shapes, the direction or the step.
    """
    run = read_run(record)
    row = run.row(step)
    split = split_at(run, row, direction)
    with style.drawing_on(ax, 8.6, 4.6) as ax:
        title = f"{_TITLES[direction]}, {run.when(step)}\n{style.wrapped(run.label, 70)}"
        if not split.blocks:
            return style.say_nothing_to_draw(ax, title, _NOTHING)
        style.legend_above(ax, title, _draw(ax, run, split, direction))
    return ax


def attribution_figure(record: Record, *, step: Step = "finite") -> Figure:
    """Draw the attribution of the gradient and of the signal side by side.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    heading = f"What each part of the network does, {run.when(step)}: {run.label}"
    with style.explained_figure(12.0, 4.4, heading, _READING) as figure:
        titles = {"backward": "back-propagated gradient", "forward": "forward signal"}
        for ax, direction in zip(figure.subplots(1, 2), titles, strict=True):
            split = split_at(run, run.row(step), direction)
            if split.blocks:
                handles = _draw(style.prepared(ax), run, split, direction)
                style.legend_above(ax, titles[direction], handles)
            else:
                style.say_nothing_to_draw(ax, titles[direction], _NOTHING)
    return figure


def split_at(run: Run, row: int, direction: str) -> Split:
    """Split the change of gradient or signal at one recorded step into terms by block."""
    if direction not in _NAMES:
        raise ValueError(f"direction must be 'backward' or 'forward', got {direction!r}")
    names = run.names("layers")
    kinds = [name.rpartition(".")[2] for name in names]
    backward = direction == "backward"
    changes = _backward(run, row) if backward else _forward(run, row)
    heads = [i for i, kind in enumerate(kinds) if kind == "dense"] or list(range(len(names)))
    # A change belongs to the dense layer at whose output it ends (backward) or begins (forward).
    places = np.arange(len(names)) - (1 if backward else 0)
    block = np.searchsorted(heads, places, side="right") - 1
    below = bool((block[1:] < 0).any()) if backward else bool((block < 0).any())
    shown = [names[heads[b]] for b in range(len(heads) - (1 if backward else 0))]
    if below:  # what comes before the first dense layer has a block of its own
        shown, block = [names[0], *shown], block + 1
    if backward and heads[-1] < len(names) - 1:
        shown = [*shown, names[heads[-1]]]
    values: dict[str, Array] = {}
    scales = _scales(run, row) if backward else {}
    for i in range(1 if backward else 0, len(names)):
        term = _TERM_OF.get(kinds[i], "derivative")
        if i and not _follows(names[i - 1], names[i]):
            term = "unrecorded"
        parts = {term: changes[i]}
        if term == "scale" and names[i] in scales:
            parts = {"scale": scales[names[i]], "projection": changes[i] - scales[names[i]]}
        for part, value in parts.items():
            values.setdefault(part, np.zeros(len(shown)))[block[i]] += value
    broken = ~np.isfinite(sum(values.values(), np.zeros(len(shown))))
    return Split(tuple(shown), {term: values[term] for term in LOOKS if term in values}, broken)


def _backward(run: Run, row: int) -> Array:
    """What each layer adds to log10 of the gradient's norm, NaN for the first layer."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(run.get("gradient_norm")[row])
        return np.append(np.nan, logs[:-1] - logs[1:])


def _forward(run: Run, row: int) -> Array:
    """What each layer adds to log10 of the signal's root mean square."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, std = run.get("output_mean")[row], run.get("output_std")[row]
        first = np.hypot(run.get("input_mean")[row], run.get("input_std")[row])
        logs = np.log10(np.append(first, np.hypot(mean, std)))
        return np.diff(logs)


def _scales(run: Run, row: int) -> dict[str, float]:
    if "batchnorm_scale" not in run:
        return {}
    with np.errstate(divide="ignore"):
        scales = np.log10(run.get("batchnorm_scale")[row])
    return dict(zip(run.names("batchnorm_layers"), scales.tolist(), strict=True))


def _follows(below: str, above: str) -> bool:
    numbers = [name.partition(".")[0] for name in (below, above)]
    return not all(n.isdigit() for n in numbers) or int(numbers[1]) == int(numbers[0]) + 1


def _draw(ax: Axes, run: Run, split: Split, direction: str) -> list[Artist]:
    totals = split.totals()
    labels = {
        term: _NAMES[direction][term]
        + ("" if split.broken.all() else f": {round(total, 2) + 0.0:+.2f}")
        for term, total in totals.items()
    }
    heights = {term: np.where(split.broken, 0.0, split.values[term]) for term in totals}
    handles, down, up = stacked_bars(ax, heights, LOOKS, labels)
    low, high = float(down.min()), float(up.max())
    top, bottom = max(0.1, 1.08 * high, -0.1 * low), min(-0.1, 1.08 * low, -0.1 * high)
    handles += hatched_bars(
        ax, split.broken, "a norm is 0 or not finite", bottom=bottom, top=top, gid="broken"
    )
    ax.axhline(0, color="0.4", linewidth=0.8)
    ax.set_ylim(bottom, top)
    ax.grid(axis="y", **style.GRID)
    ax.set_axisbelow(True)
    label_layers_across(ax, [Series(run.label, split.blocks, run.steps, up)])
    what = "gradient" if direction == "backward" else "signal"
    small = style.inches_high(ax) < 2.4
    ax.set_ylabel("powers of ten" if small else f"change of the {what}, in powers of ten")
    return handles
