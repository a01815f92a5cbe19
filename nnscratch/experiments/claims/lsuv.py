"""LSUV: unit variance in every layer of a deep network, measured on data."""

from __future__ import annotations

import numpy as np

from nnscratch import initializers
from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import accuracy, batch, dense_names, stack, train
from nnscratch.experiments.claims.pictures import Picture, interval_rows, seed_lines
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD

NEAR = 0.1  # LSUV's own tolerance
SLACK = 0.02  # of test accuracy: within it one initializer is as good as another
ACTIVATIONS = ("tanh", "relu", "elu")


def run(trial: Trial) -> Measured:
    given = trial.data.digits()
    variances: dict[str, list[list[float]]] = {name: [] for name in ACTIVATIONS}
    right: dict[str, dict[str, list[float]]] = {
        kind: {name: [] for name in ACTIVATIONS} for kind in ("LSUV", "usual")
    }
    for seed in trial.seeds("seed"):
        some, _ = batch(*given[:2], trial["probe"], seed)
        for name in ACTIVATIONS:
            for kind in right:
                usual = "glorot_normal" if name == "tanh" else "he_normal"
                widths = [trial["width"]] * trial["depth"]
                model = stack(given[0].shape[1], widths, name, usual, seed=seed)
                if kind == "LSUV":
                    initializers.lsuv(model, some, rng=np.random.default_rng(seed))
                    variances[name].append(_variances(model, some))
                history = train(model, given, SGD(lr=trial["lr"]), trial, seed)
                score = 0.1 if history.diverged else accuracy(model, *given[2:])
                right[kind][name].append(score)
    quantities = {}
    for name in ACTIVATIONS:
        off = np.abs(np.array(variances[name]) - 1).max(axis=1)
        quantities[f"off {name}"] = Quantity(
            f"largest |Var - 1| of any layer after LSUV, {name}", off, (0.0, NEAR), "Mishkin"
        )
        gap = np.array(right["LSUV"][name]) - np.array(right["usual"][name])
        quantities[f"gain {name}"] = Quantity(
            f"test accuracy, LSUV less {'Glorot' if name == 'tanh' else 'He'}, {name}", gap
        )
    return Measured(quantities, {"variance": variances, "accuracy": right})


def _variances(model: Sequential, x: Array) -> list[float]:
    model.forward(x)
    last = model.last
    return [float(np.var(last[name].output)) for name in dense_names(model)]


def verdict(measured: Measured) -> Verdict:
    off = {name: measured[f"off {name}"].interval for name in ACTIVATIONS}
    gain = {name: measured[f"gain {name}"].interval for name in ACTIVATIONS}
    said = "largest |Var - 1|: " + ", ".join(f"{n} {i.mean:.3f}" for n, i in off.items())
    said += "; test accuracy gained over the usual initializer: " + ", ".join(
        f"{n} {100 * i.mean:+.1f} points [{100 * i.low:+.1f}, {100 * i.high:+.1f}]"
        for n, i in gain.items()
    )
    if any(i.low > NEAR for i in off.values()) or all(i.below(0) for i in gain.values()):
        return Verdict.fails(said)
    as_good = [name for name, i in gain.items() if i.above(-SLACK)]
    if len(as_good) == len(gain):
        return Verdict.holds(said)
    if any(i.below(0) for i in gain.values()):
        return Verdict.with_condition(f"{said}. It is worse with some activations")
    if as_good:
        return Verdict.with_condition(
            f"{said}. As good or better is shown only for {', '.join(as_good)}"
        )
    return Verdict.unchecked(f"{said}: too wide intervals")


def picture(measured: Measured) -> Picture:
    return Picture(
        seed_lines(
            measured.curves["variance"],
            expected={"1": 1.0},
            xlabel="layer",
            ylabel="variance of the dense layer's output",
            title="After LSUV, before training",
            ylim=(0.8, 1.2),
        ),
        interval_rows(
            {name: measured[f"gain {name}"] for name in ACTIVATIONS},
            xlabel="test accuracy, LSUV less the usual initializer",
            title="After training (right of 0: LSUV is better)",
            at=0,
        ),
        width=10.5,
    )


LSUV = Claim(
    name="lsuv",
    sentence="LSUV gives every layer of a deep network unit variance whatever its activation, and "
    "such networks train at least as well as from the usual initializers.",
    source="Mishkin & Matas 2015, algorithm 1 and section 4",
    configuration="digits, {depth} layers x {width} of each activation, SGD at {lr}, batch "
    "{batch}, {epochs} epochs; LSUV on {probe} images; beside it He (tanh: Glorot); {seeds} seeds",
    rule=f"Holds if the largest |Var - 1| of any layer is below {NEAR:g} and for every "
    f"activation the test accuracy is at most {SLACK:.0%} worse than from the usual initializer "
    "(difference seed by seed, whole interval); with a condition if that is shown for some only, "
    "or some are worse; does not hold if all are worse, or a layer is off by more.",
    full={
        "seeds": 8,
        "depth": 20,
        "width": 50,
        "lr": 0.02,
        "batch": 50,
        "epochs": 10,
        "probe": 500,
    },
    quick={"seeds": 4, "epochs": 5},
    run=run,
    verdict=verdict,
    picture=picture,
)
