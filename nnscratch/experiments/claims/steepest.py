"""Gradient descent is steepest descent in the Euclidean norm, and in no other."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import batch, stack
from nnscratch.experiments.claims.pictures import Picture
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.optimizers import steepest_direction

LABELS = {"l2": "Euclidean", "l1": "l1", "linf": "l-infinity", "spectral": "spectral"}
NORMS = tuple(LABELS)
SAME = 1 - 1e-6  # a cosine above this: the same direction


def run(trial: Trial) -> Measured:
    x, y, _, _ = trial.data.digits()
    descents, cosines = [], []
    for seed in trial.seeds("seed"):
        widths = [trial["width"]] * trial["depth"]
        model = stack(x.shape[1], widths, "tanh", "glorot_normal", seed=seed, dtype=np.float64)
        some, labels = batch(x.astype(np.float64), y, trial["batch"], seed)
        descent, cosine = _descents(model, some, labels, trial["step"])
        descents.append(descent)
        cosines.append(cosine)
    d, c = np.array(descents), np.array(cosines)  # (seeds, direction, norm), (seeds, direction)
    quantities = {}
    for j, norm in enumerate(NORMS):
        others = [i for i in range(len(NORMS)) if i != j]
        quantities[norm] = Quantity(
            f"fall of the loss for a step of the same {LABELS[norm]} norm: that norm's direction / "
            "best of the other three",
            d[:, j, j] / d[:, others, j].max(axis=1),
        )
    for i, norm in enumerate(NORMS):
        quantities[f"cosine {norm}"] = Quantity(
            f"cosine of the {LABELS[norm]} direction with -g", c[:, i], *_expected(norm)
        )
    best = d.max(axis=1, keepdims=True)
    return Measured(quantities, {"descent": (d / best).mean(axis=0).tolist()})


def _expected(norm: str) -> tuple[float | None, str]:
    return (1.0, "the note") if norm == "l2" else (None, "")


def _descents(model: Sequential, x: Array, y: Array, step: float) -> tuple[Array, Array]:
    """Return how much the loss falls, by direction and by the norm in which the step is measured,
    and the cosine of each direction with the negative gradient."""
    loss = SoftmaxCrossEntropy()
    start = model.training_pass(x, y, loss)
    weight = model.params["2.weight"]
    g, before = model.grads["2.weight"].copy(), weight.copy()
    falls = np.empty((len(NORMS), len(NORMS)))
    cosines = np.empty(len(NORMS))
    for i, direction in enumerate(NORMS):
        v, _ = steepest_direction(g, direction)
        cosines[i] = -np.sum(g * v) / np.linalg.norm(g) / np.linalg.norm(v)
        for j, norm in enumerate(NORMS):
            weight[...] = before + step * v / _norm(v, norm)
            falls[i, j] = start - loss(model.forward(x, training=True), y)[0]
    weight[...] = before
    return falls, cosines


def _norm(v: Array, norm: str) -> float:
    if norm == "spectral":
        return float(np.linalg.norm(v, 2))
    return float(np.linalg.norm(v.ravel(), {"l2": 2, "l1": 1, "linf": np.inf}[norm]))


def verdict(measured: Measured) -> Verdict:
    gains = {norm: measured[norm].interval for norm in NORMS}
    cosines = {norm: measured[f"cosine {norm}"].interval for norm in NORMS}
    said = "each norm's own direction lowers the loss more than the best of the others by " + (
        ", ".join(f"{LABELS[norm]} {gain.mean:.2f} times" for norm, gain in gains.items())
    )
    said += "; cosines with -g: " + ", ".join(f"{c.mean:.2f}" for c in cosines.values())
    euclidean = cosines["l2"].low > SAME
    if not euclidean or any(gain.below(1) for gain in gains.values()):
        return Verdict.fails(said)
    if any(c.mean > SAME for norm, c in cosines.items() if norm != "l2"):
        return Verdict.fails(f"{said}: another norm has the same direction")
    if all(gain.above(1) for gain in gains.values()):
        return Verdict.holds(said)
    return Verdict.unchecked(f"{said}; the intervals reach across 1")


def picture(measured: Measured) -> Picture:
    descent = np.array(measured.curves["descent"])

    def panel(ax: Any) -> None:
        image = ax.imshow(descent, cmap="viridis", vmin=0, vmax=1)
        for (i, j), fall in np.ndenumerate(descent):
            colour = "white" if fall < 0.6 else "black"
            ax.text(j, i, f"{fall:.3f}", ha="center", va="center", color=colour)
        ax.set_xticks(range(len(NORMS)), list(LABELS.values()))
        ax.set_yticks(range(len(NORMS)), list(LABELS.values()))
        ax.set_xlabel("norm in which all steps are equally long")
        ax.set_ylabel("direction that is steepest in the norm")
        ax.set_title("Fall of the loss, the best of each column = 1")
        ax.figure.colorbar(image, ax=ax)

    return Picture(panel, width=7.0, height=4.2)


STEEPEST = Claim(
    name="steepest-descent",
    sentence="The negative gradient is the direction of steepest descent only if a step is "
    "measured in the Euclidean norm; every other norm has a steepest direction of its own.",
    source="the post's note on gradient descent; Boyd & Vandenberghe, section 9.4",
    configuration="digits, {depth} tanh layers x {width}, Glorot, float64, batch {batch}; one step "
    "of norm {step} of the second layer's weights, along each of four directions, in each of four "
    "norms; {seeds} draws",
    rule="Holds if in each of the four norms its own direction lowers the loss most (the interval "
    "of its fall over the best of the other three lies above 1), and only the Euclidean direction "
    "is that of -g; does not hold if another direction is better in one of them.",
    full={"seeds": 20, "depth": 3, "width": 50, "batch": 200, "step": 1e-4},
    quick={"seeds": 5},
    run=run,
    verdict=verdict,
    picture=picture,
)
