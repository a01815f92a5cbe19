"""What fresh recurrent networks lose of their gradient: frameworks' defaults, and forget biases."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.experiments.claims.through_time import FRAMEWORKS, drawn, per_step
from nnscratch_records.limits import FACTOR

SPAN = 100  # steps
SIZES = {"": 1.0, ", small inputs": 0.1}
LITTLE = -10.0  # powers of ten left after SPAN steps: as good as nothing
ENOUGH = -2.0  # the limit of what trains with one rate
_FACTOR = f"factor on the norm over {SPAN} steps, log10"


def run_defaults(trial: Trial) -> Measured:
    quantities = {}
    for framework in trial.over(tuple(FRAMEWORKS)):
        for words, scale in SIZES.items():
            draws = (
                drawn(framework, "rnn", trial["units"], 0.0, trial["features"], seed)
                for seed in trial.seeds(f"{framework}, seed")
            )
            name = framework + words
            quantities[name] = _left(name, *per_step(draws, scale, trial["steps"]))
    return Measured(quantities)


def _left(name: str, rates: Sequence[float], predicted: float) -> Quantity:
    left, expected = SPAN * np.log10(rates), SPAN * math.log10(predicted)
    return Quantity(f"{name}: {_FACTOR}", left, expected, "theory")


def verdict_defaults(measured: Measured) -> Verdict:
    limit = -np.log10(FACTOR)
    usual = {name: measured[name] for name in FRAMEWORKS}
    small = {name: measured[name + ", small inputs"] for name in FRAMEWORKS}
    said = "after 100 steps there is left of the gradient " + ", ".join(
        f"10^{found.mean:.0f} ({name})" for name, found in usual.items()
    )
    if any(found.interval.above(limit) for found in usual.values()):
        return Verdict.fails(said)
    if not all(found.interval.below(limit) for found in usual.values()):
        return Verdict.unchecked(said)
    kept = [name for name, found in small.items() if not found.interval.below(limit)]
    if kept:
        less = ", ".join(f"10^{small[name].mean:.1f} ({name})" for name in kept)
        return Verdict.with_condition(f"{said}. With inputs a tenth as large {less} is left")
    return Verdict.holds(f"{said}; with inputs a tenth as large it vanishes too")


def run_forget(trial: Trial) -> Measured:
    quantities = {}
    kinds = [("plain", "rnn", 0.0), *((f"forget bias {b:g}", "lstm", b) for b in (0.0, 1.0, 2.0))]
    for name, kind, bias in trial.over(kinds):
        draws = (
            drawn("PyTorch", kind, trial["units"], bias, trial["features"], seed)
            for seed in trial.seeds(f"{name}, seed")
        )
        quantities[name] = _left(name, *per_step(draws, 1.0, trial["steps"]))
    return Measured(quantities)


def verdict_forget(measured: Measured) -> Verdict:
    plain, none, one, two = (
        measured[name].interval
        for name in ("plain", "forget bias 0", "forget bias 1", "forget bias 2")
    )
    said = (
        f"after 100 steps a plain network keeps 10^{plain.mean:.0f} of its gradient, an LSTM "
        f"without a forget bias 10^{none.mean:.0f}, with 1 10^{one.mean:.1f}, with 2 "
        f"10^{two.mean:.1f}"
    )
    if none.above(LITTLE) or two.below(ENOUGH):
        return Verdict.fails(said)
    if not (none.below(LITTLE) and two.above(ENOUGH)):
        return Verdict.unchecked(said)
    if one.above(ENOUGH):
        return Verdict.holds(said)
    return Verdict.with_condition(f"{said}: a bias of 1 is not enough over that many")


def picture(measured: Measured) -> Picture:
    return Picture(
        interval_rows(
            measured.quantities,
            xlabel="powers of ten left of the gradient after 100 steps (0: keeps it)",
            title="What fresh recurrent networks keep of a gradient",
            at=0,
            limits=[ENOUGH],
        ),
        height=1.6 + 0.36 * len(measured.quantities),
    )


DEFAULTS = Claim(
    name="recurrent-defaults-vanish",
    sentence="With the weights that frameworks draw by default the gradient of a plain tanh "
    "network vanishes on its way back through time, in every one of them.",
    source="PyTorch 2, Keras 3, TensorFlow 1, Flax; Pascanu et al. 2013; Chen et al. 2018",
    configuration="{units} units, {features} inputs from N(0, 1), and a tenth as large, new at "
    "each of {steps} steps; a random gradient at the last one; {seeds} draws",
    rule=f"Holds if with every default less than 1/{FACTOR:g} of the gradient is left after {SPAN} "
    "steps, for both sizes of inputs; with a condition if only for the larger ones; does not hold "
    "if one keeps more for those.",
    full={"seeds": 20, "units": 128, "features": 50, "steps": 80},
    quick={"seeds": 3},
    run=run_defaults,
    verdict=verdict_defaults,
    picture=picture,
)

FORGET = Claim(
    name="forget-bias",
    sentence="What saves the gradient of an LSTM is the bias of its forget gate, not the gate: "
    "without one it is lost nearly as in a plain network; a bias of 1 keeps it.",
    source="Gers et al. 2000; Jozefowicz et al. 2015",
    configuration="LSTM and plain layers of {units} units as PyTorch draws them, {features} inputs "
    "from N(0, 1), new at each of {steps} steps, a random gradient at the last one; {seeds} draws",
    rule=f"Holds if after {SPAN} steps less than 10^{LITTLE:g} is left without a forget bias and "
    f"more than 10^{ENOUGH:g} with 1; with a condition if it takes a bias of 2; does not hold "
    "otherwise.",
    full={"seeds": 20, "units": 200, "features": 50, "steps": 80},
    quick={"seeds": 3, "units": 100},
    run=run_forget,
    verdict=verdict_forget,
    picture=picture,
)
