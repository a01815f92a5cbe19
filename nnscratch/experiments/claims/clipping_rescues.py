"""Clipping rescues a run whose gradient explodes."""

from __future__ import annotations

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import Init, accuracy, stack, train
from nnscratch.experiments.claims.pictures import Picture, interval_rows, seed_lines
from nnscratch.initializers import VarianceScaling
from nnscratch.optimizers import SGD

LEARNED = 0.5  # test accuracy above this: the network has learned, below: the run is lost
NEAR = 0.02  # of the accuracy that good weights reach without clipping
_TOO_LARGE = VarianceScaling(8.0, "fan_in", "normal")  # twice the standard deviation of He's
KINDS: dict[str, tuple[Init, float | None]] = {
    "exploding": (_TOO_LARGE, None),
    "exploding, clipped": (_TOO_LARGE, 1.0),
    "He, not clipped": ("he_normal", None),
}


def run(trial: Trial) -> Measured:
    given = trial.data.digits()
    x, _, x_test, y_test = given
    right: dict[str, list[float]] = {kind: [] for kind in KINDS}
    steps: list[float] = []
    losses: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for seed in trial.seeds("seed"):
        for kind, (init, max_norm) in KINDS.items():
            widths = [trial["width"]] * trial["depth"]
            model = stack(x.shape[1], widths, "relu", init, seed=seed)
            clip = None if max_norm is None else ClipByGlobalNorm(max_norm)
            with np.errstate(all="ignore"):  # overflow is what is expected of one of them
                history = train(model, given, SGD(lr=trial["lr"], clip=clip), trial, seed)
                right[kind].append(accuracy(model, x_test, y_test))
            if kind == "exploding":
                steps.append(float(len(history.loss)))
            padded = [*history.train_loss, *[np.inf] * trial["epochs"]]
            losses[kind].append(padded[: trial["epochs"]])
    return Measured(
        {
            "lost": Quantity("test accuracy, exploding", right["exploding"]),
            "rescued": Quantity("test accuracy, exploding, clipped", right["exploding, clipped"]),
            "good": Quantity("test accuracy, He, not clipped", right["He, not clipped"]),
            "steps": Quantity("steps that the exploding run made before NaN or the end", steps),
            "short": Quantity(
                "test accuracy that clipping falls short of He",
                np.array(right["He, not clipped"]) - np.array(right["exploding, clipped"]),
            ),
        },
        {"loss": {kind: losses[kind] for kind in list(KINDS)[1:]}},
    )


def verdict(measured: Measured) -> Verdict:
    lost, rescued, short = (measured[name].interval for name in ("lost", "rescued", "short"))
    said = (
        f"without clipping the run ends after {measured['steps'].mean:.0f} steps with a test "
        f"accuracy of {lost.mean:.3f}, clipped it reaches {rescued.mean:.3f}"
    )
    if rescued.below(LEARNED) or lost.above(LEARNED):
        return Verdict.fails(said)
    if not (rescued.above(LEARNED) and lost.below(LEARNED)):
        return Verdict.unchecked(f"{said}; the intervals reach across the limits")
    if short.above(NEAR):
        return Verdict.with_condition(
            f"{said}. But it is no substitute for good weights: He's, not clipped, reach "
            f"{measured['good'].mean:.3f}"
        )
    return Verdict.holds(f"{said}; He's weights reach {measured['good'].mean:.3f}")


def picture(measured: Measured) -> Picture:
    return Picture(
        interval_rows(
            {
                "exploding": measured["lost"],
                "exploding, clipped": measured["rescued"],
                "He, not clipped": measured["good"],
            },
            xlabel="test accuracy",
            title="Test accuracy at the end",
            xlim=(0, 1),
        ),
        seed_lines(
            measured.curves["loss"],
            log=True,
            xlabel="epoch",
            ylabel="training loss",
            title="Training loss (the exploding run ends in NaN)",
        ),
        width=10.5,
    )


RESCUES = Claim(
    name="clipping-rescues",
    sentence="Clipping the gradient's norm rescues a network whose gradient explodes.",
    source="the post, on gradient clipping; Pascanu et al. 2013",
    configuration="digits, {depth} ReLU layers x {width}, weights twice as large as He's, SGD at "
    "{lr}, batch {batch}, {epochs} epochs; clipped to the norm 1; {seeds} seeds",
    rule=f"Holds if the test accuracy is below {LEARNED:g} without clipping and above it with "
    f"clipping (whole intervals); with a condition if it then falls short of He's weights without "
    f"clipping by more than {NEAR:.0%}; does not hold if it stays below {LEARNED:g}, or nothing "
    "was lost without.",
    full={"seeds": 8, "depth": 10, "width": 100, "lr": 0.02, "batch": 50, "epochs": 20},
    quick={"seeds": 3},
    run=run,
    verdict=verdict,
    picture=picture,
)
