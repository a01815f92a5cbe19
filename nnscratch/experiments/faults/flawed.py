"""Runs whose data hold codes for missing values, padding that is read, or a rare class."""

from __future__ import annotations

import numpy as np

from nnscratch.experiments.faults.register import faulty
from nnscratch.experiments.faults.setup import Draw, Setup
from nnscratch.layers import GRU, Dense, LastStep, ReLU
from nnscratch.losses import SigmoidCrossEntropy, SoftmaxCrossEntropy
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD, Adam


@faulty("missing value code", "-9999 in every tenth place of three columns")
def _(d: Draw) -> Setup:
    x, y = d.waves()
    x = np.where((d.rng.random(x.shape) < 0.1) & (np.arange(8) < 3), np.float32(-9999), x)
    return d.regression("relu", "he_normal", (1, 3), SGD(lr=0.01), data=(x, y))


@faulty("padding read", "signs of 5 to 15 steps, filled up to 80")
def _(d: Draw) -> Setup:
    n, steps = 600, 80
    y = d.rng.integers(0, 2, n)
    x = d.rng.standard_normal((n, steps, 4)) + (2 * y - 1)[:, None, None] * 0.7
    x *= np.arange(steps)[None, :, None] < d.rng.integers(5, 16, n)[:, None, None]
    model = Sequential(GRU(4, 20), LastStep(), Dense(20, 2), seed=d.pick(0, 99))
    return Setup(model, Adam(lr=1e-3), SoftmaxCrossEntropy(), x.astype(np.float32), y, 32)


def _rare(d: Draw, loss: SigmoidCrossEntropy, share: float, apart: float) -> Setup:
    """Two clouds that overlap, one of them with this share of the examples."""
    y = (d.rng.random((2000, 1)) < share).astype(np.float32)
    x = d.rng.standard_normal((2000, 10)) + apart * y
    hidden = [(d.pick(10, 40), ReLU())]
    model = d.of(10, hidden, 1, "he_normal")
    return Setup(model, Adam(lr=1e-3), loss, x.astype(np.float32), y, 64)


@faulty("class weights", "one example in fifty is a yes", steps=200)
def _(d: Draw) -> Setup:
    return _rare(d, SigmoidCrossEntropy(), 0.02, 0.25)


@faulty("class weights", "the commonest class counts nine times as much", steps=200)
def _(d: Draw) -> Setup:
    return _rare(d, SigmoidCrossEntropy(class_weights={0: 9.0, 1: 1.0}), 0.1, 0.4)


@faulty("category codes", "the numbers of 60 shops, in no order")
def _(d: Draw) -> Setup:
    x, y = d.rng.standard_normal((1500, 5)), d.rng.standard_normal((60, 1))
    x[:, 2] = d.rng.integers(0, 60, 1500)
    y = y[x[:, 2].astype(int)] + 0.4 * np.tanh(x[:, :1])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    data = x.astype(np.float32), (y / y.std()).astype(np.float32)
    return d.regression("relu", "he_normal", (1, 3), Adam(lr=1e-3), data=data)


@faulty("naive forecast", "levels of a series, in windows", also="too few steps", steps=200)
def _(d: Draw) -> Setup:
    steps = d.rng.standard_normal(1500)
    for t in range(1, 1500):
        steps[t] += 0.7 * steps[t - 1]
    series = np.cumsum(steps)
    windows = np.lib.stride_tricks.sliding_window_view((series - series.mean()) / series.std(), 9)
    data = windows[:, :8].astype(np.float32), windows[:, 8:].astype(np.float32)
    return d.regression("tanh", "glorot_normal", (1, 2), Adam(lr=1e-3), data=data)


@faulty("loss", "the numbers of eight classes in no order")
def _(d: Draw) -> Setup:
    kind = d.rng.integers(0, 8, 1500)
    x = d.rng.standard_normal((8, 8))[kind] + 0.4 * d.rng.standard_normal((1500, 8))
    data = x.astype(np.float32), kind[:, None].astype(np.float32)
    return d.regression("relu", "he_normal", (1, 2), Adam(lr=3e-4), data=data)
