"""Sigmoid units with N(0, 1) weights: what becomes of the gradient."""

from __future__ import annotations

from nnscratch import theory
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import wide_rate
from nnscratch.experiments.claims.pictures import Picture, interval_rows

VANISHES = 0.9  # a squared gradient that keeps less than this per layer vanishes


def run(trial: Trial) -> Measured:
    rates: dict[int, list[float]] = {}
    for width in trial.over(trial["widths"], "width"):
        sw2 = float(width)  # n Var(w) of N(0, 1) weights
        q = theory.variance_fixed_point("sigmoid", sw2)
        sizes = {**trial, "width": width}
        rates[width] = [wide_rate("sigmoid", sw2, sizes, seed, q=q) for seed in trial.seeds("seed")]
    predicted = {width: theory.chi_1("sigmoid", float(width)) for width in rates}
    return Measured(
        {
            f"width {width}": Quantity(
                f"{width} units a layer: factor on the squared gradient per layer",
                values,
                predicted[width],
                "mean-field theory",
            )
            for width, values in rates.items()
        },
    )


def verdict(measured: Measured) -> Verdict:
    found = {name: quantity.interval for name, quantity in measured.quantities.items()}
    said = ", ".join(f"{one.mean:.3g} at {name}" for name, one in found.items())
    said = f"per layer on its way down the squared gradient changes by {said}"
    if all(one.below(VANISHES) for one in found.values()):
        return Verdict.holds(said)
    if all(one.low >= VANISHES for one in found.values()):
        return Verdict.fails(f"{said}: on average over draws of the weights it does not vanish")
    if not any(one.below(VANISHES) for one in found.values()):
        return Verdict.unchecked(f"{said}, with intervals that reach below {VANISHES}")
    return Verdict.with_condition(
        f"{said}. It vanishes in narrow layers only; in wide ones it grows: units are saturated, "
        "but the few that are not pass on a gradient that the large weights multiply"
    )


def picture(measured: Measured) -> Picture:
    return Picture(
        interval_rows(
            {quantity.what.split(":")[0]: quantity for quantity in measured.quantities.values()},
            xlabel="factor on the squared gradient per layer (below 1: vanishes)",
            title="Sigmoid, weights N(0, 1): the gradient's rate",
            at=1,
        ),
        height=3.2,
    )


GRADIENT = Claim(
    name="sigmoid-normal-vanishes",
    sentence="With sigmoid units and weights from N(0, 1) the gradient vanishes on its way down.",
    source="the post, on vanishing gradients",
    configuration="random networks of {depth} sigmoid layers, weights N(0, 1), widths {widths}, "
    "input at the fixed point's variance, a random gradient at the top; {seeds} draws",
    rule=f"Holds if at every width the squared gradient keeps less than {VANISHES} per layer; with "
    "a condition if at some; does not hold if at none.",
    full={"seeds": 20, "widths": [30, 100, 300, 1000], "depth": 8, "batch": 32},
    quick={"seeds": 5},
    run=run,
    verdict=verdict,
    picture=picture,
)
