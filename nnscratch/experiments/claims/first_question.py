"""The post's first question: why do a sigmoid layer's outputs vary more than its inputs?"""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import batch, stack
from nnscratch.experiments.claims.pictures import Picture, interval_rows

CLOSE = 0.05


def run(trial: Trial) -> Measured:
    x, y, _, _ = trial.data.mnist()
    rows = []
    for seed in trial.seeds("seed"):
        some, _ = batch(x, y, trial["batch"], seed)
        model = stack(x.shape[1], [trial["width"]], "sigmoid", "normal", seed=seed)
        model.forward(some)
        z, out = (model.last[name].output.astype(np.float64) for name in ("0.dense", "1.sigmoid"))
        n, inputs = x.shape[1], some.astype(np.float64)
        rows.append(
            (inputs.var(), z.var(), n * np.mean(inputs**2), n * inputs.var(), out.var(), z.std())
        )
    given, z_variance, by_square, by_variance, out_variance, z_sd = np.array(rows).T
    return Measured(
        {
            "input": Quantity("variance of the pixels", given, 0.095, "worked out before"),
            "z": Quantity("variance of z in layer 1", z_variance, 87.8, "784 x 0.1120"),
            "sd": Quantity("standard deviation of z", z_sd, 9.4, "worked out before"),
            "output": Quantity("variance of the outputs", out_variance, 0.208, "worked out before"),
            "gain": Quantity("variance of outputs / of inputs", out_variance / given),
            "square": Quantity("variance of z / (n E[x²])", z_variance / by_square, 1.0, "theory"),
            "variance": Quantity("variance of z / (n Var x)", z_variance / by_variance),
        }
    )


def verdict(measured: Measured) -> Verdict:
    gain, square, variance = (measured[name].interval for name in ("gain", "square", "variance"))
    said = (
        f"layer 1 multiplies the variance by {gain.mean:.2f}; Var z is {square.mean:.3f} times "
        f"n E[x²] and {variance.mean:.3f} times n Var x"
    )
    if gain.below(1) or not square.meets(1 - CLOSE, 1 + CLOSE):
        return Verdict.fails(said)
    if gain.above(1) and square.within(1 - CLOSE, 1 + CLOSE) and variance.above(1 + CLOSE):
        return Verdict.holds(
            f"{said}. z sums n terms, and what counts is the mean square of the inputs, not their "
            "variance: pixels and sigmoid outputs are not centred. With Var w = 1 nothing holds "
            "the sum down"
        )
    return Verdict.unchecked(f"{said}: the intervals of these seeds reach across the limits")


def picture(measured: Measured) -> Picture:
    return Picture(
        interval_rows(
            {
                name: measured[key]
                for name, key in (("pixels", "input"), ("outputs of layer 1", "output"))
            },
            xlabel="variance",
            title="Variance before and after layer 1",
            xlim=(0, None),
        ),
        interval_rows(
            {name: measured[key] for name, key in (("n E[x²]", "square"), ("n Var x", "variance"))},
            xlabel="Var z divided by it",
            title="What the variance of z follows",
        ),
        height=2.6,
    )


QUESTION = Claim(
    name="first-question",
    sentence="A sigmoid layer with N(0, 1) weights gives out more variance than it gets, because "
    "Var z = n Var(w) E[x²], with the mean square of the inputs in place of their variance.",
    source="the answer to the post's first question",
    configuration="MNIST, batch {batch}; layer 1 of 784-{width}-10, sigmoid, weights N(0, 1), "
    "biases 0; {seeds} draws of weights and batch",
    rule="Holds if the outputs vary more than the inputs, Var z / (n E[x²]) lies within "
    f"{CLOSE:.0%} of 1, and Var z / (n Var x) lies above {1 + CLOSE}; does not hold if the "
    "first is false or the second lies beyond the limits with its whole interval.",
    full={"seeds": 20, "width": 300, "batch": 1000},
    quick={"seeds": 8},
    run=run,
    verdict=verdict,
    picture=picture,
    needs=("mnist",),
)
