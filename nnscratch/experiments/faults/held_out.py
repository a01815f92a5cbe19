"""Runs held out: other architectures, data and faults than those on which limits were chosen."""

from __future__ import annotations

import functools

import numpy as np

from nnscratch import layers, losses
from nnscratch.clipping import ClipByNorm
from nnscratch.experiments.faults.meddling import Poison, PutBack
from nnscratch.experiments.faults.register import faulty
from nnscratch.experiments.faults.setup import Draw, Setup
from nnscratch.initializers import Constant, Normal, Uniform, VarianceScaling
from nnscratch.network.blocks import Residual
from nnscratch.network.model import Sequential
from nnscratch.optimizers import SGD, Adam, RMSProp

held_out = functools.partial(faulty, held_out=True)
_RATE = "learning rate too large"


held_out("activation", "hard sigmoid, 9 to 12 layers, moons", "vanishing")(
    lambda d: d.classifier("hard_sigmoid", "glorot_uniform", (9, 12), SGD(lr=0.1), data="moons")
)
held_out("initial weights", "softsign, a quarter of LeCun's, 14 to 18 layers")(
    lambda d: d.classifier("softsign", VarianceScaling(1 / 16), (14, 18), SGD(lr=0.1), data="moons")
)
held_out("initial weights", "GELU, 3 x what suits it, 10 to 13 layers", "exploding")(
    lambda d: d.regression("gelu", VarianceScaling(19.0), (10, 13), SGD(lr=1e-7), data=d.bends())
)
held_out("initial weights", "hard tanh, U(-1, 1), 3 to 5 layers", "saturated")(
    lambda d: d.classifier("hard_tanh", Uniform(-1.0, 1.0), (3, 5), SGD(lr=0.02), data="moons")
)
held_out("initial biases", "sigmoid, biases of 7 in one layer", "saturated")(
    lambda d: d.classifier(
        "sigmoid",
        "glorot_normal",
        (2, 3),
        SGD(lr=0.1),
        data="quadrants",
        odd_bias={0: Constant(7.0)},
    )
)
held_out("initial biases", "ReLU, biases of -4 in every layer", "dead layer")(
    lambda d: d.classifier(
        "relu", "he_uniform", (2, 4), SGD(lr=0.05), data="moons", bias=Constant(-4.0)
    )
)
held_out(_RATE, "SiLU, momentum 0.99 at 0.3", steps=200)(
    lambda d: d.regression("silu", "he_normal", (2, 4), SGD(lr=0.3, momentum=0.99), data=d.bends())
)
held_out(_RATE, "softsign, Adam at 2", steps=200)(
    lambda d: d.regression("softsign", "glorot_normal", (2, 4), Adam(lr=2.0), data=d.bends())
)
held_out("learning rate too small", "RMSProp at 1e-8, moons")(
    lambda d: d.classifier("silu", "he_normal", (2, 4), RMSProp(lr=1e-8), data="moons")
)
held_out("learning rate too small", "regression at 1e-6")(
    lambda d: d.regression("mish", "he_normal", (2, 4), SGD(lr=1e-6), data=d.bends())
)


@held_out("symmetric units", "sigmoid, all weights 0.3, quadrants", steps=300)
def _(d: Draw) -> Setup:
    init = Constant(0.3)
    return d.classifier("sigmoid", init, (1, 2), SGD(lr=0.3), data="quadrants", last=init)


@held_out("input scale", "a table with a column in millions")
def _(d: Draw) -> Setup:
    x, y = d.bends()
    scales = np.array([1, 0.1, 2e6, 30, 1, 5], np.float32)
    return d.regression("relu", "he_normal", (2, 3), Adam(lr=1e-3), data=(np.abs(x) * scales, y))


@held_out("input scale", "years: 2000 with a deviation of 6")
def _(d: Draw) -> Setup:
    x, y = d.classes("moons")
    years = (2000 + 6 * x).astype(np.float32)
    return d.classifier("tanh", "glorot_uniform", (1, 3), SGD(lr=0.05), data=(years, y))


@held_out("input scale", "inputs of 1e-5")
def _(d: Draw) -> Setup:
    x, y = d.classes("quadrants")
    return d.classifier("gelu", "he_normal", (2, 4), SGD(lr=0.05), data=(x * np.float32(1e-5), y))


held_out("target scale", "two targets of 20,000")(
    lambda d: d.regression(
        "tanh", "glorot_normal", (1, 3), RMSProp(lr=1e-3), data=d.bends(), scale=20000.0
    )
)


@held_out("labels", "numbers in another order than the examples", "does not learn")
def _(d: Draw) -> Setup:
    x, y = d.bends()
    return d.regression("gelu", "he_normal", (1, 3), SGD(lr=0.01), data=(x, d.rng.permutation(y)))


@held_out("labels", "one number for all")
def _(d: Draw) -> Setup:
    x, y = d.bends()
    return d.regression("relu", "he_normal", (1, 3), SGD(lr=0.01), data=(x, np.full_like(y, 0.7)))


held_out("output activation", "targets to 3 through a tanh", steps=300)(
    lambda d: d.regression(
        "relu", "he_normal", (1, 3), Adam(lr=3e-3), data=d.bends(), end=layers.Tanh()
    )
)
held_out("output activation", "numbers of both signs through a softplus")(
    lambda d: d.regression(
        "tanh", "glorot_normal", (1, 3), SGD(lr=0.05), data=d.bends(), end=layers.Softplus()
    )
)
held_out("softmax over one unit", "with cross-entropy on what it gives")(
    lambda d: d.yes_or_no(
        "gelu",
        "he_normal",
        (1, 3),
        SGD(lr=0.1),
        layers.Softmax(),
        losses.BinaryCrossEntropy(),
        data="moons",
    )
)
held_out("softmax twice", "for five clouds", steps=300)(
    lambda d: d.classifier(
        "elu", "glorot_uniform", (1, 3), SGD(lr=0.05), data="blobs", end=layers.Softmax()
    )
)
held_out("no activation", "quadrants by layers of weights alone", steps=300)(
    lambda d: d.classifier("identity", "glorot_uniform", (2, 4), Adam(lr=1e-3), data="quadrants")
)


@held_out("capacity", "quadrants through one unit", steps=600)
def _(d: Draw) -> Setup:
    x, y = d.classes("quadrants")
    hidden = [(1, layers.Tanh()), (16, layers.Tanh())]
    model = d.of(x.shape[1], hidden, 2, "lecun_normal")
    return Setup(model, Adam(lr=0.01), losses.SoftmaxCrossEntropy(), x, y, 32)


held_out("frozen parameters", "hidden layers that the optimizer never sees")(
    lambda d: d.classifier(
        "gelu", "he_normal", (2, 4), Adam(lr=1e-3), data="moons", callbacks=(PutBack(slice(-2)),)
    )
)
held_out("batch norm statistics", "momentum 0.9995, moons")(
    lambda d: d.classifier(
        "silu", VarianceScaling(8.0), (2, 4), SGD(lr=0.05), data="moons", norm=0.9995
    )
)
held_out("clip always", "each parameter's gradient at 1e-4")(
    lambda d: d.classifier(
        "silu", "he_normal", (2, 4), SGD(lr=0.05, clip=ClipByNorm(1e-4)), data="quadrants"
    )
)
held_out("depth", "leaky ReLU, batch norm, batches of 6, 34 to 40 layers", "exploding")(
    lambda d: d.classifier(
        "leaky_relu",
        VarianceScaling(4.0),
        (34, 40),
        SGD(lr=1e-4),
        norm=True,
        batch_size=6,
        data="moons",
    )
)
held_out("non-finite", "an infinity among the biases from step 30 on")(
    lambda d: d.classifier(
        "relu",
        "he_normal",
        (1, 3),
        SGD(lr=0.02),
        data="moons",
        callbacks=(Poison(30, np.inf, "0.bias", 1),),
    )
)


@held_out(
    "initial weights",
    "24 residual blocks of twice He's weights",
    "exploding",
    "no activation",
)
def _(d: Draw) -> Setup:
    x, y = d.classes("moons")
    blocks = [
        Residual(layers.Dense(32, 32, init=VarianceScaling(8.0)), layers.ReLU()) for _ in range(24)
    ]
    model = Sequential(layers.Dense(2, 32), *blocks, layers.Dense(32, 2), seed=d.pick(0, 99))
    return Setup(model, SGD(lr=1e-9), losses.SoftmaxCrossEntropy(), x, y, 32)


held_out("initial weights", "tanh, N(0, 3) on 10 inputs", "saturated")(
    lambda d: d.classifier("tanh", Normal(3.0), (1, 3), SGD(lr=0.01), data="blobs")
)
