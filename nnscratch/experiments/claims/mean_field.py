"""Mean-field theory: does it know the gradient's rate before training?"""

from __future__ import annotations

import math

from nnscratch import theory
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import wide_rate
from nnscratch.experiments.claims.pictures import Picture, interval_rows

# Activation, n Var(w), Var(b).
NETWORKS = (
    ("tanh", 1.0, 0.05),
    ("tanh", 1.761, 0.05),
    ("tanh", 4.0, 0.05),
    ("sigmoid", 16.0, 0.0),
    ("softsign", 4.0, 0.05),
    ("relu", 2.0, 0.0),
    ("leaky_relu", 2.0, 0.0),
    ("elu", 1.5, 0.0),
    ("selu", 1.0, 0.0),
    ("gelu", 1.5, 0.2),
)
CLOSE = 0.05


def run(trial: Trial) -> Measured:
    quantities = {}
    for activation, sw2, sb2 in trial.over(NETWORKS):
        q = theory.variance_fixed_point(activation, sw2, sb2)
        # The leaky family keeps any variance, and has the same rate at all of them.
        q = q if math.isfinite(q) and q > 0 else 1.0
        rates = [
            wide_rate(activation, sw2, trial, seed, q=q, sb2=sb2)
            for seed in trial.seeds(f"{activation}, draw")
        ]
        name = f"{activation}, n Var(w) = {sw2:g}" + (f", Var(b) = {sb2:g}" if sb2 else "")
        quantities[name] = Quantity(
            f"{name}: factor on the squared gradient per layer",
            rates,
            theory.gradient_rate(activation, q, sw2),
            "mean-field theory",
        )
    return Measured(quantities)


def verdict(measured: Measured) -> Verdict:
    worst, off = measured.farthest()
    said = (
        f"of {len(measured.quantities)} networks the one farthest from its predicted rate is "
        f"{worst}, by {off:.1%}"
    )
    return measured.judged(CLOSE, said)


def picture(measured: Measured) -> Picture:
    return Picture(
        interval_rows(
            measured.quantities,
            xlabel="factor on the squared gradient per layer (1: keeps it)",
            title="The gradient's rate before training",
            at=1,
        ),
        height=4.4,
    )


RATES = Claim(
    name="mean-field-rates",
    sentence="Mean-field theory predicts by which factor the squared gradient changes per layer of "
    "a wide random network, for any activation and any variance of weights and biases.",
    source="Poole et al. 2016; Schoenholz et al. 2017",
    configuration="random networks of {depth} layers x {width}, Gaussian inputs at the fixed "
    "point's variance, a random gradient at the top; {seeds} draws",
    rule=f"Holds if in every network the measured rate lies within {CLOSE:.0%} of the predicted "
    "one; does not hold if in one the whole interval lies outside.",
    full={"seeds": 20, "width": 500, "depth": 8, "batch": 32},
    quick={"seeds": 8},
    run=run,
    verdict=verdict,
    picture=picture,
)
