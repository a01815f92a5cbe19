"""Batch norm's statistics: the batch against the running values, and the scale on the gradient."""

from __future__ import annotations

from functools import partial

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import axis_label
from nnscratch_plots.over_steps import draw_over_steps
from nnscratch_plots.panels import Panel, picture, pictures
from nnscratch_plots.records import Record, Run, read_run
from nnscratch_records import FIELDS
from nnscratch_records.errors import ConfigError

_SHOWN = tuple(name for name in FIELDS if FIELDS[name].over == "batchnorm_layers")
_NOTHING = "This network has no batch norm."


def batchnorm_statistics(
    record: Record, *, quantity: str = "batchnorm_mean_gap", ax: Axes | None = None
) -> Axes:
    """Draw a statistic of every batch-norm layer over the steps, with a line at 1.

    `quantity` is "batchnorm_mean_gap", "batchnorm_variance_ratio", "batchnorm_scale" or
    "batchnorm_scale_max". At most six layers get a line; a band spans all of them. Raises
    ConfigError naming the record and key for wrong keys or shapes, or the quantity.
    """
    if quantity not in _SHOWN:
        known = ", ".join(repr(known) for known in _SHOWN)
        raise ConfigError(f"quantity must be one of {known}, got {quantity!r}")
    run = read_run(record)
    title = FIELDS[quantity].title
    return picture(ax, (8.6, 4.4), title, run.label, lambda ax: _draw(ax, run, quantity))


def batchnorm_figure(record: Record) -> Figure:
    """Draw mean gap, variance ratio and scale of the batch-norm layers side by side.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    heading = f"Batch norm during training: {run.label}"
    names = ("left", "middle", "right")
    reading = "; ".join(
        f"{name}: {FIELDS[quantity].sentence}"
        for name, quantity in zip(names, _SHOWN[:3], strict=True)
    )
    panels: list[Panel] = [
        (FIELDS[quantity].title.partition(": ")[2], 1.0, partial(_draw, run=run, quantity=quantity))
        for quantity in _SHOWN[:3]
    ]
    nothing = "" if has_batchnorm(run) else _NOTHING
    return pictures((13.0, 4.2), heading, reading, panels, nothing)


def has_batchnorm(run: Run) -> bool:
    """Whether the network has a batch-norm layer."""
    return "batchnorm_layers" in run and bool(run.names("batchnorm_layers"))


def _draw(ax: Axes, run: Run, quantity: str) -> list[Artist]:
    if not has_batchnorm(run):
        return style.say_nothing(ax, _NOTHING)
    handles = draw_over_steps(ax, run.series(quantity), what="value", shown=(1.0,))
    ax.axhline(1.0, color="0.3", linewidth=1.0, zorder=0.7, gid="one")
    ax.set_ylabel(axis_label(ax, quantity))
    return handles
