"""Batch norm and depth: the gradient grows on its way down (Yang et al. 2019)."""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import wide_rate
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.theory import batchnorm

CLAIMED = (1.15, 1.25)  # "about 1.2 a layer", on the norm
LIMIT = "relu, batch 200"


def run(trial: Trial) -> Measured:
    wanted = [("relu", size) for size in trial["batches"]]
    wanted += [(name, max(trial["batches"])) for name in trial["activations"]]
    quantities = {}
    for name, size in trial.over(wanted, "activation, batch"):
        rates = [
            # Any scale of the weights: batch norm takes it out.
            wide_rate(name, 2.0, {**trial, "batch": size}, seed, batchnorm=True)
            for seed in trial.seeds(f"{name}, batch {size}, seed")
        ]
        quantities[f"{name}, batch {size}"] = Quantity(
            f"{name}, batch {size}: factor on the gradient's norm per layer",
            np.sqrt(rates),
            float(np.sqrt(batchnorm.rate(name, size))),
            "theory of Yang et al.",
        )
    return Measured(quantities)


def verdict(measured: Measured) -> Verdict:
    relu = measured[LIMIT].interval
    others = {name: q.interval for name, q in measured.quantities.items() if name != LIMIT}
    said = f"with ReLU and batches of 200 the norm grows by {relu.mean:.3f} a layer"
    if relu.below(1):
        return Verdict.fails(said)
    least = min(others.items(), key=lambda one: one[1].mean)
    if not relu.within(*CLAIMED):
        return Verdict.fails(said) if not relu.meets(*CLAIMED) else Verdict.unchecked(said)
    if all(one.meets(*CLAIMED) for one in others.values()):
        return Verdict.holds(said)
    return Verdict.with_condition(
        f"{said}. Small batches make it worse ({measured['relu, batch 8'].mean:.2f} at 8), smooth "
        f"activations better: {least[0]} has {least[1].mean:.3f}"
    )


def picture(measured: Measured) -> Picture:
    rows = measured.quantities
    return Picture(
        interval_rows(
            rows,
            xlabel="factor on the norm of the back-propagated gradient per layer (1: keeps it)",
            title="Batch norm before every activation, at the start of training",
            at=1,
        ),
        height=1.2 + 0.34 * len(rows),
    )


EXPLODES = Claim(
    name="batchnorm-explodes",
    sentence="Batch norm makes the gradient of very deep networks explode at the start of "
    "training, by about 1.2 per layer.",
    source="Yang et al. 2019, theorems 8 and 9",
    configuration="random networks of {depth} layers x {width}, dense, batch norm, activation; "
    "Gaussian inputs, a random gradient at the top; {seeds} draws",
    rule=f"Holds if the factor on the norm lies within {CLAIMED[0]} to {CLAIMED[1]} for ReLU with "
    "batches of 200 and, by their intervals, may do so for all other activations and batches; with "
    "a condition if for that one only; does not hold if not for that one.",
    full={
        "seeds": 12,
        "width": 500,
        "depth": 8,
        "batches": [8, 64, 200],
        "activations": ["identity", "tanh", "sigmoid", "elu", "selu", "leaky_relu"],
    },
    quick={"seeds": 4, "activations": ["identity", "tanh", "sigmoid"]},
    run=run,
    verdict=verdict,
    picture=picture,
)
