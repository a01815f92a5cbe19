"""The copying problem, as the uRNN's authors set it up."""

from __future__ import annotations

import functools
import math

from nnscratch import datasets
from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture
from nnscratch.experiments.claims.remembering import (
    FORGETS,
    LAYERS,
    REMEMBERS,
    Made,
    learned,
    losses_picture,
)
from nnscratch.layers import LSTM, Dense
from nnscratch.losses import SoftmaxCrossEntropy

AT = 0.95  # of the loss of who remembers nothing: as good as at it
SYMBOLS, RECALLED = 8, 10
CHRONO, GAIN = "LSTM, chrono biases", "gain"
KINDS: dict[str, Made] = {
    CHRONO: lambda n, s: LSTM(n, s["units"], chrono=s["blanks"]),
    **{name: LAYERS[name] for name in (REMEMBERS, FORGETS)},
}


def run(trial: Trial) -> Measured:
    blanks = trial["blanks"]
    nothing = RECALLED * math.log(SYMBOLS) / (blanks + 2 * RECALLED)
    drawn = functools.partial(_drawn, blanks)
    found: dict[str, list[float]] = {name: [] for name in KINDS}
    for seed in trial.seeds("seed"):
        for name, made in KINDS.items():
            head = Dense(trial["units"], SYMBOLS + 1, init="lecun_normal")
            parts = made(SYMBOLS + 2, trial), head
            loss = learned(parts, SoftmaxCrossEntropy(), drawn, trial, seed)
            found[name].append(loss / nothing)
    quantities = {
        name: Quantity(f"{name}: loss / that of who remembers nothing", values)
        for name, values in found.items()
    }
    less = [a - b for a, b in zip(found[REMEMBERS], found[CHRONO], strict=True)]
    quantities[GAIN] = Quantity("chrono biases less than forget bias 1, seed by seed", less)
    return Measured(quantities)


def _drawn(blanks: int, examples: int, seed: int) -> tuple[Array, Array]:
    return datasets.copying(examples, blanks, seed, SYMBOLS, RECALLED)


def verdict(measured: Measured) -> Verdict:
    chrono, one, tanh = (measured[name].interval for name in (CHRONO, REMEMBERS, FORGETS))
    gain = measured[GAIN].interval
    said = "of the loss of who remembers nothing there is left " + ", ".join(
        f"{measured[name].mean:.3f} ({name})" for name in KINDS
    )
    if tanh.below(AT) or chrono.above(AT) or gain.high <= 0:
        return Verdict.fails(said)
    if not (tanh.above(AT) and chrono.below(AT) and gain.above(0)):
        return Verdict.unchecked(said)
    if not one.above(AT):
        return Verdict.with_condition(
            f"{said}: an LSTM with a forget bias of 1 falls below it too, later"
        )
    return Verdict.holds(said)


def picture(measured: Measured) -> Picture:
    kinds = {name: measured[name] for name in KINDS}
    return losses_picture("The copying problem", False, Measured(kinds))


COPYING = Claim(
    name="copying",
    sentence="On the copying problem a plain tanh network and an LSTM with a forget bias of 1 stay "
    "at the loss of who remembers nothing; biases drawn for its length (chrono) take an LSTM below "
    "it.",
    source="Arjovsky, Shah & Bengio 2016; Tallec & Ollivier 2018; the task: Hochreiter & "
    "Schmidhuber 1997",
    configuration="the copying problem by the convention of the uRNN's authors (Arjovsky et al.: "
    "10 of 8 symbols, {blanks} steps of waiting, then the symbols again; the mean loss of all "
    "steps); {units} units, Adam at {lr}, clipped to the norm 1, batch 20, {updates} updates; "
    "{seeds} seeds",
    rule=f"Holds if the loss on 1,000 fresh sequences ends below {AT:g} of that of who remembers "
    "nothing with chrono biases, below that with a forget bias of 1 seed by seed, and above it for "
    "both others (whole intervals); with a condition if the LSTM with a forget bias of 1 falls "
    f"below {AT:g} too, but less; does not hold if tanh ends below {AT:g}, or chrono above it, or "
    "no lower than a bias of 1.",
    full={"seeds": 10, "blanks": 50, "units": 50, "lr": 0.01, "updates": 1500},
    quick={"seeds": 2, "blanks": 20, "updates": 500},
    run=run,
    verdict=verdict,
    picture=picture,
)
