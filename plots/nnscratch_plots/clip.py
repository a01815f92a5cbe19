"""The clip ledger: what gradient clipping did, when, to whom, and how it turned the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnscratch_plots import style
from nnscratch_plots.axes import HonestLogAxis, classified
from nnscratch_plots.heatmap import draw_shares
from nnscratch_plots.over_steps import MOST_POINTS
from nnscratch_plots.panels import picture, pictures
from nnscratch_plots.readings import READING
from nnscratch_plots.records import Array, Record, Run, Series, read_run
from nnscratch_plots.thinning import largest_of, noted, window_size
from nnscratch_records.words import percent

_NOTHING = "The gradient was not clipped in this run."


def clip_ledger(record: Record, *, ax: Axes | None = None) -> Axes:
    """Draw the norm of the whole gradient before and after clipping, and where the clip fired.

    Norms of 0, infinity and NaN are marked in strips. Raises ConfigError naming the record and key
    for wrong keys or shapes.
    """
    run = read_run(record)
    title = "Norm of the whole gradient, before and after clipping"
    return picture(ax, (8.6, 4.4), title, run.label, lambda ax: _norms(ax, run))


def clip_shares(record: Record, *, ax: Axes | None = None) -> Axes:
    """Draw each layer's share of the squared norm of the gradient: layers (up) by steps (across).

    A layer's share is the sum over its parameters of ‖∂L/∂p‖², before clipping, over that of all.
    Raises ConfigError naming the record and key for wrong keys or shapes.
    """
    run = read_run(record)
    title = "Share of each layer in the squared norm of the gradient"
    return picture(ax, (8.6, 4.4), title, run.label, lambda ax: _shares(ax, run))


def clip_figure(record: Record) -> Figure:
    """Draw norms before and after clipping, the layers' shares and the angle, one above the other.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    clip = run.text("clip")
    heading = f"What {clip or 'clipping'} did: {run.label}"
    panels = {"top": "clip", "middle": "shares", "bottom": "angle"}
    reading = "; ".join(f"{where}: {READING[name]}" for where, name in panels.items())
    if not clipped(run):
        return pictures((9.5, 8.2), heading, reading, [], _NOTHING)
    with style.explained_figure(9.5, 8.2, heading, reading) as figure:
        top, middle, bottom = figure.subplots(3, 1, height_ratios=(1.3, 1.3, 0.8), sharex=True)
        style.legend_above(top, "norm of the whole gradient", _norms(style.prepared(top), run))
        _shares(style.prepared(middle), run)
        middle.set_title("share of each layer in the squared norm")
        _angles(style.prepared(bottom), run)
        bottom.set_title("angle between the gradient before and after")
        for ax in (top, middle):
            ax.set_xlabel("")
    return figure


def clipped(run: Run) -> bool:
    """Whether the run had a clip."""
    return "clip_before" in run and not bool(np.isnan(run.get("clip_before")).all())


def fired(run: Run) -> Array:
    """At which recorded steps the clip changed the gradient."""
    return run.get("clip_fraction") > 0


def shares(run: Run) -> tuple[tuple[str, ...], Array]:
    """Names of the layers with parameters, and their shares (steps, layers)."""
    norms = run.get("param_gradient_norm")
    # Scaled, or large squares would be infinite.
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = (norms / norms.max(axis=1, keepdims=True, initial=0.0)) ** 2
    owners = run.facts("param_layers")
    columns = np.unique(owners)
    by_layer = np.stack([squares[:, owners == column].sum(axis=1) for column in columns], axis=1)
    with np.errstate(invalid="ignore"):
        by_layer /= by_layer.sum(axis=1, keepdims=True)
    return tuple(run.layers[i] if i >= 0 else "of no layer" for i in columns), by_layer


def _norms(ax: Axes, run: Run) -> list[Artist]:
    if not clipped(run):
        return style.say_nothing(ax, _NOTHING)
    window = window_size(len(run.steps), MOST_POINTS)
    steps = run.steps[::window]
    lines = [largest_of(run.get(key), window) for key in ("clip_before", "clip_after")]
    pooled = np.concatenate(lines)
    drawable = np.log10(pooled[classified(pooled)["drawable"]])
    # Room at the foot for the marks of where it fired.
    foot = [10 ** (drawable.min() - 0.08 * np.ptp(drawable) - 0.1)] if drawable.size else []
    scale = HonestLogAxis([*lines, np.array(foot)])
    scale.apply(ax)
    handles: list[Artist] = []
    for index, (name, values) in enumerate(zip(("before", "after"), lines, strict=True)):
        line = scale.draw(ax, index, steps, values, marked=False)
        line.set_label(name)
        handles.append(line)
    changed = fired(run)
    looks: dict[str, Any] = {"linestyle": "none", "marker": "|", "color": style.COLORS[2]}
    at = run.steps[changed]
    if len(at):
        ax.plot(
            at, np.full(len(at), 0.03), transform=ax.get_xaxis_transform(), gid="fired", **looks
        )
    share = float(changed.mean())
    handles.append(Line2D([], [], label=f"fired at {percent(share)} of the steps", **looks))
    style.steps_across(ax, noted("training step", window, "norm"))
    ax.set_ylabel("norm of the gradient" if style.inches_high(ax) > 1.4 else "‖gradient‖")
    return handles


def _shares(ax: Axes, run: Run) -> list[Artist]:
    if not run.names("params"):
        return style.say_nothing(ax, "No parameters were recorded.")
    names, values = shares(run)
    return draw_shares(ax, Series(run.label, names, run.steps, values))


def _angles(ax: Axes, run: Run) -> None:
    degrees = np.degrees(np.arccos(np.clip(run.get("clip_cosine"), -1, 1)))
    ax.plot(run.steps, degrees, color=style.line_color(1, ax), linewidth=1.4, gid="angle")
    missing = np.isnan(degrees)
    if missing.any():
        looks: dict[str, Any] = {"linestyle": "none", "marker": "x", "color": "0.4"}
        at = run.steps[missing]
        ax.plot(at, np.full(len(at), 0.94), transform=ax.get_xaxis_transform(), gid="nan", **looks)
        ax.text(at[0], 0.84, " NaN", transform=ax.get_xaxis_transform(), va="top", color="0.4")
    most = float(np.nanmax(degrees, initial=0.0))
    ax.set_ylim(-0.04 * max(10.0, most), 1.15 * max(10.0, most))
    ax.grid(axis="y", **style.GRID)
    style.steps_across(ax)
    ax.set_ylabel("degrees")
