"""What a truncated gradient leaves out, and how cutting at random leaves nothing out on average."""

from __future__ import annotations

import numpy as np

from nnscratch import datasets
from nnscratch.arrays import Array
from nnscratch.experiments import order
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.pictures import Picture, interval_rows, seed_lines
from nnscratch.flow import gradient_by_lag
from nnscratch.initializers import Normal
from nnscratch.layers import RNN, Dense, LastStep
from nnscratch.losses import SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.sequences import RandomTruncation, Truncate

SAME = 1e-9
BIASED = 0.9  # of the whole gradient: a mean below it is short of something
CLOSE = 0.05
PARTS, CUT, RANDOM = "parts", "cut", "cut at random"


def gradient(model: Sequential, batch: tuple[Array, Array], truncate: Truncate = None) -> Array:
    """Return that of the weights of the recurrent layer, as one vector."""
    model.training_pass(*batch, SoftmaxCrossEntropy(), truncate=truncate)
    parts = model.grads["0.weight"], model.grads["0.recurrent_weight"]
    return np.concatenate([part.ravel() for part in parts])


def run(trial: Trial) -> Measured:
    length, every, units = trial["length"], trial["every"], trial["units"]
    cuts = [k for k in range(1, length + 1) if length % k == 0]
    off: list[float] = []
    along: dict[str, list[float]] = {CUT: [], RANDOM: []}
    reached = []
    for seed in trial.seeds("seed"):
        layers = (
            RNN(order.SYMBOLS, units, init=Normal(0.1)),
            LastStep(),
            Dense(units, order.CLASSES),
        )
        model = Sequential(*layers, seed=seed, dtype=np.float64)
        batch = datasets.temporal_order(order.BATCH, length, seed, np.float64)
        whole = gradient(model, batch)
        square = float(whole @ whole)
        sums = gradient_by_lag(model)[:, 1]
        norms = [float(np.linalg.norm(gradient(model, batch, k))) for k in cuts]
        off.append(max(abs(a / sums[k - 1] - 1) for k, a in zip(cuts, norms, strict=True)))
        along[CUT].append(float(gradient(model, batch, every) @ whole) / square)
        truncate = RandomTruncation(1 / every, seed=seed)
        draws = range(trial["draws"])
        mean = np.mean([gradient(model, batch, truncate) @ whole for _ in draws])
        along[RANDOM].append(float(mean) / square)
        reached.append(sums / sums[-1])
    return Measured(
        {
            PARTS: Quantity(
                "cut gradient / sum of the parts before the cut, less 1 (largest)", off
            ),
            CUT: Quantity(f"of the whole gradient, cut every {every} steps", along[CUT], 1.0),
            RANDOM: Quantity(
                f"of the whole gradient, cut at random every {every} steps, mean of the draws",
                along[RANDOM],
                1.0,
                "without bias",
            ),
        },
        {"sums": reached},
    )


def verdict(measured: Measured) -> Verdict:
    off = max(measured[PARTS].values)
    cut, drawn = measured[CUT].interval, measured[RANDOM].interval
    said = (
        f"a cut gradient is the sum of its parts before the cut to {off:.0e}; it holds "
        f"{cut.mean:.2f} of the whole, those cut at random on average {drawn.mean:.3f} "
        f"[{drawn.low:.3f}, {drawn.high:.3f}]"
    )
    if off > SAME or cut.above(BIASED):
        return Verdict.fails(said)
    if not drawn.meets(1 - CLOSE, 1 + CLOSE):
        return Verdict.fails(f"{said}: cutting at random is biased too")
    if not (drawn.within(1 - CLOSE, 1 + CLOSE) and cut.below(BIASED)):
        return Verdict.unchecked(said)
    return Verdict.holds(said)


def picture(measured: Measured) -> Picture:
    sums = np.array(measured.curves["sums"])
    return Picture(
        seed_lines(
            {"sum of all lags up to it": sums},
            x=np.arange(sums.shape[1]),
            expected={"the whole": 1.0},
            xlabel="steps back",
            ylabel="norm, as a part of the whole",
            title="The gradient of the weights, lag by lag",
        ),
        interval_rows(
            {name: measured[name] for name in (CUT, RANDOM)},
            xlabel="part of the whole gradient, along it",
            title="Cut, and cut at random",
        ),
    )


UNBIASED = Claim(
    name="random-truncation",
    sentence="Truncated back-propagation through time leaves out exactly what comes from farther "
    "back than the cut, so that its gradient is biased; cut at random, with what goes on divided "
    "by the probability to go on (ARTBP), it is the whole gradient on average.",
    source="Tallec & Ollivier 2017",
    configuration="temporal order at length {length}, batch 20, fresh tanh networks of {units} "
    "units, float64; cut every 1 to {length} steps, and at random every {every} steps on average, "
    "{draws} times; {seeds} seeds",
    rule=f"Holds if the gradient cut after K steps has the norm of the sum of its parts of lag "
    f"0 .. K - 1, computed lag by lag, to {SAME:g} for every K, and if, along the whole gradient, "
    f"the cut one is shorter than {BIASED:g} of it while the mean of those cut at random lies "
    f"within {CLOSE:g} of it (whole intervals); does not hold if one of these is contradicted.",
    full={"seeds": 20, "length": 30, "every": 10, "units": 20, "draws": 2000},
    quick={"seeds": 4, "draws": 500},
    run=run,
    verdict=verdict,
    picture=picture,
)
