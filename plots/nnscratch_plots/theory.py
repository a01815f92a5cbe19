"""Theory drawn over measurement: phase diagrams, depth scales and predicted gradient norms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnscratch_plots import style
from nnscratch_plots.axes import HonestLogAxis, label_layers_across
from nnscratch_plots.records import Array, Series

COLORMAP = "RdBu_r"
_MOST_RATE = 2.0  # rates beyond this, or below its inverse, have the colours of the ends
_SCALE = Normalize(-float(np.log(_MOST_RATE)), float(np.log(_MOST_RATE)))
_READING = (
    "the line is what theory expects of the first step, the band two standard deviations over "
    "draws of the weights to either side, each mark a layer of one measured network; marks inside "
    "the band mean that the network does what theory says"
)


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
    such pairs, drawn as marks. `label` goes into the title. Raises ValueError naming the key for
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
    "points" and "label". Raises ValueError naming the key for wrong shapes.
    """
    checked = [_Diagram(one) for one in diagrams]
    if not checked:
        raise ValueError("diagrams is empty, expected at least one")
    columns = min(3, len(checked))
    rows = -(-len(checked) // columns)
    sentence = (
        "each point of a panel is a choice of weights and biases; blue, left of the black line: "
        "the gradient vanishes with depth; red, right of it: it explodes; on the line it survives "
        "at any depth. The yellow marks are the networks"
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
        self.sw2, self.sb2 = _axis(given, "sw2"), _axis(given, "sb2")
        shape = (len(self.sb2), len(self.sw2))
        self.rate = _numbers(given, "rate", shape, "(len(sb2), len(sw2))")
        self.label = str(given.get("label", ""))
        critical = given.get("critical")
        self.critical = None if critical is None else _pairs("critical", critical)
        points: Mapping[str, Any] = given.get("points") or {}
        self.points = {name: _pairs(f"point {name!r}", [at])[0] for name, at in points.items()}


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
    largest depth that trained. Raises ValueError naming the key for wrong shapes.
    """
    sw2 = _axis(curve, "sw2")
    depth = _numbers(curve, "depth", (len(sw2),), "(len(sw2),)")
    values = [depth]
    if measured is not None:
        at = _numbers(measured, "sw2", np.shape(measured.get("sw2", ())), "(points,)").ravel()
        trained = _numbers(measured, "depth", at.shape, "(points,)")
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


def predicted_gradient_norms(prediction: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Draw the predicted gradient norm of each layer with its band, over what was measured.

    `prediction` has "label", "layers" (L names), "relative_gradient" and "sd" (L values each: the
    norm of dL/dz over that at the last layer, and the standard deviation of its logarithm), and
    "measured": None or norms of shape (networks, L) or (L,). Raises ValueError naming the key for
    wrong shapes.
    """
    checked = _Checked(prediction, 0)
    with style.drawing_on(ax, 8.6, 4.6) as ax:
        handles = _draw_prediction(ax, checked)
        ax.set_ylabel("‖∂L/∂z‖ relative to the last layer")
        title = "Gradient at each layer: predicted and measured"
        ax.set_title(f"{title}\n{style.wrapped(checked.label, 70)}")
        style.legend_beside(ax, handles)
    return ax


def predicted_gradient_norm_figure(predictions: Iterable[Mapping[str, Any]]) -> Figure:
    """Draw several predictions over their measurements, a panel for each.

    The sentence under the panels says how to read them. Raises ValueError as
    `predicted_gradient_norms` does.
    """
    checked = [_Checked(one, index) for index, one in enumerate(predictions)]
    if not checked:
        raise ValueError("predictions is empty, expected at least one")
    columns = min(3, len(checked))
    rows = -(-len(checked) // columns)
    width = max(7.0, 4.1 * columns)
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


class _Checked:
    """A prediction whose arrays fit each other."""

    def __init__(self, prediction: Mapping[str, Any], index: int) -> None:
        if not isinstance(prediction, Mapping):
            got = type(prediction).__name__
            raise ValueError(f"predictions[{index}] is a {got}, expected a mapping")
        self.label = str(prediction.get("label", ""))
        layers = np.asarray(_get(prediction, "layers"))
        if layers.ndim != 1 or not layers.size:
            raise ValueError(f"key 'layers' has shape {layers.shape}, expected (L,) names")
        self.layers = tuple(str(name) for name in layers)
        shape = (len(layers),)
        self.expected = _numbers(prediction, "relative_gradient", shape, "(L,)")
        self.sd = _numbers(prediction, "sd", shape, "(L,)")
        self.measured: Array | None = None
        if prediction.get("measured") is not None:
            given = np.atleast_2d(np.asarray(prediction["measured"], dtype=np.float64))
            if given.ndim != 2 or given.shape[1] != len(layers):
                raise ValueError(
                    f"key 'measured' has shape {given.shape}, "
                    f"expected (networks, L = {len(layers)})"
                )
            with np.errstate(divide="ignore", invalid="ignore"):
                self.measured = given / given[:, -1:]


def _draw_prediction(ax: Axes, one: _Checked) -> list[Any]:
    layers = np.arange(1, len(one.layers) + 1)
    with np.errstate(over="ignore"):
        low, high = (one.expected * np.exp(sign * 2 * one.sd) for sign in (-1, 1))
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
    label_layers_across(ax, [names])
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


def _rate_bar(figure: Any, axes: Sequence[Axes]) -> None:
    bar = figure.colorbar(
        ScalarMappable(norm=_SCALE, cmap=COLORMAP), ax=axes, extend="both", pad=0.02, aspect=26
    )
    ticks = (0.5, 0.7, 0.9, 1.0, 1.1, 1.4, 2.0)
    bar.set_ticks([float(np.log(tick)) for tick in ticks], labels=[f"{tick:g}" for tick in ticks])
    bar.set_label("rate: factor on the squared gradient per layer")
    bar.ax.tick_params(which="both", colors=style.INK)


def _get(given: Mapping[str, Any], key: str) -> Any:
    if key not in given:
        raise ValueError(f"key {key!r} is missing, got keys {sorted(given)}")
    return given[key]


def _numbers(given: Mapping[str, Any], key: str, shape: Sequence[int], meaning: str) -> Array:
    values = np.asarray(_get(given, key), dtype=np.float64)
    if values.shape != tuple(shape):
        raise ValueError(
            f"key {key!r} has shape {values.shape}, expected {meaning} = {tuple(shape)}"
        )
    if np.any(values < 0):
        raise ValueError(f"key {key!r} holds {values[values < 0][0]}, expected nothing below 0")
    return values


def _axis(given: Mapping[str, Any], key: str) -> Array:
    values = np.asarray(_get(given, key), dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.all(np.diff(values) > 0):
        raise ValueError(f"key {key!r} must hold two or more increasing numbers, got {values!r}")
    return values


def _pairs(what: str, given: Any) -> Array:
    pairs = np.asarray(given, dtype=np.float64)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.isfinite(pairs).all():
        raise ValueError(f"{what} must be pairs (sw2, sb2), got shape {pairs.shape}")
    return pairs
