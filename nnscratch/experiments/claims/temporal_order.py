"""Pascanu et al. 2013: clipping on the temporal order problem, a two-core version of figure 7."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments import order
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, seed_lines
from nnscratch.initializers import Normal
from nnscratch.layers import RNN
from nnscratch.optimizers import SGD
from nnscratch.training import Callback

Solves = Callable[[int, int], bool]
"""Whether a network solves it, by the length of the sequences and a seed."""


def solves(
    layer: RNN,
    trial: Trial,
    length: int,
    seed: int,
    *,
    clipped: bool,
    callbacks: Sequence[Callback] = (),
) -> bool:
    """Whether a network of that layer learns the order of two symbols by gradient descent."""
    found = order.learn(
        order.network(layer, seed),
        SGD(lr=trial["lr"], clip=ClipByGlobalNorm(1.0) if clipped else None),
        length=length,
        updates=trial["updates"],
        seed=seed,
        callbacks=callbacks,
    )
    if found.interrupted:
        raise KeyboardInterrupt
    return found.solved


def count_solved(
    kinds: Mapping[str, Solves],
    gains: Mapping[str, tuple[str, str, str]],
    trial: Trial,
) -> Measured:
    """Measure at each length which part of the networks of each kind solve it.

    gains : by name what it is called, of which kind fewer and of which more are said to solve it
    """
    quantities: dict[str, Quantity] = {}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for length in trial.over(trial["lengths"], "length"):
        solved: dict[str, list[float]] = {kind: [] for kind in kinds}
        for seed in trial.seeds(f"length {length}, seed"):
            for kind, solves_it in kinds.items():
                solved[kind].append(float(solves_it(length, seed)))
        for kind, values in solved.items():
            name = f"{kind}, length {length}"
            quantities[name] = Quantity(f"fraction of networks that solve it: {name}", values)
            rates[kind].append(quantities[name].mean)
        for gain, (what, fewer, more) in gains.items():
            pairs = zip(solved[fewer], solved[more], strict=True)
            quantities[f"{gain}, length {length}"] = Quantity(
                f"{what}, length {length}", [b - a for a, b in pairs]
            )
    return Measured(quantities, {"lengths": trial["lengths"], "rates": rates})


def run(trial: Trial) -> Measured:
    def tanh(clipped: bool) -> Solves:
        def solve(length: int, seed: int) -> bool:
            layer = RNN(order.SYMBOLS, trial["units"], init=Normal(0.1))
            return solves(layer, trial, length, seed, clipped=clipped)

        return solve

    kinds = {"not clipped": tanh(False), "clipped": tanh(True)}
    gains = {"gain": ("more networks solve it when clipped", "not clipped", "clipped")}
    return count_solved(kinds, gains, trial)


def verdict(measured: Measured) -> Verdict:
    lengths = measured.curves["lengths"]
    gains = {n: measured[f"gain, length {n}"].interval for n in lengths}
    said = "; ".join(
        f"length {n}: {measured[f'not clipped, length {n}'].mean:.0%} solve it without, "
        f"{measured[f'clipped, length {n}'].mean:.0%} with"
        for n in lengths
    )
    more = [n for n in lengths if gains[n].above(0)]
    fewer = [n for n in lengths if gains[n].below(0)]
    if more and fewer:
        return Verdict.with_condition(
            f"{said}. At {', '.join(map(str, fewer))} clipping costs some"
        )
    if more:
        return Verdict.holds(said)
    if fewer or all(gain.high <= 0 for gain in gains.values()):
        return Verdict.fails(said)
    return Verdict.unchecked(said)


def picture(title: str, measured: Measured) -> Picture:
    """Draw which part of the networks of each kind solve it, by length."""
    return Picture(
        seed_lines(
            measured.curves["rates"],
            x=measured.curves["lengths"],
            xlabel="length of the sequences",
            ylabel="fraction of networks that solve it",
            title=title,
            ylim=(-0.05, 1.05),
        )
    )


CLIPPED = Claim(
    name="clipping-temporal-order",
    sentence="Clipping the norm of the gradient lets more plain recurrent networks learn the "
    "order of two symbols far apart, the more so the longer the sequence.",
    source="Pascanu et al. 2013, section 4.1 and figure 7",
    configuration="temporal order at lengths {lengths}; tanh, {units} units, orthogonal recurrent "
    "weights, others N(0, 0.1²), SGD at {lr}, batch 20, up to {updates} updates, clipped to the "
    "norm 1 or not; solved: 99 % of 10,000 fresh sequences right; {seeds} seeds",
    rule="Holds if at some length more networks solve it when clipped (the interval of the "
    "difference, seed by seed, above 0) and at none fewer; with a condition if at another length "
    "fewer do; does not hold if at none more do.",
    full={"seeds": 10, "lengths": [10, 20, 30], "units": 50, "lr": 0.1, "updates": 2000},
    quick={"seeds": 2, "lengths": [10, 20], "updates": 1000},
    run=run,
    verdict=verdict,
    picture=functools.partial(
        picture, "Temporal order: plain tanh networks with and without clipping"
    ),
)
