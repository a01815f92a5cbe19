"""Healthy set-ups from manuals of libraries, and from code that teaches by being read."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, MLM, Healthy
from nnscratch.experiments.public.data import STANDARD, digits, table
from nnscratch.experiments.public.recipe import BCE_P, CCE, CCE_P, MSE, TORCH, Data, Recipe
from nnscratch.experiments.public.series import letters
from nnscratch.initializers import Constant, Normal, Uniform
from nnscratch.optimizers import SGD, Adadelta, Adam

RUMALE: Final = "https://yoshoku.github.io/rumale/doc/Rumale/NeuralNetwork/"
SMALL: Final = digits(large=False)
BANKNOTES: Final = table(919, [(0.43, 2.8), (1.9, 5.9), (1.4, 4.3), (-1.2, 2.1)], 2, noise=0.02)


def quarters(rng: np.random.Generator) -> Data:
    """Return points of a square, 1 where both numbers have the same sign and -1 elsewhere."""
    x = rng.uniform(-5, 5, (400, 2))
    return Data(x + 0.3 * np.sign(x), np.where(x[:, :1] * x[:, 1:] >= 0, 1.0, -1.0))


def powers(rng: np.random.Generator) -> Data:
    """Return the first four powers of normal numbers, and a polynomial of them."""
    x = rng.standard_normal((2000, 1)) ** np.arange(1, 5)
    return Data(x, x @ (5 * rng.standard_normal((4, 1))) + 5 * rng.standard_normal())


# fmt: off
GUIDES: Final[tuple[Healthy, ...]] = (
    Healthy(
        "digits to 16 by four layers of 512",
        GH + "eriklindernoren/ML-From-Scratch",
        Recipe("64, 512 leaky, 3*512 leaky drop 0.25, 10 softmax", digits(16.0, large=False),
               CCE_P, Adadelta(lr=1.0), 300, 256,
               init=TORCH, bias="zeros"), 0.9,
    ),
    Healthy(
        "digits by 500 sigmoids with weights for sigmoids",
        GH + "xiaohu2015/DeepLearning_tutorials",
        Recipe("784, 500 sigmoid, 10", digits(), CCE, Adam(lr=0.01), 600, 100, l2=0.0001,
               init=Uniform(-4 * math.sqrt(6 / 1284), 4 * math.sqrt(6 / 1284)), last="zeros"),
        0.93,
    ),
    Healthy(
        "digits by Rumale's two layers of 128", RUMALE + "MLPClassifier.html",
        Recipe("64, 2*128 relu drop 0.4, 10", SMALL, CCE, Adam(lr=0.001), 1200, 50), 0.95,
    ),
    Healthy(
        "a regression by Rumale's two layers of 128", RUMALE + "MLPRegressor.html",
        Recipe("8, 2*128 relu drop 0.4, 1", table(800, STANDARD * 8, (0.0, 1.0)), MSE,
               Adam(lr=0.001), 2000, 50), 0.9,
    ),
    Healthy(
        "banknotes by ten units", MLM + "neural-network-for-banknote-authentication",
        Recipe("4, 10 relu, 1 sigmoid", BANKNOTES, BCE_P, Adam(lr=0.001), 1450, 32,
               init="he_normal"), 0.9,
    ),
    Healthy(
        "digits by weights of deviation one", GH + "hughperkins/TensorFlow-Examples",
        Recipe("784, 256 relu, 256 relu, 10", digits(), CCE, Adam(lr=0.001), 2000, 100,
               init=Normal(1.0), bias=Normal(1.0)), 0.93,
    ),
    Healthy(
        "a polynomial by a line of powers", GH + "pytorch/examples/tree/main/regression",
        Recipe("4, 1", powers, "Huber", SGD(lr=0.1), 1500, 32, init=TORCH), 0.97,
    ),
    Healthy(
        "the next letter by a GRU at rate 4, clipped",
        "https://d2l.ai/chapter_recurrent-modern/gru.html",
        Recipe("28, 32 gru last, 28", letters(4000, 12, 28), CCE,
               SGD(lr=4.0, clip=ClipByGlobalNorm(1.0)), 400, 1024), 0.5,
    ),
    Healthy(
        "the playground's four quarters", "https://playground.tensorflow.org",
        Recipe("2, 4 tanh, 2 tanh, 1 tanh", quarters, MSE, SGD(lr=0.015), 6000, 10,
               init=Uniform(-0.5, 0.5), bias=Constant(0.1)), 0.5,
    ),
    Healthy(
        "clothes by leaky ReLUs",
        GH + "ageron/handson-ml2/blob/master/11_training_deep_neural_networks.ipynb",
        Recipe("784, 300 leaky, 100 leaky, 10", digits(), CCE, SGD(lr=0.001), 8000, 32,
               init="he_normal"), 0.85,
    ),
)
# fmt: on
