"""What batch norm costs, and whether it generalizes better."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from nnscratch.datasets.checks import Split
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import accuracy, stack, train
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.layers import Dense, Dropout, Layer, ReLU
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD

POST = (784, 300, 100, 10)
FITTED = 0.99
WORTH = 0.01  # a gain in test accuracy of less than one point is none
KINDS = ("plain", "batch norm", "dropout")


def run_cost(trial: Trial) -> Measured:
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    for seed in trial.seeds("seed"):
        rng = np.random.default_rng(seed)
        x = rng.random((trial["batch"], POST[0]), dtype=np.float32)
        y = rng.integers(0, POST[-1], (trial["batch"],))
        loss = SoftmaxCrossEntropy()
        models = {
            key: stack(POST[0], POST[1:-1], "elu", "he_normal", batchnorm=key == "with", seed=seed)
            for key in seconds
        }
        optimizers = {key: SGD(0.01) for key in seconds}
        best = dict.fromkeys(seconds, np.inf)
        # In turns, so that whatever else the machine does meets both; the first round warms up.
        for turn in range(trial["rounds"] + 1):
            for key, model in models.items():
                started = time.perf_counter()
                for _ in range(trial["steps"]):
                    model.training_pass(x, y, loss)
                    optimizers[key].step(model.params, model.grads)
                if turn:
                    taken = (time.perf_counter() - started) / trial["steps"]
                    best[key] = min(best[key], taken)
        for key, taken in best.items():
            seconds[key].append(1e6 * taken)
    ratio = np.divide(seconds["with"], seconds["without"])
    return Measured(
        {
            "with": Quantity("microseconds a step with batch norm", seconds["with"]),
            "without": Quantity("microseconds a step without", seconds["without"]),
            "ratio": Quantity("their ratio", ratio),
        }
    )


def cost_verdict(measured: Measured) -> Verdict:
    ratio = measured["ratio"].interval
    said = f"a step takes {ratio.mean:.2f} times as long with batch norm"
    if ratio.above(1):
        return Verdict.holds(said)
    return (
        Verdict.fails(said)
        if ratio.below(1)
        else Verdict.unchecked(f"{said}, with too wide an interval")
    )


def cost_picture(measured: Measured) -> Picture:
    rows = {f"{key} batch norm": measured[key] for key in ("with", "without")}
    return Picture(
        interval_rows(rows, xlabel="microseconds", title="One training step", xlim=(0, None)),
        interval_rows({"ratio": measured["ratio"]}, xlabel="with / without", at=1),
        height=2.4,
    )


def _network(kind: str, features: int, trial: Trial, seed: int) -> Sequential:
    widths = [trial["width"]] * trial["depth"]
    if kind != "dropout":
        normalized = kind == "batch norm"
        return stack(features, widths, "relu", "he_normal", batchnorm=normalized, seed=seed)
    parts: list[Layer] = []
    for n_in, n_out in zip([features, *widths], widths, strict=False):
        parts += [Dense(n_in, n_out, init="he_normal"), ReLU(), Dropout(trial["dropout"])]
    return Sequential(*parts, Dense(widths[-1], 10, init="he_normal"), seed=seed)


def run_regularizer(trial: Trial) -> Measured:
    x, y, x_test, y_test = trial.data.digits()
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for seed in trial.seeds("seed"):
        rows = np.random.default_rng(seed).permutation(len(x))[: trial["examples"]]
        some: Split = (x[rows], y[rows], x_test, y_test)
        for kind in KINDS:
            model = _network(kind, x.shape[1], trial, seed)
            train(model, some, SGD(trial["rate"]), trial, seed)
            found[kind].append((accuracy(model, *some[:2]), accuracy(model, x_test, y_test)))
    tables = {kind: np.array(rows_) for kind, rows_ in found.items()}
    quantities: dict[str, Quantity] = {}
    for kind, table in tables.items():
        quantities[f"{kind} train"] = Quantity(f"{kind}: training accuracy", table[:, 0])
        quantities[f"{kind} test"] = Quantity(f"{kind}: test accuracy", table[:, 1])
    for kind in KINDS[1:]:
        quantities[f"{kind} gain"] = Quantity(
            f"{kind}: test accuracy gained over plain, same seed",
            tables[kind][:, 1] - tables["plain"][:, 1],
        )
    return Measured(quantities)


def regularizer_verdict(measured: Measured) -> Verdict:
    gain, other = measured["batch norm gain"].interval, measured["dropout gain"].interval
    said = (
        f"batch norm changes the test accuracy by {gain.mean:+.4f} [{gain.low:+.4f}, "
        f"{gain.high:+.4f}] where the training set is learnt by heart, dropout by {other.mean:+.4f}"
    )
    if not all(measured[f"{kind} train"].mean >= FITTED for kind in ("plain", "batch norm")):
        return Verdict.unchecked("the training sets were not learnt by heart in this run")
    if gain.above(0):
        return (
            Verdict.holds(said)
            if gain.high >= other.low
            else Verdict.with_condition(f"{said}, which does more")
        )
    if gain.below(WORTH):
        return Verdict.fails(f"{said}: on these data it is worth less than {WORTH:.0%}")
    return Verdict.unchecked(f"{said}: too wide an interval")


def regularizer_picture(measured: Measured) -> Picture:
    rows = {kind: measured[f"{kind} test"] for kind in KINDS}
    gains = {kind: measured[f"{kind} gain"] for kind in KINDS[1:]}
    return Picture(
        interval_rows(rows, xlabel="test accuracy", title="Few examples, learnt by heart"),
        interval_rows(gains, xlabel="gain over plain, same seed", at=0),
        height=2.8,
    )


_REGULARIZER: dict[str, Any] = {
    "seeds": 60, "examples": 300, "width": 100, "depth": 3, "epochs": 60, "batch": 30, "rate": 0.1,
    "dropout": 0.3,
}  # fmt: skip
COST = Claim(
    name="batchnorm-slower-step",
    sentence="Batch norm makes every training step slower.",
    source="the post",
    configuration="784-300-100-10, ELU, batch {batch}: best of {rounds} rounds of {steps} steps "
    "(pass and update), the two networks in turns; {seeds} repetitions",
    rule="Holds if the ratio of the times lies above 1; does not hold if below.",
    full={"seeds": 8, "batch": 200, "rounds": 15, "steps": 20},
    quick={"seeds": 4, "rounds": 6, "steps": 10},
    run=run_cost,
    verdict=cost_verdict,
    picture=cost_picture,
)
REGULARIZER = Claim(
    name="batchnorm-regularizes",
    sentence="Batch norm acts like a regularizer: it generalizes better, so that dropout is needed "
    "less.",
    source="Ioffe & Szegedy 2015, section 3.4; the post",
    configuration="{examples} digits, {epochs} epochs of batches of {batch}; {depth} ReLU layers x "
    "{width}, He; plain, with batch norm, with dropout {dropout}; gradient descent at {rate}; "
    "{seeds} seeds, each with its own examples and weights",
    rule=f"Holds if, with training accuracies of {FITTED} or more, the test accuracy is higher "
    "with batch norm than without for the same seed, by no less than with dropout; with a "
    f"condition if dropout gains clearly more; does not hold if the gain lies below {WORTH:.0%}.",
    full=_REGULARIZER,
    quick={"seeds": 8, "epochs": 40},
    run=run_regularizer,
    verdict=regularizer_verdict,
    picture=regularizer_picture,
)
