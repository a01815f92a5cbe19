"""Which steps of a long run a page keeps, so that it stays small and quick."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from nnscratch_plots.records import Array, Run
from nnscratch_plots.thinning import evenly

MOST_STEPS = 500
MOST_LOSSES = 1500


def kept_steps(run: Run, most: int) -> Array:
    """Indices of at most `most` steps, evenly spaced, among them all that stand out.

    Those are the first and the last, the first where something is not finite, the last before it,
    and those of the largest loss and the largest gradient. A page of fewer than 8 steps holds 8.
    """
    count = len(run.steps)
    most = max(8, most)
    if count <= most:
        return np.arange(count)
    notable = _notable(run)
    even = np.linspace(0, count - 1, most - len(notable)).round().astype(int)
    return np.unique(np.concatenate([even, notable]))


def kept_losses(run: Run, series: Mapping[str, Array], most: int = MOST_LOSSES) -> Array:
    """Indices of about `most` steps for the `series`, lines over the steps.

    Of each window of steps those of the lowest and the highest value of each series.
    """
    count = len(run.steps)
    if count <= most:
        return np.arange(count)
    starts = np.linspace(0, count, most // (2 * len(series)) + 1).round().astype(int)
    chosen = [_notable(run)]
    for values in series.values():
        finite = np.isfinite(values)
        low, high = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
        for start, stop in pairwise(starts):
            chosen.append(start + np.array([low[start:stop].argmin(), high[start:stop].argmax()]))
    return np.unique(np.concatenate(chosen))


def spread(kept: Array, most: int) -> Array:
    """Positions of at most `most` of the `kept`, the first and the last among them."""
    return np.array(evenly(len(kept), max(2, most)), dtype=int)


def _notable(run: Run) -> Array:
    count = len(run.steps)
    gradient, loss = run.get("gradient_norm"), run.get("loss")
    finite = np.isfinite(gradient).all(axis=1) & np.isfinite(loss)
    if "output_std" in run:
        finite &= np.isfinite(run.get("output_std")).all(axis=1)
    chosen = {0, count - 1}
    if not finite.all():
        first = int(finite.argmin())
        chosen |= {first, max(0, first - 1)}
    for values in (loss, gradient.max(axis=1)):
        chosen.add(int(np.where(np.isfinite(values), values, -np.inf).argmax()))
    return np.array(sorted(chosen))
