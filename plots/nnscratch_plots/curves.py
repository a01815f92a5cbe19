"""Curves over training: accuracy per epoch beside published points, and the loss per step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from nnscratch_plots import style
from nnscratch_plots.axes import HonestLogAxis
from nnscratch_plots.layer_ticks import thinned_numbers
from nnscratch_plots.records import Array, Record, Run, Series, read_runs
from nnscratch_plots.thinning import largest_of, noted, window_size
from nnscratch_records.errors import ConfigError

_MOST_POINTS = 1000


def accuracy_curves(
    runs: Mapping[str, Any],
    *,
    published: Mapping[str, Mapping[int, float]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw test accuracy per epoch, one line per run, beside published points.

    `runs` maps a label to the accuracies (fractions) of epochs 1, 2, ...: shape (epochs,), or
    (seeds, epochs) for a line through the mean with a band from the lowest to the highest seed.
    `published` maps a label to {epoch: accuracy}, drawn as large open marks, in the colour of the
    run of the same label where there is one. Raises ConfigError naming the label for anything else.
    """
    checked = _checked_runs(runs)
    points = _checked_points(published or {})
    handles: list[Any] = []
    with style.drawing_on(ax, 9.2, max(4.8, 0.42 * (len(checked) + len(points)) + 1.5)) as ax:
        for index, (label, accuracy) in enumerate(checked.items()):
            handles.append(_draw_run(ax, index, len(checked), label, accuracy))
        for order, (label, given) in enumerate(points.items()):
            index = list(checked).index(label) if label in checked else len(checked) + order
            handles.append(_draw_points(ax, order, label, style.line_color(index, ax), given))
        longest = max(accuracy.shape[1] for accuracy in checked.values())
        last = max([longest, *(epoch for given in points.values() for epoch in given)])
        ax.set_xticks(thinned_numbers(last, 7))
        style.grid_up(ax)
        ax.set_xlabel("epoch (one pass through the training images)")
        ax.set_ylabel("test accuracy (fraction classified correctly)")
        title = "Test accuracy during training"
        if any(len(accuracy) > 1 for accuracy in checked.values()):
            title += "\nlines: mean over the seeds; bands: from the lowest to the highest seed"
        ax.set_title(title)
        style.legend_beside(ax, handles)
    return ax


def loss_curves(records: Record | Iterable[Record], *, ax: Axes | None = None) -> Axes:
    """Draw the loss of every step on a log scale, one line per record.

    Losses of 0, infinity and NaN are marked in strips below and above. More than 1000 recorded
    steps are thinned to the largest loss of each window, and the axis says so. The loss on held-out
    examples, where it was recorded, is the line with rings. Raises ConfigError naming the record
    and key for wrong keys or shapes.
    """
    runs = read_runs(records)
    series = [Series(run.label, (), run.steps, run.get("loss")) for run in runs]
    held = [_held_out(run) for run in runs]
    with style.drawing_on(ax, 8.6, max(4.6, 0.3 * len(series) + 1.5)) as ax:
        draw_losses(ax, series, held)
        ax.set_title("Loss during training")
        shown = [line for line in ax.get_lines() if line.get_gid() in ("values", "held out")]
        style.legend_beside(ax, shown)
    return ax


def _held_out(run: Run) -> Series:
    """The loss on held-out examples, at the steps before which it was measured."""
    values = run.get("validation_loss") if "validation_loss" in run else np.zeros(0)
    known = np.flatnonzero(~np.isnan(values))
    return Series(run.label, (), run.steps[known], values[known])


def draw_losses(ax: Axes, series: Sequence[Series], held: Sequence[Series] = ()) -> None:
    """Draw the losses on a log axis, without title and legend; `held` are those of held-out
    examples."""
    window = max(window_size(len(one.steps), _MOST_POINTS) for one in series)
    thinned = [(one.steps[::window], largest_of(one.values, window)) for one in series]
    measured = [one.values for one in held if len(one.steps)]
    scale = HonestLogAxis([*(losses for _, losses in thinned), *measured], least=0.5)
    scale.apply(ax)
    for index, (one, (steps, losses)) in enumerate(zip(series, thinned, strict=True)):
        line = scale.draw(ax, index, steps, losses, marked=False)
        line.set_label(style.wrapped(one.label, 30))
    places = itertools.count(len(series))
    for index, one in enumerate(held):
        if len(one.steps):
            place = next(places)
            line = scale.draw(ax, place, one.steps, one.values, marked=False, like=index)
            color = style.line_color(1, ax) if len(held) == 1 else line.get_color()
            line.set(
                linestyle="--", marker="o", markersize=3.5, markevery=max(1, len(one.steps) // 20)
            )
            line.set(color=color, markerfacecolor="none", markeredgecolor=color, zorder=3)
            line.set_gid("held out")
            line.set_label(style.wrapped(f"{one.label}: held-out examples", 30))
    style.steps_across(ax, noted("training step", window, "loss"))
    ax.set_ylabel("loss" if style.inches_high(ax) < 2 else "training loss, log scale")


def _draw_run(ax: Axes, index: int, count: int, label: str, accuracy: Array) -> Line2D:
    epochs = np.arange(1, accuracy.shape[1] + 1)
    looks = style.line_style(index, count, ax)
    every = max(1, len(epochs) // 10)
    looks["markevery"] = list(range(index % every, len(epochs), every))
    text = style.wrapped(label, 34)
    if len(accuracy) > 1:
        text += f" ({len(accuracy)} seeds)"
        low, high = accuracy.min(axis=0), accuracy.max(axis=0)
        ax.fill_between(epochs, low, high, color=looks["color"], alpha=0.22, linewidth=0)
    mean = accuracy.mean(axis=0)
    looks = style.seen_through(ax, "run", epochs, mean, looks)
    return ax.plot(epochs, mean, label=text, gid="run", **looks)[0]


def _draw_points(
    ax: Axes, order: int, label: str, color: str, points: Mapping[int, float]
) -> Line2D:
    epochs = sorted(points)
    return ax.plot(
        epochs,
        [points[epoch] for epoch in epochs],
        linestyle="none",
        marker=("o", "s", "D", "^", "v")[order % 5],
        markersize=12,
        markerfacecolor="none",
        markeredgewidth=1.8,
        color=color,
        label=style.wrapped(f"published: {label}", 40),
        gid="published",
    )[0]


def _checked_runs(runs: Mapping[str, Any]) -> dict[str, Array]:
    if not isinstance(runs, Mapping) or not runs:
        raise ConfigError(f"runs must map at least one label to accuracies, got {runs!r}")
    checked = {}
    for label, given in runs.items():
        try:
            accuracy = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"run {label!r}: accuracies must be numbers of shape (epochs,) or (seeds, epochs), "
                f"with as many epochs for every seed: {error}"
            ) from error
        if accuracy.ndim not in (1, 2) or not accuracy.size:
            raise ConfigError(
                f"run {label!r}: accuracies have shape {accuracy.shape}, "
                "expected (epochs,) or (seeds, epochs)"
            )
        _check_fractions(f"run {label!r}", accuracy)
        checked[label] = np.atleast_2d(accuracy)
    return checked


def _checked_points(
    published: Mapping[str, Mapping[int, float]],
) -> dict[str, Mapping[int, float]]:
    if not isinstance(published, Mapping):
        raise ConfigError(f"published must map labels to {{epoch: accuracy}}, got {published!r}")
    for label, points in published.items():
        if not isinstance(points, Mapping) or not points:
            raise ConfigError(f"published {label!r}: expected {{epoch: accuracy}}, got {points!r}")
        wrong = [epoch for epoch in points if not _is_epoch(epoch)]
        if wrong:
            raise ConfigError(f"published {label!r}: epochs count from 1, got {wrong[0]!r}")
        _check_fractions(f"published {label!r}", np.array(list(points.values()), dtype=np.float64))
    return dict(published)


def _is_epoch(epoch: object) -> bool:
    return isinstance(epoch, int | np.integer) and epoch is not True and int(epoch) >= 1


def _check_fractions(what: str, accuracy: Array) -> None:
    wrong = accuracy[~((accuracy >= 0) & (accuracy <= 1))]
    if wrong.size:
        raise ConfigError(f"{what}: accuracy {wrong[0]} found, expected fractions from 0 to 1")
