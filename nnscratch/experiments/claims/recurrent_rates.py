"""Theory with the same weights at every step: does it know how fast a layer forgets?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nnscratch.experiments.claims.claim import (
    Claim,
    Data,
    Measured,
    Progress,
    Quantity,
    Settings,
    Verdict,
    fails,
    holds,
    unchecked,
)
from nnscratch.experiments.claims.through_time import drawn, per_step
from nnscratch.model import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def run(settings: Settings, data: Data, progress: Progress) -> Measured:
    quantities, fresh = {}, {}
    for framework, kind, kept, added in progress.over(LAYERS):
        name = f"{_NAMES[kind]} {kept:g}, {framework}"
        models = [
            drawn(framework, kind, settings["units"], added, settings["features"], seed)
            for seed in settings["seeds"]
        ]
        rates, predicted = per_step(progress.over(models), 1.0, settings["steps"])
        quantities[name] = Quantity(
            f"{name}: factor on the norm per step", rates, predicted, "theory, the same weights"
        )
        fresh[name] = untied(models[0], kind, kept)
    return Measured(quantities, {"untied": fresh})


def verdict(measured: Measured) -> Verdict:
    off = {
        name: abs(found.mean / float(np.max(found.expected or 0.0)) - 1)
        for name, found in measured.quantities.items()
    }
    fresh = [
        abs(measured.curves["untied"][name] / found.mean - 1)
        for name, found in measured.quantities.items()
    ]
    worst = max(off, key=lambda name: off[name])
    said = (
        f"of {len(off)} layers the one farthest from its predicted factor is {worst}, by "
        f"{off[worst]:.1%}; the formula for weights that are drawn anew at every step is off by up "
        f"to {max(fresh):.0%}"
    )
    outside, wide = [], False
    for name, found in measured.quantities.items():
        predicted = float(np.max(found.expected or 0.0))
        limits = predicted * (1 - CLOSE), predicted * (1 + CLOSE)
        if not found.interval.meets(*limits):
            outside.append(name)
        wide = wide or not found.interval.within(*limits)
    if outside:
        return fails(f"{said}; outside with the whole interval: {'; '.join(outside)}")
    return unchecked(f"{said}, but some intervals are wide") if wide else holds(said)


def picture(measured: Measured) -> Figure:
    from nnscratch_plots.claims import claim_figure, interval_rows

    with claim_figure(width=7.0, height=4.2) as (figure, (ax,)):
        interval_rows(
            measured.quantities,
            xlabel="factor on the gradient per step (1: keeps it; x: for fresh weights)",
            title="How fast gated layers forget: predicted and measured",
            ax=ax,
        )
        fresh = list(measured.curves["untied"].values())
        ax.plot(fresh, range(len(fresh)), "x", color="0.45", markersize=6)
        ax.axvline(1, color="0.3", linewidth=1)
    return figure


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
