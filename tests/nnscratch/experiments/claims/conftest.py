"""A claim that costs nothing: a mean above a limit."""

import numpy as np
import pytest

from nnscratch.experiments.claims import Claim, Measured, Quantity, fails, holds, unchecked


def make_claim(name="coin", needs=(), runs=None, limit=0.4):
    """Return a claim that notes in the list `runs` each seed it measured."""

    def run(settings, data, progress):
        values = []
        for seed in progress.over(settings["seeds"], "seed"):
            if runs is not None:
                runs.append((name, seed))
            values.append(float(np.random.default_rng(seed).random()) + settings["shift"])
        return Measured(
            {"mean": Quantity("mean", values, 0.5, "theory")},
            {"values": [values], "odd": [float("nan"), float("inf"), 1 / 3]},
        )

    def verdict(measured):
        found = measured["mean"].interval
        if found.above(limit):
            return holds(f"the mean is {found.mean:.2f}")
        return fails("it is less") if found.below(limit) else unchecked("too wide")

    def picture(measured):
        from nnscratch_plots.claims import claim_figure, interval_rows

        with claim_figure(width=3, height=2) as (figure, (ax,)):
            interval_rows({"mean": measured["mean"]}, ax=ax)
        return figure

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
