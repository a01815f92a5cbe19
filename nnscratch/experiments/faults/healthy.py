"""Runs with nothing wrong: whatever is found in them is a false alarm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnscratch.arrays import Array
from nnscratch.clipping import ClipByGlobalNorm, ClipByValue
from nnscratch.experiments.faults.setup import STEPS, Case, Draw, Setup
from nnscratch.initializers import Initializer, Orthogonal, VarianceScaling
from nnscratch.initializers.lsuv import lsuv
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


HEALTHY = tuple(
    Case(f"healthy: {name}", name, frozenset(), frozenset(), build) for name, build in _RUNS.items()
)
