"""Glorot & Bengio 2010, table 1: test errors by activation and initialization."""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import accuracy, stack, train
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.optimizers import SGD

STANDARD, NORMALIZED = "glorot_standard_uniform", "glorot_uniform"
# Activation, initialization, and the published test error on MNIST in per cent.
TABLE = {
    "softsign": ("softsign", STANDARD, 1.64),
    "softsign N": ("softsign", NORMALIZED, 1.72),
    "tanh": ("tanh", STANDARD, 1.76),
    "tanh N": ("tanh", NORMALIZED, 1.64),
    "sigmoid": ("sigmoid", STANDARD, 2.21),
}


def run(trial: Trial) -> Measured:
    digits = trial.data.digits()
    widths = [trial["width"]] * trial["depth"]
    errors: dict[str, list[float]] = {}
    for name in trial.over(tuple(TABLE)):
        activation, init, _ = TABLE[name]
        errors[name] = []
        for seed in trial.seeds(f"{name}, seed"):
            found = []
            for rate in trial["rates"]:
                model = stack(digits[0].shape[1], widths, activation, init, seed=seed)
                train(model, digits, SGD(rate), {**trial, "batch": 10}, seed)
                found.append(100 * (1 - accuracy(model, digits[2], digits[3])))
            errors[name].append(min(found))
    quantities = {
        name: Quantity(f"{name}: test error on the digits, %", values)
        for name, values in errors.items()
    }
    for name in TABLE:
        if name != "sigmoid":
            quantities[f"sigmoid less {name}"] = Quantity(
                f"sigmoid's error less that of {name}, published on MNIST "
                f"{TABLE['sigmoid'][2] - TABLE[name][2]:.2f}",
                np.subtract(errors["sigmoid"], errors[name]),
            )
    quantities["tanh less tanh N"] = Quantity(
        "tanh's error less that of tanh N, published on MNIST 0.12",
        np.subtract(errors["tanh"], errors["tanh N"]),
    )
    return Measured(quantities)


def verdict(measured: Measured) -> Verdict:
    behind = [measured[f"sigmoid less {name}"].interval for name in TABLE if name != "sigmoid"]
    gain = measured["tanh less tanh N"]
    said = (
        f"sigmoid is {min(one.mean for one in behind):.1f} points or more behind; the normalized "
        f"initialization lowers tanh's error by {gain}"
    )
    if any(one.below(0) for one in behind) or gain.interval.below(0):
        return Verdict.fails(said)
    if all(one.above(0) for one in behind):
        if gain.interval.above(0):
            return Verdict.holds(said)
        return Verdict.with_condition(
            f"{said}: of the two only sigmoid's place is clear on these data"
        )
    return Verdict.unchecked(f"{said}: the intervals of these seeds reach across 0")


def picture(measured: Measured) -> Picture:
    return Picture(
        interval_rows(
            {f"{name} (MNIST: {TABLE[name][2]} %)": measured[name] for name in TABLE},
            log=True,
            xlabel="test error on the digits, per cent, log scale",
            title="Activations with the standard and the normalized (N) initialization",
        ),
        height=3.4,
    )


ERRORS = Claim(
    name="glorot-table",
    sentence="Deep networks of sigmoid units end with higher test errors than those of tanh and "
    "softsign, and the normalized initialization lowers tanh's.",
    source="Glorot & Bengio 2010, table 1",
    configuration="digits instead of MNIST, {epochs} epochs of batches of 10; {depth} layers x "
    "{width} (the paper: 1000), gradient descent, for each network and seed the best of the rates "
    "{rates}; {seeds} seeds",
    rule="Holds if sigmoid's error is higher than all others' for the same seed, and tanh's is "
    "lower with the normalized initialization; with a condition if only the first is clear; does "
    "not hold if one is reversed.",
    full={"seeds": 5, "width": 200, "depth": 4, "epochs": 15, "rates": [0.02, 0.1]},
    quick={"seeds": 3, "epochs": 5, "rates": [0.1]},
    run=run,
    verdict=verdict,
    picture=picture,
)
