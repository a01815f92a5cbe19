"""The post's table of initializers: its rows for the logistic function and for tanh."""

from __future__ import annotations

import math

import numpy as np

from nnscratch import theory
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import activation_outputs, stack, wide_rate
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.initializers import VarianceScaling

# (activation, factor on Glorot's sigma): as the post's table has it, and as Glorot's tutorial does.
TABLE = (("sigmoid", 1), ("tanh", 4))
TUTORIAL = (("sigmoid", 4), ("tanh", 1))


def run(trial: Trial) -> Measured:
    width, depth = trial["width"], trial["depth"]
    quantities = {}
    for activation, factor in trial.over((*TABLE, *TUTORIAL), "row"):
        sw2 = float(factor**2)
        predicted = theory.fixed_point(activation, sw2)
        rates = [
            # tanh x1 has its fixed point at 0: any small variance will do
            wide_rate(activation, sw2, trial, seed, q=predicted.q if predicted.q > 0 else 1e-4)
            for seed in trial.seeds(f"{activation} x{factor}, seed")
        ]
        quantities[f"{activation} x{factor}"] = Quantity(
            f"{activation} x{factor}: factor on the squared gradient per layer",
            rates,
            predicted.chi_1,
            "mean-field theory",
        )
    beyond = []
    for seed in trial["seeds"]:
        init = VarianceScaling(16.0, "fan_avg")
        model = stack(width, [width] * depth, "tanh", init, seed=seed)
        x = np.random.default_rng([seed, 1]).standard_normal((trial["batch"], width))
        last = activation_outputs(model, x.astype(np.float32))[-1]
        beyond.append(float(np.mean(np.abs(last) > 0.99)))
    quantities["beyond"] = Quantity("tanh x4: fraction of |tanh| > 0.99", beyond, 0.45, "theory")
    return Measured(quantities)


def verdict(measured: Measured) -> Verdict:
    distance = {}
    for activation, factor in (*TABLE, *TUTORIAL):
        found = measured[f"{activation} x{factor}"].interval
        if not found.low > 0:
            return Verdict.unchecked("the intervals of these seeds are too wide")
        ends = [abs(math.log(end)) for end in (found.low, found.high)]
        inside = found.low <= 1 <= found.high
        distance[activation, factor] = (0.0 if inside else min(ends), max(ends))
    better = []
    for given, other in zip(TABLE, TUTORIAL, strict=True):
        if distance[given][0] > distance[other][1]:
            better.append(False)
        elif distance[given][1] < distance[other][0]:
            better.append(True)
        else:
            return Verdict.unchecked("the intervals of these seeds are too wide")
    said = "; ".join(
        f"{activation} x{factor} {measured[f'{activation} x{factor}'].mean:.3g}"
        for activation, factor in (*TABLE, *TUTORIAL)
    )
    said = f"factor on the squared gradient per layer: {said}"
    if all(better):
        return Verdict.holds(said)
    if any(better):
        return Verdict.with_condition(f"{said}; one row is right, the other is not")
    return Verdict.fails(
        f"{said}. The rows are swapped, as Glorot's own tutorial has them the other way round; "
        "and even x4 does not save the sigmoid"
    )


def picture(measured: Measured) -> Picture:
    return Picture(
        interval_rows(
            {
                f"{activation} x{factor} ({where})": measured[f"{activation} x{factor}"]
                for rows, where in ((TABLE, "the table"), (TUTORIAL, "swapped"))
                for activation, factor in rows
            },
            log=True,
            xlabel="factor on the squared gradient per layer (1: keeps it)",
            title="Glorot's initialization with the factors of the table",
            at=1,
        ),
        height=3.2,
    )


SWAPPED = Claim(
    name="table-rows",
    sentence="Glorot's initialization goes with the logistic function as it is (x1), and with tanh "
    "four times as large (x4).",
    source="the post's table of initializers",
    configuration="random networks of {depth} layers x {width} with Glorot's weights times the "
    "factor, input at the fixed point's variance, a random gradient at the top; {seeds} draws",
    rule="Holds if for both activations the table's factor brings the gradient's factor per layer "
    "nearer to 1 (on a log scale) than the other row's factor, with intervals that do not overlap; "
    "with a condition if for one; does not hold if for neither.",
    full={"seeds": 12, "width": 500, "depth": 8, "batch": 32},
    quick={"seeds": 4},
    run=run,
    verdict=verdict,
    picture=picture,
)
