"""Runs that are asked for what cannot be learned, or in a way in which it cannot be."""

from __future__ import annotations

import numpy as np

from nnscratch import layers, losses
from nnscratch.experiments.faults.meddling import PutBack
from nnscratch.experiments.faults.register import faulty
from nnscratch.experiments.faults.setup import Draw, Setup
from nnscratch.initializers import Constant, VarianceScaling
from nnscratch.optimizers import SGD, Adam


@faulty("labels", "in another order than the examples")
def _(d: Draw) -> Setup:
    x, y = d.classes("digits")
    return d.classifier("relu", "he_normal", (2, 4), SGD(lr=0.02), data=(x, d.rng.permutation(y)))


@faulty("labels", "all the same")
def _(d: Draw) -> Setup:
    x, y = d.classes()
    return d.classifier("tanh", "lecun_normal", (2, 4), SGD(lr=0.05), data=(x, np.full_like(y, 2)))


faulty("softmax over one unit", "a softmax layer over one output, squared error")(
    lambda d: d.yes_or_no(
        "relu", "he_normal", (1, 3), Adam(lr=1e-3), layers.Softmax(), losses.MeanSquaredError()
    )
)
faulty("norm over one unit", "layer norm behind the one output")(
    lambda d: d.yes_or_no(
        *("relu", "he_normal", (1, 3), Adam(lr=3e-3), layers.LayerNorm(1)),
        losses.SigmoidCrossEntropy(),
    )
)
faulty("softmax twice", "a softmax before the loss that takes one")(
    lambda d: d.classifier(
        "relu", "he_normal", (2, 4), SGD(lr=0.05), data="digits", end=layers.Softmax()
    )
)
faulty("output activation", "targets of both signs through a ReLU")(
    lambda d: d.regression("relu", "he_normal", (2, 4), SGD(lr=0.02), end=layers.ReLU())
)
faulty("output activation", "targets to 3 through a sigmoid")(
    lambda d: d.regression("tanh", "lecun_normal", (1, 3), Adam(lr=3e-3), end=layers.Sigmoid())
)


@faulty("symmetric units", "all weights equal", steps=300)
def _(d: Draw) -> Setup:
    init = Constant(0.07)
    return d.classifier("tanh", init, (2, 3), SGD(lr=0.05), data="spirals", last=init)


faulty("no activation", "spirals by layers of weights alone", steps=300)(
    lambda d: d.classifier("identity", "lecun_normal", (1, 3), SGD(lr=0.1), data="spirals")
)


@faulty("capacity", "spirals through one unit", steps=600)
def _(d: Draw) -> Setup:
    x, y = d.classes("spirals")
    model = d.of(x.shape[1], [(1, layers.Tanh())], int(y.max()) + 1, "lecun_normal")
    return Setup(model, Adam(lr=0.01), losses.SoftmaxCrossEntropy(), x, y, 32)


@faulty("activation, initial weights", "twelve to sixteen ReLU layers of four units", "dead units")
def _(d: Draw) -> Setup:
    x, y = d.classes("blobs")
    hidden = [(4, layers.ReLU()) for _ in range(d.pick(12, 16))]
    model = d.of(x.shape[1], hidden, int(y.max()) + 1, "he_normal")
    # The draw in which a whole layer begins off, as some of a few do.
    weight = model.params["20.weight"]
    weight[...] = -np.abs(weight)
    return Setup(model, SGD(lr=0.02), losses.SoftmaxCrossEntropy(), x, y, 32)


faulty("frozen parameters", "the first layer is put back after every step")(
    lambda d: d.classifier(
        "relu", "he_normal", (2, 4), SGD(lr=0.05), callbacks=(PutBack(slice(1)),)
    )
)
faulty("too few steps", "a loss that still falls", steps=100)(
    lambda d: d.classifier("relu", "he_normal", (2, 3), SGD(lr=0.01), data="digits")
)


@faulty("overfitting", "digits with half of their labels changed", steps=600)
def _(d: Draw) -> Setup:
    x, y = d.classes("digits")
    chosen = d.rng.permutation(len(x))[:300]
    x, y = x[chosen], y[chosen].copy()
    wrong = d.rng.random(len(y)) < 0.5
    y[wrong] = d.rng.integers(0, 10, int(wrong.sum()))
    made = d.classifier("relu", "he_normal", (2, 3), Adam(lr=2e-3), data=(x[:150], y[:150]))
    return Setup(made.model, made.optimizer, made.loss, made.x, made.y, 16, (), (x[150:], y[150:]))


faulty("loss", "classes by the absolute error", steps=300)(
    lambda d: d.yes_or_no(
        "tanh",
        VarianceScaling(1.0),
        (1, 2),
        SGD(lr=0.05),
        layers.Sigmoid(),
        losses.MeanAbsoluteError(),
    )
)
