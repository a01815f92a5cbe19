"""Theory with the same weights at every step: does it know how fast a layer forgets?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.experiments.claims.through_time import drawn, per_step
from nnscratch.network.model import Sequential

# Framework whose weights are drawn, kind, bias of the gate that keeps, how much of it is added to
# what the framework puts there.
LAYERS = (
    ("PyTorch", "lstm", 0.0, 0.0),
    ("PyTorch", "lstm", 1.0, 1.0),
    ("PyTorch", "lstm", 2.0, 2.0),
    ("PyTorch", "lstm", 3.0, 3.0),
    ("Keras", "lstm", 1.0, 0.0),
    ("TensorFlow 1", "lstm", 1.0, 0.0),
    ("Flax", "lstm", 0.0, 0.0),
    ("Flax", "lstm", 2.0, 2.0),
    ("PyTorch", "gru", 0.0, 0.0),
    ("PyTorch", "gru", 1.0, 1.0),
    ("PyTorch", "gru", 2.0, 2.0),
    ("Keras", "gru", 0.0, 0.0),
    ("TensorFlow 1", "gru", 1.0, 0.0),
    ("Flax", "gru", 1.0, 1.0),
)
CLOSE = 0.02
_NAMES = {"lstm": "LSTM, forget bias", "gru": "GRU, update bias"}


def untied(model: Sequential, kind: str, kept: float) -> float:
    """Return what is expected where fresh weights are drawn at every step: ``sqrt(a^2 + s^2)``."""
    weight = np.asarray(model.params["0.recurrent_weight"], dtype=np.float64)
    sw = math.sqrt(len(weight) * float(np.mean(weight * weight)))
    a = 1 / (1 + math.exp(-kept))
    s = 0.25 * sw if kind == "lstm" else (1 - a) * 0.5 * sw
    return math.hypot(a, s)


def run(trial: Trial) -> Measured:
    quantities, fresh = {}, {}
    for framework, kind, kept, added in trial.over(LAYERS):
        name = f"{_NAMES[kind]} {kept:g}, {framework}"
        models = [
            drawn(framework, kind, trial["units"], added, trial["features"], seed)
            for seed in trial["seeds"]
        ]
        rates, predicted = per_step(trial.over(models), 1.0, trial["steps"])
        quantities[name] = Quantity(
            f"{name}: factor on the norm per step", rates, predicted, "theory, the same weights"
        )
        fresh[name] = untied(models[0], kind, kept)
    return Measured(quantities, {"untied": fresh})


def verdict(measured: Measured) -> Verdict:
    worst, off = measured.farthest()
    fresh = [
        abs(measured.curves["untied"][name] / found.mean - 1)
        for name, found in measured.quantities.items()
    ]
    said = (
        f"of {len(fresh)} layers the one farthest from its predicted factor is {worst}, by "
        f"{off:.1%}; the formula for weights that are drawn anew at every step is off by up to "
        f"{max(fresh):.0%}"
    )
    return measured.judged(CLOSE, said)


def picture(measured: Measured) -> Picture:
    fresh = list(measured.curves["untied"].values())
    rows = interval_rows(
        measured.quantities,
        xlabel="factor on the gradient per step (1: keeps it; x: for fresh weights)",
        title="How fast gated layers forget: predicted and measured",
        at=1,
    )

    def panel(ax: Any) -> None:
        rows(ax)
        ax.plot(fresh, range(len(fresh)), "x", color="0.45", markersize=6)

    return Picture(panel, width=7.0, height=4.2)


RATES = Claim(
    name="recurrent-rates",
    sentence="Theory that takes the weights as the same at every step predicts by which factor the "
    "gradient of a fresh LSTM or GRU changes per step of time.",
    source="this project (nnscratch/theory/recurrent); for fresh weights Gilboa et al. 2019",
    configuration="LSTM and GRU layers of {units} units with the weights of frameworks' defaults, "
    "{features} inputs from N(0, 1), new at each of {steps} steps; {seeds} draws",
    rule=f"Holds if for every layer the measured factor lies within {CLOSE:.0%} of the predicted "
    "one; does not hold if for one the whole interval lies outside.",
    full={"seeds": 20, "units": 200, "features": 50, "steps": 80},
    quick={"seeds": 4},
    run=run,
    verdict=verdict,
    picture=picture,
)
