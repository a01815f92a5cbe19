"""Trainable depth: how deep tanh networks train, beside six depth scales."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nnscratch import theory
from nnscratch.datasets.checks import Split
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import stack, train
from nnscratch.experiments.claims.pictures import Picture
from nnscratch.initializers import Normal, VarianceScaling
from nnscratch.optimizers import SGD

TRAINED = 0.5  # a loss below this fraction of ln 10, that of guessing
WITHIN = 2.0  # a factor between predicted and measured depth
_SB2 = 0.05


def predicted(sw2: float) -> float:
    """Return six depth scales of tanh with this weight variance and bias variance 0.05."""
    return theory.fixed_point("tanh", sw2, _SB2, 1.0).trainable_depth


def run(trial: Trial) -> Measured:
    given = trial.data.digits()
    scales = trial["scales"]
    depths = []
    for seed in trial.seeds("seed"):
        depths.append(
            [
                _deepest(sw2, seed, trial, given)
                for sw2 in trial.over(scales, f"seed {seed}, weight variance")
            ]
        )
    measured = np.array(depths)
    expected = np.array([predicted(sw2) for sw2 in scales])
    most = trial["most"]
    quantities = {
        f"at {sw2:g}": Quantity(
            f"deepest network that trains, weight variance {sw2:g}",
            measured[:, i],
            min(float(expected[i]), float(most)),
            f"6 depth scales{' (or the deepest tried)' if expected[i] > most else ''}",
        )
        for i, sw2 in enumerate(scales)
    }
    inside = expected < most
    factor = np.exp(np.mean(np.log(measured[:, inside] / expected[inside]), axis=1))
    # Correlation of the logarithms, all scales; what no network reached counts as the deepest.
    logs = np.log(np.minimum(expected, most))
    quantities["factor"] = Quantity(
        "measured / predicted depth, geometric mean over the weights but the critical",
        factor,
        1.0,
        "theory",
    )
    quantities["correlation"] = Quantity(
        "correlation of the two, logarithms",
        [float(np.corrcoef(np.log(row), logs)[0, 1]) for row in measured],
    )
    line = np.linspace(min(scales) * 0.9, max(scales) * 1.05, 60)
    return Measured(
        quantities,
        {
            "scales": list(scales),
            "depth": depths,
            "line": line.tolist(),
            "predicted": [predicted(float(sw2)) for sw2 in line],
            "most": most,
        },
    )


def _deepest(sw2: float, seed: int, trial: Trial, given: Split) -> float:
    """Return the deepest network that trains, to a factor `step`, by bisection on a log scale.

    Deeper networks are assumed to train no better.
    """
    step, most = trial["step"], trial["most"]
    grid = [1, 2]
    while grid[-1] < most:
        grid.append(min(most, max(grid[-1] + 1, round(grid[-1] * step))))
    low, high = 0, len(grid)  # grid[low] is taken to train, grid[high] not
    while high - low > 1:
        middle = (low + high) // 2
        if _trains(grid[middle], sw2, seed, trial, given):
            low = middle
        else:
            high = middle
    return float(grid[low])


def _trains(depth: int, sw2: float, seed: int, trial: Trial, given: Split) -> bool:
    widths = [trial["width"]] * depth
    init, bias = VarianceScaling(sw2, "fan_in"), Normal(math.sqrt(_SB2))
    model = stack(given[0].shape[1], widths, "tanh", init, bias_init=bias, seed=seed)
    # The best of a few rates: deep networks near the edge want small ones.
    for lr in trial["rates"]:
        sizes = {**trial, "epochs": 1000}
        history = train(model, given, SGD(lr=lr), sizes, seed, max_steps=trial["steps"])
        last = float(np.mean(history.loss[-10:]))
        if last < TRAINED * math.log(10):
            return True
    return False


def verdict(measured: Measured) -> Verdict:
    factor, correlation = measured["factor"].interval, measured["correlation"].interval
    said = (
        f"measured / predicted depth {factor.mean:.2f} [{factor.low:.2f}, {factor.high:.2f}] on "
        f"average off the critical weights, correlation of the logarithms {correlation.mean:.2f}"
    )
    if correlation.below(0.5):
        return Verdict.fails(said)
    if not correlation.above(0.5):
        return Verdict.unchecked(f"{said}: too wide an interval")
    if factor.within(1 / WITHIN, WITHIN):
        return Verdict.holds(said)
    if factor.meets(1 / WITHIN, WITHIN):
        return Verdict.unchecked(f"{said}: too wide an interval")
    return Verdict.with_condition(
        f"{said}. The depth goes with the depth scale, but six of them is not the number here"
    )


def picture(measured: Measured) -> Picture:
    curves = measured.curves
    rows = np.array(curves["depth"])
    points = {"sw2": np.tile(curves["scales"], len(rows)), "depth": rows.ravel()}

    def panel(ax: Any) -> None:
        from nnscratch_plots import depth_scale

        depth_scale(
            {"sw2": curves["line"], "depth": curves["predicted"]},
            measured=points,
            label="tanh, bias variance 0.05; dashed: the deepest that was tried",
            ax=ax,
        )
        ax.axhline(curves["most"], color="0.45", linestyle=(0, (2, 2)))

    return Picture(panel, height=4.2)


DEPTH = Claim(
    name="trainable-depth",
    sentence="Random networks train up to about six depth scales of mean-field theory: deepest "
    "at the critical weights, and less deep on both sides.",
    source="Schoenholz et al. 2017, section 5 and figure 5",
    configuration="digits, tanh layers x {width}, bias variance 0.05, weight variances {scales} "
    "(critical: 1.76), SGD at the better of {rates}, batch {batch}, {steps} steps; up to {most} "
    "layers, found by bisection to a factor of {step}; {seeds} seeds",
    rule="Holds if the deepest networks that train (loss below "
    f"{TRAINED:g} of ln 10) correlate with the predicted depths (logarithms; interval above 0.5) "
    f"and are within a factor of {WITHIN:g} of them on average where they are finite; with a "
    "condition if they correlate only; does not hold if they do not.",
    full={
        "seeds": 3,
        "width": 100,
        "batch": 50,
        "steps": 200,
        "rates": (0.05, 0.01),
        "scales": (0.8, 1.1, 1.76, 2.5, 3.5),
        "most": 80,
        "step": 1.3,
    },
    quick={"seeds": 2, "width": 60, "steps": 150, "scales": (0.8, 1.2, 1.76, 3.0), "most": 60},
    run=run,
    verdict=verdict,
    picture=picture,
)
