"""Predictions beside measurements: what theory expected of the first step of recorded runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from nnscratch_plots import style
from nnscratch_plots.axes import ALL_MARKED, classified
from nnscratch_plots.layer_ticks import layer_places
from nnscratch_plots.prediction import CheckedPrediction
from nnscratch_plots.records import Array, Series
from nnscratch_records.errors import ConfigError
from nnscratch_records.words import number

# What theory says of a run (see `predicted_gradient_norms`), or why it says nothing.
Prediction = Mapping[str, Any] | str | None
Predictions = Mapping[str, Any] | str | Iterable[Prediction] | None

_LABEL = "predicted before training"
_DASHES = (0, (3, 2))


@dataclass(frozen=True)
class Expected:
    """Norms expected at some places of a run, with a band; NaN where a log axis has no place."""

    places: Array
    norms: Array
    low: Array
    high: Array

    def pooled(self) -> Array:
        """Every number that is drawn."""
        values = np.concatenate([self.norms, self.low, self.high])
        return values[np.isfinite(values)]


def expected_norms(
    series: Sequence[Series], quantity: str, predictions: Predictions, rows: Sequence[int]
) -> list[Expected | None]:
    """What was expected of each run; None where nothing was, or for another quantity or step.

    Theory gives norms relative to the last layer with weights: they are scaled to what was
    measured there.
    """
    given = aligned(predictions, len(series))
    if quantity != "gradient_norm":
        return [None] * len(series)
    return [
        None
        if not isinstance(prediction, Mapping) or one.steps[row] != 0
        else _expected(one, at, one.values[row], CheckedPrediction(prediction, index))
        for index, (one, at, prediction, row) in enumerate(
            zip(series, layer_places(series), given, rows, strict=True)
        )
    ]


def reason(predictions: Predictions) -> str:
    """Why there is no prediction of a single run, as a sentence without its end; else nothing."""
    if predictions is not None and not isinstance(predictions, Mapping | str):
        given = list(predictions)
        predictions = given[0] if len(given) == 1 else None
    return f"No prediction: {predictions}" if isinstance(predictions, str) else ""


def sentence(expected: Sequence[Expected | None]) -> str:
    """How to read the predictions, as a sentence without its end; nothing where there are none."""
    if not any(expected):
        return ""
    text = "Marks at the first step are measured, the dashed line is what theory expects there, "
    text += "relative to the last layer"
    if len(expected) == 1:
        text += ", with two standard deviations over draws of the weights to either side"
    return text


def draw_expected(
    ax: Axes, lines: Sequence[Line2D], expected: Sequence[Expected | None]
) -> list[Line2D]:
    """Draw predictions in the colours of their runs, with its band where there is one run.

    `lines` are those of the runs: where every layer has its mark the line between gives way, as it
    would cover the prediction. Returns the handle for the legend, in a list; an empty list where
    there is nothing to draw.
    """
    for index, (line, one) in enumerate(zip(lines, expected, strict=True)):
        if one is None:
            continue
        if len(np.asarray(line.get_xdata())) <= ALL_MARKED:
            line.set_linestyle("none")
        color = style.line_color(index, ax)
        if len(expected) == 1:
            ax.fill_between(one.places, one.low, one.high, color=color, alpha=0.13, linewidth=0)
        looks: dict[str, Any] = {"color": color, "linewidth": 1.0, "linestyle": _DASHES}
        ax.plot(one.places, one.norms, gid="predicted", zorder=1.9, **looks)
    if not any(expected):
        return []
    color = style.line_color(0, ax) if len(expected) == 1 else "0.5"
    return [Line2D([], [], color=color, linewidth=1.0, linestyle=_DASHES, label=_LABEL)]


def in_words(prediction: Prediction, layers: Sequence[str], step: int, norms: Array) -> str:
    """The predicted change of the gradient beside the one measured at step 0, as a sentence.

    `norms` are those at `layers` at the first recorded step, whose number is `step`.
    """
    if prediction is None:
        return ""
    if isinstance(prediction, str):
        return f"{reason(prediction)}."
    checked = CheckedPrediction(prediction, 0)
    first, last = checked.layers[0], checked.layers[-1]
    text = f"Gradient at {first} over that at {last}: predicted before training "
    text += number(float(checked.expected[0]))
    if step == 0 and first in layers and last in layers:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = norms[layers.index(first)] / norms[layers.index(last)]
        text += f", measured at step 0 {number(float(ratio))}"
    return text + "."


def aligned(predictions: Predictions, count: int) -> list[Prediction]:
    """One prediction, or None, for each of `count` records; ConfigError for another number."""
    if predictions is None:
        return [None] * count
    single = isinstance(predictions, Mapping | str)
    given: list[Any] = [predictions] if single else list(predictions)
    if len(given) != count:
        raise ConfigError(
            f"predictions has {len(given)} entries for {count} records, expected one for each, "
            "None where there is none"
        )
    return given


def _expected(
    one: Series, at: Array, measured: Array, checked: CheckedPrediction
) -> Expected | None:
    found = [i for i, name in enumerate(checked.layers) if name in one.layers]
    if checked.layers[-1] not in one.layers:
        return None
    places = np.array([one.layers.index(checked.layers[i]) for i in found])
    scale = measured[places[-1]]
    if not (np.isfinite(scale) and scale > 0):
        return None
    low, high = checked.band()
    values = (_drawable(scale * norms[found]) for norms in (checked.expected, low, high))
    return Expected(at[places], *values)


def _drawable(values: Array) -> Array:
    return np.where(classified(values)["drawable"], values, np.nan)
