"""Predicted gradient norms drawn over measured ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnscratch_plots import style
from nnscratch_plots.axes import HonestLogAxis
from nnscratch_plots.given import entry, numbers
from nnscratch_plots.layer_ticks import label_layers_across
from nnscratch_plots.records import Array, Series
from nnscratch_records.errors import ConfigError

_READING = (
    "the line is what theory expects of the first step, the band two standard deviations over "
    "draws of the weights to either side, each mark a layer of one measured network; marks inside "
    "the band mean that the network does what theory says"
)


def predicted_gradient_norms(prediction: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Draw the predicted gradient norm of each layer with its band, over what was measured.

    `prediction` has "label", "layers" (L names), "relative_gradient" and "sd" (L values each: the
    norm of dL/dz over that at the last layer, and the standard deviation of its logarithm), and
    "measured": None or norms of shape (networks, L) or (L,). Raises ConfigError naming the key for
    wrong shapes.
    """
    checked = CheckedPrediction(prediction, 0)
    with style.drawing_on(ax, 8.6, 4.6) as ax:
        handles = _draw_prediction(ax, checked)
        ax.set_ylabel("‖∂L/∂z‖ relative to the last layer")
        title = "Gradient at each layer: predicted and measured"
        ax.set_title(f"{title}\n{style.wrapped(checked.label, 70)}")
        style.legend_beside(ax, handles)
    return ax


def predicted_gradient_norm_figure(predictions: Iterable[Mapping[str, Any]]) -> Figure:
    """Draw several predictions over their measurements, a panel for each.

    The sentence under the panels says how to read them. Raises ConfigError as
    `predicted_gradient_norms` does.
    """
    checked = [CheckedPrediction(one, index) for index, one in enumerate(predictions)]
    if not checked:
        raise ConfigError("predictions is empty, expected at least one")
    columns = min(3, len(checked))
    rows = -(-len(checked) // columns)
    width = max(8.4, 4.1 * columns)  # its heading fits one line
    sentence = (
        _READING
        if any(one.measured is not None for one in checked)
        else (
            "the line is what theory expects of the first step, the band two standard deviations "
            "over draws of the weights to either side"
        )
    )
    heading = "Back-propagated gradient at each layer, predicted before training"
    body = 2.6 * rows + (1.2 if rows == 1 else 0.2)
    handles = _legend(any(one.measured is not None for one in checked))
    with style.explained_figure(width, body, heading, sentence, handles=handles) as figure:
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for index, (ax, one) in enumerate(zip(panels, checked, strict=False)):
            _draw_prediction(style.prepared(ax), one)
            ax.set_title(style.wrapped(one.label, 40), size=10)
            if index % columns == 0:
                ax.set_ylabel("‖∂L/∂z‖, relative")
            if index + columns < len(checked):
                ax.set_xlabel("")
        for ax in panels[len(checked) :]:
            ax.set_axis_off()
    return figure


class CheckedPrediction:
    """A prediction whose arrays fit each other."""

    def __init__(self, prediction: Mapping[str, Any], index: int) -> None:
        if not isinstance(prediction, Mapping):
            got = type(prediction).__name__
            raise ConfigError(f"predictions[{index}] is a {got}, expected a mapping")
        self.label = str(prediction.get("label", ""))
        layers = np.asarray(entry(prediction, "layers"))
        if layers.ndim != 1 or not layers.size:
            raise ConfigError(f"key 'layers' has shape {layers.shape}, expected (L,) names")
        self.layers = tuple(str(name) for name in layers)
        shape = (len(layers),)
        self.expected = numbers(prediction, "relative_gradient", shape, "(L,)")
        self.sd = numbers(prediction, "sd", shape, "(L,)")
        self.measured: Array | None = None
        if prediction.get("measured") is not None:
            given = np.atleast_2d(np.asarray(prediction["measured"], dtype=np.float64))
            if given.ndim != 2 or given.shape[1] != len(layers):
                raise ConfigError(
                    f"key 'measured' has shape {given.shape}, "
                    f"expected (networks, L = {len(layers)})"
                )
            with np.errstate(divide="ignore", invalid="ignore"):
                self.measured = given / given[:, -1:]

    def band(self) -> tuple[Array, Array]:
        """Two standard deviations over draws to either side."""
        with np.errstate(over="ignore"):
            return self.expected * np.exp(-2 * self.sd), self.expected * np.exp(2 * self.sd)


def _draw_prediction(ax: Axes, one: CheckedPrediction) -> list[Any]:
    layers = np.arange(1, len(one.layers) + 1)
    low, high = one.band()
    rows = [] if one.measured is None else list(one.measured)
    scale = HonestLogAxis([one.expected, low, high, *rows])
    scale.apply(ax)
    color, mark = style.line_color(1, ax), style.line_color(2, ax)
    shown = np.isfinite(high) & (low > 0)
    ax.fill_between(layers, low, high, where=shown.tolist(), color=color, alpha=0.25, linewidth=0)
    looks: dict[str, Any] = {"linestyle": "none", "marker": "o", "markerfacecolor": "none"}
    looks |= {"markersize": 5, "color": mark}
    for index, values in enumerate(rows):
        with np.errstate(invalid="ignore"):
            drawable = np.where(np.isfinite(values) & (values > 0), values, np.nan)
        ax.plot(layers, drawable, gid="measured", **looks)
        for name in scale.strips:
            where = {"zero": values == 0, "nan": np.isnan(values), "infinite": np.isinf(values)}
            if name in where and where[name].any():
                at = np.where(where[name], scale.row(name, 3 + index), np.nan)
                ax.plot(layers, at, gid=name, **looks)
    positive = np.where(one.expected > 0, one.expected, np.nan)
    ax.plot(layers, positive, color=color, linewidth=1.8, gid="predicted")
    names = Series(one.label, one.layers, np.zeros(1), np.zeros((1, 1)))
    label_layers_across(ax, [names], room=0.8)
    return _legend(one.measured is not None)


def _legend(measured: bool) -> list[Any]:
    color = style.COLORS[1]
    handles: list[Any] = [
        Line2D([], [], color=color, linewidth=1.8, label="theory"),
        Patch(color=color, alpha=0.25, linewidth=0, label="± 2 sd over draws"),
    ]
    if measured:
        looks: dict[str, Any] = {"linestyle": "none", "marker": "o", "markerfacecolor": "none"}
        handles.append(Line2D([], [], color=style.COLORS[2], label="measured", **looks))
    return handles
