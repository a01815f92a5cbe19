"""The gradient on its way back through time: by step of time and of training, by lag, by gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import cells, style
from nnscratch_plots.axes import HonestLogAxis
from nnscratch_plots.heatmap import MOST_COLUMNS, color_bar, color_limits, color_scale
from nnscratch_plots.panels import Panel, picture, pictures
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Array, Record, Run, Series, read_run
from nnscratch_plots.thinning import largest_of, noted, window_size
from nnscratch_records.errors import ConfigError

_RINGS = ("spectral radius", "measured")
_NOTHING = "This network has no recurrent layer whose gradient was recorded."
_GATES = {"i": "input", "f": "forget", "g": "candidate", "o": "output"}
_GATES |= {"r": "reset", "z": "update", "n": "candidate", "h": "state"}


def time_heatmap(
    record: Record,
    *,
    layer: str | None = None,
    quantity: str = "hidden_gradient_norm",
    ax: Axes | None = None,
) -> Axes:
    """Draw steps of time (up, the last one at the top) by training steps, the norm as colour.

    layer : a recurrent layer; None: the first; quantity : "hidden_gradient_norm" or
    "cell_gradient_norm". Steps that no batch had are left out, those that some batches lack are
    hatched. Raises ConfigError naming what the record lacks.
    """
    run = read_run(record)
    place = _place(run, layer)
    name = "" if place is None else f": {run.names('recurrent_layers')[place]}"
    title = f"Gradient at every step of time during training{name}"
    return picture(
        *(ax, (8.6, 4.8), title, run.label),
        lambda ax: draw_time(ax, run, place, quantity),
    )


def through_time_figure(record: Record, *, layer: str | None = None) -> Figure:
    """Draw the way back through time, its factor per step, recurrent weights and gates, over steps.

    layer : a recurrent layer; None: the first. Raises ConfigError as `time_heatmap`.
    """
    run = read_run(record)
    place = _place(run, layer)
    panels: list[Panel] = [
        ("Gradient, by step of time", 1.5, lambda ax: draw_time(ax, run, place)),
        ("Factor per step back, and weights", 1.0, lambda ax: draw_factor(ax, run, place)),
        (_gates_title(run, place), 1.0, lambda ax: draw_gates(ax, run, place)),
    ]
    name = "" if place is None else f" of {run.names('recurrent_layers')[place]}"
    return pictures(
        (13.0, 4.2),
        f"{run.label}: the gradient through time{name}",
        READING["through_time"],
        panels,
        _NOTHING if place is None else "",
    )


def gradient_by_lag(norms: npt.ArrayLike, *, label: str = "", ax: Axes | None = None) -> Axes:
    """Draw how much of dL/dW comes from the loss so many steps of time later.

    norms : (lags, 2), of the part of each lag and of the sum up to it: what
        `nnscratch.gradient_by_lag` returns. Raises ConfigError for another shape.
    """
    values = np.asarray(norms, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != 2 or not len(values):
        raise ConfigError(f"norms has shape {values.shape}, expected (lags, 2)")

    def draw(ax: Axes) -> list[Artist]:
        lags, handles = np.arange(len(values)), list[Artist]()
        scale = HonestLogAxis([values.ravel()], least=1.0)
        scale.apply(ax)
        for index, name in enumerate(("from so many steps back", "from all up to there")):
            line = scale.draw(ax, index, lags, values[:, index], marked=False)
            line.set_label(name)
            handles.append(line)
        style.steps_across(ax, "steps of time between the weights' work and the loss")
        ax.set_ylabel("norm of the part of ∂L/∂W")
        style.grid_up(ax)
        return handles

    title = "How much of the weights' gradient comes from how far back"
    return picture(ax, (8.6, 4.4), title, label, draw)


def gates_in_time(
    gates: Mapping[str, npt.ArrayLike], *, label: str = "", ax: Axes | None = None
) -> Axes:
    """Draw gates over one sequence: the mean over examples and units, and where most units lie.

    gates : name to (batch, time, units). The band reaches from a tenth of the units to nine tenths.
    Raises ConfigError for other shapes.
    """
    given = {name: np.asarray(values, np.float64) for name, values in gates.items()}
    for name, values in given.items():
        if values.ndim != 3 or not values.size:
            raise ConfigError(
                f"gate {name!r} has shape {values.shape}, expected (batch, time, units)"
            )

    def draw(ax: Axes) -> list[Artist]:
        handles: list[Artist] = []
        least = 0.0
        for index, (name, values) in enumerate(given.items()):
            looks = style.line_style(index, len(given), ax) | {"marker": ""}
            units = values.mean(axis=0)
            low, high = np.quantile(units, [0.1, 0.9], axis=1)
            time, least = np.arange(values.shape[1]), min(least, float(low.min()))
            ax.fill_between(time, low, high, color=looks["color"], alpha=0.15, linewidth=0)
            handles += ax.plot(time, units.mean(axis=1), label=_called(name), **looks)
        style.steps_across(ax, "step of time")
        ax.set_ylabel("gate: mean, and 80 % of the units")
        ax.set_ylim(least - 0.02, 1.02)
        style.grid_up(ax)
        return handles

    return picture(ax, (8.6, 4.4), "Gates over one sequence", label, draw)


def criteria(
    records: Sequence[Record],
    predicted: Sequence[float | None] = (),
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw, of the first step of each record, what is said to decide: the spectral radius of the
    recurrent weights, their largest singular value, the rate by theory, and the measured one.

    predicted : of each record the factor per step by theory; None: not known. Of layers with gates
    it is the largest over the gates. Raises ConfigError where the lengths differ.
    """
    runs = [read_run(record) for record in records]
    rates = list(predicted) or [None] * len(runs)
    if len(rates) != len(runs):
        raise ConfigError(f"predicted has {len(rates)} rates, expected {len(runs)}")
    rows = [
        {
            "spectral radius": _first(run, "spectral_radius"),
            "largest singular value": _first(run, "spectral_norm"),
            "theory": np.nan if rate is None else float(rate),
            "measured": _first(run, "time_rate"),
        }
        for run, rate in zip(runs, rates, strict=True)
    ]

    def draw(ax: Axes) -> list[Artist]:
        handles: list[Artist] = []
        up = np.arange(len(rows))[::-1]
        for index, name in enumerate(rows[0]):
            looks = style.line_style(index, 4, ax) | {"linestyle": "none", "markersize": 8}
            if name in _RINGS:  # often the same as the next or the one before: a ring around it
                looks |= {"markersize": 13, "markerfacecolor": "none", "markeredgewidth": 1.5}
                looks["markeredgecolor"] = looks["color"]
            values = [row[name] for row in rows]
            handles += ax.plot(values, up, label=name, **looks)
        for row, y in zip(rows, up, strict=True):
            known = [value for value in row.values() if np.isfinite(value)]
            ax.plot([min(known), max(known)], [y, y], color="0.85", linewidth=2, zorder=0.5)
        ax.axvline(1.0, color="0.3", linewidth=1.0, zorder=0.7, gid="reference")
        ax.set_yticks(up, labels=[style.wrapped(run.label, 34) for run in runs])
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_xlim(left=0.0)
        ax.set_xlabel("factor per step of time (1: the gradient keeps its size)")
        return handles

    title = "Which number says what the gradient does through time?"
    return picture(ax, (8.6, 1.6 + 0.5 * len(rows)), title, "", draw)


def has_time(run: Run) -> bool:
    """Whether the gradient through time of a layer was recorded."""
    return _place(run, None) is not None


def draw_time(
    ax: Axes, run: Run, place: int | None, quantity: str = "hidden_gradient_norm"
) -> list[Artist]:
    """Draw steps of time by training steps on prepared axes; returns what a legend needs."""
    values = np.zeros((0, 0)) if place is None else run.facts(quantity)[:, place]
    reached = ~np.isnan(values).all(axis=0)
    if not reached.any():
        return style.say_nothing(ax, _NOTHING)
    lags, rows = run.facts("lags")[reached], _seen(run, place)
    steps, values = run.steps[rows], values[rows][:, reached]
    window = window_size(len(steps), MOST_COLUMNS)
    shown = Series(run.label, tuple(map(str, lags)), steps, values)
    scale = color_scale(color_limits([shown]))
    drawn = largest_of(shown.values, window)
    cells.draw_log(ax, drawn, cells.edges_of(steps, window), scale, cells.edges_of(lags))
    ax.invert_yaxis()  # the last step of time at the top, as the output is where layers are drawn
    ax.yaxis.set_major_locator(style.step_ticks())
    ax.set_ylabel("steps of time before the last")
    ax.set_xlabel(noted("training step", window, "norm"))
    color_bar(ax.figure, [ax], scale, [shown], quantity)
    return list(cells.legend_handles([drawn]))


def draw_factor(ax: Axes, run: Run, place: int | None) -> list[Artist]:
    """Draw the factor per step, and radius and norm of the recurrent weights (largest gate)."""
    assert place is not None
    own = run.facts("gate_layers") == place
    rows = _seen(run, place)
    lines = [("measured factor", run.steps[rows], run.facts("time_rate")[rows, place])]
    for key, name in (
        ("spectral_radius", "spectral radius"),
        ("spectral_norm", "largest singular value"),
    ):
        values = run.facts(key)[:, own]
        looked = ~np.isnan(values).all(axis=1)
        lines.append((name, run.steps[looked], values[looked].max(axis=1, initial=0.0)))
    handles: list[Artist] = []
    for index, (name, steps, values) in enumerate(lines):
        looks = style.line_style(index, len(lines), ax) | ({} if index else {"marker": ""})
        handles += ax.plot(steps, values, label=name, **looks)
    ax.axhline(1.0, color="0.3", linewidth=1.0, zorder=0.7, gid="reference")
    known = np.concatenate([values[np.isfinite(values)] for *_, values in lines])
    ax.set_ylim(0, 1.1 * min(max(1.0, known.max(initial=0.0)), 10.0))
    style.grid_up(ax)
    style.steps_across(ax)
    ax.set_ylabel("factor")
    return handles


def draw_gates(ax: Axes, run: Run, place: int | None) -> list[Artist]:
    """Draw the mean of each gate over training steps; of a state without gates how much of it is at
    an end."""
    own, names = _gates(run, place)
    if names == ["h"]:
        lines = {
            f"at the {end} end": run.facts(f"gate_{end}")[:, own[0]] for end in ("low", "high")
        }
    else:
        means = run.facts("gate_mean")[:, own].T
        lines = dict(zip(map(_called, names), means, strict=True))
    handles: list[Artist] = []
    rows = _seen(run, place)
    for index, (name, values) in enumerate(lines.items()):
        looks = style.line_style(index, len(lines), ax) | {"marker": ""}
        handles += ax.plot(run.steps[rows], values[rows], label=name, **looks)
    style.grid_up(ax)
    style.steps_across(ax)
    ax.set_ylabel("fraction of the states" if names == ["h"] else "mean of the gate")
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 0.0), max(high, 1.0))
    return handles


def _seen(run: Run, place: int | None) -> Array:
    """Return the rows at which the way back through time was measured: of PyTorch's some."""
    return np.flatnonzero(~np.isnan(run.facts("hidden_gradient_norm")[:, place]).all(axis=1))


def _gates(run: Run, place: int | None) -> tuple[Array, list[str]]:
    """Return columns and letters of the gates of a layer."""
    own = np.flatnonzero(run.facts("gate_layers") == place)
    return own, [run.names("gates")[column].rpartition(" ")[2] for column in own]


def _gates_title(run: Run, place: int | None) -> str:
    return (
        "States at an end of the activation" if _gates(run, place)[1] == ["h"] else "Gates: means"
    )


def _called(gate: str) -> str:
    return f"{gate}, {_GATES[gate]}" if gate in _GATES else style.plain(gate)


def _place(run: Run, layer: str | None) -> int | None:
    """Return the place of a recurrent layer whose gradient was recorded, None if there is none."""
    names = run.names("recurrent_layers")
    known = [
        i for i in range(len(names)) if not np.isnan(run.facts("hidden_gradient_norm")[:, i]).all()
    ]
    if layer is None:
        return known[0] if known else None
    if layer not in names:
        raise ConfigError(
            f"record {run.label!r} has no recurrent layer {layer!r}, it has {', '.join(names)}"
        )
    return names.index(layer)


def _first(run: Run, key: str) -> float:
    values: Any = run.facts(key)[0]
    return float(np.max(values)) if len(values) and not np.isnan(values).all() else float("nan")
