"""Pascanu et al. 2013: the largest singular value of recurrent weights."""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.intervals import Interval
from nnscratch.experiments.claims.pictures import Picture, seed_lines

LIMIT = {"tanh": 1.0, "sigmoid": 4.0}  # 1 / gamma, gamma being the largest slope


def recurrent_weights(units: int, seed: int) -> Array:
    """Return a Gaussian matrix, scaled to a largest singular value of 1."""
    weight = np.random.default_rng([seed, 1]).standard_normal((units, units))
    return weight / np.linalg.norm(weight, 2)


def rate(activation: str, weight: Array, steps: int, seed: int) -> float:
    """Return the factor per step on the norm of a gradient that goes back through time.

    ``h_t = phi(h_(t-1) W + x_t)`` with small Gaussian inputs; the gradient at the last step is
    random.
    """
    rng, units = np.random.default_rng(seed), len(weight)
    h, slopes = np.zeros(units), []
    for _ in range(steps):
        z = h @ weight + 0.1 * rng.standard_normal(units)
        h = np.tanh(z) if activation == "tanh" else 1 / (1 + np.exp(-z))
        slopes.append(1 - h * h if activation == "tanh" else h * (1 - h))
    g = rng.standard_normal(units)
    start = np.linalg.norm(g)
    for slope in reversed(slopes):
        g = (g * slope) @ weight.T
    return float((np.linalg.norm(g) / start) ** (1 / steps))


def run(trial: Trial) -> Measured:
    quantities, curves = {}, {}
    for activation in trial.over(tuple(LIMIT), "activation"):
        found = []
        for seed in trial.seeds(f"{activation}, seed"):
            weight = LIMIT[activation] * recurrent_weights(trial["units"], seed)
            found.append(
                [
                    rate(activation, ratio * weight, trial["steps"], seed)
                    for ratio in trial["ratios"]
                ]
            )
        rows = np.array(found)
        curves[activation] = rows
        for ratio, values in zip(trial["ratios"], rows.T, strict=True):
            quantities[f"{activation} {ratio:g}"] = Quantity(
                f"{activation}, largest singular value {ratio:g}/gamma: factor on the norm a step",
                values,
                (0.0, ratio) if ratio < 1 else None,
                "bound" if ratio < 1 else "",
            )
    return Measured(quantities, {"ratios": trial["ratios"], **curves})


def verdict(measured: Measured) -> Verdict:
    below: list[tuple[str, float, Interval]] = []
    above: list[tuple[str, float, Interval]] = []
    for ratio in measured.curves["ratios"]:
        for activation in LIMIT:
            found = measured[f"{activation} {ratio:g}"].interval
            (below if ratio < 1 else above).append((activation, ratio, found))
    if any(found.above(1) for _, _, found in below):
        return Verdict.fails(
            "a gradient grows although the largest singular value is below 1/gamma"
        )
    exploding = [one for one in above if one[2].above(1)]
    tame = [one for one in above if one[2].below(1)]
    if not all(found.below(1) for _, _, found in below):
        return Verdict.unchecked("the intervals of these draws reach across 1")
    if not exploding:
        return Verdict.fails("no gradient explodes above 1/gamma")
    if not tame:
        return Verdict.fails(
            "above 1/gamma every gradient explodes: the condition would be sufficient too"
        )
    activation, ratio, found = max(tame, key=lambda one: one[1])
    others = ", ".join(
        f"{name} from {min(r for n, r, _ in exploding if n == name):g}/gamma"
        for name in LIMIT
        if any(n == name for n, _, _ in exploding)
    )
    return Verdict.holds(
        f"below 1/gamma every gradient vanishes; above, {others} on it explodes, but {activation} "
        f"at {ratio:g}/gamma still loses (factor {found.mean:.3f} a step): necessary, not enough"
    )


def picture(measured: Measured) -> Picture:
    ratios = measured.curves["ratios"]
    return Picture(
        seed_lines(
            {name: measured.curves[name] for name in LIMIT},
            x=ratios,
            expected={"bound: largest singular value x gamma": ratios, "neither": 1.0},
            log=True,
            log_x=True,
            xlabel="largest singular value x gamma",
            ylabel="factor per step on the norm",
            title="Gradients through time",
        )
    )


SINGULAR = Claim(
    name="recurrent-singular-value",
    sentence="A recurrent network's gradient vanishes for certain if the largest singular value of "
    "its weights is below 1/gamma, gamma being the activation's largest slope (tanh 1, sigmoid "
    "1/4); above it may explode, but need not.",
    source="Pascanu et al. 2013, section 2.1",
    configuration="recurrent networks of {units} units over {steps} steps, Gaussian weights scaled "
    "to largest singular values {ratios} times 1/gamma, inputs N(0, 0.1²); {seeds} draws",
    rule="Holds if the factor per step lies below 1 at every singular value below 1/gamma, above 1 "
    "at some above it, and below 1 at some above it; does not hold if one of these is false.",
    full={
        "seeds": 20,
        "units": 100,
        "steps": 100,
        "ratios": [0.5, 0.95, 1.5, 3.0, 8.0, 16.0],
    },
    quick={"seeds": 6},
    run=run,
    verdict=verdict,
    picture=picture,
)
