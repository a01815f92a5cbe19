"""Published set-ups from demonstrations in a browser and from examples that come with libraries."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, Healthy
from nnscratch.experiments.public.data import curve, digits, standard
from nnscratch.experiments.public.recipe import CCE, MSE, Data, Recipe
from nnscratch.initializers import Normal
from nnscratch.optimizers import SGD, Adam

CONVNET: Final = GH + "karpathy/convnetjs/blob/master/demo/"
ZOO: Final = GH + "FluxML/model-zoo/tree/master/"


def disc_and_ring(rng: np.random.Generator) -> Data:
    """Return points within two of the middle, and points from three to five away."""
    y = np.arange(100) % 2
    angle = rng.uniform(0, 2 * np.pi, 100)
    radius = np.where(y, rng.uniform(0, 2, 100), rng.uniform(3, 5, 100))
    return Data(radius[:, None] * np.column_stack([np.sin(angle), np.cos(angle)]), y)


def pictures(rng: np.random.Generator) -> Data:
    """Return digits of 28 x 28 that are to be given back."""
    x = digits(n=800)(rng).x
    return Data(x, x.astype(float))


def two_bits(rng: np.random.Generator) -> Data:
    """Return a hundred times two bits, a row for each, and whether they differ."""
    bits = rng.integers(0, 2, (100, 2))
    return Data(np.eye(2)[bits], bits.sum(axis=1) % 2)


# fmt: off
DEMOS: Final[tuple[Healthy, ...]] = (
    Healthy(
        "five hundred digits, five at a time, by 150 sigmoids",
        "https://rasbt.github.io/mlxtend/user_guide/classifier/MultiLayerPerceptron",
        Recipe("784, 150 sigmoid, 10", standard(digits(n=500)), CCE, SGD(lr=0.025), 6000, 5,
               init=Normal(0.1)), 0.95,
    ),
    Healthy(
        "a number times its sine, one at a time", CONVNET + "regression.html",
        Recipe("1, 20 relu, 20 sigmoid, 1", curve(lambda x: x * np.sin(x), -5, 5, 20, random=True),
               MSE, SGD(lr=0.01), 9000, 1, init="lecun_normal", l2=0.0005), 0.85,
    ),
    Healthy(
        "a disc and a ring in the browser", CONVNET + "classify2d.html",
        Recipe("2, 6 tanh, 2 tanh, 2", disc_and_ring, CCE, SGD(lr=0.01, momentum=0.1), 9000, 10,
               init="lecun_normal", l2=0.0005), 0.95,
    ),
    Healthy(
        "pictures through thirty-two units and a ReLU", ZOO + "mnist",
        Recipe("784, 32 relu, 784 relu", pictures, MSE, Adam(lr=0.001), 600, 1000), 0.7,
    ),
    Healthy(
        "digits by 500 and 100 units with a momentum of 0.98",
        GH + "deeplearning4j/deeplearning4j-examples",
        Recipe("784, 500 relu, 100 relu, 10", digits(), CCE,
               SGD(lr=0.0015, momentum=0.98, nesterov=True), 360, 64, init="glorot_normal",
               l2=4e-6), 0.95,
    ),
    Healthy(
        "whether two bits differ, read by an LSTM", ZOO + "bitstring-parity",
        Recipe("2, 20 lstm 1 last, 2", two_bits, CCE, Adam(lr=0.001), 2000, 1), 1.0,
    ),
)
# fmt: on
