"""Gradient norms by layer: layers across, log norm up, one line per run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnscratch_plots import style
from nnscratch_plots.axes import NAMES, HonestLogAxis, axis_label, label_layers_across
from nnscratch_plots.beside import (
    Expected,
    Predictions,
    draw_expected,
    expected_norms,
    reason,
    sentence,
)
from nnscratch_plots.quantities import QUANTITIES
from nnscratch_plots.records import Array, Layers, Record, Series, Step, read_norms


def gradient_norms(
    records: Record | Iterable[Record],
    *,
    quantity: str = "gradient_norm",
    step: Step = "first",
    layers: Layers = "dense",
    predictions: Predictions = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the gradient norm of every layer at one step, one line per record.

    `quantity` is "gradient_norm", "param_gradient_norm" (of the weights) or another that is
    recorded by layer or parameter (`QUANTITIES`), of which those with a sign are drawn as
    magnitudes; `step` is "first", "last" or a recorded step number; `layers` is "dense" (for
    parameters: weights), "activations", "all" or names. Values of 0, infinity and NaN are marked in
    strips below and above the log axis. `predictions`, one for each record or None, are drawn thin
    and dashed at step 0 of "gradient_norm" (for what they hold see `predicted_gradient_norms`; a
    string says why there is none). Raises ValueError naming the record and key for wrong keys
    or shapes, an unknown quantity or step.
    """
    series = read_norms(records, quantity, layers)
    numbers = [one.row(step) for one in series]
    rows = [one.values[number] for one, number in zip(series, numbers, strict=True)]
    expected = expected_norms(series, quantity, predictions, numbers)
    height = max(4.6, 0.3 * len(series) + 1.5)
    with style.drawing_on(ax, 8.6 if len(series) > 1 else 6.8, height) as ax:
        scale = HonestLogAxis(_drawn(rows, expected))
        _draw(ax, series, rows, scale)
        lines = _lines(ax)
        handles = draw_expected(ax, lines[len(lines) - len(series) :], expected)
        label_layers_across(ax, series, room=0.8)
        ax.set_ylabel(axis_label(ax, quantity))
        title = f"{QUANTITIES[quantity].title} at each layer, {_when(series, step)}"
        if len(series) == 1:
            title += f"\n{style.wrapped(series[0].label, 60)}"
        if len(series) > 1 or handles:
            style.legend_beside(ax, _lines(ax) + handles)
        ax.set_title(title)
    return ax


def gradient_norm_figure(
    records: Record | Iterable[Record],
    *,
    quantity: str = "gradient_norm",
    layers: Layers = "dense",
    predictions: Predictions = None,
) -> Figure:
    """Draw the gradient norms by layer at the first step and at the end, side by side on one scale.

    `predictions` are drawn at the first step (see `gradient_norms`). The sentence under the panels
    says how to read them. Raises ValueError as `gradient_norms` does.
    """
    series = read_norms(records, quantity, layers)
    first = [one.values[0] for one in series]
    last = [one.values[-1] for one in series]
    expected = expected_norms(series, quantity, predictions, [0] * len(series))
    both = [np.concatenate(pair) for pair in zip(first, last, strict=True)]
    scale = HonestLogAxis(_drawn(both, expected))
    text = QUANTITIES[quantity].reading or "one line per run, layers from the input (left)"
    if scale.strips:
        kinds = " or ".join(text for name, text in NAMES.items() if name in scale.strips)
        text += f". Marks in a grey strip are norms that are {kinds}"
    text = ". ".join(filter(None, (text, sentence(expected), reason(predictions))))
    body = max(4.2, 0.32 * len(series) + 0.8)
    heading = f"{QUANTITIES[quantity].title} at each layer"
    with style.explained_figure(11.5, body, heading, text) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        for ax, rows, step in ((left, first, "first"), (right, last, "last")):
            _draw(style.prepared(ax), series, rows, scale)
            label_layers_across(ax, series, room=0.8)
            when = _when(series, step)
            ax.set_title(when[0].upper() + when[1:])
        handles = draw_expected(left, _lines(left), expected)
        left.set_ylabel(QUANTITIES[quantity].axis)
        style.legend_beside(right, _lines(right) + handles)
    return figure


def _draw(ax: Axes, series: Sequence[Series], rows: Sequence[Array], scale: HonestLogAxis) -> None:
    scale.apply(ax)
    for index, (one, values) in enumerate(zip(series, rows, strict=True)):
        layers = np.arange(1, len(values) + 1)
        scale.draw(ax, index, layers, values).set_label(style.wrapped(one.label, 30))


def _drawn(rows: Sequence[Array], expected: Sequence[Expected | None]) -> list[Array]:
    """The values of each line with those of its prediction."""
    return [
        values if one is None else np.concatenate([values, one.pooled()])
        for values, one in zip(rows, expected, strict=True)
    ]


def _lines(ax: Axes) -> list[Line2D]:
    return [line for line in ax.get_lines() if line.get_gid() == "values"]


def _when(series: Sequence[Series], step: Step) -> str:
    numbers = sorted({int(one.steps[one.row(step)]) for one in series})
    text = f"step {numbers[0]}" if len(numbers) == 1 else f"steps {numbers[0]} to {numbers[-1]}"
    names = {"first": "first step", "last": "end of training"}
    return f"{names[step]} ({text})" if isinstance(step, str) else text
