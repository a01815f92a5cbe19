"""Orthogonal initialization: what it keeps at depth."""

from __future__ import annotations

import numpy as np

from nnscratch import initializers
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import Init
from nnscratch.experiments.claims.pictures import Picture, seed_lines

_ONE = 1e-6
_SPREAD = 100.0  # largest over median singular value of a product that has lost its balance


def run(trial: Trial) -> Measured:
    width, depth = trial["width"], trial["depth"]
    curves: dict[str, list[list[float]]] = {"orthogonal": [], "Gaussian, 1/n": []}
    ends = []
    inits: dict[str, Init] = {"orthogonal": "orthogonal", "Gaussian, 1/n": "lecun_normal"}
    looked_at = [n for n in range(1, depth + 1) if n in (1, 2) or n % 5 == 0 or n == depth]
    for seed in trial.seeds("draw"):
        for kind, init in inits.items():
            rng = np.random.default_rng(seed)
            product = np.eye(width)
            largest = []
            for n in range(1, depth + 1):
                product = product @ initializers.get(init)((width, width), rng, np.float64)
                if n not in looked_at:
                    continue
                values = np.linalg.svd(product, compute_uv=False)
                largest.append(float(values[0] / np.median(values)))
            curves[kind].append(largest)
            if kind == "orthogonal":
                ends.append((float(values[0]), float(values[-1])))
    gaussian = np.array(curves["Gaussian, 1/n"])
    return Measured(
        {
            "largest": Quantity("largest singular value, orthogonal", [e[0] for e in ends], 1.0),
            "smallest": Quantity("smallest, orthogonal", [e[1] for e in ends], 1.0),
            "gaussian": Quantity("log10 of largest / median, Gaussian", np.log10(gaussian[:, -1])),
        },
        {"spread": curves, "layers": looked_at},
    )


def verdict(measured: Measured) -> Verdict:
    largest, smallest = measured["largest"].interval, measured["smallest"].interval
    gaussian = measured["gaussian"].interval
    said = (
        f"the singular values of the orthogonal product end between {smallest.mean:.5f} and "
        f"{largest.mean:.5f}; of the Gaussian one the largest is {10**gaussian.mean:.1e} times "
        "the median"
    )
    if largest.above(1 + _ONE) or smallest.below(1 - _ONE):
        return Verdict.fails(said)
    if gaussian.below(np.log10(_SPREAD)):
        return Verdict.with_condition(f"{said}: Gaussian weights do nearly as well")
    if gaussian.above(np.log10(_SPREAD)):
        return Verdict.holds(said)
    return Verdict.unchecked(said)


def picture(measured: Measured) -> Picture:
    return Picture(
        seed_lines(
            measured.curves["spread"],
            x=measured.curves["layers"],
            log=True,
            xlabel="layers in the product",
            ylabel="largest / median singular value",
            title="How unevenly a linear network stretches its inputs",
        )
    )


ORTHOGONAL = Claim(
    name="orthogonal",
    sentence="Orthogonal weights keep every singular value of a deep linear network at 1, while "
    "the product of Gaussian matrices of the same variance becomes ever more uneven.",
    source="Saxe et al. 2013",
    configuration="products of {depth} matrices of {width} x {width}; {seeds} draws",
    rule=f"Holds if the largest and smallest singular value stay within {_ONE:g} of 1 and the "
    f"Gaussian product's largest is over {_SPREAD:g} times its median (intervals clear); with a "
    "condition if the Gaussian product stays balanced too; does not hold otherwise.",
    full={"seeds": 10, "width": 100, "depth": 50},
    quick={"seeds": 4},
    run=run,
    verdict=verdict,
    picture=picture,
)
