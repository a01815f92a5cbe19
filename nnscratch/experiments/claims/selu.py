"""SELU: mean 0 and variance 1 are a fixed point of the signal, but not of the gradient."""

from __future__ import annotations

import numpy as np

from nnscratch import theory
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import activation_outputs, back_propagated, stack
from nnscratch.experiments.claims.pictures import Picture, seed_lines

NEAR = 0.1  # of mean 0 and variance 1
GROWTH = 1.01  # a layer that multiplies the squared gradient by more makes it grow
_MARGIN = 0.01  # a rate predicted to within 1 %


def run(trial: Trial) -> Measured:
    width, depth, rows = trial["width"], trial["depth"], trial["batch"]
    means, variances, norms = [], [], []
    for seed in trial.seeds("draw"):
        rng = np.random.default_rng(seed)
        # Inputs far from the fixed point: variance 2.
        x = (np.sqrt(2) * rng.standard_normal((rows, width))).astype(np.float32)
        model = stack(width, [width] * depth, "selu", "lecun_normal", classes=width, seed=seed)
        outputs = activation_outputs(model, x)
        means.append([0.0, *(float(out.mean()) for out in outputs)])
        variances.append([2.0, *(float(out.var()) for out in outputs)])
        labels = np.asarray(rng.integers(0, width, rows))
        norms.append(back_propagated(model, x, labels, random_top=seed).tolist())
    squares = np.array(norms)
    # Below the last layer, whose gradient was drawn, and above the first, where q is still 2.
    start = depth // 3
    rate = (squares[:, start] / squares[:, -1]) ** (1 / (depth - start))
    chi = theory.chi_1("selu", 1.0)
    return Measured(
        {
            "mean": Quantity(
                f"mean after {depth} layers, from inputs of variance 2",
                np.array(means)[:, -1],
                0.0,
                "Klambauer et al.",
            ),
            "variance": Quantity(
                "variance there", np.array(variances)[:, -1], 1.0, "Klambauer et al."
            ),
            "rate": Quantity("squared gradient, factor per layer", rate, chi, "mean-field theory"),
        },
        {
            "variance": variances,
            "norm": (squares / squares[:, -1:]).tolist(),
            "chi": chi,
        },
    )


def verdict(measured: Measured) -> Verdict:
    mean, variance, rate = (measured[name].interval for name in ("mean", "variance", "rate"))
    said = (
        f"after all layers mean {mean.mean:+.3f} and variance {variance.mean:.3f}; each layer "
        f"multiplies the squared gradient by {rate.mean:.4f} [{rate.low:.4f}, {rate.high:.4f}]"
    )
    if not (mean.meets(-NEAR, NEAR) and variance.meets(1 - NEAR, 1 + NEAR)):
        return Verdict.fails(said)
    if rate.below(GROWTH):
        return Verdict.fails(f"{said}: it does not grow")
    if not (mean.within(-NEAR, NEAR) and variance.within(1 - NEAR, 1 + NEAR)):
        return Verdict.unchecked(f"{said}: too wide intervals")
    chi = measured["rate"].expected
    assert isinstance(chi, float)
    if rate.meets(chi * (1 - _MARGIN), chi * (1 + _MARGIN)):
        return Verdict.holds(f"{said}; theory says {chi:.4f}")
    if rate.above(GROWTH):
        return Verdict.with_condition(f"{said}: it grows, but not as theory says, {chi:.4f}")
    return Verdict.unchecked(f"{said}: too wide intervals")


def picture(measured: Measured) -> Picture:
    curves = measured.curves
    count = len(curves["norm"][0])
    places = np.arange(1, count + 1)
    return Picture(
        seed_lines(
            {"measured": curves["variance"]},
            x=range(len(curves["variance"][0])),
            expected={"fixed point": 1.0},
            xlabel="layer (0: the input)",
            ylabel="variance of the outputs",
            title="Variance, layer by layer",
        ),
        seed_lines(
            {"measured": curves["norm"]},
            x=places,
            expected={"theory": curves["chi"] ** (count - places)},
            log=True,
            xlabel="layer",
            ylabel="squared norm of dL/dz, last layer = 1",
            title="Back-propagated gradient",
        ),
        width=10.5,
    )


SELU = Claim(
    name="selu",
    sentence="SELU with LeCun's weights draws mean and variance of the signal to 0 and 1 at any "
    "depth, and yet its squared gradient grows by 7.2 % a layer on the way down.",
    source="Klambauer et al. 2017, theorem 1; mean-field theory, chi_1 = 1.0718",
    configuration="{depth} SELU layers x {width}, LeCun, random inputs of variance 2 and a random "
    "gradient at the top, batch {batch}; before training; {seeds} draws",
    rule=f"Holds if mean and variance end within {NEAR:g} of 0 and 1 and the rate's interval comes "
    f"within {_MARGIN:.0%} of theory's; with a condition if it only grows by more than "
    f"{100 * (GROWTH - 1):.0f} % a layer; does not hold if the signal does not go there or the "
    "gradient does not grow.",
    full={"seeds": 20, "width": 500, "depth": 24, "batch": 100},
    quick={"seeds": 6, "width": 300},
    run=run,
    verdict=verdict,
    picture=picture,
)
