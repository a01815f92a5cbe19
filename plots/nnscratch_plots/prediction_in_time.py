"""The gradient's way back through time as theory predicts it, over what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from nnscratch_plots import style
from nnscratch_plots.axes import HonestLogAxis
from nnscratch_plots.given import entry, numbers
from nnscratch_plots.records import Array
from nnscratch_records.errors import ConfigError

_MARKS = 16  # of what was measured, about so many per line


def predicted_gradient_by_lag(
    predictions: Iterable[Mapping[str, Any]], *, ax: Axes | None = None
) -> Axes:
    """Draw what is left of the last step's gradient, by steps back: a line for each recurrent layer
    as predicted, marks as measured.

    Each of `predictions` has "label", "layers" (L names), "relative_gradient" (L, steps: the norm
    of the state's gradient over that at the last step) and "measured": None or norms of the same
    shape. Raises ConfigError naming the key for wrong shapes.
    """
    lines = [line for given in predictions for line in _lines(given)]
    if not lines:
        raise ConfigError("predictions is empty, expected at least one")
    with style.drawing_on(ax, 9.2, max(4.4, 0.3 * len(lines) + 1.5)) as ax:
        scale = HonestLogAxis([_drawn(expected, measured) for _, expected, measured in lines])
        scale.apply(ax)
        handles = []
        for index, (label, expected, measured) in enumerate(lines):
            back = np.arange(len(expected))
            line = scale.draw(ax, index, back, expected, marked=False)
            line.set_marker("")
            line.set_label(style.wrapped(label, 30))
            handles.append(line)
            if measured is not None:
                every = max(1, len(back) // _MARKS)
                ax.plot(
                    back[::every],
                    np.where(measured > 0, measured, np.nan)[::every],
                    gid="measured",
                    linestyle="none",
                    marker="o",
                    markersize=4.5,
                    markerfacecolor="none",
                    color=line.get_color(),
                )
        if any(measured is not None for *_, measured in lines):
            looks: dict[str, Any] = {"linestyle": "none", "marker": "o", "markerfacecolor": "none"}
            handles.append(Line2D([], [], color=style.INK, label="measured", **looks))
        ax.xaxis.set_major_locator(style.step_ticks())
        ax.set_xlabel("steps back from the last one")
        ax.set_ylabel("‖∂L/∂state‖ relative to the last step")
        ax.set_title("What is left of the gradient on its way back through time, by theory")
        style.legend_beside(ax, handles)
    return ax


def _drawn(expected: Array, measured: Array | None) -> Array:
    return expected if measured is None else np.append(expected, measured[measured > 0])


def _lines(given: Mapping[str, Any]) -> list[tuple[str, Array, Array | None]]:
    """Return label, prediction and measurement of each recurrent layer."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"a prediction is a {type(given).__name__}, expected a mapping")
    label = str(given.get("label", ""))
    names = [str(name) for name in np.asarray(entry(given, "layers"))]
    steps = np.shape(entry(given, "relative_gradient"))[-1]
    shape = (len(names), steps)
    expected = numbers(given, "relative_gradient", shape, "(L, steps)")
    measured = None
    if given.get("measured") is not None:
        norms = numbers(given, "measured", shape, "(L, steps)")
        with np.errstate(divide="ignore", invalid="ignore"):
            measured = norms / norms[:, :1]
    return [
        (
            f"{label}: {name}" if label and len(names) > 1 else label or name,
            expected[i],
            None if measured is None else measured[i],
        )
        for i, name in enumerate(names)
    ]
