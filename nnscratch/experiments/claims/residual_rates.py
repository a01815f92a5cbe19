"""Mean-field theory of norms of examples and of residual networks: the gradient before training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from nnscratch import layers, theory
from nnscratch.experiments.claims.claim import Claim, Measured, Quantity, Trial, Verdict
from nnscratch.experiments.claims.networks import back_propagated
from nnscratch.experiments.claims.pictures import Picture, interval_rows
from nnscratch.initializers import VarianceScaling
from nnscratch.layers import BatchNorm, Dense, Layer, LayerNorm, RMSNorm
from nnscratch.network.blocks import Residual
from nnscratch.network.model import Sequential
from nnscratch.network.nodes import Block

Parts = Sequence[Layer | Block]
Made = Callable[[int], Parts]

CLOSE = 0.1  # of the squared gradient: 5 % of its norm
WIDE = 0.25
SHOWN = 3  # one in so many is drawn


def _dense(n: int, sw2: float) -> Dense:
    return Dense(n, n, init=VarianceScaling(sw2, "fan_in"))


def _branch(n: int, activation: str, sw2: float) -> tuple[Layer, ...]:
    return _dense(n, sw2), layers.activation(activation), _dense(n, 1.0)


def _row(sw2: float, *between: Callable[[int], Layer]) -> Made:
    """A dense layer and what follows it, in a row."""
    return lambda n: [_dense(n, sw2), *(make(n) for make in between)]


def _act(name: str) -> Callable[[int], Layer]:
    return lambda n: layers.activation(name)


def _sum(activation: str, sw2: float, scale: float = 1.0) -> Made:
    return lambda n: [Residual(*_branch(n, activation, sw2), scale=scale)]


def _pre(norm: Callable[[int], Layer], activation: str, sw2: float, scale: float = 1.0) -> Made:
    return lambda n: [Residual(norm(n), *_branch(n, activation, sw2), scale=scale)]


def _post(norm: Callable[[int], Layer], activation: str, sw2: float, scale: float = 1.0) -> Made:
    return lambda n: [Residual(*_branch(n, activation, sw2), scale=scale), norm(n)]


# What, how many of them, one of them.
NETWORKS: tuple[tuple[str, int, Made], ...] = (
    ("residual, relu", 10, _sum("relu", 2)),
    ("residual, relu, scale 1/sqrt(20)", 20, _sum("relu", 2, 20**-0.5)),
    ("residual, relu, scale 1/20", 20, _sum("relu", 2, 1 / 20)),
    ("residual, tanh", 20, _sum("tanh", 1)),
    ("residual, elu", 10, _sum("elu", 1.5)),
    ("residual, gelu", 10, _sum("gelu", 2)),
    ("residual, relu then weights", 10, lambda n: [
        Residual(layers.activation("relu"), _dense(n, 2))]),
    ("residual, weights around it", 8, lambda n: [
        Residual(*_branch(n, "relu", 2), skip=_dense(n, 1))]),
    ("residual, in another", 6, lambda n: [Residual(
        *_branch(n, "relu", 2), Residual(*_branch(n, "tanh", 1)), _dense(n, 0.5))]),
    ("residual, layer norm inside", 10, lambda n: [Residual(
        _dense(n, 2), LayerNorm(n), layers.activation("relu"), _dense(n, 1), scale=0.5)]),
    ("residual, batch norm inside", 10, lambda n: [Residual(
        _dense(n, 2), BatchNorm(n), layers.activation("relu"), _dense(n, 1))]),
    ("layer norm first, relu", 20, _pre(LayerNorm, "relu", 2)),
    ("layer norm first, relu, scale 1/2", 20, _pre(LayerNorm, "relu", 2, 0.5)),
    ("layer norm first, tanh", 20, _pre(LayerNorm, "tanh", 1)),
    ("layer norm first, tanh, n Var(w) = 2", 20, _pre(LayerNorm, "tanh", 2)),
    ("layer norm first, gelu", 20, _pre(LayerNorm, "gelu", 2)),
    ("layer norm first, sigmoid", 20, _pre(LayerNorm, "sigmoid", 16)),
    ("layer norm first, relu at the end", 20, lambda n: [
        Residual(LayerNorm(n), _dense(n, 2), layers.activation("relu"))]),
    ("RMS norm first, relu", 20, _pre(RMSNorm, "relu", 2)),
    ("RMS norm first, relu at the end", 20, lambda n: [
        Residual(RMSNorm(n), _dense(n, 2), layers.activation("relu"))]),
    ("batch norm first, relu", 20, _pre(BatchNorm, "relu", 2)),
    ("layer norm after the sum, relu", 8, _post(LayerNorm, "relu", 2)),
    ("layer norm after the sum, tanh", 20, _post(LayerNorm, "tanh", 1)),
    ("layer norm after the sum, relu, scale 0.4", 20, _post(LayerNorm, "relu", 1, 0.4)),
    ("RMS norm after the sum, gelu", 8, _post(RMSNorm, "gelu", 1)),
    ("relu, layer norm", 8, _row(2, _act("relu"), LayerNorm)),
    ("layer norm, relu", 8, _row(2, LayerNorm, _act("relu"))),
    ("relu, RMS norm", 8, _row(2, _act("relu"), RMSNorm)),
    ("tanh, layer norm", 15, _row(2, _act("tanh"), LayerNorm)),
    ("layer norm, tanh", 15, _row(2, LayerNorm, _act("tanh"))),
    ("sigmoid, layer norm", 10, _row(16, _act("sigmoid"), LayerNorm)),
)  # fmt: skip


def network(made: Made, times: int, width: int, seed: int) -> Sequential:
    """Return dense layers at both ends, and between them as many of what is made."""
    inner = [part for _ in range(times) for part in made(width)]
    return Sequential(_dense(width, 1.0), *inner, _dense(width, 1.0), seed=seed)


def expected(model: Sequential, batch: int) -> float:
    """Return the predicted mean square over draws of dL/dz at the first over the last layer."""
    width = model.features_in
    x = np.random.default_rng(0).standard_normal((1000, width or 1)).astype(np.float32)
    found = theory.predict_layers(model, x, batch_size=batch)
    return float((found.relative_gradient[0] * math.exp(found.sd[0] ** 2)) ** 2)


def measured(model: Sequential, batch: int, seed: int) -> float:
    """Return that of one draw, with a random gradient at the top."""
    x = np.random.default_rng([seed, 1]).standard_normal((batch, model.features_in or 1))
    squares = back_propagated(model, x.astype(np.float32), None, random_top=seed)
    return float(squares[0] / squares[-1])


def run(trial: Trial) -> Measured:
    quantities = {}
    for what, times, made in trial.over(NETWORKS):
        for width in trial["widths"]:
            name = f"{what}, {times} x {width}"
            values = [
                measured(network(made, times, width, seed), trial["batch"], seed)
                for seed in trial.seeds(f"{name}, draw")
            ]
            said = expected(network(made, times, width, 0), trial["batch"])
            quantities[name] = Quantity(name, values, said, "mean-field theory")
    return Measured(quantities)


def verdict(measured: Measured) -> Verdict:
    found = measured.quantities.items()
    norms = {
        name: math.sqrt(one.mean / float(np.max(one.expected or 0.0))) - 1 for name, one in found
    }
    worst = max(norms, key=lambda name: abs(norms[name]))
    typical = float(np.median(np.abs(list(norms.values()))))
    said = (
        f"of {len(norms)} networks half have a root mean square norm within {typical:.1%} of the "
        f"predicted one; the farthest is {worst}, by {abs(norms[worst]):.1%}"
    )
    outside, wide = [], []
    for name, one in found:
        middle = float(np.max(one.expected or 0.0))
        if not one.interval.meets(middle * (1 - CLOSE), middle * (1 + CLOSE)):
            outside.append(name)
        if not one.interval.within(middle * (1 - WIDE), middle * (1 + WIDE)):
            wide.append(name)
    if outside:
        return Verdict.fails(f"{said}; outside with the whole interval: {'; '.join(outside)}")
    if wide:
        return Verdict.unchecked(f"{said}; intervals too wide: {'; '.join(wide)}")
    return Verdict.holds(said)


def picture(measured: Measured) -> Picture:
    widest = {name.rsplit(",", 1)[0]: one for name, one in measured.quantities.items()}
    drawn = list(widest)[::SHOWN]
    relative = {
        name: Quantity(
            name, np.divide(widest[name].values, float(np.max(widest[name].expected or 0.0))), 1.0
        )
        for name in drawn
    }
    return Picture(
        interval_rows(
            relative,
            xlabel="squared gradient at the first layer, measured over predicted",
            title="The gradient through norms and around branches: one network in three",
            at=1,
        ),
        height=4.6,
    )


RATES = Claim(
    name="mean-field-residual",
    sentence="Mean-field theory predicts how large the gradient is at the first layer of networks "
    "with layer norm or RMS norm and of residual networks, whatever the activation, its place, and "
    "that of the norm.",
    source="this project (nnscratch/theory/propagation.py), after Yang & Schoenholz 2017 and "
    "Xiong et al. 2020",
    configuration="as many layers or blocks as said x units, dense layers at both ends, Gaussian "
    "inputs, a random gradient at the top, batches of {batch}; squared norm of dL/dz at the first "
    "over that at the last layer; {seeds} draws",
    rule="Holds if in every network the measured mean square, its interval counted in, lies "
    f"within {CLOSE:.0%} of the predicted square (5% of the norm); does not hold if in one the "
    f"whole interval lies outside; cannot be said if one reaches beyond {WIDE:.0%}.",
    full={"seeds": 40, "widths": (200, 400), "batch": 16},
    quick={"seeds": 8, "widths": (200,)},
    run=run,
    verdict=verdict,
    picture=picture,
)
