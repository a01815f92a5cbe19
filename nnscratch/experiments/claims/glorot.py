"""Glorot & Bengio 2010, figures 6, 7 and 8: variances with both of their initializations."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import batch, dense_names, stack
from nnscratch.experiments.claims.pictures import Picture, seed_lines
from nnscratch.losses import SoftmaxCrossEntropy

INITS = {"standard": "glorot_standard_uniform", "normalized": "glorot_uniform"}
MEASURES = ("signal", "gradient", "weights")
FLAT = (0.8, 1.25)  # a variance that changes by a factor in here per layer counts as flat
STEEP = 0.5
THIRD = 1 / 3  # n Var(w) of the standard initialization


def run(trial: Trial) -> Measured:
    x, y, _, _ = trial.data.digits()
    widths = [trial["width"]] * trial["depth"]
    found: dict[str, dict[str, list[Any]]] = {
        init: {measure: [] for measure in MEASURES} for init in INITS
    }
    for seed in trial.seeds("seed"):
        some, labels = batch(x, y, trial["batch"], seed)
        for name, init in INITS.items():
            model = stack(x.shape[1], widths, "tanh", init, seed=seed)
            trace = model.trace(some, labels, SoftmaxCrossEntropy())
            dense = dense_names(model)
            hidden = [f"{2 * i + 1}.tanh" for i in range(len(widths))]
            weights = [f"{layer.split('.')[0]}.weight" for layer in dense]
            found[name]["signal"].append([_variance(trace[h].output) for h in hidden])
            # z of the hidden layers, and the weights between two hidden layers: equal fans.
            found[name]["gradient"].append([_variance(trace[d].upstream) for d in dense[:-1]])
            found[name]["weights"].append([_variance(model.grads[w]) for w in weights[1:-1]])
    words = {
        "signal": "variance of the activations, factor per layer upward",
        "gradient": "variance of the back-propagated gradient, factor per layer downward",
        "weights": "variance of the weight gradient, factor per layer downward",
    }
    quantities = {}
    for name in INITS:
        linear = THIRD if name == "standard" else 1.0
        for measure in MEASURES:
            per_layer = [
                _per_layer(row, upward=measure == "signal") for row in found[name][measure]
            ]
            expected = 1.0 if measure == "weights" else linear
            quantities[f"{name} {measure}"] = Quantity(
                f"{name}: {words[measure]}", per_layer, expected, "linear theory"
            )
    return Measured(quantities, found)


def keeps(measured: Measured) -> Verdict:
    flat = [measured[f"normalized {measure}"].interval for measure in ("signal", "gradient")]
    steep = [measured[f"standard {measure}"].interval for measure in ("signal", "gradient")]
    said = (
        f"normalized: activations {flat[0].mean:.3f} a layer upward, gradients {flat[1].mean:.3f} "
        f"downward; standard: {steep[0].mean:.3f} and {steep[1].mean:.3f}"
    )
    if all(one.within(*FLAT) for one in flat) and all(one.below(STEEP) for one in steep):
        return Verdict.holds(said)
    if any(not one.meets(*FLAT) for one in flat) or any(one.low > STEEP for one in steep):
        return Verdict.fails(said)
    return Verdict.unchecked(f"{said}: the intervals of these seeds reach across the limits")


def misleads(measured: Measured) -> Verdict:
    weights = measured["standard weights"].interval
    gradient = measured["standard gradient"].interval
    said = (
        f"with the standard initialization the variance of the weight gradient changes by a factor "
        f"of {weights.mean:.3f} a layer, that of the back-propagated gradient by "
        f"{gradient.mean:.3f}"
    )
    if weights.within(*FLAT) and gradient.below(STEEP):
        return Verdict.holds(
            f"{said}: the weight gradient is the product of a signal that shrinks upward and a "
            "gradient that shrinks downward, and the two cancel"
        )
    if not weights.meets(*FLAT) or gradient.low > STEEP:
        return Verdict.fails(said)
    return Verdict.unchecked(f"{said}: the intervals of these seeds reach across the limits")


def _variance(values: Any) -> float:
    return float(np.var(values, dtype=np.float64))


def _per_layer(variances: list[float], *, upward: bool) -> float:
    """Return the factor per layer, geometric mean."""
    logs = np.log(variances)
    slope = (logs[-1] - logs[0]) / (len(logs) - 1)
    return float(np.exp(slope if upward else -slope))


def keeps_picture(measured: Measured) -> Picture:
    titles = {
        "signal": "Activations (figure 6)",
        "gradient": "Back-propagated gradients (figure 7)",
    }
    panels = (
        seed_lines(
            {name: measured.curves[name][measure] for name in INITS},
            log=True,
            xlabel="hidden layer",
            ylabel="variance",
            title=title,
        )
        for measure, title in titles.items()
    )
    return Picture(*panels)


def misleads_picture(measured: Measured) -> Picture:
    weights, gradient = (
        np.array(measured.curves["standard"][key]) for key in ("weights", "gradient")
    )
    return Picture(
        seed_lines(
            {
                "weight gradient": weights / weights[:, -1:],
                "back-propagated gradient": gradient / gradient[:, -1:],
            },
            x={
                "weight gradient": range(2, weights.shape[1] + 2),
                "back-propagated gradient": range(1, gradient.shape[1] + 1),
            },
            log=True,
            xlabel="hidden layer",
            ylabel="variance, relative to the top one",
            title="Standard initialization: two gradients of the same network (figure 8)",
        )
    )


_COMMON: dict[str, Any] = {
    "configuration": "digits, batch {batch}; {depth} tanh layers x {width}, standard "
    "initialization U[-1/√n, 1/√n] and normalized U[-r, r], r = √(6/(n_in + n_out)), biases 0; "
    "before training; {seeds} draws",
    "full": {"seeds": 10, "width": 1000, "depth": 5, "batch": 300},
    "quick": {"seeds": 3},
    "run": run,
}
KEEPS = Claim(
    name="glorot-keeps-variances",
    sentence="The normalized initialization keeps the variance of activations and of "
    "back-propagated gradients level across layers; the standard one shrinks both.",
    source="Glorot & Bengio 2010, figures 6 and 7; the post",
    rule=f"Holds if with the normalized one both change by a factor within {FLAT[0]} to {FLAT[1]} "
    f"per layer and with the standard one both by less than {STEEP}; does not hold if one of the "
    "intervals lies wholly outside.",
    verdict=keeps,
    picture=keeps_picture,
    **_COMMON,
)
MISLEADS = Claim(
    name="weight-gradients-mislead",
    sentence="With the standard initialization weight gradients look level across layers although "
    "back-propagated gradients vanish.",
    source="Glorot & Bengio 2010, figure 8",
    rule=f"Holds if, between hidden layers, the variance of weight gradients changes by a factor "
    f"within {FLAT[0]} to {FLAT[1]} per layer and that of back-propagated gradients by less than "
    f"{STEEP}; does not hold if one of the intervals lies wholly outside.",
    verdict=misleads,
    picture=misleads_picture,
    **_COMMON,
)
