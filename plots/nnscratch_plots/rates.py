"""The learning-rate range test: the loss while the rate rises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from nnscratch_plots import style
from nnscratch_records.errors import ConfigError


def rate_test(test: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Draw the loss of each step over its rate, and the rate where it falls fastest.

    `test` holds "rates", "losses" and "smooth", arrays (steps,), and "rate" and "lowest", the rates
    to mark (NaN: none). Raises ConfigError naming the key that is missing or has another length.
    """
    rates, losses, smooth = (_checked(test, key) for key in ("rates", "losses", "smooth"))
    known = smooth[np.isfinite(smooth)]
    with style.drawing_on(ax, 8.6, 4.4) as ax:
        looks = style.line_style(0, 2, ax)
        (raw,) = ax.plot(rates, losses, color="0.6", linewidth=0.8, gid="losses")
        (line,) = ax.plot(rates, smooth, color=looks["color"], linewidth=1.8, gid="smooth")
        raw.set_label("each step")
        line.set_label("smoothed")
        handles = [raw, line]
        for key, words, dash in (("rate", "falls fastest", "-"), ("lowest", "lowest", ":")):
            if np.isfinite(test[key]):
                mark = ax.axvline(test[key], color="0.3", linewidth=1.2, linestyle=dash, gid=key)
                mark.set_label(f"{words}: {test[key]:.2g}")
                handles.append(mark)
        ax.set_xscale("log")
        if known.size:  # what has exploded leaves the picture
            top, bottom = float(known[0]), float(np.nanmin(losses))
            room = 0.1 * max(top - bottom, 1e-3 * abs(top), 1e-12)
            ax.set_ylim(bottom - room, top + 4 * room)
        ax.grid(axis="y", **style.GRID)
        ax.set_xlabel("learning rate of the step, log scale")
        ax.set_ylabel("training loss")
        style.legend_above(ax, "Range test: the loss while the learning rate rises", handles)
    return ax


def _checked(test: Mapping[str, Any], key: str) -> Any:
    if key not in test:
        raise ConfigError(f"a range test needs {key!r}, got {', '.join(sorted(test))}")
    values = np.asarray(test[key], np.float64)
    if values.ndim != 1 or len(values) != len(test["rates"]) or not len(values):
        raise ConfigError(
            f"{key!r} of a range test has shape {values.shape}, expected ({len(test['rates'])},)"
        )
    return values
