"""Mean-field theory: does it know the gradient's rate before training?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from nnscratch import theory
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
from nnscratch.experiments.claims.networks import wide_rate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def run(settings: Settings, data: Data, progress: Progress) -> Measured:
    quantities = {}
    for activation, sw2, sb2 in progress.over(NETWORKS):
        q = theory.variance_fixed_point(activation, sw2, sb2)
        # The leaky family keeps any variance, and has the same rate at all of them.
        q = q if math.isfinite(q) and q > 0 else 1.0
        rates = [
            wide_rate(
                activation,
                sw2,
                width=settings["width"],
                depth=settings["depth"],
                examples=settings["batch"],
                seed=seed,
                q=q,
                sb2=sb2,
            )
            for seed in progress.over(settings["seeds"], f"{activation}, draw")
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
    worst, off, outside, wide = "", 0.0, [], False
    for name, quantity in measured.quantities.items():
        found, predicted = quantity.interval, float(np.max(quantity.expected or 0.0))
        if abs(found.mean / predicted - 1) >= off:
            worst, off = name, abs(found.mean / predicted - 1)
        limits = predicted * (1 - CLOSE), predicted * (1 + CLOSE)
        if not found.meets(*limits):
            outside.append(name)
        wide = wide or not found.within(*limits)
    said = (
        f"of {len(measured.quantities)} networks the one farthest from its predicted rate is "
        f"{worst}, by {off:.1%}"
    )
    if outside:
        return fails(f"{said}; outside with the whole interval: {'; '.join(outside)}")
    return (
        unchecked(f"{said}, but some intervals reach beyond {CLOSE:.0%}") if wide else holds(said)
    )


def picture(measured: Measured) -> Figure:
    from nnscratch_plots.claims import claim_figure, interval_rows

    with claim_figure(height=4.4) as (figure, (ax,)):
        interval_rows(
            measured.quantities,
            xlabel="factor on the squared gradient per layer (1: keeps it)",
            title="The gradient's rate before training",
            ax=ax,
        )
        ax.axvline(1, color="0.3", linewidth=1)
    return figure


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
