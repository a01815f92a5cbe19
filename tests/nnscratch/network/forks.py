"""Networks whose layers do not stand in a row, and data for them."""

import numpy as np

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 6))
LABELS = RNG.integers(0, 4, 12)
LOSS = nn.SoftmaxCrossEntropy()


def residual(**options):
    return nn.Residual(nn.LayerNorm(6), nn.Tanh(), nn.Dense(6, 6), **options)


def nested():
    return [
        nn.Residual(residual(scale=0.5), nn.RMSNorm(6), nn.GELU(), scale=2.0),
        nn.Residual(nn.Dense(6, 5), nn.ELU(), skip=nn.Dense(6, 5)),
        nn.Dense(5, 4),
    ]


def tied():
    shared = nn.Dense(6, 6)
    return [
        shared,
        nn.Tanh(),
        nn.Residual(nn.Tanh(), shared),
        nn.Softsign(),
        shared,
        nn.Dense(6, 4),
    ]


def first_and_last():
    return [residual(), nn.Dense(6, 4), nn.Residual(nn.Sigmoid(), nn.Dense(4, 4), scale=-0.3)]


def with_batchnorm():
    return [nn.Residual(nn.BatchNorm(6), nn.ReLU(), nn.Dense(6, 6)), nn.Dense(6, 4)]


NETWORKS = {f.__name__: f for f in (nested, tied, first_and_last, with_batchnorm)}
