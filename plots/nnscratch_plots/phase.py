"""Phase diagrams and depth scales: where theory says that the gradient survives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import HonestLogAxis
from nnscratch_plots.given import increasing, numbers, pairs
from nnscratch_records.errors import ConfigError

COLORMAP = "RdBu_r"
_MOST_RATE = 2.0  # rates beyond this, or below its inverse, have the colours of the ends
_SCALE = Normalize(-float(np.log(_MOST_RATE)), float(np.log(_MOST_RATE)))


def phase_diagram(
    diagram: Mapping[str, Any],
    *,
    critical: Any = None,
    points: Mapping[str, tuple[float, float]] | None = None,
    label: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the rate of the gradient over weight variance (across) and bias variance (up).

    `diagram` has the axes "sw2" and "sb2" and the "rate", shape ``(len(sb2), len(sw2))``: the
    factor on the squared gradient per layer, blue where it vanishes and red where it explodes.
    `critical` holds pairs (sw2, sb2) along the line where the rate is 1; `points` maps labels to
    such pairs, drawn as marks. `label` goes into the title. Raises ConfigError naming the key for
    wrong shapes.
    """
    checked = _Diagram({**diagram, "critical": critical, "points": points or {}, "label": label})
    with style.drawing_on(ax, 8.8, 4.9) as ax:
        _draw_diagram(ax, checked, big=True)
        title = "Rate of the gradient deep in the network"
        ax.set_title(f"{title}\n{style.wrapped(label, 70)}" if label else title)
        _rate_bar(ax.figure, [ax])
    return ax


def phase_diagram_figure(diagrams: Iterable[Mapping[str, Any]]) -> Figure:
    """Draw several phase diagrams with one colour scale, a panel for each.

    Each has "sw2", "sb2" and "rate" as `phase_diagram` takes them, and may have "critical",
    "points" and "label". Raises ConfigError naming the key for wrong shapes.
    """
    checked = [_Diagram(one) for one in diagrams]
    if not checked:
        raise ConfigError("diagrams is empty, expected at least one")
    columns = min(3, len(checked))
    rows = -(-len(checked) // columns)
    sentence = (
        "each point of a panel is a choice of weights and biases; blue, left of the black line: "
        "the gradient vanishes with depth; red, right of it: it explodes; on the line it survives "
        "at any depth where layers are wide; narrow ones lose it by chance. The yellow marks are "
        "the networks"
    )
    heading = "Where the gradient vanishes and where it explodes"
    with style.explained_figure(
        max(7.0, 4.0 * columns + 1.0), 3.1 * rows + 0.2, heading, sentence
    ) as figure:
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for index, (ax, one) in enumerate(zip(panels, checked, strict=False)):
            _draw_diagram(style.prepared(ax), one, big=False)
            ax.set_title(style.wrapped(one.label, 40), size=10)
            if index % columns:
                ax.set_ylabel("")
            if index + columns < len(checked):
                ax.set_xlabel("")
        for ax in panels[len(checked) :]:
            ax.set_axis_off()
        _rate_bar(figure, panels)
    return figure


class _Diagram:
    """A phase diagram whose arrays fit each other."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.sw2, self.sb2 = increasing(given, "sw2"), increasing(given, "sb2")
        shape = (len(self.sb2), len(self.sw2))
        self.rate = numbers(given, "rate", shape, "(len(sb2), len(sw2))")
        self.label = str(given.get("label", ""))
        critical = given.get("critical")
        self.critical = None if critical is None else pairs("critical", critical)
        points: Mapping[str, Any] = given.get("points") or {}
        self.points = {name: pairs(f"point {name!r}", [at])[0] for name, at in points.items()}


def _draw_diagram(ax: Axes, one: _Diagram, *, big: bool) -> None:
    with np.errstate(divide="ignore"):
        logs = np.clip(np.log(one.rate), -50, 50)
    looks: dict[str, Any] = {"cmap": COLORMAP, "norm": _SCALE, "shading": "gouraud"}
    ax.pcolormesh(one.sw2, one.sb2, logs, rasterized=True, **looks)
    handles: list[Any] = []
    if one.critical is not None and len(one.critical):
        handles += ax.plot(
            *one.critical.T, color="black", linewidth=2, gid="critical", label="rate 1"
        )
    for index, (name, place) in enumerate(one.points.items()):
        handles += ax.plot(
            *place,
            linestyle="none",
            marker=style.MARKERS[index % len(style.MARKERS)],
            markersize=11 if big else 9,
            markerfacecolor="#ffdd33",
            markeredgecolor="black",
            markeredgewidth=1.4,
            clip_on=False,
            zorder=5,
            label=style.wrapped(name, 30),
            gid="point",
        )
    ax.set_xlim(one.sw2[0], one.sw2[-1])
    ax.set_ylim(one.sb2[0], one.sb2[-1])
    ax.set_xlabel("weight variance, $n_{\\mathrm{in}}$ Var($w$)")
    ax.set_ylabel("bias variance, Var($b$)")
    if handles:
        ax.legend(handles=handles, loc="best" if big else "upper left", framealpha=0.9)


def depth_scale(
    curve: Mapping[str, Any],
    *,
    measured: Mapping[str, Any] | None = None,
    label: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the trainable depth that theory gives over weight variance, beside measured depths.

    `curve` has "sw2" and "depth" (which may be infinite); `measured` has "sw2" and "depth", the
    largest depth that trained. Raises ConfigError naming the key for wrong shapes.
    """
    sw2 = increasing(curve, "sw2")
    depth = numbers(curve, "depth", (len(sw2),), "(len(sw2),)")
    values = [depth]
    if measured is not None:
        at = numbers(measured, "sw2", np.shape(measured.get("sw2", ())), "(points,)").ravel()
        trained = numbers(measured, "depth", at.shape, "(points,)")
        values.append(trained)
    with style.drawing_on(ax, 8.6, 4.6) as ax:
        scale = HonestLogAxis(values)
        scale.apply(ax)
        drawn = np.where(np.isfinite(depth) & (depth > 0), depth, np.nan)
        looks: dict[str, Any] = {"color": style.line_color(1, ax), "linewidth": 1.8}
        handles = ax.plot(sw2, drawn, label="theory: 6 depth scales", gid="theory", **looks)
        if measured is not None:
            looks = {"linestyle": "none", "marker": "o", "markerfacecolor": "none", "markersize": 9}
            looks |= {"color": style.line_color(2, ax), "markeredgewidth": 1.8}
            handles += ax.plot(at, trained, label="trained", gid="measured", **looks)
        ax.set_xlabel("weight variance, $n_{\\mathrm{in}}$ Var($w$)")
        ax.set_ylabel("hidden layers")
        title = "How deep such a network can be trained"
        ax.set_title(f"{title}\n{style.wrapped(label, 70)}" if label else title)
        style.legend_beside(ax, handles)
    return ax


# By the axes of a map, across and up: what stands at them, the title, and theory's line.
_MAPS = {
    ("sw2", "depth"): (
        "weight variance, $n_{\\mathrm{in}}$ Var($w$)",
        "hidden layers",
        "What networks learned, and how deep theory says one can go",
        "theory: 6 depth scales",
    ),
    ("forget_bias", "length"): (
        "bias of the forget gates at the start",
        "steps in a sequence",
        "What LSTMs learned, and how far back theory says they can",
        "theory: 6 time scales",
    ),
}


def trained_map(
    measured: Mapping[str, Any],
    *,
    curve: Mapping[str, Any] | None = None,
    label: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw what networks learned over two settings, with theory's line.

    `measured` has the axes "sw2" (across) and "depth" (up), or "forget_bias" and "length", and the
    "accuracy", shape ``(up, across)``, NaN where a run failed; `curve` has the same axes: how deep,
    or how far back, theory says that a network can be trained (may be infinite). Raises ConfigError
    naming the key for wrong shapes.
    """
    pair = next((pair for pair in _MAPS if set(pair) <= set(measured)), ("sw2", "depth"))
    across, up = (increasing(measured, name) for name in pair)
    said_across, said_up, title, theory = _MAPS[pair]
    shape = (len(up), len(across))
    accuracy = numbers(measured, "accuracy", shape, f"(len({pair[1]}), len({pair[0]}))")
    with style.drawing_on(ax, 8.8, 4.9) as ax:
        edges = [np.arange(len(values) + 1) - 0.5 for values in (across, up)]
        mesh = ax.pcolormesh(*edges, accuracy, cmap="viridis", vmin=0, vmax=1, rasterized=True)
        if curve is not None:
            x, y = (np.asarray(curve[name], dtype=np.float64) for name in pair)
            # A column and a row have one width each, whatever lies between their values.
            x = np.interp(x, across, np.arange(len(across)))
            rows, steps = np.log(up), np.diff(np.log(up)) / 2
            rows = np.array([rows[0] - steps[0], *rows, rows[-1] + steps[-1]])
            y = np.interp(np.log(y), rows, [-0.5, *range(len(up)), len(up) - 0.5])
            looks: dict[str, Any] = {"color": "white", "linewidth": 4.5, "zorder": 4}
            ax.plot(x, y, **looks)
            looks |= {"color": "black", "linewidth": 2}
            handles = ax.plot(x, y, label=theory, gid="theory", **looks)
            ax.legend(handles=handles, loc="lower center", framealpha=0.9)
        ax.set_xticks(np.arange(len(across)), [f"{value:g}" for value in across])
        ax.set_yticks(np.arange(len(up)), [f"{value:g}" for value in up])
        ax.set_xlabel(said_across)
        ax.set_ylabel(said_up)
        bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02, aspect=26)
        bar.set_label("share of held-out answers that are right")
        ax.set_title(f"{title}\n{style.wrapped(label, 70)}" if label else title)
    return ax


def _rate_bar(figure: Any, axes: Sequence[Axes]) -> None:
    bar = figure.colorbar(
        ScalarMappable(norm=_SCALE, cmap=COLORMAP), ax=axes, extend="both", pad=0.02, aspect=26
    )
    ticks = (0.5, 0.7, 0.9, 1.0, 1.1, 1.4, 2.0)
    bar.set_ticks([float(np.log(tick)) for tick in ticks], labels=[f"{tick:g}" for tick in ticks])
    bar.set_label("rate: factor on the squared gradient per layer")
    bar.ax.tick_params(which="both", colors=style.INK)
