"""Glorot & Bengio 2010, figures 2 and 3: which layer saturates first in training."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import activation_outputs, stack
from nnscratch.experiments.claims.pictures import Picture, seed_lines
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.optimizers import SGD
from nnscratch.training import Callback, Trainer

LAYERS = 4
AT_ZERO = 0.1  # a sigmoid layer whose mean output is below this is saturated at 0
BEYOND, PART = 0.8, 0.05  # a tanh layer with this part of its outputs beyond it saturates


class _Watch(Callback):
    """Notes, at some steps, one number of each hidden layer."""

    def __init__(self, probe: Array, at: list[int], activation: str) -> None:
        self.probe, self.at, self.activation = probe, at, activation
        self.rows: list[list[float]] = []

    def on_step_start(self, trainer: Trainer, step: int) -> None:
        if step not in self.at:
            return
        outputs = activation_outputs(trainer.model, self.probe, training=False)
        if self.activation == "sigmoid":
            self.rows.append([float(y.mean()) for y in outputs])
        else:
            self.rows.append([float(np.mean(np.abs(y) > BEYOND)) for y in outputs])


def first_layer(rows: list[list[float]], activation: str) -> float:
    """Return the layer, from 1, that is the first to saturate; NaN if none does."""
    for row in rows:
        if activation == "sigmoid" and min(row) < AT_ZERO:
            return 1.0 + int(np.argmin(row))
        if activation == "tanh" and max(row) > PART:
            return 1.0 + int(np.argmax(row))
    return math.nan


def _run(activation: str, trial: Trial) -> Measured:
    x, y, probe, _ = trial.data.digits()
    steps = trial["steps"]
    at = sorted({0, *np.unique(np.geomspace(1, steps - 1, 30).astype(int)).tolist()})
    rows, first = [], []
    for seed in trial.seeds("seed"):
        model = stack(
            x.shape[1], [trial["width"]] * LAYERS, activation, "glorot_standard_uniform", seed=seed
        )
        watch = _Watch(probe, at, activation)
        Trainer(model, SoftmaxCrossEntropy(), SGD(trial["rate"])).fit(
            x, y, epochs=1000, batch_size=10, seed=seed, max_steps=steps, callbacks=[watch],
            progress=False,
        ).whole()  # fmt: skip
        rows.append(watch.rows)
        first.append(first_layer(watch.rows, activation))
    last = np.array([one[-1] for one in rows])
    what = "mean output" if activation == "sigmoid" else f"part of the outputs beyond ±{BEYOND}"
    quantities = {"first": Quantity(f"layer that saturates first, of {LAYERS}", first)}
    for layer in range(LAYERS):
        quantities[f"layer {layer + 1}"] = Quantity(
            f"layer {layer + 1}: {what} after {steps} steps", last[:, layer]
        )
    curves = {str(layer + 1): [[row[layer] for row in one] for one in rows] for layer in range(4)}
    return Measured(quantities, {"steps": at, "layers": curves})


def sigmoid_verdict(measured: Measured) -> Verdict:
    first, top = measured["first"].interval, measured[f"layer {LAYERS}"].mean
    said = (
        f"layer {first.mean:.3g} of {LAYERS} is the first; the top layer's mean ends at {top:.3f}"
    )
    if first.above(LAYERS - 0.5):
        return Verdict.holds(said)
    return (
        Verdict.fails(said)
        if first.below(LAYERS - 0.5)
        else Verdict.unchecked(f"{said}: seeds differ, or none")
    )


def tanh_verdict(measured: Measured) -> Verdict:
    first = measured["first"].interval
    parts = ", ".join(f"{measured[f'layer {n}'].mean:.2f}" for n in range(1, LAYERS + 1))
    said = (
        f"on the digits layer {first.mean:.3g} of {LAYERS} is the first (the paper's data are "
        f"another set, Shapeset); at the end the layers have {parts} of their outputs beyond "
        f"±{BEYOND}"
    )
    if first.below(1.5):
        return Verdict.holds(said)
    return (
        Verdict.fails(said)
        if first.above(1.5)
        else Verdict.unchecked(f"{said}: seeds differ, or none")
    )


def _picture(measured: Measured, ylabel: str, title: str) -> Picture:
    return Picture(
        seed_lines(
            {f"layer {n}": lines for n, lines in measured.curves["layers"].items()},
            x=np.maximum(measured.curves["steps"], 1),
            log_x=True,
            xlabel="training step",
            ylabel=ylabel,
            title=title,
            ylim=(0, 1),
        )
    )


_COMMON: dict[str, Any] = {
    "configuration": f"digits, batches of 10, {{steps}} steps; {LAYERS} layers x {{width}}, "
    "standard initialization U[-1/√n, 1/√n], gradient descent at {rate}; outputs on the test "
    "images; {seeds} seeds",
    "quick": {"seeds": 3, "steps": 600},
}
TOP = Claim(
    name="sigmoid-top-first",
    sentence="In a sigmoid network with the standard initialization the top hidden layer saturates "
    "first, at 0.",
    source="Glorot & Bengio 2010, section 3.1 and figure 2",
    rule=f"Holds if the first layer whose mean output falls below {AT_ZERO} is the top one; does "
    "not hold if it is another.",
    full={"seeds": 4, "steps": 3000, "width": 200, "rate": 0.5},
    run=functools.partial(_run, "sigmoid"),
    verdict=sigmoid_verdict,
    picture=functools.partial(
        _picture, ylabel="mean output of the layer", title="Sigmoid, standard initialization"
    ),
    **_COMMON,
)
BOTTOM = Claim(
    name="tanh-bottom-first",
    sentence="In a tanh network with the standard initialization layer 1 saturates first, then "
    "layer 2, and so on upward.",
    source="Glorot & Bengio 2010, section 3.2 and figure 3",
    rule=f"Holds if the first layer with more than {PART:.0%} of its outputs beyond ±{BEYOND} is "
    "layer 1; does not hold if it is another.",
    full={"seeds": 4, "steps": 3000, "width": 200, "rate": 0.3},
    run=functools.partial(_run, "tanh"),
    verdict=tanh_verdict,
    picture=functools.partial(
        _picture, ylabel=f"part beyond ±{BEYOND}", title="tanh, standard initialization"
    ),
    **_COMMON,
)
