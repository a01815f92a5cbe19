"""He et al. 2015: He's and Xavier's initialization at 22 and at 30 layers."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import back_propagated, stack, train
from nnscratch.experiments.claims.pictures import Picture, seed_lines
from nnscratch.optimizers import SGD

INITS = {"He": "he_normal", "Xavier": "glorot_normal"}
SHALLOW, DEEP = 22, 30
CHANCE = math.log(10)
LEARNT = 0.75 * CHANCE  # a training loss below this: it converges
STALLED = 0.9 * CHANCE
FACTORS = {"He": 1.0, "Xavier": 2.0**-DEEP}


def run(trial: Trial) -> Measured:
    digits = trial.data.digits()
    features, width = digits[0].shape[1], trial["width"]
    losses: dict[str, list[list[float]]] = {}
    factors: dict[str, list[float]] = {}
    for init in INITS:
        for depth in trial.over((SHALLOW, DEEP), f"{init}, layers"):
            rows = losses[f"{init}, {depth} layers"] = []
            for seed in trial.seeds(f"{init}, {depth} layers, seed"):
                model = stack(features, [width] * depth, "relu", INITS[init], seed=seed)
                history = train(
                    model, digits, SGD(trial["lr"], momentum=trial["momentum"]), trial, seed
                )
                reached = list(history.train_loss)
                rows.append(reached + [math.nan] * (trial["epochs"] - len(reached)))
    for init in trial.over(tuple(INITS), "norms"):
        factors[init] = []
        for seed in trial["norm_draws"]:
            wide = trial["norm_width"]
            model = stack(wide, [wide] * (DEEP + 1), "relu", INITS[init], seed=seed)
            x = np.random.default_rng([seed, 1]).standard_normal((32, wide)).astype(np.float32)
            squares = back_propagated(model, x, None, random_top=seed)
            factors[init].append(float(squares[0] / squares[DEEP]))
    quantities = {
        name: Quantity(f"{name}: training loss in the last epoch", [row[-1] for row in rows])
        for name, rows in losses.items()
    }
    for init, values in factors.items():
        quantities[f"{init} factor"] = Quantity(
            f"{init}: log2 of the factor on the squared gradient over {DEEP} layers",
            np.log2(values),
            math.log2(FACTORS[init]),
            "theory",
        )
    return Measured(quantities, {"losses": losses})


def verdict(measured: Measured) -> Verdict:
    found = {
        (init, depth): measured[f"{init}, {depth} layers"].interval
        for init in INITS
        for depth in (SHALLOW, DEEP)
    }
    said = "training loss after the run: " + ", ".join(
        f"{init} {depth} layers {one.mean:.3f}" for (init, depth), one in found.items()
    )
    if found["He", DEEP].low > LEARNT or found["Xavier", DEEP].below(STALLED):
        return Verdict.fails(said)
    if not (found["He", DEEP].below(LEARNT) and found["Xavier", DEEP].above(STALLED)):
        return Verdict.unchecked(f"{said}: the intervals of these seeds reach across the limits")
    he, xavier = found["He", SHALLOW], found["Xavier", SHALLOW]
    if he.below(LEARNT) and xavier.below(LEARNT) and he.high < xavier.low:
        return Verdict.holds(said)
    return Verdict.with_condition(
        f"{said}. At {DEEP} layers it is as claimed; at {SHALLOW} Xavier's loss is not clearly "
        f"below {LEARNT:.2f} by the end of this run"
    )


def picture(measured: Measured) -> Picture:
    panels = (
        seed_lines(
            {init: measured.curves["losses"][f"{init}, {depth} layers"] for init in INITS},
            expected={"chance": CHANCE},
            xlabel="epoch",
            ylabel="training loss",
            title=f"{depth} layers",
            ylim=(0, 1.15 * CHANCE),
        )
        for depth in (SHALLOW, DEEP)
    )
    return Picture(*panels)


DEPTH = Claim(
    name="he-against-xavier",
    sentence="With 22 ReLU layers He's and Xavier's initialization both converge, He's sooner; "
    "with 30 layers He's still converges and Xavier's stalls.",
    source="He et al. 2015, section 2.2 and figures 2 and 3",
    configuration="digits, {epochs} epochs of batches of {batch}; {width} ReLU units a layer, "
    "dense instead of convolutional; gradient descent, learning rate {lr}, momentum {momentum}; "
    "{seeds} seeds. Factors on the gradient: width {norm_width}",
    rule=f"Holds if at {DEEP} layers He's training loss ends below {LEARNT:.2f} (three quarters of "
    f"chance, ln 10) and Xavier's above {STALLED:.2f}, and at {SHALLOW} both end below "
    f"{LEARNT:.2f} with He's lower; with a condition if only the part on {DEEP} layers is true; "
    "does not hold if that is false.",
    full={
        "seeds": 4,
        "width": 128,
        "epochs": 30,
        "batch": 32,
        "lr": 0.003,
        "momentum": 0.9,
        "norm_width": 300,
        "norm_draws": list(range(20)),
    },
    quick={"seeds": 2, "epochs": 10, "norm_draws": [0, 1, 2, 3, 4]},
    run=run,
    verdict=verdict,
    picture=picture,
)
