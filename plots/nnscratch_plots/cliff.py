"""The cliff: a loss over two weights, and ways of gradient descent that meet its wall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.cells import COLORMAP
from nnscratch_plots.panels import Panel, pictures
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Array
from nnscratch_records.errors import ConfigError

_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#e8590c", "marker": "o", "linestyle": "--"},
    {"color": "white", "marker": "s", "linestyle": "-"},
)


def cliff_figure(
    w: npt.ArrayLike,
    b: npt.ArrayLike,
    loss: npt.ArrayLike,
    ways: Mapping[str, Mapping[str, npt.ArrayLike]],
) -> Figure:
    """Draw a loss over two weights with ways across it, and beside it their losses by update.

    w (W,), b (B,), loss (B, W); ways : name to arrays "w", "b" and "loss", one number an update
    (see `nnscratch.theory.cliff`); two at most. Raises ConfigError for other shapes.
    """
    across, up, values = (np.asarray(each, np.float64) for each in (w, b, loss))
    if values.shape != (len(up), len(across)):
        raise ConfigError(f"loss has shape {values.shape}, expected ({len(up)}, {len(across)})")
    if not 0 < len(ways) <= len(_LOOKS):
        raise ConfigError(f"ways has {len(ways)} entries, expected 1 or {len(_LOOKS)}")
    given = {
        name: {key: np.asarray(way[key], np.float64) for key in ("w", "b", "loss")}
        for name, way in ways.items()
    }
    panels: list[Panel] = [
        ("The loss over the two weights", 1.5, lambda ax: _map(ax, across, up, values, given)),
        ("The loss on the way", 1.0, lambda ax: _losses(ax, given)),
    ]
    heading = "The cliff of a recurrent network of one unit"
    return pictures((11.0, 4.4), heading, READING["cliff"], panels)


def _map(
    ax: Axes, w: Array, b: Array, loss: Array, ways: Mapping[str, Mapping[str, Array]]
) -> Sequence[Artist]:
    mesh = ax.pcolormesh(w, b, loss, cmap=COLORMAP, shading="nearest", rasterized=True)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02, aspect=26)
    bar.set_label("loss")
    for looks, way in zip(_LOOKS, ways.values(), strict=False):
        edge: dict[str, Any] = {"markeredgecolor": "black", "markeredgewidth": 0.5}
        edge["markevery"] = _every(way)  # where updates are short they would hide the way
        ax.plot(way["w"], way["b"], linewidth=1.4, markersize=4, zorder=3, **edge, **looks)
        gone = np.flatnonzero(
            (way["w"] < w[0]) | (way["w"] > w[-1]) | (way["b"] < b[0]) | (way["b"] > b[-1])
        )
        if gone.size:
            last = max(0, gone[0] - 1)
            at = way["w"][last], way["b"][last]
            there = f"thrown to w = {way['w'][gone[0]]:.3g}, b = {way['b'][gone[0]]:.3g}"
            line: dict[str, Any] = {"arrowstyle": "-", "color": "white", "linewidth": 0.8}
            place: dict[str, Any] = {"textcoords": "axes fraction", "va": "top", "size": 9}
            ax.annotate(there, at, (0.55, 0.95), color="white", arrowprops=line, **place)
    ax.set_xlim(w[0], w[-1])
    ax.set_ylim(b[0], b[-1])
    ax.set_xlabel("recurrent weight w")
    ax.set_ylabel("bias b")
    return []


def _every(way: Mapping[str, Array]) -> int:
    """Return the updates between two that are marked."""
    return max(1, len(way["loss"]) // 12)


def _losses(ax: Axes, ways: Mapping[str, Mapping[str, Array]]) -> list[Artist]:
    handles: list[Artist] = []
    for looks, (name, way) in zip(_LOOKS, ways.items(), strict=False):
        color = "black" if looks["color"] == "white" else looks["color"]
        drawn = looks | {"color": color, "markevery": _every(way)}
        drawn["zorder"] = 3 - len(handles)
        label = style.plain(name)
        handles += ax.plot(way["loss"], label=label, linewidth=1.6, markersize=4, **drawn)
    ax.set_ylim(bottom=0.0)
    style.grid_up(ax)
    style.steps_across(ax, "update")
    ax.set_ylabel("loss")
    return handles
