"""The negative side of the rectifier: a small leak, a large one, a random one, a learned one."""

from __future__ import annotations

import numpy as np

from nnscratch import layers
from nnscratch.arrays import Array
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import Activation, accuracy, stack, train
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.optimizers import SGD

NOTICEABLE = 0.005  # a difference in test accuracy below half a point is none

KINDS: dict[str, Activation] = {
    "ReLU": "relu",
    "leaky 0.01": lambda: layers.LeakyReLU(0.01),
    "leaky 0.2": lambda: layers.LeakyReLU(0.2),
    "RReLU": layers.RReLU,
    "PReLU": layers.PReLU,
}


def run(trial: Trial) -> Measured:
    # Few images to train on and many to judge by: what generalizes shows.
    x_all, y_all = (
        np.concatenate(pair)
        for pair in zip(trial.data.digits()[:2], trial.data.digits()[2:], strict=True)
    )
    few = trial["images"]
    x, y, x_test, y_test = given = x_all[:few], y_all[:few], x_all[few:], y_all[few:]
    right: dict[str, list[float]] = {kind: [] for kind in KINDS}
    losses: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for seed in trial.seeds("seed"):
        for kind, activation in KINDS.items():
            widths = [trial["width"]] * trial["depth"]
            model = stack(x.shape[1], widths, activation, "he_normal", seed=seed)
            train(model, given, SGD(lr=trial["lr"]), trial, seed)
            right[kind].append(accuracy(model, x_test, y_test))
            losses[kind].append(SoftmaxCrossEntropy()(model.predict(x), y)[0])
    a = {kind: np.array(values) for kind, values in right.items()}
    loss = {kind: np.log(values) for kind, values in losses.items()}
    return Measured(
        {
            **{
                f"accuracy {kind}": Quantity(f"test accuracy, {kind}", values)
                for kind, values in a.items()
            },
            "large leak": _gain("leaky 0.2 over leaky 0.01", a["leaky 0.2"], a["leaky 0.01"]),
            "random": _gain("RReLU over leaky 0.01", a["RReLU"], a["leaky 0.01"]),
            "learned": _gain("PReLU over leaky 0.01", a["PReLU"], a["leaky 0.01"]),
            "random loss": _ratio("RReLU", loss["RReLU"] - loss["leaky 0.2"]),
            "learned loss": _ratio("PReLU", loss["PReLU"] - loss["leaky 0.2"]),
        },
        {"loss": losses},
    )


def _gain(what: str, better: Array, worse: Array) -> Quantity:
    return Quantity(f"test accuracy gained by {what}, seed by seed", better - worse)


def _ratio(kind: str, difference: Array) -> Quantity:
    return Quantity(f"ln of training loss, {kind} over leaky 0.2, seed by seed", difference)


def large_leak_verdict(measured: Measured) -> Verdict:
    gain = measured["large leak"].interval
    said = (
        f"0.2 gains {100 * gain.mean:+.2f} points of test accuracy over 0.01 "
        f"[{100 * gain.low:+.2f}, {100 * gain.high:+.2f}]"
    )
    if gain.above(0):
        return Verdict.holds(said)
    if gain.below(NOTICEABLE):
        return Verdict.fails(f"{said}: nothing that one would notice")
    return Verdict.unchecked(f"{said}: too wide an interval for this many seeds")


def learned_verdict(measured: Measured) -> Verdict:
    less, better, more = (
        measured[name].interval for name in ("random loss", "random", "learned loss")
    )
    said = (
        f"RReLU's training loss is {np.exp(less.mean):.2f} times that of leaky 0.2 "
        f"[{np.exp(less.low):.2f}, {np.exp(less.high):.2f}] and its test accuracy "
        f"{100 * better.mean:+.2f} points from leaky 0.01's [{100 * better.low:+.2f}, "
        f"{100 * better.high:+.2f}]; PReLU's training loss is {np.exp(more.mean):.2f} times "
        f"[{np.exp(more.low):.2f}, {np.exp(more.high):.2f}]"
    )
    if less.below(0) or better.below(0) or more.above(0):
        return Verdict.fails(said)
    shown = {
        "RReLU fits less": less.above(0),
        "RReLU generalizes better": better.above(0),
        "PReLU fits better": more.below(0),
    }
    if all(shown.values()):
        return Verdict.holds(said)
    missing = ", ".join(part for part, seen in shown.items() if not seen)
    if any(shown.values()):
        return Verdict.with_condition(f"{said}. Not shown: {missing}")
    return Verdict.unchecked(f"{said}; the intervals of these seeds include no difference")


def picture(measured: Measured) -> Picture:
    return Picture(
        interval_rows(
            {kind: measured[f"accuracy {kind}"] for kind in KINDS},
            xlabel="test accuracy after training",
            title="Test accuracy",
        ),
        interval_rows(
            {kind: Quantity(kind, values) for kind, values in measured.curves["loss"].items()},
            log=True,
            xlabel="training loss at the end, log scale",
            title="Loss on the training data",
        ),
        width=10.5,
        height=3.4,
    )


_CONFIGURATION = (
    "{images} of the digits to train on, the others to judge by; {depth} layers x {width}, He, "
    "SGD at {lr}, batch {batch}, {epochs} epochs; {seeds} seeds, the same for all kinds"
)
_FULL = {"seeds": 30, "depth": 4, "width": 64, "lr": 0.05, "batch": 50, "epochs": 40, "images": 500}
_QUICK = {"seeds": 6, "epochs": 20}

LARGE_LEAK = Claim(
    name="large-leak",
    sentence="A leaky ReLU with the slope 0.2 generalizes better than one with 0.01.",
    source="the post, on leaky ReLU; Xu et al. 2015, tables 2 to 4 (on images, convolutional)",
    configuration=_CONFIGURATION,
    rule="Holds if the interval of the difference in test accuracy, seed by seed, lies above 0; "
    f"does not hold if it lies below {NOTICEABLE:.1%}, half a point; else cannot be said.",
    full=_FULL,
    quick=_QUICK,
    run=run,
    verdict=large_leak_verdict,
    picture=picture,
)

RANDOM_AND_LEARNED = Claim(
    name="rrelu-prelu",
    sentence="A randomized leak (RReLU) regularizes: it fits the training data less than a fixed "
    "one and generalizes better; a learned leak (PReLU) fits the training data better.",
    source="the post; Xu et al. 2015, sections 3 and 4",
    configuration=_CONFIGURATION,
    rule="Holds if RReLU's training loss is above, and PReLU's below, that of leaky 0.2, and "
    "RReLU's test accuracy is above leaky 0.01's (each interval of the differences, seed by seed, "
    "clear of 0); does not hold if one of the three is the other way round; with a condition if "
    "some are shown; cannot be said if none is.",
    full=_FULL,
    quick=_QUICK,
    run=run,
    verdict=learned_verdict,
    picture=picture,
)
