"""Several runs on the same axes: loss, gradient, updates and signal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import LEAST_DECADES, NAMES, HonestLogAxis, axis_label
from nnscratch_plots.curves import draw_losses
from nnscratch_plots.layer_ticks import label_layers_across, layer_places
from nnscratch_plots.records import Array, Record, Run, Series, read_runs
from nnscratch_plots.updates import mark_usual
from nnscratch_records import FIELDS, field_named
from nnscratch_records.limits import verdict
from nnscratch_records.words import number

_QUANTITIES = ("gradient_norm", "update_ratio", "output_std")
_READING = (
    "every run has its colour and mark in all panels; the loss should fall. The others show each "
    "run's middle value (median) over all its recorded steps, layers from the input on the left; "
    "runs with other layers stand by their depth. The gradient: "
    f"{FIELDS['gradient_norm'].sentence}"
)


def comparison_figure(records: Record | Iterable[Record]) -> Figure:
    """Draw several runs on the same axes: loss by step; gradient, updates and outputs by layer.

    By layer, what is drawn is the median over the recorded steps at which it was finite (or, where
    it never was, what it was last). The sentences below say how to read the panels and what the
    runs show. Raises ConfigError naming the record and key for wrong keys or shapes.
    """
    runs = read_runs(records)
    series = {quantity: [run.series(quantity) for run in runs] for quantity in _QUANTITIES}
    rows = {quantity: [_median(one) for one in series[quantity]] for quantity in _QUANTITIES}
    sentence = f"{_READING}. These runs: {_shown(runs)}"
    body = max(7.4, 0.28 * len(runs) + 4.6)
    heading = f"{len(runs)} runs compared"
    with style.explained_figure(12.5, body, heading, sentence) as figure:
        panels = list(figure.subplots(2, 2).flat)
        losses = [Series(run.label, (), run.steps, run.get("loss")) for run in runs]
        draw_losses(style.prepared(panels[0]), losses)
        panels[0].set_title("Loss")
        strips: set[str] = set()
        for ax, quantity in zip(panels[1:], _QUANTITIES, strict=True):
            strips |= _by_layer(style.prepared(ax), series[quantity], rows[quantity], quantity)
        lines = [line for line in panels[1].get_lines() if line.get_gid() == "values"]
        style.legend_beside(panels[1], lines)
        if strips:
            kinds = " or ".join(text for name, text in NAMES.items() if name in strips)
            panels[3].annotate(
                f"in a grey strip: {kinds}", (1, -0.2), xycoords="axes fraction", ha="right"
            )
    return figure


def _median(series: Series) -> Array:
    """By layer, the median of the finite values, or the last value where none is finite."""
    finite = np.isfinite(series.values)
    made = series.values[-1].copy()
    for column in np.flatnonzero(finite.any(axis=0)):
        made[column] = np.median(series.values[finite[:, column], column])
    return made


def _by_layer(ax: Axes, series: Sequence[Series], rows: Sequence[Array], quantity: str) -> set[str]:
    title = field_named(quantity).title
    if not any(len(values) for values in rows):
        style.say_nothing(ax, "No parameters were recorded.")
        ax.set_title(title)
        return set()
    scale = HonestLogAxis(rows, least=LEAST_DECADES)
    scale.apply(ax)
    places = layer_places(series)
    for index, (one, at, values) in enumerate(zip(series, places, rows, strict=True)):
        scale.draw(ax, index, at, values).set_label(style.wrapped(one.label, 30))
    if quantity == "update_ratio":
        mark_usual(ax)
    label_layers_across(ax, series, room=0.8)
    ax.set_title(title)
    ax.set_ylabel(axis_label(ax, quantity))
    return set(scale.strips)


def _shown(runs: Sequence[Run]) -> str:
    """The lowest last loss, and how the gradient of each run changes from output to input."""
    last = [float(run.get("loss")[-1]) for run in runs]
    finite = [i for i, loss in enumerate(last) if np.isfinite(loss)]
    parts = []
    if finite:
        best = min(finite, key=lambda i: last[i])
        parts.append(f"the loss ends lowest, at {number(last[best])}, for {runs[best].label}")
    if len(finite) < len(runs):
        lost = ", ".join(run.label for i, run in enumerate(runs) if i not in finite)
        parts.append(f"it ends as no number for {lost}")
    if len(runs) <= 6:
        ratios = [(run.label, run.ratio_of_ends()) for run in runs]
        said = [f"{number(ratio)} ({label}: {verdict(ratio)})" for label, ratio in ratios]
        parts.append(f"gradient at the first layer over that at the last: {', '.join(said)}")
    return "; ".join(parts)
