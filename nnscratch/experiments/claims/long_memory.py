"""Weights and biases that make a recurrent network remember: chrono, and the identity."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments import order
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.initializers import Normal
from nnscratch.layers import LSTM, RNN, Layer
from nnscratch.optimizers import Adam

Made = Callable[[Trial], Layer]

# The one that is said to be better first.
LSTMS: dict[str, Made] = {
    "chrono biases": lambda s: LSTM(order.SYMBOLS, s["units"], chrono=s["length"]),
    "forget bias 1": lambda s: LSTM(order.SYMBOLS, s["units"], forget_bias=1.0),
}


def _relu(recurrent: str, trial: Trial) -> Layer:
    small = Normal(trial["sd"])
    sizes = order.SYMBOLS, trial["units"]
    return RNN(*sizes, activation="relu", recurrent_init=recurrent, init=small)


RELUS: dict[str, Made] = {
    "ReLU, identity": functools.partial(_relu, "identity"),
    "ReLU, He": functools.partial(_relu, "he_normal"),
    "tanh, PyTorch": lambda s: RNN(order.SYMBOLS, s["units"], defaults="pytorch"),
}


def run(kinds: Mapping[str, Made], trial: Trial) -> Measured:
    solved: dict[str, list[float]] = {name: [] for name in kinds}
    updates: dict[str, list[float]] = {name: [] for name in kinds}
    for seed in trial.seeds("seed"):
        for name, made in kinds.items():
            found = order.learn(
                order.network(made(trial), seed),
                Adam(lr=trial["lr"], clip=ClipByGlobalNorm(1.0)),
                length=trial["length"],
                updates=trial["updates"],
                seed=seed,
            )
            if found.interrupted:
                raise KeyboardInterrupt
            solved[name].append(float(found.solved))
            updates[name].append(min(found.updates, trial["updates"]))
    better, *others = kinds
    quantities = {
        name: Quantity(f"fraction of networks that solve it: {name}", values)
        for name, values in solved.items()
    }
    for other in others:
        more = [a - b for a, b in zip(solved[better], solved[other], strict=True)]
        quantities[f"gain over {other}"] = Quantity(f"more of them than with {other}", more)
    return Measured(quantities, {"updates": updates, "most": trial["updates"]})


def verdict(measured: Measured) -> Verdict:
    gains = {k: q.interval for k, q in measured.quantities.items() if k.startswith("gain")}
    said = ", ".join(
        f"{name}: {quantity.mean:.0%} of the networks solve it"
        for name, quantity in measured.quantities.items()
        if name not in gains
    )
    if all(gain.above(0) for gain in gains.values()):
        return Verdict.holds(said)
    if any(gain.high <= 0 for gain in gains.values()):
        return Verdict.fails(said)
    return Verdict.unchecked(f"{said}; the interval of a difference reaches across 0")


def picture(measured: Measured) -> Picture:
    rows = {name: Quantity("", values) for name, values in measured.curves["updates"].items()}
    most = measured.curves["most"]
    return Picture(
        interval_rows(
            rows,
            xlabel=f"updates until 99 % are right (at {most}: not within that many)",
            title="Temporal order: how soon it is learned",
            limits=[most],
        ),
        height=1.8 + 0.4 * len(rows),
    )


CHRONO = Claim(
    name="chrono",
    sentence="Forget biases drawn for the length of the dependence (chrono) let an LSTM learn over "
    "spans at which a forget bias of 1 does not.",
    source="Tallec & Ollivier 2018",
    configuration="temporal order at length {length}; LSTM of {units} units, Adam at {lr}, clipped "
    "to the norm 1, batch 20, up to {updates} updates; {seeds} seeds",
    rule="Holds if more networks solve it with chrono biases (the interval of the difference, seed "
    "by seed, above 0); does not hold if no value of it is.",
    full={"seeds": 10, "length": 100, "units": 50, "lr": 0.01, "updates": 750},
    quick={"seeds": 2, "length": 20, "updates": 500},
    run=functools.partial(run, LSTMS),
    verdict=verdict,
    picture=picture,
)

IDENTITY = Claim(
    name="identity-relu",
    sentence="A plain ReLU network whose recurrent weights begin as the identity learns over spans "
    "at which it does not with He's weights, nor a tanh network with the usual ones.",
    source="Le, Jaitly & Hinton 2015",
    configuration="temporal order at length {length}; {units} units, the other weights of the ReLU "
    "networks N(0, {sd}²), Adam at {lr}, clipped to the norm 1, batch 20, up to {updates} updates; "
    "{seeds} seeds",
    rule="Holds if more networks solve it with the identity than with each of the others (the "
    "interval of the difference, seed by seed, above 0); does not hold if for one no value of it "
    "is.",
    full={"seeds": 10, "length": 50, "units": 50, "sd": 0.1, "lr": 0.01, "updates": 750},
    quick={"seeds": 2, "length": 20, "updates": 500},
    run=functools.partial(run, RELUS),
    verdict=verdict,
    picture=picture,
)
