"""Cases collected when the findings had been tuned: what was said of them first, was said unseen.

From then on they are open to whoever works on findings, as `tuned` is.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, MLM, SO, Sick, but
from nnscratch.experiments.public.data import (
    XOR,
    blobs,
    changed,
    circles,
    curve,
    digits,
    moons,
    standard,
    table,
    words,
)
from nnscratch.experiments.public.recipe import BCE, CCE, MAE, MSE, TORCH, Data, Maker, Recipe
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adam

SE: Final = "https://stats.stackexchange.com/questions/"
D2L: Final = "https://d2l.ai/"
NEMOTRON: Final = "https://huggingface.co/datasets/nvidia/Nemotron-CC-Math-v1"  # holds the thread
NOISY_SINE = curve(lambda x: np.sin(x) / 2.5, -1, 9, 400, 0.05, random=True)
TREES = table(31, [(13.2, 3.1), (76.0, 6.4)], (30.2, 16.4))
HOURS = table(100, [(49.0, 9.7)], (72.7, 16.6))
PARABOLA = curve(lambda x: x**2 / 64 - 5 * x / 4 + 25, 30, 50, 21)
BINARY = changed(words(2000, 200, 2), lambda d, rng: Data(d.x, d.x @ rng.standard_normal((200, 1))))
FIVE = table(300, [(0, 1)] * 5, (3.0, 1.0))
THE_MEAN = changed(FIVE, lambda d, rng: Data(d.x, np.full_like(d.y, d.y.mean()), (d.x, d.y)))


def codes(rng: np.random.Generator) -> Data:
    """Return rows of 12 numbers of both signs that 4 hidden ones decide, to be given back."""
    x = np.tanh(rng.standard_normal((1000, 4))) @ rng.standard_normal((4, 12)) / 2
    return Data(x, x)


def wide(n: int) -> Maker:
    """Return `n` rows of 200 columns with a weak linear target, and 100 to be judged on."""

    def make(rng: np.random.Generator) -> Data:
        x = rng.standard_normal((n + 100, 200))
        y = 0.05 + 0.01 * x.sum(axis=1, keepdims=True) + 0.01 * rng.standard_normal((n + 100, 1))
        return Data(x[:n], y[:n], (x[n:], y[n:]))

    return make


def few_moons(n: int) -> Maker:
    """Return `n` points of two moons, and 200 to be judged on."""

    def make(rng: np.random.Generator) -> Data:
        d = moons(n + 200, 0.2)(rng)
        return Data(d.x[:n], d.y[:n], (d.x[n:], d.y[n:]))

    return make


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "a noisy sine at rate 4e-7", SE + "320289",
        "a rate of 4e-7, even on a sum over 4,000 points, is far too small", "too slow",
        Recipe(
            "1, 128 tanh, 1 tanh", NOISY_SINE, MSE, SGD(lr=4e-7 * 4000 / 2), 300, 400,
            init=Normal(1.0),
        ),
        but(optimizer=Adam(lr=0.01), steps=2000), 0.8,
    ),
    Sick(
        "XOR after a million steps", SE + "440558",
        "a long plateau of two sigmoid layers: the rate is small for it", "too slow",
        Recipe("2, 2 sigmoid, 1 sigmoid", XOR, MSE, SGD(lr=0.1), 3000, 4, init=Uniform(-1.0, 1.0)),
        but(net="2, 4 sigmoid, 1 sigmoid", optimizer=Adam(lr=0.05)), 1.0,
    ),
    Sick(
        "zeros and ones at rate 2e-6", GH + "apache/mxnet/issues/1546",
        "a rate of 2e-6: nothing moves", "too slow",
        Recipe(
            "200, 32 relu, 10 relu, 5 relu, 1", BINARY, MSE, SGD(lr=2e-6, momentum=0.9), 100, 400,
        ),
        but(optimizer=Adam(lr=0.003), steps=1000), 0.8,
    ),
    Sick(
        "trees by girth and height", GH + "FluxML/Flux.jl/issues/849",
        "girth and height as they are, on a summed error: one step throws the line",
        "rate too large",
        Recipe("2, 1", TREES, MSE, SGD(lr=0.0003 * 31), 100, 31, init=Uniform(0.0, 1.0)),
        but(data=standard(TREES, "xy"), optimizer=SGD(lr=0.1)), 0.8, ("input scale",),
    ),
    Sick(
        "marks by hours", GH + "llSourcell/linear_regression_live/issues/4",
        "rate 0.01 is for inputs near 1, not near 50", "rate too large",
        Recipe("1, 1", HOURS, MSE, SGD(lr=0.01), 200, 100),
        but(data=standard(HOURS, "xy"), optimizer=SGD(lr=0.1)), 0.8, ("input scale",),
    ),
    Sick(
        "a parabola as a straight line", NEMOTRON,
        "inputs of 30 to 50 as they are, and Adam at 1e-5", "too slow",
        Recipe("1, 3*200 relu, 1", PARABOLA, MAE, Adam(lr=1e-5), 200, 21, init=TORCH),
        but(data=standard(PARABOLA, "xy"), optimizer=Adam(lr=0.001), steps=1000),
        0.9, ("input scale",),
    ),
    Sick(
        "XOR at rate 0.01", GH + "CodingTrain/Toy-Neural-Network-JS/issues/155",
        "two hidden sigmoids at rate 0.01: the plateau does not end", "too slow",
        Recipe(
            "2, 2 sigmoid, 1 sigmoid", XOR, MSE, SGD(lr=0.01), 3000, 1, init=Uniform(-1.0, 1.0),
            bias=Uniform(-1.0, 1.0),
        ),
        but(net="2, 8 sigmoid, 1 sigmoid", optimizer=Adam(lr=0.05)), 1.0,
    ),
    Sick(
        "a line on targets spread over all", NEMOTRON,
        "targets of another shape are spread over the batch: all are asked for the mean", "labels",
        Recipe("5, 16 relu, 1", THE_MEAN, MSE, Adam(lr=0.01), 500),
        but(data=FIVE), 0.8,
    ),
    Sick(
        "numbers of both signs given back by sigmoids", SO + "42514960",
        "an autoencoder ends in sigmoids, for numbers of both signs", "output activation",
        Recipe(
            "12, 24 relu, 24 relu, 4 relu, 24 relu, 24 relu, 12 sigmoid", codes, MSE,
            Adam(lr=0.001), 800,
        ),
        but(net="12, 24 tanh, 24 tanh, 4 tanh, 24 tanh, 24 tanh, 12", steps=2000), 0.7,
    ),
    Sick(
        "all weights zero, with dropout", GH + "udacity/deep-learning-v2-pytorch",
        "the course's weight initialization notebook: weights of zero stay zero", "symmetric units",
        Recipe(
            "784, 256 relu drop 0.2, 128 relu drop 0.2, 10", digits(), CCE, Adam(lr=0.001), 100, 50,
            init="zeros",
        ),
        but(init=TORCH), 0.8, ("initial weights",),
    ),
    Sick(
        "weights between 0 and 1", GH + "udacity/deep-learning-v2-pytorch",
        "the course's weight initialization notebook: weights from U(0, 1) are far too large",
        "initial weights",
        Recipe(
            "784, 256 relu, 128 relu, 10", digits(), CCE, Adam(lr=0.001), 100, 50,
            init=Uniform(0.0, 1.0),
        ),
        but(init=TORCH), 0.8,
    ),
    Sick(
        "three clouds at rate 1e-6",
        MLM + "understand-the-dynamics-of-learning-rate-on-deep-learning-neural-networks",
        "of rates from 1 to 1e-7 the smallest do not learn", "too slow",
        Recipe("2, 50 relu, 3", blobs(500, 3, spread=2), CCE, SGD(lr=1e-6), 800, init="he_uniform"),
        but(optimizer=SGD(lr=0.01)), 0.85,
    ),
    Sick(
        "two hundred columns, twenty rows", D2L + "chapter_linear-regression/weight-decay.html",
        "twenty rows are learned by heart by two hundred weights", "overfitting",
        Recipe("200, 1", wide(20), MSE, SGD(lr=0.003), 1000, 5, init=Normal(0.1)),
        but(data=wide(2000), steps=4000), 0.6,
    ),
    Sick(
        "thirty points by 500 units",
        MLM + "how-to-stop-training-deep-neural-networks-at-the-right-time-using-early-stopping",
        "thirty points of two moons are learned by heart", "overfitting",
        Recipe("2, 500 relu, 1", few_moons(30), BCE, Adam(lr=0.001), 4000, 30),
        but(data=few_moons(800), steps=1500), 0.95,
    ),
    Sick(
        "XOR without a hidden layer", "https://www.deeplearningbook.org/contents/mlp.html",
        "a linear model of XOR answers one half everywhere", "no activation",
        Recipe("2, 1", XOR, MSE, SGD(lr=0.1), 500, 4),
        but(net="2, 8 tanh, 1", optimizer=Adam(lr=0.05)), 1.0, ("capacity",),
    ),
    Sick(
        "rings by lines alone", "https://www.learnpytorch.io/02_pytorch_classification",
        "linear layers draw one straight line through two rings", "no activation",
        Recipe("2, 10, 10, 1", circles(1000, 0.03), BCE, SGD(lr=0.1), 1000, 1000, init=TORCH),
        but(net="2, 10 relu, 10 relu, 1", steps=3000), 0.7,
    ),
    Sick(
        "a hundred layers of ReLU",
        GH + "ageron/handson-ml2/blob/master/11_training_deep_neural_networks.ipynb",
        "a hundred layers of ReLU: the gradient does not come through as it should", "depth",
        Recipe(
            "784, 300 relu, 99*100 relu, 10", digits(), CCE, SGD(lr=0.01), 200, init="he_normal",
        ),
        but(
            net="784, 300 selu, 5*100 selu, 10", init="lecun_normal", data=standard(digits()),
            optimizer=SGD(lr=0.01), steps=300,
        ),
        0.8,
    ),
)
