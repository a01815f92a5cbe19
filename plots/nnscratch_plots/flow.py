"""Gradient norms by layer: layers across, log norm up, one line per run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnscratch_plots import style
from nnscratch_plots.axes import LEAST_DECADES, NAMES, HonestLogAxis, axis_label
from nnscratch_plots.beside import (
    Predictions,
    draw_expected,
    expected_norms,
    reason,
    sentence,
)
from nnscratch_plots.layer_ticks import label_layers_across, layer_places
from nnscratch_plots.records import Array, Layers, Record, Series, Step, read_norms
from nnscratch_records import field_named
from nnscratch_records.limits import FACTOR


def gradient_norms(
    records: Record | Iterable[Record],
    *,
    quantity: str = "gradient_norm",
    step: Step = "first",
    layers: Layers = "weights",
    predictions: Predictions = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the gradient norm of every layer at one step, one line per record.

    `quantity` is "gradient_norm", "param_gradient_norm" (of the weights) or another that is
    recorded by layer or parameter (`nnscratch_records.FIELDS`), of which those with a sign are
    drawn as magnitudes; `step` is "first", "last" or a recorded step number; `layers` is a role
    ("weights", "activation", ...; for parameters "weights" are the weights), "all" or names. Where
    runs have other layers they stand by their depth. The axis spans a factor of 10,000 or more, so
    that what is healthy looks level; a single run's gradient has lines a factor of 100, the limit
    of what is healthy, above and below that of its last layer. Values of 0, infinity and NaN are
    marked in strips below and above the log axis. `predictions`, one for each record or None, are
    drawn thin and dashed at step 0 of "gradient_norm" (for what they hold see
    `predicted_gradient_norms`; a string says why there is none). Raises ConfigError naming the
    record and key for wrong keys or shapes, an unknown quantity or step.
    """
    series = read_norms(records, quantity, layers)
    height = max(4.6, 0.3 * len(series) + 1.5)
    with style.drawing_on(ax, 8.6 if len(series) > 1 else 6.8, height) as ax:
        handles = draw_steps([ax], series, quantity, [step], predictions)
        ax.set_ylabel(axis_label(ax, quantity))
        title = f"{field_named(quantity).title} at each layer, {_when(series, step)}"
        if len(series) == 1:
            title += f"\n{style.wrapped(series[0].label, 60)}"
        if len(series) > 1 or handles:
            style.legend_beside(ax, value_lines(ax) + handles)
        ax.set_title(title)
    return ax


def gradient_norm_figure(
    records: Record | Iterable[Record],
    *,
    quantity: str = "gradient_norm",
    layers: Layers = "weights",
    predictions: Predictions = None,
) -> Figure:
    """Draw the gradient norms by layer at the first step and at the end, side by side on one scale.

    `predictions` are drawn at the first step (see `gradient_norms`). The sentence under the panels
    says how to read them. Raises ConfigError as `gradient_norms` does.
    """
    series = read_norms(records, quantity, layers)
    heading = f"{field_named(quantity).title} at each layer"
    body = max(4.2, 0.32 * len(series) + 0.8)
    rows = np.concatenate([one.values[[0, -1]].ravel() for one in series])
    text = field_named(quantity).sentence or "one line per run, layers from the input (left)"
    kinds = list(HonestLogAxis([rows]).strips)
    if kinds:
        marked = " or ".join(text for name, text in NAMES.items() if name in kinds)
        text += f". Marks in a grey strip are norms that are {marked}"
    expected = expected_norms(series, quantity, predictions, [0] * len(series))
    text = ". ".join(filter(None, (text, sentence(expected), reason(predictions))))
    with style.explained_figure(11.5, body, heading, text) as figure:
        left, right = (style.prepared(ax) for ax in figure.subplots(1, 2, sharey=True))
        handles = draw_steps([left, right], series, quantity, ["first", "last"], predictions)
        for ax, step in ((left, "first"), (right, "last")):
            when = _when(series, step)
            ax.set_title(when[0].upper() + when[1:])
        left.set_ylabel(field_named(quantity).axis)
        style.legend_beside(right, value_lines(right) + handles)
    return figure


def draw_steps(
    panels: Sequence[Axes],
    series: Sequence[Series],
    quantity: str,
    steps: Sequence[Step],
    predictions: Predictions = None,
) -> list[Line2D]:
    """Draw one step of all runs on each of the panels, on one scale and without titles.

    Returns what a legend needs of the predictions.
    """
    numbers = [[one.row(step) for one in series] for step in steps]
    rows = [
        [one.values[number] for one, number in zip(series, chosen, strict=True)]
        for chosen in numbers
    ]
    expected = [expected_norms(series, quantity, predictions, chosen) for chosen in numbers]
    alone = len(series) == 1 and quantity == "gradient_norm"
    limits = [_limits(one[0]) if alone else np.empty(0) for one in rows]
    drawn = [
        np.concatenate([
            *(one[i] for one in rows),
            *(known.pooled() for found in expected if (known := found[i]) is not None),
            *(limits if not i else ()),
        ])
        for i in range(len(series))
    ]  # fmt: skip
    scale = HonestLogAxis(drawn, least=LEAST_DECADES)
    handles: list[Line2D] = []
    for ax, values, found, limit in zip(panels, rows, expected, limits, strict=True):
        scale.apply(ax)
        for index, (one, at, norms) in enumerate(
            zip(series, layer_places(series), values, strict=True)
        ):
            scale.draw(ax, index, at, norms).set_label(style.wrapped(one.label, 30))
        handles += draw_expected(ax, value_lines(ax)[-len(series) :], found)
        label_layers_across(ax, series, room=0.8)
        _mark_limits(ax, limit)
    return handles


def value_lines(ax: Axes) -> list[Line2D]:
    """The lines of runs on the axes."""
    return [line for line in ax.get_lines() if line.get_gid() == "values"]


def _limits(norms: Array) -> Array:
    """The norms at which the first layer's would be too small and too large; empty: not known."""
    last = norms[-1] if len(norms) > 1 else np.nan
    limits = np.array([last / FACTOR, last * FACTOR])
    return limits if np.isfinite(limits).all() and limits[0] > 0 else np.empty(0)


def _mark_limits(ax: Axes, limits: Array) -> None:
    texts = (f"1/{FACTOR:.0f} of", f"{FACTOR:.0f} times")
    for at, text, side in zip(limits, texts, ("top", "bottom"), strict=False):
        ax.axhline(at, color="0.45", linewidth=0.9, linestyle=(0, (1, 2)), zorder=0.7, gid="limit")
        place: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ha": "left", "va": side}
        ax.text(0.0, at, f" {text} the last layer's", size=7.5, color="0.35", **place)


def _when(series: Sequence[Series], step: Step) -> str:
    numbers = sorted({int(one.steps[one.row(step)]) for one in series})
    text = f"step {numbers[0]}" if len(numbers) == 1 else f"steps {numbers[0]} to {numbers[-1]}"
    names = {"first": "first step", "last": "end of training"}
    return f"{names[step]} ({text})" if isinstance(step, str) else text
