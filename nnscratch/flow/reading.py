"""A one-word reading of a record: healthy, vanishing, exploding or diverged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnscratch_records import check_record
from nnscratch_records.ends import ends, ratios, weight_columns
from nnscratch_records.limits import FACTOR as FACTOR
from nnscratch_records.limits import INCOMPARABLE, verdict

# A finished run whose loss is this many times the loss it began with has run away.
RUNAWAY = 10.0


@dataclass(frozen=True)
class Reading:
    """What a record says, in a word and in the numbers behind it.

    Attributes
    ----------
    word : str
        ``"diverged"``: the loss or a gradient became NaN or infinite, or the loss ended more than
        10 times above where it began, where one step's says something of another's. Else, by the
        median over the recorded steps of
        first / last norm of the back-propagated gradient: ``"vanishing"`` below 1/100,
        ``"exploding"`` above 100, ``"healthy"`` between.
    first, last : float
        Norm of the back-propagated gradient at the first and at the last layer with weights: the
        median over the steps with finite gradients (NaN when there is none).
    ratio : float
        The median over these steps of first / last (0 / 0, no gradient at all, counts as 0).
    diverged_at : int or None
        The first recorded step with a loss or gradient that is not finite.
    """

    word: str
    first: float
    last: float
    ratio: float
    diverged_at: int | None


def read_flow(record: Mapping[str, Any]) -> Reading:
    """Return the `Reading` of a record; `RecordError` if it does not fit."""
    record = check_record(record, needed=("roles", "depths", "blocks", "gradient_norm", "loss"))
    columns = weight_columns(record)
    norms, losses = record["gradient_norm"], record["loss"]
    finite = np.isfinite(losses) & np.isfinite(norms[:, columns]).all(axis=1)
    bad = np.flatnonzero(~finite)
    diverged_at = int(record["steps"][bad[0]]) if bad.size else None
    first, last, ratio = np.nan, np.nan, np.nan
    if finite.any():
        norms, outer = norms[finite], ends(record)
        first, last = (float(value) for value in np.median(norms[:, outer], axis=0))
        ratio = float(np.median(ratios(norms, outer)))
    runs_away = losses[-1] > RUNAWAY * max(losses[0], 1e-12)
    if bad.size or (runs_away and str(record.get("loss_kind", "")) not in INCOMPARABLE):
        word = "diverged"
    else:
        word = verdict(ratio)
    return Reading(word, first, last, ratio, diverged_at)
