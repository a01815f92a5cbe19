"""Published set-ups that learn, of guides, first pages and gists."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByValue
from nnscratch.experiments.public.case import GH, MLM, Healthy
from nnscratch.experiments.public.data import (
    STANDARD,
    XOR,
    curve,
    digits,
    iris,
    spirals,
    standard,
    table,
)
from nnscratch.experiments.public.recipe import BCE_P, CCE, MSE, Data, Recipe
from nnscratch.experiments.public.series import letters
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adagrad, Adam, RMSProp


def tens(rng: np.random.Generator) -> Data:
    """Return three tens in a row, and the next one."""
    v = np.arange(10.0, 100, 10)
    return Data(np.stack([v[i : i + 3] for i in range(6)]), v[3:9, None])


def tens_in_time(rng: np.random.Generator) -> Data:
    """Return the same, one after the other."""
    d = tens(rng)
    return Data(d.x[:, :, None], d.y)


def alphabet(rng: np.random.Generator) -> Data:
    """Return a letter as a share of the alphabet, and the number of the next one."""
    return Data(np.arange(25)[:, None, None] / 26, np.arange(1, 26))


def fifty(rng: np.random.Generator) -> Data:
    """Return fifty steps of two waves and noise, and the next one."""
    f, g, a, b = rng.random((4, 1000, 1))
    t, noise = np.linspace(0, 1, 51), 0.1 * (rng.random((1000, 51)) - 0.5)
    v = 0.5 * np.sin((t - a) * (f * 10 + 10)) + 0.2 * np.sin((t - b) * (g * 20 + 20)) + noise
    return Data(v[:, :50, None], v[:, 50:])


# fmt: off
PRIMERS: Final[tuple[Healthy, ...]] = (
    Healthy(
        "two layers of 64 of the functional guide", "https://keras.io/guides/functional_api",
        Recipe("784, 64 relu, 64 relu, 10", digits(), CCE, RMSProp(lr=0.001), 1500, 64), 0.95,
    ),
    Healthy(
        "ten, twenty ... ninety by an LSTM",
        MLM + "how-to-develop-lstm-models-for-time-series-forecasting",
        Recipe("1, 50 lstm last, 1", tens_in_time, MSE, Adam(lr=0.001), 4000, 32), 0.9,
    ),
    Healthy(
        "ten, twenty ... ninety by a hundred ReLUs",
        MLM + "how-to-develop-multilayer-perceptron-models-for-time-series-forecasting",
        Recipe("3, 100 relu, 1", tens, MSE, Adam(lr=0.001), 2000, 32), 0.99,
    ),
    Healthy(
        "spirals at a rate of a twentieth", "https://nnfs.io/ch10",
        Recipe("2, 64 relu, 3", spirals(300, 3), CCE, Adam(lr=0.05), 3000, 300, init=Normal(0.01)),
        0.85,
    ),
    Healthy(
        "XOR of deeplearning4j by two outputs", GH + "deeplearning4j/deeplearning4j-examples#xor",
        Recipe("2, 4 sigmoid, 2", XOR, CCE, SGD(lr=0.1), 10000, 4, init=Uniform(0, 1)), 1.0,
    ),
    Healthy(
        "the smallest plain recurrent reader of letters",
        "https://gist.github.com/karpathy/d4dee566867f8291f086",
        Recipe("12, 100 rnn last, 12", letters(1500, 12, 12), CCE,
               Adagrad(lr=0.1, clip=ClipByValue(5.0)), 1500, 25, init=Normal(0.01),
               recurrent=Normal(0.01)), 0.3,
    ),
    Healthy(
        "irises by one layer in Julia",
        "https://fluxml.ai/Flux.jl/stable/tutorials/logistic_regression",
        Recipe("4, 3", standard(iris), CCE, SGD(lr=0.1), 500, 150), 0.9,
    ),
    Healthy(
        "returns of a radar by ten and eight units",
        MLM + "tensorflow-tutorial-deep-learning-with-tf-keras",
        Recipe("34, 10 relu, 8 relu, 1 sigmoid", table(235, STANDARD * 34, 2), BCE_P,
               Adam(lr=0.001), 1200, 32, init="he_normal"), 0.9,
    ),
    Healthy(
        "the letter after a letter by an LSTM",
        MLM + "understanding-stateful-lstm-recurrent-neural-networks-python-keras",
        Recipe("1, 32 lstm last, 26", alphabet, CCE, Adam(lr=0.001), 10000, 1), 0.5,
    ),
    Healthy(
        "the next of fifty by one recurrent unit",
        GH + "ageron/handson-ml2/blob/master/15_processing_sequences_using_rnns_and_cnns.ipynb",
        Recipe("1, 1 rnn last", fifty, MSE, Adam(lr=0.005), 2000, 32), 0.5,
    ),
    Healthy(
        "three times a number and two",
        "https://fluxml.ai/Flux.jl/stable/tutorials/linear_regression",
        Recipe("1, 1", curve(lambda x: 3 * x + 2, -3, 3, 61, noise=0.5), MSE, SGD(lr=0.01), 200,
               61), 0.9,
    ),
)
# fmt: on
