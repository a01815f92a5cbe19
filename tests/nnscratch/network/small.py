"""A small network with batch norm, its data, and a step of its training."""

import numpy as np

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 12)


def make(*extra, seed=0, dtype=np.float32):
    layers = nn.Dense(4, 6), nn.BatchNorm(6), nn.PReLU(), *extra, nn.Dense(6, 3)
    return nn.Sequential(*layers, seed=seed, dtype=dtype)


def step(model, x=X, labels=LABELS, lr=0.1):
    value, dlogits = nn.SoftmaxCrossEntropy()(model.forward(x, training=True), labels)
    model.backward(dlogits)
    model.params.flat[...] -= model.dtype.type(lr) * model.grads.flat
    return value
