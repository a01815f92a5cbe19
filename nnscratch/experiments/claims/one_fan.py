"""The post's second question: why does the table average the fans when He et al. use one?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import back_propagated, dense_names, stack
from nnscratch.experiments.claims.pictures import Picture, interval_rows, seed_lines

INITS = {"fan_in": "he_normal", "fan average": "he_normal_fan_avg"}
POST = (784, 300, 100, 10)
PUBLISHED = 3.94  # product of the forward gains on the post's network, worked out before
CLOSE = (0.75, 1.33)
LOST = 0.1


def gains(widths: Sequence[int], init: str, examples: int, seed: int) -> tuple[float, float]:
    """Return by how much a ReLU network multiplies the mean square of the signal and gradient.

    The signal from the input to the logits, where one layer multiplies by fan_in Var(w) / 2; the
    gradient from the logits to the first layer's z, where one multiplies by fan_out Var(w) / 2.
    """
    model = stack(widths[0], widths[1:-1], "relu", init, classes=widths[-1], seed=seed)
    x = np.random.default_rng([seed, 1]).standard_normal((examples, widths[0]))
    squares = back_propagated(model, x.astype(np.float32), None, random_top=seed)
    z = model.last[dense_names(model)[-1]].output.astype(np.float64)
    # Every layer but the first has a ReLU below it, which halves the mean square.
    up = float(np.mean(z * z) / (2 * np.mean(x * x)))
    return up, float(squares[0] / widths[1] / (squares[-1] / widths[-1]))


def run(trial: Trial) -> Measured:
    networks = {"post": POST}
    for depth in trial["depths"]:
        hidden = itertools.islice(itertools.cycle(trial["widths"]), depth)
        networks[f"{depth}"] = (trial["widths"][-1], *hidden, 10)
    found: dict[str, dict[str, tuple[list[float], list[float]]]] = {
        init: {name: ([], []) for name in networks} for init in INITS
    }
    for seed in trial.seeds("draw"):
        for init, rule in INITS.items():
            for name, widths in networks.items():
                up, down = gains(widths, rule, trial["batch"], seed)
                found[init][name][0].append(up)
                found[init][name][1].append(down)
    deepest = str(max(trial["depths"]))
    one, average = found["fan_in"], found["fan average"]
    # Backward the gains are n_out / n_in, and their product telescopes.
    ends = 10 / networks[deepest][1]
    quantities = {
        "post fan_in": Quantity("784-300-100-10, fan_in: signal", one["post"][0], 1.0, "theory"),
        "post average": Quantity(
            "784-300-100-10, fan average: signal",
            average["post"][0],
            PUBLISHED,
            "worked out before",
        ),
        "up fan_in": Quantity(f"{deepest} layers, fan_in: signal", one[deepest][0], 1.0, "theory"),
        "down fan_in": Quantity(
            f"{deepest} layers, fan_in: gradient / ratio of end widths",
            np.array(one[deepest][1]) / ends,
            1.0,
            "theory",
        ),
        "up average": Quantity(f"{deepest} layers, fan average: signal", average[deepest][0]),
        "down average": Quantity(
            f"{deepest} layers, fan average: gradient / ratio of end widths",
            np.array(average[deepest][1]) / ends,
        ),
    }
    curves = {
        init: np.transpose([found[init][str(depth)][0] for depth in trial["depths"]])
        for init in INITS
    }
    return Measured(quantities, {"depths": trial["depths"], **curves})


def verdict(measured: Measured) -> Verdict:
    up, down, average = (
        measured[name].interval for name in ("up fan_in", "down fan_in", "up average")
    )
    said = (
        f"on the deepest network fan_in multiplies the signal by {up.mean:.2f} and the gradient by "
        f"{down.mean:.2f} times the ratio of its end widths; the fan average the signal by "
        f"{average.mean:.2g}, and by {measured['post average'].mean:.2f} on 784-300-100-10"
    )
    if up.within(*CLOSE) and down.within(*CLOSE) and average.below(LOST):
        return Verdict.holds(said)
    if not up.meets(*CLOSE) or not down.meets(*CLOSE) or average.above(LOST):
        return Verdict.fails(said)
    return Verdict.unchecked(f"{said}: the intervals of these draws reach across the limits")


def picture(measured: Measured) -> Picture:
    depths = measured.curves["depths"]
    return Picture(
        interval_rows(
            {
                "fan_in": measured["post fan_in"],
                "fan average": measured["post average"],
            },
            xlabel="factor on the mean square of the signal",
            title="784-300-100-10",
        ),
        seed_lines(
            {init: np.mean(measured.curves[init], axis=0) for init in INITS},
            x=depths,
            log=True,
            xlabel="hidden layers, of alternating width",
            ylabel="factor on the signal (mean)",
            title="Deeper networks",
        ),
        height=3.4,
    )


ONE_FAN = Claim(
    name="he-one-fan",
    sentence="He's variance with fan_in in every layer keeps the signal, and the product of its "
    "backward gains telescopes to the ratio of the end widths whatever the depth, so one fan "
    "suffices; averaging the fans, as the post's table does, does not keep the signal.",
    source="He et al. 2015, section 2.2; the answer to the post's second question",
    configuration="ReLU networks 784-300-100-10, and of {depths} hidden layers of widths "
    "{widths} in turn; weights of variance 2 / fan_in or 2 / fan average, Gaussian inputs and "
    "gradients at the top, batch {batch}; {seeds} draws",
    rule="Holds if on the deepest network fan_in multiplies the signal's mean square by a factor "
    f"within {CLOSE[0]} to {CLOSE[1]} and the gradient's by one within the same limits times the "
    f"ratio of end widths, and the fan average multiplies the signal by less than {LOST}; does not "
    "hold if one of them lies wholly outside.",
    full={"seeds": 60, "depths": [4, 8, 16], "widths": [1000, 250], "batch": 32},
    quick={"seeds": 12},
    run=run,
    verdict=verdict,
    picture=picture,
)
