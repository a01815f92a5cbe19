"""Batch norm's freedom: larger learning rates, and less care in initialization."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import accuracy, stack, train
from nnscratch.experiments.claims.pictures import Picture, seed_lines
from nnscratch.initializers import VarianceScaling
from nnscratch.optimizers import SGD

LEARNT = 0.8
TIMES = 2.0  # a largest usable rate over twice as large counts as larger
LOST = 0.5
KINDS = {"batch norm": True, "without": False}


def _sweep(trial: Trial, values: Sequence[float], scale: bool) -> dict[str, list[list[float]]]:
    """Return test accuracies (seeds, values), where `values` are scales or learning rates."""
    digits = trial.data.digits()
    widths = [trial["width"]] * trial["depth"]
    found: dict[str, list[list[float]]] = {}
    for kind in trial.over(tuple(KINDS)):
        found[kind] = []
        for seed in trial.seeds(f"{kind}, seed"):
            row = []
            for value in trial.over(values, f"{kind}, seed {seed}:"):
                init = VarianceScaling(2.0 * value**2 if scale else 2.0, "fan_in")
                model = stack(
                    digits[0].shape[1], widths, "relu", init, batchnorm=KINDS[kind], seed=seed
                )
                train(model, digits, SGD(trial["rate"] if scale else value), trial, seed)
                row.append(accuracy(model, digits[2], digits[3]))
            found[kind].append(row)
    return found


def run_rates(trial: Trial) -> Measured:
    rates = trial["rates"]
    found = _sweep(trial, rates, scale=False)
    # A network that learns at no rate counts with half the smallest.
    largest = {
        kind: [
            max([rates[0] / 2, *(r for r, a in zip(rates, row, strict=True) if a >= LEARNT)])
            for row in rows
        ]
        for kind, rows in found.items()
    }
    ratio = np.log2(np.divide(largest["batch norm"], largest["without"]))
    quantities = {
        kind: Quantity(f"{kind}: largest rate that reaches {LEARNT}", values)
        for kind, values in largest.items()
    }
    quantities["ratio"] = Quantity("log2 of their ratio", ratio)
    return Measured(quantities, {"rates": rates, **found})


def rates_verdict(measured: Measured) -> Verdict:
    ratio = measured["ratio"].interval
    said = f"the largest rate that works is {2**ratio.mean:.3g} times as large with batch norm"
    limit = float(np.log2(TIMES))
    if ratio.above(limit):
        return Verdict.holds(said)
    return (
        Verdict.fails(said)
        if ratio.below(limit)
        else Verdict.unchecked(f"{said}, with too wide an interval")
    )


def run_scales(trial: Trial) -> Measured:
    found = _sweep(trial, trial["scales"], scale=True)
    quantities = {}
    for kind, rows in found.items():
        accuracies = np.array(rows)
        quantities[f"{kind} worst"] = Quantity(
            f"{kind}: test accuracy at the worst scale", accuracies.min(axis=1)
        )
        quantities[f"{kind} count"] = Quantity(
            f"{kind}: scales of {len(trial['scales'])} that reach {LEARNT}",
            (accuracies >= LEARNT).sum(axis=1),
        )
    return Measured(quantities, {"scales": trial["scales"], **found})


def scales_verdict(measured: Measured) -> Verdict:
    ours, plain = (measured[f"{kind} worst"].interval for kind in KINDS)
    more, few = (measured[f"{kind} count"].interval for kind in KINDS)
    scales = measured.curves["scales"]
    said = (
        f"between {scales[0]:g} and {scales[-1]:g} times He's standard deviation, test accuracy "
        f"at the worst scale is {ours.mean:.3f} with batch norm and {plain.mean:.3f} without; "
        f"{more.mean:.3g} and {few.mean:.3g} of {len(scales)} scales reach {LEARNT}"
    )
    if ours.above(LEARNT) and plain.below(LOST):
        return Verdict.holds(said)
    if more.low > few.high:
        return Verdict.with_condition(f"{said}: the range is wider, but not without ends")
    if more.high <= few.low:
        return Verdict.fails(said)
    return Verdict.unchecked(f"{said}: the intervals of these seeds reach across the limits")


def _picture(measured: Measured, key: str, xlabel: str, title: str) -> Picture:
    return Picture(
        seed_lines(
            {kind: measured.curves[kind] for kind in KINDS},
            x=measured.curves[key],
            expected={f"{LEARNT}": LEARNT},
            log_x=True,
            xlabel=xlabel,
            ylabel="test accuracy",
            title=title,
            ylim=(0, 1.02),
        )
    )


_COMMON: dict[str, Any] = {"seeds": 4, "width": 100, "depth": 6, "epochs": 10, "batch": 50}
RATES = Claim(
    name="batchnorm-larger-rates",
    sentence="Batch norm allows larger learning rates.",
    source="Ioffe & Szegedy 2015, section 3.3; the post",
    configuration="digits, {epochs} epochs of batches of {batch}; {depth} ReLU layers x {width}, "
    "He; gradient descent at {rates}; {seeds} seeds",
    rule=f"Holds if the largest rate at which the test accuracy reaches {LEARNT} is over "
    f"{TIMES:g} times as large with batch norm as without; does not hold if less.",
    full={**_COMMON, "rates": [0.03125 * 2.0**k for k in range(12)]},
    quick={"seeds": 3, "epochs": 5, "rates": [0.03125 * 4.0**k for k in range(6)]},
    run=run_rates,
    verdict=rates_verdict,
    picture=functools.partial(
        _picture, key="rates", xlabel="learning rate", title="Accuracy by learning rate"
    ),
)
SCALES = Claim(
    name="batchnorm-any-initialization",
    sentence="With batch norm the initialization of the weights hardly matters.",
    source="Ioffe & Szegedy 2015; the post",
    configuration="digits, {epochs} epochs of batches of {batch}; {depth} ReLU layers x {width}; "
    "weights {scales} times He's; gradient descent at {rate}; {seeds} seeds",
    rule=f"Holds if the test accuracy at the worst of the scales lies above {LEARNT} with batch "
    f"norm and below {LOST} without; with a condition if only more of the scales reach {LEARNT} "
    "than without; does not hold if not more.",
    full={**_COMMON, "scales": [0.001, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 1000.0], "rate": 0.1},
    quick={"seeds": 3, "epochs": 5, "scales": [0.001, 0.1, 1.0, 10.0, 1000.0]},
    run=run_scales,
    verdict=scales_verdict,
    picture=functools.partial(
        _picture,
        key="scales",
        xlabel="standard deviation of the weights / He's",
        title="Accuracy by initialization",
    ),
)
