"""ELU: slower per step, faster per epoch."""

from __future__ import annotations

import time

import numpy as np

from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import batch, stack, train
from nnscratch.experiments.claims.pictures import Picture, interval_rows, seed_lines
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD

KINDS = {"ReLU": "relu", "ELU": "elu"}
SLOWER = 1.02  # a step must take 2 % longer to be called slower


def run(trial: Trial) -> Measured:
    given = trial.data.digits()
    x, y = given[:2]
    curves: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    slower = []
    for seed in trial.seeds("seed"):
        models: list[Sequential] = []
        for kind, activation in KINDS.items():
            widths = [trial["width"]] * trial["depth"]
            model = stack(x.shape[1], widths, activation, "he_normal", seed=seed)
            history = train(model, given, SGD(lr=trial["lr"]), trial, seed)
            curves[kind].append(history.train_loss)
            models.append(model)
        slower.append(_slower(models, batch(x, y, trial["batch"], seed), trial["steps"]))
    last = {kind: np.log(np.array(rows)[:, -1]) for kind, rows in curves.items()}
    loss = np.array(curves["ReLU"])[:, -1:]
    sooner = [
        _first(elu, level[0]) / len(elu) for elu, level in zip(curves["ELU"], loss, strict=True)
    ]
    return Measured(
        {
            "step": Quantity("time of a training step, ELU / ReLU", slower),
            "loss": Quantity(
                "ln of training loss after the last epoch, ELU less ReLU, seed by seed",
                last["ELU"] - last["ReLU"],
            ),
            "epochs": Quantity(
                "epochs in which ELU reaches ReLU's last loss / epochs of ReLU", sooner
            ),
        },
        {"loss": curves},
    )


def _slower(models: list[Sequential], some: tuple[Array, Array], steps: int) -> float:
    """Return the median time of a step of the second model over the first's, taken in turns."""
    loss = SoftmaxCrossEntropy()
    optimizers = [SGD(lr=0.0), SGD(lr=0.0)]
    times: list[list[float]] = [[], []]
    for _ in range(steps):
        for model, optimizer, row in zip(models, optimizers, times, strict=True):
            started = time.perf_counter()
            model.training_pass(*some, loss)
            optimizer.step(model.params, model.grads)
            row.append(time.perf_counter() - started)
    return float(np.median(times[1]) / np.median(times[0]))


def _first(losses: list[float], level: float) -> float:
    """Return the first epoch, from 1, whose loss is at most `level`; one more than all if none."""
    reached = np.flatnonzero(np.array(losses) <= level)
    return float(reached[0] + 1 if reached.size else len(losses) + 1)


def verdict(measured: Measured) -> Verdict:
    step, loss = measured["step"].interval, measured["loss"].interval
    said = (
        f"a step takes {step.mean:.2f} times as long [{step.low:.2f}, {step.high:.2f}]; after as "
        f"many epochs ELU's training loss is {np.exp(loss.mean):.2f} times ReLU's "
        f"[{np.exp(loss.low):.2f}, {np.exp(loss.high):.2f}]"
    )
    if loss.above(0):
        return Verdict.fails(said)
    if not loss.below(0):
        return Verdict.unchecked(f"{said}: too wide an interval of the loss")
    if step.above(SLOWER):
        return Verdict.holds(said)
    return Verdict.with_condition(
        f"{said}. Faster per epoch; that a step is slower does not show here"
    )


def picture(measured: Measured) -> Picture:
    return Picture(
        seed_lines(
            measured.curves["loss"],
            log=True,
            xlabel="epoch",
            ylabel="training loss, mean over the epoch",
            title="Training loss",
        ),
        interval_rows(
            {"time of a step": measured["step"], "epochs to the same loss": measured["epochs"]},
            xlabel="ELU / ReLU",
            title="ELU beside ReLU",
            at=1,
        ),
        width=10.5,
    )


ELU_SPEED = Claim(
    name="elu-speed",
    sentence="ELU is slower to compute than ReLU, but makes up for it in training by converging "
    "in fewer epochs.",
    source="the post, on ELU; Clevert et al. 2015",
    configuration="digits, {depth} layers x {width}, He, SGD at {lr}, batch {batch}, {epochs} "
    "epochs; {steps} steps of each timed in turns; {seeds} seeds",
    rule=f"Holds if a step takes over {SLOWER:g} times as long and the training loss after the "
    "same epochs is lower (intervals clear); with a condition if the loss is lower but no slower "
    "step shows; does not hold if the loss is higher.",
    full={
        "seeds": 10,
        "depth": 8,
        "width": 128,
        "lr": 0.01,
        "batch": 64,
        "epochs": 30,
        "steps": 300,
    },
    quick={"seeds": 4, "epochs": 12, "steps": 100},
    run=run,
    verdict=verdict,
    picture=picture,
)
