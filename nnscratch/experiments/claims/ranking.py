"""The post's ranking of activation functions, tried in one deep network."""

from __future__ import annotations

import itertools

import numpy as np

from nnscratch.datasets.checks import Split
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import accuracy, stack, train
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.optimizers import SGD

# Best first, each with the initialization that the post gives it.
RANKED = {
    "elu": "he_normal",
    "leaky_relu": "he_normal",
    "relu": "he_normal",
    "tanh": "glorot_normal",
    "sigmoid": "glorot_normal",
}
LABELS = {"elu": "ELU", "leaky_relu": "leaky ReLU", "relu": "ReLU", "tanh": "tanh"}
PAIRS = tuple(itertools.pairwise(RANKED))


def label(name: str) -> str:
    return LABELS.get(name, name)


def run(trial: Trial) -> Measured:
    given = trial.data.digits()
    # Each activation at its own best learning rate, found on other seeds than those compared.
    trial_seeds = [1000 + k for k in range(trial["trials"])]
    right: dict[str, list[float]] = {}
    rates: dict[str, float] = {}
    for name in trial.over(list(RANKED)):
        means = {
            lr: float(np.mean([_accuracy(name, lr, s, trial, given) for s in trial_seeds]))
            for lr in trial["rates"]
        }
        rates[name] = max(means, key=lambda lr: means[lr])
        right[name] = [
            _accuracy(name, rates[name], seed, trial, given)
            for seed in trial.seeds(f"{label(name)}, seed")
        ]
    a = {name: np.array(values) for name, values in right.items()}
    return Measured(
        {
            **{
                name: Quantity(f"test accuracy, {label(name)} at {rates[name]:g}", values)
                for name, values in a.items()
            },
            **{
                f"{better} > {worse}": Quantity(
                    f"test accuracy, {label(better)} less {label(worse)}, seed by seed",
                    a[better] - a[worse],
                )
                for better, worse in PAIRS
            },
        }
    )


def _accuracy(name: str, lr: float, seed: int, trial: Trial, given: Split) -> float:
    widths = [trial["width"]] * trial["depth"]
    model = stack(given[0].shape[1], widths, name, RANKED[name], seed=seed)
    history = train(model, given, SGD(lr=lr), trial, seed)
    return 0.1 if history.diverged else accuracy(model, given[2], given[3])


def verdict(measured: Measured) -> Verdict:
    right: list[str] = []
    wrong: list[str] = []
    even: list[str] = []
    for better, worse in PAIRS:
        gap = measured[f"{better} > {worse}"].interval
        text = f"{label(better)} over {label(worse)} {100 * gap.mean:+.1f} points"
        (right if gap.above(0) else wrong if gap.below(0) else even).append(text)
    parts = [
        f"{word}: {', '.join(pairs)}"
        for word, pairs in (("as ranked", right), ("reversed", wrong), ("not apart", even))
        if pairs
    ]
    said = "; ".join(parts)
    if wrong:
        return Verdict.fails(said)
    if not even:
        return Verdict.holds(said)
    return Verdict.with_condition(said) if right else Verdict.unchecked(said)


def picture(measured: Measured) -> Picture:
    return Picture(
        interval_rows(
            {label(name): measured[name] for name in RANKED},
            xlabel="test accuracy",
            title="Test accuracy, best first by the claim",
        ),
        interval_rows(
            {f"{label(a)} less {label(b)}": measured[f"{a} > {b}"] for a, b in PAIRS},
            xlabel="difference in test accuracy, seed by seed",
            title="Right of 0: as the claim ranks them",
            at=0,
        ),
        width=10.5,
        height=3.4,
    )


RANKING = Claim(
    name="activation-ranking",
    sentence="For deep networks ELU > leaky ReLU > ReLU > tanh > sigmoid.",
    source="the post, on which activation to use",
    configuration="digits, {depth} layers x {width}, He (tanh, sigmoid: Glorot), SGD, batch "
    "{batch}, {epochs} epochs; each activation at the best of the learning rates {rates} on "
    "{trials} other seeds; {seeds} seeds",
    rule="Holds if, of the differences in test accuracy between each two neighbours in the "
    "ranking, seed by seed, all four intervals lie above 0; does not hold if one lies below; with "
    "a condition if some lie above and none below; cannot be said if all include 0.",
    full={
        "seeds": 12,
        "trials": 6,
        "depth": 8,
        "width": 64,
        "batch": 50,
        "epochs": 20,
        "rates": (0.02, 0.05, 0.1),
    },
    quick={"seeds": 5, "trials": 3, "epochs": 10, "rates": (0.03, 0.06)},
    run=run,
    verdict=verdict,
    picture=picture,
)
