"""Truncated back-propagation through time: what lies beyond the cut."""

from __future__ import annotations

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments import order
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.layers import RNN
from nnscratch.optimizers import SGD
from nnscratch.sequences import RandomTruncation, Truncate

HALF = 0.6  # right: little more than who knows the second symbol alone
KNOWN = 0.9


def run(trial: Trial) -> Measured:
    one, both, length = trial["one"], trial["both"], trial["length"]
    right: dict[str, list[float]] = {}
    for seed in trial.seeds("seed"):
        cuts: dict[str, Truncate] = {
            "not cut": None,
            "first symbol beyond the cut": one,
            "both beyond the cut": both,
            "cut at random": RandomTruncation(1 / one, seed=seed),
        }
        for name, truncate in cuts.items():
            found = order.learn(
                order.network(RNN(order.SYMBOLS, trial["units"]), seed),
                SGD(lr=trial["lr"], clip=ClipByGlobalNorm(1.0)),
                length=length,
                updates=trial["updates"],
                seed=seed,
                truncate=truncate,
            )
            if found.interrupted:
                raise KeyboardInterrupt
            right.setdefault(name, []).append(found.right[-1])
    return Measured(
        {
            name: Quantity(f"fraction of fresh sequences told rightly: {name}", values)
            for name, values in right.items()
        }
    )


def verdict(measured: Measured) -> Verdict:
    whole, one, both = (
        measured[name].interval
        for name in ("not cut", "first symbol beyond the cut", "both beyond the cut")
    )
    said = (
        f"with the first symbol beyond the cut {one.mean:.0%} are told rightly, with both "
        f"{both.mean:.0%}, {whole.mean:.0%} without a cut"
    )
    if not whole.above(KNOWN):
        return Verdict.unchecked(f"{said}: the task is not learned without a cut either")
    if one.below(HALF) and both.below(HALF):
        return Verdict.holds(said)
    if one.above(KNOWN):
        return Verdict.fails(
            f"{said}: the state carries the first symbol over the cut, and what is behind it "
            "learns to read it there"
        )
    if one.above(HALF):
        return Verdict.with_condition(f"{said}: part of what lies beyond is learned")
    return Verdict.unchecked(said)


def picture(measured: Measured) -> Picture:
    panel = interval_rows(
        measured.quantities,
        xlabel="fraction of fresh sequences told rightly (0.25: guessing, 0.5: one known)",
        title="Temporal order with truncated back-propagation",
        limits=(0.25, 0.5),
        xlim=(0, 1.05),
    )
    return Picture(panel, height=3.4)


TRUNCATED = Claim(
    name="truncation",
    sentence="Truncated back-propagation through time cannot learn a dependence that is longer "
    "than the truncation.",
    source="common advice; that it is biased: Tallec & Ollivier 2017",
    configuration="temporal order at length {length}, cut every {one} steps (the first symbol lies "
    "beyond, 10 to 12 steps before the cut, the second behind it) and every {both} steps (both lie "
    "beyond); tanh, {units} units, orthogonal weights, SGD at {lr}, clipped to the norm 1, up to "
    "{updates} updates; {seeds} seeds",
    rule=f"Holds if with one symbol or both beyond the cut fewer than {HALF:g} of fresh sequences "
    f"are told rightly while without a cut more than {KNOWN:g} are; does not hold if more than "
    f"{KNOWN:g} are with the first symbol beyond the cut, with a condition if more than {HALF:g}.",
    full={
        "seeds": 10,
        "length": 30,
        "one": 15,
        "both": 10,
        "units": 50,
        "lr": 0.1,
        "updates": 1500,
    },
    quick={"seeds": 2, "updates": 750},
    run=run,
    verdict=verdict,
    picture=picture,
)
