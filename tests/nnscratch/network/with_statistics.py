"""A small network with weights, an activation and statistics, and a batch for it."""

import numpy as np

import nnscratch as nn

_RNG = np.random.default_rng(3)
X = _RNG.standard_normal((50, 12)).astype(np.float32)
Y = _RNG.integers(0, 4, 50)


def made():
    layers = nn.Dense(12, 8), nn.LeakyReLU(), nn.BatchNorm(8), nn.Dense(8, 4)
    return nn.Sequential(*layers, seed=0)


def once(model):
    return model.training_pass(X, Y, nn.SoftmaxCrossEntropy())
