"""Glorot & Bengio 2010: the singular values of the Jacobian between two layers."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import batch, stack
from nnscratch.experiments.claims.pictures import Picture, interval_rows, seed_lines

# Published; the limit of a linear layer of width n is 8 / (3 pi) sqrt(n Var w).
PUBLISHED = {"normalized": 0.8, "standard": 0.5}
LINEAR = {
    "normalized": 8 / (3 * math.pi),
    "standard": 8 / (3 * math.pi) / math.sqrt(3),
}
INITS = {"normalized": "glorot_uniform", "standard": "glorot_standard_uniform"}
TOLERANCE = 0.05


def run(trial: Trial) -> Measured:
    x, y, _, _ = trial.data.digits()
    width, depth = trial["width"], trial["depth"]
    means: dict[str, list[float]] = {name: [] for name in INITS}
    spectra = {}
    for seed in trial.seeds("seed"):
        some, _ = batch(x, y, 1, seed)
        for name, init in INITS.items():
            model = stack(x.shape[1], [width] * depth, "tanh", init, seed=seed)
            model.forward(some)
            values = []
            for layer in range(1, depth):  # from the activation below to the one of this layer
                y_out = model.last[f"{2 * layer + 1}.tanh"].output[0].astype(np.float64)
                weight = model.params[f"{2 * layer}.weight"].astype(np.float64)
                values.append(np.linalg.svd(weight * (1 - y_out**2), compute_uv=False))
            means[name].append(float(np.mean(values)))
            spectra[name] = np.mean(values, axis=0)[:: max(1, width // 60)]
    return Measured(
        {
            name: Quantity(
                f"{name}: mean singular value", values, PUBLISHED[name], "published, about"
            )
            for name, values in means.items()
        },
        {"spectra": spectra},
    )


def verdict(measured: Measured) -> Verdict:
    found = {name: measured[name].interval for name in INITS}
    said = ", ".join(f"{name} {one.mean:.3f}" for name, one in found.items())
    said += " (a linear layer has " + " and ".join(f"{LINEAR[name]:.3f}" for name in found) + ")"
    ranges = {name: (PUBLISHED[name] - TOLERANCE, PUBLISHED[name] + TOLERANCE) for name in found}
    if all(one.within(*ranges[name]) for name, one in found.items()):
        return Verdict.holds(said)
    if any(not one.meets(*ranges[name]) for name, one in found.items()):
        return Verdict.fails(said)
    return Verdict.unchecked(f"{said}: the intervals of these seeds reach across the limits")


def picture(measured: Measured) -> Picture:
    spectra = measured.curves["spectra"]
    count = len(spectra["normalized"])
    return Picture(
        interval_rows(
            {name: measured[name] for name in INITS},
            xlabel="mean singular value",
            title="Jacobian of one layer",
            xlim=(0, 1),
        ),
        seed_lines(
            spectra,
            x=np.arange(count) / count,
            xlabel="singular values in order (fraction)",
            ylabel="singular value",
            title="All of them, one draw",
        ),
        height=3.2,
    )


JACOBIAN = Claim(
    name="jacobian-singular-values",
    sentence="The mean singular value of the Jacobian between two layers is about 0.8 with the "
    "normalized initialization and 0.5 with the standard one.",
    source="Glorot & Bengio 2010, section 4.2.1",
    configuration="digits; {depth} tanh layers x {width} before training; Jacobians of layers 2 to "
    "{depth} at one example; {seeds} draws of weights and example",
    rule=f"Holds if both intervals lie within {TOLERANCE} of the published values; does not hold "
    "if one lies wholly outside.",
    full={"seeds": 4, "width": 1000, "depth": 5},
    quick={"seeds": 3, "width": 300},
    run=run,
    verdict=verdict,
    picture=picture,
)
