"""The adding problem, in the conventions of Pascanu and of the uRNN's authors."""

from __future__ import annotations

import functools

from nnscratch import datasets
from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.remembering import (
    FORGETS,
    IDENTITY,
    LAYERS,
    REMEMBERS,
    learned,
    losses_picture,
)
from nnscratch.layers import Dense, LastStep
from nnscratch.losses import MeanSquaredError

MEAN_SAYS = {"pascanu": 1 / 24, "urnn": 1 / 6}  # the error of who always says the mean
LEARNED, NOTHING = 0.1, 0.9  # of it


def run(trial: Trial) -> Measured:
    found: dict[str, list[float]] = {}
    for convention in trial.over(tuple(MEAN_SAYS)):
        drawn = functools.partial(_drawn, trial["length"], convention)
        for seed in trial.seeds(f"{convention}, seed"):
            for name, made in LAYERS.items():
                head = LastStep(), Dense(trial["units"], 1, init="lecun_normal")
                error = learned((made(2, trial), *head), MeanSquaredError(), drawn, trial, seed)
                found.setdefault(f"{convention}: {name}", []).append(error / MEAN_SAYS[convention])
    return Measured(
        {
            name: Quantity(f"{name}: mean square error / that of who always says the mean", values)
            for name, values in found.items()
        }
    )


def _drawn(length: int, convention: str, examples: int, seed: int) -> tuple[Array, Array]:
    return datasets.adding(examples, length, seed, convention=convention)


def verdict(measured: Measured) -> Verdict:
    found = {
        name: [measured[f"{convention}: {name}"].interval for convention in MEAN_SAYS]
        for name in LAYERS
    }
    said = "of the error of who always says the mean there is left " + ", ".join(
        f"{' and '.join(f'{one.mean:.2g}' for one in intervals)} ({name})"
        for name, intervals in found.items()
    )
    said += f", by the conventions {' and '.join(MEAN_SAYS)}"
    if any(one.below(NOTHING) for one in found[FORGETS]):
        return Verdict.fails(f"{said}: the tanh network learns too")
    if any(one.above(LEARNED) for one in found[REMEMBERS]):
        return Verdict.fails(f"{said}: the LSTM does not learn it")
    shown = [one.above(NOTHING) for one in found[FORGETS]]
    shown += [one.below(LEARNED) for one in found[REMEMBERS]]
    if not all(shown):
        return Verdict.unchecked(said)
    if not all(one.below(LEARNED) for one in found[IDENTITY]):
        return Verdict.with_condition(f"{said}: the ReLU network not everywhere")
    return Verdict.holds(said)


ADDING = Claim(
    name="adding",
    sentence="On the adding problem an LSTM learns what two marked numbers add up to, and so does "
    "a ReLU network that begins as the identity, while a plain tanh network does no better than "
    "who always says the mean.",
    source="Le, Jaitly & Hinton 2015; Arjovsky, Shah & Bengio 2016; the task: Hochreiter & "
    "Schmidhuber 1997",
    configuration="the adding problem at length {length}, by the convention of Pascanu et al. 2013 "
    "(one mark in the first tenth, one before the middle, half the sum, lengths up to a tenth "
    "more) and of the uRNN's authors (Arjovsky et al.: a mark in each half, the sum); {units} "
    "units, Adam at {lr}, clipped to the norm 1, batch 20, {updates} updates; {seeds} seeds",
    rule=f"Holds if by both conventions the mean square error on 1,000 fresh sequences ends below "
    f"{LEARNED:g} of that of who always says the mean for LSTM and ReLU, and above {NOTHING:g} for "
    "tanh (whole intervals); with a condition if not for the ReLU; does not hold if the LSTM's "
    f"lies above {LEARNED:g}, or tanh's below {NOTHING:g}, by one of them.",
    full={"seeds": 10, "length": 50, "units": 50, "lr": 0.01, "updates": 1000},
    quick={"seeds": 2, "length": 20, "updates": 500},
    run=run,
    verdict=verdict,
    picture=functools.partial(losses_picture, "The adding problem", True),
)
