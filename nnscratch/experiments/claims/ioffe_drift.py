"""Ioffe & Szegedy 2015, figure 1: accuracy, and how a sigmoid's input drifts."""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import accuracy, stack
from nnscratch.experiments.claims.pictures import Picture, seed_lines
from nnscratch.initializers import Normal
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.optimizers import SGD
from nnscratch.training import Trainer

KINDS = {"batch norm": True, "without": False}
PERCENTILES = (15, 50, 85)
PROBE = 1000


def run(trial: Trial) -> Measured:
    mnist = trial.data.mnist()
    checks, gap = trial["checks"], trial["steps"] // trial["checks"]
    accuracies: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    drift: dict[str, list[float]] = {kind: [] for kind in KINDS}
    typical: dict[str, list[list[float]]] = {}
    for seed in trial.seeds("seed"):
        for kind in trial.over(tuple(KINDS), f"seed {seed},"):
            init, normed = Normal(trial["sd"]), KINDS[kind]
            model = stack(784, [100] * 3, "sigmoid", init, batchnorm=normed, seed=seed)
            trainer = Trainer(model, SoftmaxCrossEntropy(), SGD(trial["rate"]))
            inputs = list(model.layers)[-3]  # what the last hidden layer's sigmoid gets
            row, places = [], []
            for check in range(checks):
                if check == 0:
                    history = trainer.fit(
                        *mnist[:2], epochs=1000, batch_size=60, seed=seed, max_steps=gap,
                        progress=False,
                    )  # fmt: skip
                else:
                    history = trainer.resume(*mnist[:2], max_steps=gap, progress=False)
                history.whole()
                row.append(accuracy(model, mnist[2], mnist[3]))
                model.forward(mnist[2][:PROBE], statistics="batch")
                places.append(np.percentile(model.last[inputs].output, PERCENTILES, axis=0))
            found = np.array(places)  # (checks, percentiles, units)
            width = np.mean(found[:, 2] - found[:, 0], axis=0)
            moved = found[:, 1].max(axis=0) - found[:, 1].min(axis=0)
            drift[kind].append(float(np.median(moved / width)))
            accuracies[kind].append(row)
            if kind not in typical:
                unit = int(np.argsort(moved / width)[len(width) // 2])
                typical[kind] = found[:, :, unit].T.tolist()
    table = {kind: np.array(rows) for kind, rows in accuracies.items()}
    difference = table["batch norm"] - table["without"]
    early = max(0, checks // 5 - 1)
    quantities = {
        "early": Quantity(
            f"accuracy gained by batch norm after {(early + 1) * gap} steps", difference[:, early]
        ),
        "late": Quantity(f"accuracy gained after {checks * gap} steps", difference[:, -1]),
    }
    for kind in KINDS:
        quantities[f"{kind} drift"] = Quantity(
            f"{kind}: way of the median of a sigmoid's input, in widths of its distribution",
            drift[kind],
        )
        quantities[f"{kind} accuracy"] = Quantity(
            f"{kind}: test accuracy after {checks * gap} steps", table[kind][:, -1]
        )
    steps = [gap * (check + 1) for check in range(checks)]
    return Measured(quantities, {"steps": steps, "typical": typical, **accuracies})


def verdict(measured: Measured) -> Verdict:
    early, late = measured["early"].interval, measured["late"].interval
    ours, plain = (measured[f"{kind} drift"].interval for kind in KINDS)
    said = (
        f"batch norm is {early.mean:+.3f} ahead early and {late.mean:+.3f} at the end; the median "
        f"of a sigmoid's input travels {ours.mean:.2f} widths of its distribution with it and "
        f"{plain.mean:.2f} without"
    )
    steadier, ahead = ours.high < plain.low, early.above(0)
    if steadier and ahead:
        return Verdict.holds(said)
    if early.below(0) or ours.low > plain.high:
        return Verdict.fails(said)
    if steadier or ahead:
        return Verdict.with_condition(f"{said}: one of the two is not clear")
    return Verdict.unchecked(f"{said}: the intervals of these seeds are too wide")


def picture(measured: Measured) -> Picture:
    curves = measured.curves
    axis = {"x": curves["steps"], "xlabel": "step"}
    names = [f"{percent} %" for percent in PERCENTILES]
    right = {kind: curves[kind] for kind in KINDS}
    panels = (
        seed_lines(
            dict(zip(names, curves["typical"][kind], strict=True)),
            title=f"A sigmoid's input: {kind}",
            ylabel="percentiles",
            **axis,
        )
        for kind in KINDS
    )
    accuracies = seed_lines(right, ylabel="test accuracy", title="Test accuracy", **axis)
    return Picture(accuracies, *panels, width=10.0, height=3.2)


DRIFT = Claim(
    name="batchnorm-steadies",
    sentence="With batch norm a sigmoid network on MNIST is more accurate sooner, and the inputs "
    "of its sigmoids drift less.",
    source="Ioffe & Szegedy 2015, section 4.1 and figure 1",
    configuration="MNIST, batches of 60, {steps} steps of the paper's 50,000; 784-100-100-100-10, "
    "sigmoid, weights N(0, {sd}²), gradient descent at {rate} (the paper gives neither); {seeds} "
    "seeds; percentiles over 1000 test images at {checks} times, median over units",
    rule="Holds if batch norm is more accurate after a fifth of the steps, and the median of a "
    "sigmoid's input travels less, in widths (15 % to 85 %) of its distribution; with a condition "
    "if one of the two is not clear; does not hold if one is reversed.",
    full={"seeds": 3, "steps": 6000, "checks": 20, "sd": 0.1, "rate": 0.1},
    quick={"seeds": 3, "steps": 1000, "checks": 5},
    run=run,
    verdict=verdict,
    picture=picture,
    needs=("mnist",),
)
