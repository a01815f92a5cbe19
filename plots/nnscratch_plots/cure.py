"""Before and after a cure: the gradient by layer and the loss, side by side."""

from __future__ import annotations

from matplotlib.figure import Figure

from nnscratch_plots import style
from nnscratch_plots.beside import Predictions
from nnscratch_plots.curves import loss_curves
from nnscratch_plots.flow import gradient_norms
from nnscratch_plots.records import Record


def cure_figure(
    before: Record, after: Record | None = None, *, predictions: Predictions = None
) -> Figure:
    """Draw the gradient of each layer at the first step and at the end, and the loss of each step.

    `after` is the record of the changed network, trained on the same batches; None where nothing
    was changed. `predictions` of the records are drawn at the first step. Raises ValueError as
    `gradient_norms` and `loss_curves` do.
    """
    records = [before] if after is None else [before, after]
    sentence = (
        "left and middle, a level line means that every layer receives a gradient of similar size; "
        "right, the lower the better. All runs start from the same seed and see the same batches"
    )
    if predictions is not None:
        sentence += ". Dashed at the first step is what theory expects, relative to the last layer"
    with style.explained_figure(13.0, 4.0, "Before and after", sentence) as figure:
        first, last, loss = (style.prepared(ax) for ax in figure.subplots(1, 3))
        gradient_norms(records, step="first", predictions=predictions, ax=first)
        gradient_norms(records, step="last", ax=last)
        loss_curves(records, ax=loss)
        titles = ("Gradient at the first step", "Gradient at the end of the trial", "Training loss")
        for ax, title in zip((first, last, loss), titles, strict=True):
            ax.set_title(title)
            legend = ax.get_legend()
            if legend is not None and ax is not loss:
                legend.remove()
        last.set_ylabel("")
        if loss.get_legend() is None:
            lines = [line for line in loss.get_lines() if line.get_gid() == "values"]
            style.legend_beside(loss, lines)
    return figure
