"""A claim that costs nothing: a mean above a limit."""

import numpy as np
import pytest

from nnscratch.experiments.claims import Claim, Measured, Picture, Quantity, Verdict
from nnscratch.experiments.claims.pictures import interval_rows


def make_claim(name="coin", needs=(), runs=None, limit=0.4):
    """Return a claim that notes in the list `runs` each seed it measured."""

    def run(trial):
        values = []
        for seed in trial.seeds("seed"):
            if runs is not None:
                runs.append((name, seed))
            values.append(float(np.random.default_rng(seed).random()) + trial["shift"])
        return Measured(
            {"mean": Quantity("mean", values, 0.5, "theory")},
            {"values": [values], "odd": [float("nan"), float("inf"), 1 / 3]},
        )

    def verdict(measured):
        found = measured["mean"].interval
        if found.above(limit):
            return Verdict.holds(f"the mean is {found.mean:.2f}")
        below = found.below(limit)
        return Verdict.fails("it is less") if below else Verdict.unchecked("too wide")

    def picture(measured):
        return Picture(interval_rows({"mean": measured["mean"]}), width=3, height=2)

    return Claim(
        name=name,
        sentence="A coin | lands *often* on <one> side.",
        source="somebody, 1900",
        configuration="{seeds} coins, shifted by {shift}",
        rule="Holds if the mean lies above 0.4.",
        full={"seeds": 6, "shift": 0.5},
        quick={"seeds": 2},
        run=run,
        verdict=verdict,
        picture=picture,
        needs=needs,
    )


@pytest.fixture
def claim_maker():
    return make_claim
