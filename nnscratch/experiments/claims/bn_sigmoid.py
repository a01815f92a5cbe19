"""Batch norm and saturating activations."""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import accuracy, stack, train
from nnscratch.experiments.claims.pictures import Picture, seed_lines
from nnscratch.optimizers import SGD

LEARNT = 0.8
BEHIND = 0.2
KINDS = {"batch norm": True, "without": False}


def run(trial: Trial) -> Measured:
    digits = trial.data.digits()
    width, rates = trial["width"], trial["rates"]
    best: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for kind, batchnorm in KINDS.items():
        for depth in trial.over(trial["depths"], f"{kind}, layers"):
            row = []
            for seed in trial.seeds(f"{kind}, {depth} layers, seed"):
                found = []
                for rate in rates:
                    model = stack(
                        digits[0].shape[1],
                        [width] * depth,
                        "sigmoid",
                        "glorot_normal",
                        batchnorm=batchnorm,
                        seed=seed,
                    )
                    train(model, digits, SGD(rate), trial, seed)
                    found.append(accuracy(model, digits[2], digits[3]))
                row.append(max(found))
            best[kind].append(row)
    quantities = {
        f"{kind} {depth}": Quantity(f"{depth} layers, {kind}: test accuracy at the best rate", row)
        for kind in KINDS
        for depth, row in zip(trial["depths"], best[kind], strict=True)
    }
    curves = {kind: np.transpose(rows) for kind, rows in best.items()}
    return Measured(quantities, {"depths": trial["depths"], **curves})


def verdict(measured: Measured) -> Verdict:
    deepest = max(measured.curves["depths"])
    least = min(measured.curves["depths"])
    ours, plain = (measured[f"{kind} {deepest}"].interval for kind in KINDS)
    said = (
        f"at {deepest} layers of sigmoid the test accuracy is {ours.mean:.3f} with batch norm and "
        f"{plain.mean:.3f} without; at {least} layers "
        f"{measured[f'batch norm {least}'].mean:.3f} and {measured[f'without {least}'].mean:.3f}"
    )
    if ours.above(LEARNT) and plain.high < ours.low - BEHIND:
        return Verdict.holds(said)
    if ours.below(LEARNT) or plain.low > ours.high - BEHIND:
        return Verdict.fails(said)
    return Verdict.unchecked(f"{said}: the intervals of these seeds reach across the limits")


def picture(measured: Measured) -> Picture:
    return Picture(
        seed_lines(
            {kind: measured.curves[kind] for kind in KINDS},
            x=measured.curves["depths"],
            expected={"chance": 0.1},
            xlabel="hidden layers of sigmoid units",
            ylabel="test accuracy at the best rate",
            title="Sigmoid networks with and without batch norm",
            ylim=(0, 1),
        ),
        width=7.0,
    )


SIGMOID = Claim(
    name="batchnorm-allows-sigmoid",
    sentence="With batch norm even saturating activations such as the sigmoid can be used in deep "
    "networks.",
    source="Ioffe & Szegedy 2015; the post",
    configuration="digits, {epochs} epochs of batches of {batch}; {depths} sigmoid layers x "
    "{width}, Glorot; gradient descent, for each network and seed the best of the rates {rates}; "
    "{seeds} seeds",
    rule=f"Holds if on the deepest network the test accuracy with batch norm lies above {LEARNT} "
    f"and the one without lies {BEHIND} or more behind; does not hold if one of these is false "
    "with the whole interval.",
    full={
        "seeds": 4,
        "width": 100,
        "depths": [2, 4, 6, 10],
        "epochs": 15,
        "batch": 50,
        "rates": [0.1, 0.5, 2.0, 8.0],
    },
    quick={"seeds": 3, "depths": [2, 10], "epochs": 8, "rates": [0.5, 2.0]},
    run=run,
    verdict=verdict,
    picture=picture,
)
