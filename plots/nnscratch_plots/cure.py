"""Before and after a cure: the gradient by layer and the loss, side by side."""

from __future__ import annotations

from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.axes import axis_label
from nnscratch_plots.beside import Predictions
from nnscratch_plots.curves import loss_curves
from nnscratch_plots.flow import draw_steps
from nnscratch_plots.records import Record, read_norms, read_runs
from nnscratch_records import FIELDS


def cure_figure(
    before: Record, after: Record | None = None, *, predictions: Predictions = None
) -> Figure:
    """Draw the gradient of each layer at the first step and at the end, and the loss of each step.

    `after` is the record of the changed network, trained on the same batches; None where nothing
    was changed. `predictions` of the records are drawn at the first step. Raises ConfigError as
    `gradient_norms` and `loss_curves` do.
    """
    runs = read_runs([before] if after is None else [before, after])
    sentence = (
        f"left and middle, on one scale: {FIELDS['gradient_norm'].sentence}. Right, the lower the "
        "better. All runs start from the same seed and see the same batches"
    )
    if predictions is not None:
        sentence += ". Dashed at the first step is what theory expects, relative to the last layer"
    with style.explained_figure(13.0, 4.0, "Before and after", sentence) as figure:
        grid = figure.add_gridspec(1, 3)
        first = style.prepared(figure.add_subplot(grid[0]))
        last = style.prepared(figure.add_subplot(grid[1], sharey=first))
        loss = style.prepared(figure.add_subplot(grid[2]))
        series = read_norms(runs, "gradient_norm")
        draw_steps([first, last], series, "gradient_norm", ["first", "last"], predictions)
        first.set_ylabel(axis_label(first, "gradient_norm"))
        loss_curves(runs, ax=loss)
        titles = ("Gradient at the first step", "Gradient at the end of the trial", "Training loss")
        for ax, title in zip((first, last, loss), titles, strict=True):
            ax.set_title(title)
    return figure
