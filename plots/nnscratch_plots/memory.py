"""Recurrent networks side by side: their gradient before training, and what they learned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnscratch_plots import style
from nnscratch_plots.given import entry
from nnscratch_plots.prediction_in_time import predicted_gradient_by_lag
from nnscratch_records.errors import ConfigError

_READING = (
    "on the left, what theory expects to be left of the last step's gradient so many steps back, "
    "before training, and marks where it was measured; on the right, the fraction of fresh "
    "sequences that the same network tells rightly. A gradient that does not reach back teaches "
    "little about what was there, and one that does may explode in training unless it is clipped"
)


def memory_figure(networks: Iterable[Mapping[str, Any]], *, chance: float) -> Figure:
    """Draw networks that learned a memory task: gradient by steps back, and scores by updates.

    Each network has "label", "updates" (U numbers of updates) and "right" (U fractions), and what
    `predicted_gradient_by_lag` takes. `chance` is the score of who guesses. Raises ConfigError
    naming the key for what does not fit.
    """
    given = list(networks)
    if not given:
        raise ConfigError("networks is empty, expected at least one")
    heading = "What recurrent networks can learn from the past"
    with style.explained_figure(11.5, 4.6, heading, _READING) as figure:
        left, right = figure.subplots(1, 2)
        predicted_gradient_by_lag(given, ax=style.prepared(left))
        left.set_title("Gradient on its way back through time, before training")
        handles: list[Any] = []
        for index, one in enumerate(given):
            updates, score = (
                np.asarray(entry(one, key), dtype=np.float64) for key in ("updates", "right")
            )
            if updates.shape != score.shape or updates.ndim != 1:
                raise ConfigError(
                    f"keys 'updates' and 'right' have shapes {updates.shape} and {score.shape}, "
                    "expected the same (U,)"
                )
            looks = style.line_style(index, len(given), right)
            label = style.wrapped(str(entry(one, "label")), 30)
            handles += right.plot(updates, score, label=label, **looks)
            if score.size and score[-1] > 0.9:  # it ended there because it was right
                right.plot(updates[-1:], score[-1:], marker="*", markersize=13, **_star(looks))
        right.axhline(chance, color="0.5", linewidth=1, linestyle=(0, (2, 2)))
        handles.append(Line2D([], [], color="0.5", linestyle=(0, (2, 2)), label="guessing"))
        right.set_ylim(0, 1.04)
        right.set_xlim(left=0)
        right.set_xlabel("updates")
        right.set_ylabel("fraction of fresh sequences told rightly")
        right.set_title("What is learned")
        right.xaxis.set_major_locator(style.step_ticks())
        style.grid_up(right)
        legend = left.get_legend()
        if legend is not None:
            legend.remove()
        style.legend_beside(right, handles)
    return figure


def _star(looks: Mapping[str, Any]) -> dict[str, Any]:
    return {"color": looks["color"], "linestyle": "none", "zorder": 4}
