"""Digits read as sequences: row by row, and pixel by pixel."""

from __future__ import annotations

from nnscratch import datasets
from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.datasets.checks import Split
from nnscratch.experiments.claims import networks
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.experiments.claims.remembering import (
    FORGETS,
    IDENTITY,
    LAYERS,
    REMEMBERS,
    Made,
)
from nnscratch.layers import Dense, LastStep
from nnscratch.network.model import Sequential
from nnscratch.optimizers import Adam

ROWS, PIXELS = "rows", "pixels"
# How it is read, the layer that is said to be better, and than which.
GAINS = (
    (ROWS, REMEMBERS, FORGETS),
    (PIXELS, REMEMBERS, FORGETS),
    (PIXELS, IDENTITY, REMEMBERS),
)
READ = {ROWS: (REMEMBERS, FORGETS), PIXELS: (IDENTITY, REMEMBERS, FORGETS)}


def reads(made: Made, split: Split, trial: Trial, epochs: int, seed: int) -> float:
    """Train a network that reads `split` with a layer, and return its test accuracy."""
    units = trial["units"]
    parts = made(split[0].shape[2], trial), LastStep(), Dense(units, 10, init="lecun_normal")
    model = Sequential(*parts, seed=seed)
    optimizer = Adam(lr=trial["lr"], clip=ClipByGlobalNorm(1.0))
    sizes = {"epochs": epochs, "batch": 50}
    networks.train(model, split, optimizer, sizes, seed, max_steps=trial["updates"])
    return networks.accuracy(model, *split[2:])


def run(trial: Trial) -> Measured:
    x_train, y_train, x_test, y_test = trial.data.mnist()
    rows = x_train.reshape(-1, 28, 28), y_train, x_test.reshape(-1, 28, 28), y_test
    splits = {ROWS: rows, PIXELS: datasets.digit_sequences("pixel")}
    right: dict[str, list[float]] = {}
    for way, split in trial.over(tuple(splits.items())):
        epochs = 1 + trial["updates"] * 50 // len(split[0])
        for seed in trial.seeds(f"{way}, seed"):
            for name in READ[way]:
                found = reads(LAYERS[name], split, trial, epochs, seed)
                right.setdefault(f"{way}: {name}", []).append(found)
    quantities = {
        name: Quantity(f"{name}: test accuracy", values) for name, values in right.items()
    }
    for way, better, worse in GAINS:
        pairs = zip(right[f"{way}: {better}"], right[f"{way}: {worse}"], strict=True)
        what = f"{way}: test accuracy, {better} less {worse}"
        quantities[_gain(way, better)] = Quantity(what, [a - b for a, b in pairs])
    return Measured(quantities)


def _gain(way: str, better: str) -> str:
    return f"gain, {way}: {better}"


def verdict(measured: Measured) -> Verdict:
    said = "; ".join(
        f"{way}: " + ", ".join(f"{measured[f'{way}: {n}'].mean:.1%} ({n})" for n in names)
        for way, names in READ.items()
    )
    said = f"test accuracy after as many updates, {said}"
    *gated, identity = (measured[_gain(way, better)].interval for way, better, _ in GAINS)
    if any(gain.high <= 0 for gain in gated):
        return Verdict.fails(f"{said}: the LSTM is no better")
    if not all(gain.above(0) for gain in gated):
        return Verdict.unchecked(said)
    if identity.above(0):
        return Verdict.holds(said)
    if identity.below(0):
        return Verdict.with_condition(f"{said}: the identity is behind the LSTM after so few")
    return Verdict.with_condition(f"{said}: the identity is not shown to be ahead of the LSTM")


def picture(measured: Measured) -> Picture:
    titles = {ROWS: "MNIST, row by row (28 steps)", PIXELS: "Digits, pixel by pixel (64 steps)"}
    panels = (
        interval_rows(
            {name: measured[f"{way}: {name}"] for name in READ[way]},
            xlabel="test accuracy",
            title=title,
        )
        for way, title in titles.items()
    )
    return Picture(*panels, height=3.2)


DIGITS = Claim(
    name="digits-in-time",
    sentence="Digits that are read row by row or pixel by pixel are learned better by an LSTM than "
    "by a plain tanh network, and pixel by pixel better still by a ReLU network that begins as the "
    "identity.",
    source="Le, Jaitly & Hinton 2015 (MNIST, 784 pixels, after far more updates)",
    configuration="MNIST row by row, 28 steps of 28 pixels, and the embedded digits pixel by "
    "pixel, 64 steps of one; {units} units, Adam at {lr}, clipped to the norm 1, batch 50, "
    "{updates} updates; {seeds} seeds",
    rule="Holds if the test accuracy is higher with the LSTM than with tanh, for rows and for "
    "pixels, and higher with the identity than with the LSTM for pixels (the intervals of the "
    "differences, seed by seed, above 0); with a condition if only the LSTM is shown to be better "
    "than tanh; does not hold if for rows or pixels it is no better.",
    full={"seeds": 10, "units": 50, "lr": 0.003, "updates": 600},
    quick={"seeds": 2, "updates": 120},
    run=run,
    verdict=verdict,
    picture=picture,
    needs=("mnist",),
)
