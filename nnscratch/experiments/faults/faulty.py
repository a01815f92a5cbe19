"""Runs whose weights or steps are at fault: what must be named first, and what must be shown."""

from __future__ import annotations

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.faults.meddling import Poison
from nnscratch.experiments.faults.register import faulty
from nnscratch.experiments.faults.setup import Draw, Setup
from nnscratch.initializers import Constant, Normal, Uniform, VarianceScaling
from nnscratch.optimizers import SGD, Adam, RMSProp

_RATE = "learning rate too large"


faulty("activation", "sigmoid, Glorot, 8 to 14 layers", "vanishing")(
    lambda d: d.classifier("sigmoid", "glorot_normal", (8, 14), SGD(lr=0.1))
)
faulty("activation, initial weights", "sigmoid, 4 x Glorot, 12 to 18 layers", "vanishing")(
    lambda d: d.classifier("sigmoid", VarianceScaling(16.0), (12, 18), SGD(lr=0.1))
)
faulty("initial weights", "tanh, half of LeCun's deviation, 12 to 20 layers", "vanishing")(
    lambda d: d.classifier("tanh", VarianceScaling(0.25), (12, 20), SGD(lr=0.1))
)
faulty("initial weights", "ReLU, Glorot, 20 to 30 layers", "vanishing")(
    lambda d: d.classifier("relu", "glorot_normal", (20, 30), SGD(lr=0.05))
)
faulty("initial weights", "tanh, the standard uniform weights, 12 to 16 layers", "vanishing")(
    lambda d: d.classifier(
        "tanh", VarianceScaling(1 / 3, "fan_in", "uniform"), (12, 16), SGD(lr=0.1)
    )
)
faulty("initial weights", "ReLU, 2 x He, 10 to 14 layers", "exploding")(
    lambda d: d.classifier("relu", VarianceScaling(8.0), (10, 14), SGD(lr=1e-6))
)
faulty("depth", "ReLU, batch norm, small batches, 28 to 32 layers", "exploding")(
    lambda d: d.classifier("relu", "he_normal", (28, 32), SGD(lr=1e-4), norm=True, batch_size=8)
)
faulty("initial weights", "tanh, 3 x LeCun, 24 to 28 layers", "exploding, saturated")(
    lambda d: d.classifier("tanh", VarianceScaling(9.0), (24, 28), SGD(lr=1e-3))
)
faulty("initial weights", "leaky ReLU, 2 x He, clipped", "exploding")(
    lambda d: d.classifier(
        "leaky_relu", VarianceScaling(8.0), (9, 12), SGD(lr=0.01, clip=ClipByGlobalNorm(1.0))
    )
)
faulty(_RATE, "ReLU, learning rate 5 with momentum", "diverged, dead layer")(
    lambda d: d.classifier("relu", "he_normal", (3, 8), SGD(lr=5.0, momentum=0.9))
)
faulty(_RATE, "ELU, learning rate 3", "diverged")(
    lambda d: d.classifier("elu", "he_normal", (3, 6), SGD(lr=3.0))
)
faulty(_RATE, "regression, learning rate 2", "diverged, non-finite")(
    lambda d: d.regression("leaky_relu", "he_normal", (2, 5), SGD(lr=2.0))
)
faulty("initial weights", "leaky ReLU, 1e4 x He, 12 layers", "non-finite")(
    lambda d: d.classifier("leaky_relu", VarianceScaling(2e8), (12, 12), SGD(lr=0.01))
)
faulty("non-finite", "a NaN among the weights from step 40 on")(
    lambda d: d.classifier(
        "tanh", "lecun_normal", (3, 6), SGD(lr=0.05), callbacks=(Poison(40, np.nan),)
    )
)
faulty("non-finite", "an infinity among the weights from step 25 on")(
    lambda d: d.classifier(
        "relu", "he_normal", (3, 6), SGD(lr=0.05), callbacks=(Poison(25, np.inf),)
    )
)
faulty("initial weights", "sigmoid, N(0, 1), 3 to 5 layers", "saturated")(
    lambda d: d.classifier("sigmoid", Normal(1.0), (3, 5), SGD(lr=0.1), data="digits")
)
faulty("initial weights", "tanh, N(0, 1), 3 to 6 layers", "saturated")(
    lambda d: d.classifier("tanh", Normal(1.0), (3, 6), SGD(lr=0.02))
)
faulty("initial biases", "tanh, biases of 4 in one layer", "saturated")(
    lambda d: d.classifier(
        "tanh", "lecun_normal", (3, 5), SGD(lr=0.05), odd_bias={1: Constant(4.0)}
    )
)
faulty("initial biases", "ELU on its floor: biases of -6", "saturated")(
    lambda d: d.classifier(
        "elu", VarianceScaling(1.5), (3, 5), SGD(lr=0.02), odd_bias={1: Constant(-6.0)}
    )
)
faulty("initial biases", "ReLU, biases from U(-4, 1)", "dead units")(
    lambda d: d.classifier("relu", "he_normal", (2, 4), SGD(lr=0.05), bias=Uniform(-4.0, 1.0))
)
faulty("initial weights", "ReLU, the weights of one layer lean to -0.15", "dead units, dead layer")(
    lambda d: d.classifier(
        "relu", "he_normal", (3, 5), SGD(lr=0.02), odd={1: Normal(0.1, -0.15)}, data="digits"
    )
)


@faulty(_RATE, "ReLU, one huge step", "dead units, dead layer")
def _(d: Draw) -> Setup:
    def rate(step: int) -> float:
        return 30.0 if step == 20 else 0.01

    return d.classifier("relu", "he_normal", (3, 4), SGD(lr=rate, momentum=0.5), data="digits")


faulty("initial biases", "ReLU, biases of -10 in one layer", "dead layer")(
    lambda d: d.classifier("relu", "he_normal", (3, 6), SGD(lr=0.05), odd_bias={1: Constant(-10.0)})
)
faulty("symmetric units", "all weights zero", "dead layer, constant output")(
    lambda d: d.classifier("relu", "zeros", (2, 5), SGD(lr=0.1), last="zeros")
)
faulty(
    "initial biases, initial weights", "tanh, large biases and small weights", "constant output"
)(lambda d: d.classifier("tanh", VarianceScaling(0.1), (8, 12), SGD(lr=0.05), bias=Normal(1.0)))


faulty("activation", "sigmoid, LeCun, 16 to 20 layers", "constant output", "depth")(
    lambda d: d.classifier("sigmoid", "lecun_normal", (16, 20), SGD(lr=0.2))
)
faulty("learning rate too small", "gradient descent, learning rate 1e-6")(
    lambda d: d.classifier("relu", "he_normal", (2, 6), SGD(lr=1e-6))
)
faulty("learning rate too small", "Adam, learning rate 1e-7")(
    lambda d: d.classifier("elu", VarianceScaling(1.5), (2, 6), Adam(lr=1e-7))
)
faulty("learning rate too small", "tanh, learning rate 2e-5 with momentum")(
    lambda d: d.classifier("tanh", "lecun_normal", (2, 5), SGD(lr=2e-5, momentum=0.9))
)
faulty("epsilon", "Adam, epsilon 100 beside gradients of a hundredth")(
    lambda d: d.classifier("tanh", "lecun_normal", (2, 5), Adam(lr=1e-3, epsilon=100.0))
)
faulty(_RATE, "Adam, learning rate 0.3")(
    lambda d: d.classifier("relu", "he_normal", (2, 5), Adam(lr=0.3))
)
faulty(_RATE, "RMSProp, learning rate 0.1")(
    lambda d: d.classifier("tanh", "lecun_normal", (2, 5), RMSProp(lr=0.1))
)
faulty(_RATE, "batch norm, learning rate 5")(
    lambda d: d.classifier("elu", "he_normal", (3, 6), SGD(lr=5.0), norm=True)
)
faulty(
    "slow layer, too few steps",
    "one layer's weights 60 x too large, under batch norm",
    "slow layer",
)(
    lambda d: d.classifier(
        "relu", "he_normal", (3, 6), SGD(lr=0.05), norm=True, odd={1: VarianceScaling(2 * 60.0**2)}
    )
)
faulty(
    "slow layer, too few steps",
    "the first layer's weights 40 x too large, under batch norm",
    "slow layer",
)(
    lambda d: d.classifier(
        "elu", "he_normal", (3, 6), SGD(lr=0.05), norm=True, odd={0: VarianceScaling(2 * 40.0**2)}
    )
)
