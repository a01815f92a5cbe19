"""Long runs in few points: windows of recorded steps, each shown by its largest value."""

from __future__ import annotations

import numpy as np

from nnscratch_plots.records import Array


def window_size(count: int, most: int) -> int:
    """How many of `count` recorded steps share a point where at most `most` are drawn."""
    return -(-count // most)


def largest_of(values: Array, window: int) -> Array:
    """The largest value of each window along the first axis.

    NaN counts as larger than infinity, so that a window hides neither.
    """
    return np.maximum.reduceat(values, np.arange(0, len(values), window), axis=0)


def smallest_of(values: Array, window: int) -> Array:
    """The smallest value of each window along the first axis, NaN where there is one."""
    return np.minimum.reduceat(values, np.arange(0, len(values), window), axis=0)


def noted(text: str, window: int, what: str) -> str:
    """An axis label that says what was thinned, if something was."""
    return (
        f"{text} (each point: the largest {what} of {window} recorded steps)" * (window > 1) or text
    )


def evenly(count: int, most: int) -> list[int]:
    """At most `most` of the places 0 to count - 1, evenly spaced, the first and last among them."""
    return sorted({round(float(at)) for at in np.linspace(0, count - 1, min(count, most))})
