"""Sigmoid units with N(0, 1) weights: what becomes of the signal."""

from __future__ import annotations

import numpy as np

from nnscratch import theory
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import activation_outputs, batch, stack
from nnscratch.experiments.claims.pictures import Picture, seed_lines
from nnscratch.theory.quadrature import gaussian

MOST = 0.5  # of a layer's outputs beyond 0.01 and 0.99: then we call it saturated
STILL = 1.05  # a variance that grows by less than this factor over three layers stands still


def run(trial: Trial) -> Measured:
    x, y, _, _ = trial.data.digits()
    width, depth = trial["width"], trial["depth"]
    variances, saturated = [], []
    for seed in trial.seeds("seed"):
        some, _ = batch(x, y, trial["batch"], seed)
        model = stack(x.shape[1], [width] * depth, "sigmoid", "normal", seed=seed)
        outputs = activation_outputs(model, some)
        variances.append([float(some.var()), *(float(out.var()) for out in outputs)])
        saturated.append([float(np.mean((out < 0.01) | (out > 0.99))) for out in outputs])
    v, s = np.array(variances), np.array(saturated)
    fixed = theory.variance_fixed_point("sigmoid", float(width))
    z, w = gaussian()
    beyond = float(w @ (np.abs(np.sqrt(fixed) * z) > np.log(99)))
    return Measured(
        {
            "first": Quantity("layer 1: variance of outputs / of inputs", v[:, 1] / v[:, 0]),
            "late": Quantity("last layer: variance / that three layers below", v[:, -1] / v[:, -4]),
            "top": Quantity(
                "last layer: fraction of outputs beyond 0.01 and 0.99",
                s[:, -1],
                beyond,
                "mean-field fixed point",
            ),
        },
        {"variance": variances, "saturated": saturated, "beyond": beyond},
    )


def verdict(measured: Measured) -> Verdict:
    first, late, top = (measured[name].interval for name in ("first", "late", "top"))
    if first.below(1) or top.below(MOST):
        return Verdict.fails(
            f"the variance changes by {measured['first']} in layer 1, and {measured['top']} of the "
            "top layer's outputs lie beyond 0.01 and 0.99"
        )
    if not (first.above(1) and top.above(MOST)):
        return Verdict.unchecked("the intervals of these seeds reach across the limits")
    said = (
        f"layer 1 multiplies the variance by {first.mean:.2f}, and {100 * top.mean:.0f} % of the "
        "top layer's outputs lie beyond 0.01 and 0.99"
    )
    if late.above(STILL):
        return Verdict.holds(f"{said}; it still grows at the top")
    return Verdict.with_condition(
        f"{said}. But it does not keep growing: over the last three layers it changes by a factor "
        f"of {late.mean:.3f}. It stands at a fixed point, at which every layer is saturated, "
        "not only those at the top"
    )


def picture(measured: Measured) -> Picture:
    curves = measured.curves
    layers = range(len(curves["variance"][0]))
    return Picture(
        seed_lines(
            {"variance": curves["variance"]},
            x=layers,
            xlabel="layer (0: the input)",
            ylabel="variance of the outputs",
            title="Variance, layer by layer",
            ylim=(0, None),
        ),
        seed_lines(
            {"measured": curves["saturated"]},
            expected={"mean-field fixed point": curves["beyond"]},
            xlabel="layer",
            ylabel="fraction beyond 0.01 and 0.99",
            title="Saturation, layer by layer",
            ylim=(0, 1),
        ),
    )


SATURATES = Claim(
    name="sigmoid-saturates",
    sentence="With sigmoid units and weights from N(0, 1) each layer's outputs vary more than its "
    "inputs, and the variance keeps growing layer by layer until the top layers saturate.",
    source="the post, on vanishing gradients",
    configuration="digits, batch {batch}; {depth} sigmoid layers x {width}, weights N(0, 1), "
    "biases 0; before training; {seeds} draws of weights and batch",
    rule=f"Holds if layer 1 has more variance at its output than at its input, over {MOST:.0%} of "
    "the last layer's outputs lie beyond 0.01 and 0.99, and the variance still grows by more than "
    f"{100 * (STILL - 1):.0f} % over the last three layers; with a condition if it has stopped "
    "growing by then; does not hold if the first or second is false.",
    full={"seeds": 10, "width": 300, "depth": 10, "batch": 200},
    quick={"seeds": 3},
    run=run,
    verdict=verdict,
    picture=picture,
)
