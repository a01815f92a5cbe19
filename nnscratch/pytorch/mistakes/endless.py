"""Losses that have no least value, and outputs that go on without end to make them fall."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnscratch_records.words import number

LEAST = 100  # losses
GROW = 1.2  # times from the third quarter of the run to the fourth, outputs
GROWN = 10.0  # the same, since the beginning


def endless(record: Any) -> tuple[str, ...]:
    """Return that a loss below 0 falls ever faster, and outputs grow, as a line of `Mistakes`."""
    losses, weights = record["loss"], np.flatnonzero(record["roles"] == "weights")
    if len(losses) < LEAST or not np.isfinite(losses).all() or np.isfinite(_constant(record)):
        return ()
    means = [float(np.mean(part)) for part in np.array_split(losses, 4)]
    falls = -np.diff(means)
    if not (means[-1] < 0 and falls[0] < falls[1] < falls[2] and falls[1] > 0):
        return ()
    sizes = record["output_norm"][:, weights]
    third, fourth = (np.nanmean(part, axis=0) for part in np.array_split(sizes, 4)[2:])
    grows = (fourth > GROW * third) & (fourth > GROWN * sizes[0])
    if not grows.any():
        return ()
    at = int(weights[np.flatnonzero(grows)[-1]])
    return (
        "unbounded loss",
        f"The loss falls ever faster below 0, to {number(float(losses[-1]), 3)}, and what "
        f"{record['layers'][at]} gives grows with it: its norm was "
        f"{number(float(record['output_norm'][0, at]), 3)} and is "
        f"{number(float(record['output_norm'][-1, at]), 3)}.",
        "Nothing bounds it below: a likelihood, a distance or a reward is made small that was to "
        "be made large, or what holds a term back is missing.",
        "turn its sign: loss = -log_prob, or bound it",
        "",
    )


def _constant(record: Any) -> float:
    known = record["loss_constant"]
    return float(known[-1]) if len(known) else float("nan")
