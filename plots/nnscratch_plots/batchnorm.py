"""Batch norm's statistics: the batch against the running values, and the scale on the gradient."""

from __future__ import annotations

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import axis_label
from nnscratch_plots.over_steps import draw_over_steps
from nnscratch_plots.quantities import QUANTITIES
from nnscratch_plots.records import Record, Run, Series, read_run

_SHOWN = {
    "batchnorm_mean_gap": (1.0,),
    "batchnorm_variance_ratio": (1.0,),
    "batchnorm_scale": (1.0,),
    "batchnorm_scale_max": (1.0,),
}
_NOTHING = "This network has no batch norm."
READING = (
    "left and middle: how far the batch lies from the running statistics that prediction will "
    "use; a gap far below 1 and a ratio near 1 mean that prediction sees what training saw. Right: "
    "the factor by which the layer multiplies the gradient; above 1 it amplifies, below 1 it damps"
)


def batchnorm_statistics(
    record: Record, *, quantity: str = "batchnorm_mean_gap", ax: Axes | None = None
) -> Axes:
    """Draw a statistic of every batch-norm layer over the steps, with a line at 1.

    `quantity` is "batchnorm_mean_gap", "batchnorm_variance_ratio", "batchnorm_scale" or
    "batchnorm_scale_max". At most six layers get a line; a band spans all of them. Raises
    ValueError naming the record and key for wrong keys or shapes, or the quantity.
    """
    if quantity not in _SHOWN:
        known = ", ".join(repr(known) for known in _SHOWN)
        raise ValueError(f"quantity must be one of {known}, got {quantity!r}")
    run = read_run(record)
    with style.drawing_on(ax, 8.6, 4.4) as ax:
        title = f"{QUANTITIES[quantity].title}\n{style.wrapped(run.label, 70)}"
        if not has_batchnorm(run):
            return style.say_nothing_to_draw(ax, title, _NOTHING)
        style.legend_above(ax, title, _draw(ax, run, quantity))
    return ax


def batchnorm_figure(record: Record) -> Figure:
    """Draw mean gap, variance ratio and scale of the batch-norm layers side by side.

    The sentence under the panels says how to read them.
    """
    run = read_run(record)
    heading = f"Batch norm during training: {run.label}"
    body = 4.2 if has_batchnorm(run) else 1.2
    with style.explained_figure(13.0, body, heading, READING) as figure:
        if not has_batchnorm(run):
            style.say_nothing_to_draw(figure.subplots(), "", _NOTHING)
            return figure
        for ax, quantity in zip(figure.subplots(1, 3), list(_SHOWN)[:3], strict=True):
            handles = _draw(style.prepared(ax), run, quantity)
            title = QUANTITIES[quantity].title.partition(": ")[2]
            style.legend_above(ax, title, handles)
    return figure


def has_batchnorm(run: Run) -> bool:
    """Whether the network has a batch-norm layer."""
    return "batchnorm_layers" in run and bool(run.names("batchnorm_layers"))


def _draw(ax: Axes, run: Run, quantity: str) -> list[Artist]:
    layers = run.names("batchnorm_layers")
    series = Series(run.label, layers, run.steps, run.get(quantity))
    handles = draw_over_steps(ax, series, what="value", shown=_SHOWN[quantity])
    ax.axhline(1.0, color="0.3", linewidth=1.0, zorder=0.7, gid="one")
    ax.set_ylabel(axis_label(ax, quantity))
    return handles
