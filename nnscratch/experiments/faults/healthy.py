"""Runs with nothing wrong: whatever is found in them is a false alarm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnscratch import layers, losses
from nnscratch.arrays import Array
from nnscratch.clipping import ClipByGlobalNorm, ClipByValue
from nnscratch.experiments.faults.setup import STEPS, Case, Draw, Setup
from nnscratch.initializers import Initializer, Orthogonal, VarianceScaling
from nnscratch.initializers.lsuv import lsuv
from nnscratch.network.blocks import Residual
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD, Adam, AdamW, RMSProp
from nnscratch.schedules import Cosine

_NAMED: dict[str, tuple[str, str | Initializer, tuple[int, int]]] = {
    "relu": ("relu", "he_normal", (2, 6)),
    "relu, deep": ("relu", "he_normal", (8, 12)),
    "leaky ReLU": ("leaky_relu", "he_normal", (3, 10)),
    "PReLU": ("prelu", "he_normal", (3, 8)),
    "ELU": ("elu", VarianceScaling(1.5), (3, 10)),
    "SELU": ("selu", "lecun_normal", (4, 12)),
    "tanh": ("tanh", "glorot_normal", (3, 8)),
    "tanh, orthogonal": ("tanh", Orthogonal(), (12, 20)),
    "softsign": ("softsign", "glorot_uniform", (2, 5)),
    "GELU": ("gelu", "he_normal", (2, 5)),
    "SiLU": ("silu", "he_normal", (2, 5)),
}


def _named(
    activation: str, init: str | Initializer, depth: tuple[int, int]
) -> Callable[[Draw], Setup]:
    return lambda d: d.classifier(activation, init, depth, SGD(lr=0.05))


def _lsuv(d: Draw) -> Setup:
    made = d.classifier("tanh", "glorot_normal", (4, 8), SGD(lr=0.05))
    lsuv(made.model, made.x[:200], rng=np.random.default_rng(d.seed))
    return made


_RUNS: dict[str, Callable[[Draw], Setup]] = {
    **{name: _named(*what) for name, what in _NAMED.items()},
    "one hidden layer of sigmoid": lambda d: d.classifier(
        "sigmoid", "glorot_normal", (1, 1), SGD(lr=0.2)
    ),
    "sigmoid with batch norm": lambda d: d.classifier(
        "sigmoid", "glorot_normal", (3, 6), SGD(lr=0.1), norm=True
    ),
    "ReLU with batch norm": lambda d: d.classifier(
        "relu", "he_normal", (4, 8), SGD(lr=0.05), norm=True
    ),
    "ELU with batch norm, as in the post": lambda d: d.classifier(
        "elu", "tf1_variance_scaling", (2, 2), SGD(lr=0.01), norm=True, data="digits"
    ),
    "dropout": lambda d: d.classifier("relu", "he_normal", (2, 4), SGD(lr=0.05), dropout=0.3),
    "Adam": lambda d: d.classifier("relu", "he_normal", (3, 8), Adam(lr=1e-3)),
    "AdamW, cosine": lambda d: d.classifier(
        "gelu", "he_normal", (2, 4), AdamW(lr=Cosine(2e-3, STEPS), weight_decay=0.01)
    ),
    "RMSProp": lambda d: d.classifier("elu", VarianceScaling(1.5), (3, 6), RMSProp(lr=5e-4)),
    "momentum": lambda d: d.classifier("relu", "he_normal", (3, 6), SGD(lr=0.01, momentum=0.9)),
    "a clip that fires now and then": lambda d: d.classifier(
        "relu", "he_normal", (3, 6), SGD(lr=0.05, clip=ClipByGlobalNorm(2.5))
    ),
    "a clip by value": lambda d: d.classifier(
        "elu", "he_normal", (2, 4), SGD(lr=0.05, clip=ClipByValue(0.2))
    ),
    "regression": lambda d: d.regression("tanh", "glorot_normal", (2, 5), SGD(lr=0.05)),
    "regression, Adam": lambda d: d.regression("relu", "he_normal", (2, 5), Adam(lr=2e-3)),
    "logistic regression": lambda d: d.classifier("identity", "lecun_normal", (0, 0), SGD(lr=0.1)),
    "learned by heart": lambda d: d.classifier(
        "relu", "he_normal", (2, 3), SGD(lr=0.2), data=_few(d)
    ),
    "tanh, LSUV": _lsuv,
}


def _few(d: Draw) -> tuple[Array, Array]:
    x, y = d.classes("digits")
    return x[:48], y[:48]


def _residual(d: Draw) -> Setup:
    x, y = d.classes("moons")
    blocks = [
        Residual(layers.LayerNorm(48), layers.ReLU(), layers.Dense(48, 48, init="he_normal"))
        for _ in range(d.pick(4, 10))
    ]
    model = Sequential(layers.Dense(2, 48), *blocks, layers.Dense(48, 2), seed=d.pick(0, 999))
    return Setup(model, SGD(lr=0.03), losses.SoftmaxCrossEntropy(), x, y, 32)


def _autoencoder(d: Draw) -> Setup:
    x, _ = d.classes("digits")
    hidden = [(48, layers.ReLU()), (24, layers.ReLU()), (48, layers.ReLU())]
    model = d.of(64, hidden, 64, "he_normal")
    return Setup(model, Adam(lr=3e-3), losses.MeanSquaredError(), x, x.copy(), 32)


def _one_by_one(d: Draw) -> Setup:
    return d.classifier("tanh", "lecun_normal", (1, 2), SGD(lr=0.02), data="blobs", batch_size=1)


def _layer_norm(d: Draw) -> Setup:
    x, y = d.bends()
    parts: list[layers.Layer] = [layers.Dense(6, 48), layers.LayerNorm(48), layers.GELU()]
    parts += [layers.Dense(48, 48), layers.LayerNorm(48), layers.GELU(), layers.Dense(48, 2)]
    return Setup(
        Sequential(*parts, seed=d.pick(0, 999)), Adam(lr=2e-3), losses.Huber(1.0), x, y, 32
    )


def _moons(d: Draw) -> Setup:
    ends = layers.Sigmoid(), losses.BinaryCrossEntropy()
    return d.yes_or_no("silu", "he_normal", (1, 3), Adam(lr=5e-3), *ends, data="moons")


_HELD_OUT: dict[str, Callable[[Draw], Setup]] = {
    "residual blocks with layer norm": _residual,
    "an autoencoder of digits": _autoencoder,
    "one example at a time": _one_by_one,
    "layer norm, Huber's loss": _layer_norm,
    "a sigmoid at the output, cross-entropy of it": _moons,
    "mish, Adam, quadrants": lambda d: d.classifier(
        "mish", "he_normal", (2, 4), Adam(lr=5e-3), data="quadrants"
    ),
    "hard tanh, momentum, moons": lambda d: d.classifier(
        "hard_tanh", "lecun_normal", (1, 3), SGD(lr=0.03, momentum=0.9), data="moons"
    ),
    "all examples in one batch": lambda d: d.classifier(
        "gelu", "he_normal", (1, 2), SGD(lr=0.5), data="moons", batch_size=600
    ),
    "bends, RMSProp": lambda d: d.regression(
        "elu", "he_normal", (1, 3), RMSProp(lr=1e-3), data=d.bends()
    ),
    "raw digits to 16": lambda d: d.classifier(
        "relu", "he_normal", (1, 2), Adam(lr=1e-3), data=_raw(d)
    ),
    "prices in thousands": lambda d: d.regression(
        "relu", "he_normal", (1, 2), Adam(lr=0.02), data=d.bends(), scale=8.0, offset=22.0
    ),
    "dropout of one half": lambda d: d.classifier(
        "relu", "he_normal", (1, 2), SGD(lr=0.1), data="digits", dropout=0.5
    ),
}


def _raw(d: Draw) -> tuple[Array, Array]:
    x, y = d.classes("digits")
    return x * np.float32(16), y


_NONE: frozenset[str] = frozenset()
HEALTHY = tuple(
    Case(f"healthy: {name}", name, _NONE, _NONE, _NONE, build, held_out=name in _HELD_OUT)
    for name, build in {**_RUNS, **_HELD_OUT}.items()
)
