"""Pascanu et al. 2013: clipping and Omega on temporal order, a two-core version of figure 7."""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

from nnscratch.experiments import order
from nnscratch.experiments.claims.claim import Claim, Measured, Trial, Verdict
from nnscratch.experiments.claims.temporal_order import Solves, count_solved, picture, solves
from nnscratch.initializers import Normal
from nnscratch.layers import RNN
from nnscratch.training import Omega


class Kind(NamedTuple):
    """What helps plain gradient descent."""

    clipped: bool
    omega: bool


# In the order of figure 7; footnote 4 says of the last that it usually fails.
KINDS = {
    "SGD": Kind(False, False),
    "clipped": Kind(True, False),
    "clipped, with Omega": Kind(True, True),
}
ALONE = "Omega without a clip"
ALL = {**KINDS, ALONE: Kind(False, True)}


def run(trial: Trial) -> Measured:
    def tanh(kind: Kind) -> Solves:
        def solve(length: int, seed: int) -> bool:
            small = Normal(trial["sd"])  # as of Pascanu's "basic tanh"
            layer = RNN(order.SYMBOLS, trial["units"], init=small, recurrent_init=small)
            omega = [Omega(trial["omega"], form="code")] if kind.omega else []
            return solves(layer, trial, length, seed, clipped=kind.clipped, callbacks=omega)

        return solve

    gains = {
        f"gain, {more}": (f"more of them {more} than {fewer}", fewer, more)
        for fewer, more in itertools.pairwise(KINDS)
    }
    kinds = {name: tanh(kind) for name, kind in ALL.items()}
    return count_solved(kinds, gains, trial)


def verdict(measured: Measured) -> Verdict:
    lengths = measured.curves["lengths"]
    said = "; ".join(
        f"length {n}: " + ", ".join(f"{measured[f'{k}, length {n}'].mean:.0%} {k}" for k in ALL)
        for n in lengths
    )
    missing: list[str] = []
    against: list[str] = []
    for name in list(KINDS)[1:]:
        gains = {n: measured[f"gain, {name}, length {n}"].interval for n in lengths}
        against += [f"{name} at length {n}" for n in lengths if gains[n].below(0)]
        if any(gain.above(0) for gain in gains.values()):
            continue
        if all(gain.high <= 0 for gain in gains.values()):
            return Verdict.fails(f"{said}: {name} helps at no length")
        missing.append(name)
    if missing:
        return Verdict.unchecked(f"{said}: no interval shows that {' and '.join(missing)} helps")
    if against:
        return Verdict.with_condition(f"{said}: fewer with {' and '.join(against)}")
    return Verdict.holds(said)


ORDERED = Claim(
    name="omega-temporal-order",
    sentence="On the temporal order of two symbols more plain networks with small weights learn "
    "with clipping than by gradient descent alone, and more still with clipping and the "
    "regularizer Omega.",
    source="Pascanu et al. 2013, section 4.1 and figure 7",
    configuration="temporal order at lengths {lengths}; tanh, {units} units, all weights N(0, "
    '{sd}²) ("basic tanh"), SGD at {lr}, batch 20, up to {updates} updates, clipped to the norm '
    "1, Omega as the authors' program computes it, with weight {omega}; solved: 99 % of 10,000 "
    "fresh sequences right; {seeds} seeds",
    rule="Holds if each step of the order SGD, clipped, clipped with Omega lets more networks "
    "solve it at some length (the interval of the difference, seed by seed, above 0) and fewer at "
    "none; with a condition if fewer at another length; does not hold if a step helps nowhere.",
    full={
        "seeds": 10,
        "lengths": [20, 30, 40],
        "units": 50,
        "sd": 0.1,
        "lr": 0.1,
        "omega": 2.0,
        "updates": 2000,
    },
    quick={"seeds": 2, "lengths": [10, 20], "updates": 750},
    run=run,
    verdict=verdict,
    picture=functools.partial(picture, "Temporal order: plain tanh networks with small weights"),
)
