"""Cases of harbour in which a number is to be told; the other half is `harbour_labels`."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, SO, Sick, but
from nnscratch.experiments.public.data import changed, curve, digits, iris, standard, table
from nnscratch.experiments.public.recipe import BCE_P, MSE, Data, Maker, Recipe
from nnscratch.experiments.public.series import engines, prices
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adam

GOING: Final = table(800, [(0, 1)] * 16, (0.0, 1.0))
TWELVE: Final = table(900, [(0, 1)] * 12, (0.0, 1.0))
HOURS: Final = table(300, [(6, 2), (4, 3), (3, 2), (2, 2)], (0.5, 0.15))
POWER: Final = prices(700, 20, 45.0, 15.0)
STANDARD_POWER: Final = standard(POWER, "xy")


def matrix(n: int, size: int) -> Maker:
    """Return numbers from 0 to 1, and what sigmoids of an unknown matrix make of them."""

    def make(rng: np.random.Generator) -> Data:
        x, w = rng.random((n, size)), rng.standard_normal((size, size))
        return Data(x, 1 / (1 + np.exp(-(x - 0.5) @ w)))

    return make


def sepals(d: Data, rng: np.random.Generator) -> Data:
    """Return the length of the sepals, to be told from the other three columns, standardised."""
    x = d.x[:, 1:]
    return Data((x - x.mean(axis=0)) / x.std(axis=0), d.x[:, :1])


def sums(d: Data, rng: np.random.Generator) -> Data:
    """Return pairs of tenths, and their sums."""
    x = np.array([(i / 10, j / 10) for i in range(10) for j in range(10)])
    return Data(x, x.sum(axis=1, keepdims=True))


def signs(d: Data, rng: np.random.Generator) -> Data:
    """Return four of -1, 0 and 1, and the sine of their sum."""
    x = rng.integers(-1, 2, (400, 4)).astype(float)
    return Data(x, np.sin(x.sum(axis=1, keepdims=True)))


def hours_left(factor: float) -> Maker:
    """Return readings of gauges, standardised, and hours that are left, times a factor."""
    return changed(standard(engines(700, 15)), lambda d, rng: Data(d.x, factor * d.y))


def given_back(d: Data, rng: np.random.Generator) -> Data:
    """Return pictures that are to be given back."""
    return Data(d.x, d.x.astype(float))


BEARINGS: Final = hours_left(60.0)
LENGTHS: Final = changed(iris, sepals)
PICTURES: Final = changed(digits(large=False, n=1000), given_back)
PARABOLA: Final = curve(lambda x: x**2, -1, 1, 200)
WAVE: Final = curve(lambda x: np.sin(4 * x), -2, 2, 300)

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "a parabola from weights of a hundredth", GH + "jax-ml/jax/issues/2605",
        "weights and biases of a hundredth: it gives the mean, and stays there",
        "initial weights",
        Recipe(
            "1, 17 relu, 17 relu, 1", PARABOLA, MSE, SGD(lr=0.01), 1000, 50,
            init=Normal(0.01), bias=Normal(0.01),
        ),
        but(init="he_normal", optimizer=Adam(lr=0.01)), 0.9, ("too slow",),
    ),
    Sick(
        "marks of fifty by fifty sigmoids' worth", "https://huggingface.co/datasets/nvidia/"
        "Nemotron-CC-Math-v1",
        "an output times fifty, squared, makes of a rate of 0.05 one of 125", "rate too large",
        Recipe(
            "4, 2 sigmoid, 1 sigmoid", HOURS, MSE, SGD(lr=125.0), 500, 300, init=Normal(1.0),
        ),
        but(net="4, 8 tanh, 1", data=standard(HOURS), optimizer=Adam(lr=0.01), steps=800,
            init="glorot_uniform"), 0.8, ("input scale",),
    ),
    Sick(
        "a matrix behind a sigmoid", "https://discuss.pytorch.org/t/153791",
        "weights of deviation one saturate the sigmoids: the gradient is too small",
        "initial weights",
        Recipe(
            "60, 60 sigmoid", matrix(800, 60), MSE, SGD(lr=1.0), 600, 800, init=Normal(1.0),
        ),
        but(loss=BCE_P, init="glorot_uniform", optimizer=Adam(lr=0.03), batch=50, steps=1500),
        0.85, ("too slow", "loss"),
    ),
    Sick(
        "digits given back at a ten-thousandth", GH + "BVLC/caffe/pull/330",
        "two million steps were needed at this rate", "too slow",
        Recipe("64, 40 sigmoid, 12 sigmoid, 40 sigmoid, 64 sigmoid", PICTURES, BCE_P,
               SGD(lr=1e-4), 600),
        but(net="64, 40 relu, 16 relu, 40 relu, 64 sigmoid", optimizer=Adam(lr=0.005), steps=1500),
        0.5, ("activation", "depth"),
    ),
    Sick(
        "the sine of four signs", SO + "5105718",
        "a sigmoid gives nothing below zero", "output activation",
        Recipe("4, 6 sigmoid, 1 sigmoid", changed(PARABOLA, signs), MSE, SGD(lr=0.1), 2000, 20),
        but(net="4, 24 tanh, 1", optimizer=SGD(lr=0.2)), 0.85,
    ),
    Sick(
        "sepals by a regressor's two hundred rounds", SO + "72410071",
        "two hundred steps of a thousandth do not come to a length of six", "too slow",
        Recipe("3, 100 relu, 1", LENGTHS, MSE, Adam(lr=0.001), 200, 150),
        but(optimizer=Adam(lr=0.01), steps=1500), 0.6, ("target scale",),
    ),
    Sick(
        "what a megawatt costs, hour by hour", GH +
        "pusj/LSTM-Time-Series-Analysis-using-Tensorflow/issues/3",
        "prices go in, and are asked for, as they are", "input scale",
        Recipe("1, 16 gru last, 1", POWER, MSE, Adam(lr=0.001), 500),
        but(data=STANDARD_POWER, optimizer=Adam(lr=0.005)), 0.8, ("target scale", "too slow"),
    ),
    Sick(
        "four LSTMs for a flat line", GH +
        "jinglescode/time-series-forecasting-tensorflowjs/issues/9",
        "four layers at this rate stay at the mean", "depth",
        Recipe("1, 3*16 lstm, 16 lstm last, 1", STANDARD_POWER, MSE, SGD(lr=0.01), 400),
        but(net="1, 16 lstm last, 1", optimizer=Adam(lr=0.005)), 0.88, ("too slow",),
    ),
    Sick(
        "a fifth of a thousandth by mistake", GH + "mila-iqia/blocks/pull/410",
        "Adam's default lost a zero too many", "too slow",
        Recipe("16, 48 tanh, 48 tanh, 1", GOING, MSE, Adam(lr=2e-5), 400),
        but(optimizer=Adam(lr=0.002), steps=600), 0.85,
    ),
    Sick(
        "the sum of two tenths", GH + "Blueteak/Unity-Neural-Network/issues/3",
        "sums to 1.8 for sigmoids, and too large a rate", "output activation",
        Recipe("2, 2 sigmoid, 2 sigmoid, 1 sigmoid", changed(PARABOLA, sums), MSE,
               SGD(lr=0.4, momentum=0.9), 1500, 1),
        but(net="2, 8 tanh, 1", optimizer=SGD(lr=0.1, momentum=0.1)), 0.97, ("rate too large",),
    ),
    Sick(
        "hours that a bearing has left", GH + "ddrrrr/projectRUL/issues/2",
        "hours of thousands: the loss is huge and stays so", "target scale",
        Recipe("5, 24 gru last, 1", BEARINGS, MSE, SGD(lr=0.05, momentum=0.9), 400),
        but(data=standard(BEARINGS, "y"), optimizer=Adam(lr=0.005)), 0.9, ("rate too large",),
    ),
    Sick(
        "dropout as it was for classes", GH + "LAMDA-Tabular/TALENT/pull/1",
        "a regression of few units is left nothing to add up", "dropout",
        Recipe("12, 12 relu drop 0.8, 12 relu drop 0.8, 1", TWELVE, MSE, Adam(lr=0.005), 900),
        but(net="12, 12 relu, 12 relu, 1"), 0.8,
    ),
    Sick(
        "a layer that begins as nothing, then a ReLU",
        GH + "lucidrains/deep-cross-attention/issues/2",
        "zeros and no bias: no symmetry is broken, and no gradient moves it", "symmetric units",
        Recipe("16, 24 relu, 24 relu, 1", GOING, MSE, Adam(lr=0.003), 500, init="zeros"),
        but(init="he_normal"), 0.85,
    ),
    Sick(
        "eight layers of tanh for a wave", GH + "ComputationalDomain/PINNs/issues/1",
        "so many layers of tanh without a way past them", "depth",
        Recipe("1, 12*10 tanh, 1", WAVE, MSE, SGD(lr=0.01), 800, 50, init=Uniform(-0.3, 0.3)),
        but(net="1, 2*32 tanh, 1", init="glorot_normal", optimizer=Adam(lr=0.01), steps=1500), 0.9,
        ("initial weights", "activation", "too slow"),
    ),
)
# fmt: on
