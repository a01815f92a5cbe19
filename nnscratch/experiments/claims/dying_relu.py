"""ReLU units that die at a large learning rate, and leaky ones that cannot."""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import accuracy, activation_outputs, stack, train
from nnscratch.experiments.claims.pictures import Picture, seed_lines
from nnscratch.optimizers import SGD

CONSIDERABLE = 0.1  # of the units more dead at the large rate than at the small one


def run(trial: Trial) -> Measured:
    given = trial.data.digits()
    x, _, x_test, y_test = given
    rates = trial["rates"]
    dead: list[list[float]] = []
    right: dict[str, list[list[float]]] = {"relu": [], "leaky_relu": []}
    for seed in trial.seeds("seed"):
        dead.append([])
        for activation, rows in right.items():
            rows.append([])
            for lr in rates:
                widths = [trial["width"]] * trial["depth"]
                model = stack(x.shape[1], widths, activation, "he_normal", seed=seed)
                train(model, given, SGD(lr=lr), trial, seed)
                rows[-1].append(accuracy(model, x_test, y_test))
                if activation == "relu":
                    outputs = activation_outputs(model, x, training=False)
                    silent = [np.mean((out <= 0).all(axis=0)) for out in outputs]
                    dead[-1].append(float(np.mean(silent)))
    d, relu, leaky = np.array(dead), np.array(right["relu"]), np.array(right["leaky_relu"])
    return Measured(
        {
            "small": Quantity(f"fraction of units dead after training at {rates[0]:g}", d[:, 0]),
            "large": Quantity(f"the same at {rates[-1]:g}", d[:, -1]),
            "more": Quantity("difference of the two, seed by seed", d[:, -1] - d[:, 0]),
            "accuracy": Quantity(f"test accuracy of ReLU at {rates[-1]:g}", relu[:, -1]),
            "leaky": Quantity(f"test accuracy of leaky ReLU (0.01) at {rates[-1]:g}", leaky[:, -1]),
        },
        {"rates": list(rates), "dead": dead, "accuracy": right},
    )


def verdict(measured: Measured) -> Verdict:
    more = measured["more"].interval
    said = (
        f"{measured['small'].mean:.1%} of the units are dead after training at the smallest rate, "
        f"{measured['large'].mean:.1%} at the largest"
    )
    if more.below(CONSIDERABLE):
        return Verdict.fails(said)
    if not more.above(CONSIDERABLE):
        return Verdict.unchecked(
            f"{said}; the interval of the difference reaches across {CONSIDERABLE:g}"
        )
    better = measured["leaky"].interval.low > measured["accuracy"].interval.high
    accuracies = (
        f"test accuracy there: ReLU {measured['accuracy'].mean:.3f}, leaky ReLU "
        f"{measured['leaky'].mean:.3f}"
    )
    if better:
        return Verdict.holds(f"{said}; {accuracies}")
    return Verdict.with_condition(
        f"{said}. But leaky units are no remedy at such a rate; {accuracies}"
    )


def picture(measured: Measured) -> Picture:
    curves = measured.curves
    return Picture(
        seed_lines(
            {"ReLU": curves["dead"]},
            x=curves["rates"],
            log_x=True,
            xlabel="learning rate",
            ylabel="fraction of units",
            title="Dead units after training",
            ylim=(-0.02, 1.02),
        ),
        seed_lines(
            {
                "ReLU": curves["accuracy"]["relu"],
                "leaky ReLU, 0.01": curves["accuracy"]["leaky_relu"],
            },
            x=curves["rates"],
            log_x=True,
            xlabel="learning rate",
            ylabel="test accuracy",
            title="What that costs",
        ),
    )


DIES = Claim(
    name="dying-relu",
    sentence="With a large learning rate many ReLU units die: their weights jump to where they "
    "output 0 for every input, and no gradient brings them back; leaky units cannot die so.",
    source="the post, on ReLU; Maas et al. 2013",
    configuration="digits, {depth} ReLU layers x {width}, He, SGD at {rates}, batch {batch}, "
    "{epochs} epochs; beside it leaky ReLU (0.01); {seeds} seeds",
    rule=f"Holds if the largest rate leaves over {CONSIDERABLE:.0%} of the units more dead than "
    "the smallest (whole interval; dead: 0 for every training image after training) and leaky "
    "ReLU's test accuracy at that rate is better (intervals apart); with a condition if more die "
    f"but leaky ReLU is not better; does not hold if less than {CONSIDERABLE:.0%} more die.",
    full={
        "seeds": 10,
        "depth": 3,
        "width": 60,
        "epochs": 15,
        "batch": 50,
        "rates": (0.02, 0.1, 0.3, 0.6, 1.0),
    },
    quick={"seeds": 5, "epochs": 8, "rates": (0.02, 0.1, 0.3, 1.0)},
    run=run,
    verdict=verdict,
    picture=picture,
)
