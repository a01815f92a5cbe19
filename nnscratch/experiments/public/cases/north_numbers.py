"""Cases of north in which numbers are to be predicted."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.data import changed, curve, standard, table
from nnscratch.experiments.public.recipe import MSE, Data, Recipe
from nnscratch.experiments.public.series import engines, prices, waves
from nnscratch.optimizers import SGD, Adam

EIGHT: Final = table(600, [(0, 1)] * 8, (0.0, 1.0))
GAS: Final = prices(500, 15, 10_000.0, 2000.0)
AGES: Final = table(700, [(25_000, 5000), (900, 300), (70, 12), (1.4, 0.5), (180, 60)], (0.0, 1.0))
HEIGHTS: Final = curve(lambda x: 52 + 62 * (x - 1.47), 1.47, 1.83, 15)
FLATS: Final = table(800, [(0, 1)] * 6, (1_200_000.0, 400_000.0))
FLIGHTS: Final = standard(engines(500, 20), "x")
WAVES: Final = waves(500, 20)
LETTERS: Final = changed(WAVES, lambda d, rng: Data(d.x, 0.5 + 0.3 * np.tanh(d.y)))

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "normalised, and then it does not fall", GH + "Smadx/USTC-ML24-Fall/issues/47",
        "the rate was for columns that were not normalised: it is too small", "too slow",
        Recipe("8, 1", EIGHT, MSE, SGD(lr=1e-6), 600),
        but(optimizer=SGD(lr=0.05)), 0.85,
    ),
    Sick(
        "gas as it is metered", GH + "zhouhaoyi/Informer2020/issues/251",
        "values of ten thousand go in and are to come out", "target scale",
        Recipe("1, 24 gru last, 1", GAS, MSE, Adam(lr=0.001), 400),
        but(data=standard(GAS, "xy"), optimizer=Adam(lr=0.01)), 0.8, ("input scale",),
    ),
    Sick(
        "ages in days, weights, doses", GH + "jaredleekatzman/DeepSurv/issues/14",
        "the features are not normalised: the loss becomes NaN", "input scale",
        Recipe("5, 32 selu, 16 selu, 1", AGES, MSE, SGD(lr=0.001), 300),
        but(data=standard(AGES), optimizer=SGD(lr=0.02), steps=1500), 0.85, ("rate too large",),
    ),
    Sick(
        "heights and weights", GH + "NeuraLegion/shainet/issues/39",
        "answers of fifty and more throw the weights to NaN", "target scale",
        Recipe("1, 4 relu, 1", HEIGHTS, MSE, SGD(lr=0.1, momentum=0.7), 400, 1),
        but(data=standard(HEIGHTS, "xy"), net="1, 4 tanh, 1", optimizer=SGD(lr=0.05), steps=1500),
        0.9, ("rate too large", "input scale"),
    ),
    Sick(
        "the gradient's norm at most a ten-thousandth", GH + "twtygqyy/pytorch-vdsr/issues/2",
        "with so small a threshold it takes much longer", "clip",
        Recipe("8, 32 relu, 1", EIGHT, MSE, SGD(lr=0.1, clip=ClipByGlobalNorm(1e-4)), 800),
        but(optimizer=SGD(lr=0.1, clip=ClipByGlobalNorm(1.0))), 0.85,
    ),
    Sick(
        "an LSTM at a hundred-thousandth",
        "https://www.codegenes.net/blog/loss-not-decreasing-lstm-pytorch",
        "the learning rate is too low: the weights hardly move", "too slow",
        Recipe("1, 24 lstm last, 1", WAVES, MSE, Adam(lr=1e-5), 400),
        but(optimizer=Adam(lr=0.01)), 0.85,
    ),
    Sick(
        "flats in pesos", GH + "UC-IIC2613/Syllabus/issues/220",
        "prices of a million make a rate hard to find", "target scale",
        Recipe("6, 32 tanh, 1", FLATS, MSE, SGD(lr=0.01), 600),
        but(data=standard(FLATS, "y"), optimizer=SGD(lr=0.05), steps=1500), 0.85,
        ("rate too large",),
    ),
    Sick(
        "up to a hundred and thirty flights are left", GH + "tilman151/rul-datasets/issues/64",
        "the answers are to be divided by their largest", "target scale",
        Recipe("5, 32 lstm last, 1", FLIGHTS, MSE, Adam(lr=0.001), 400),
        but(data=standard(FLIGHTS, "y"), optimizer=Adam(lr=0.005)), 0.7, ("too slow",),
    ),
    Sick(
        "the next one by a softmax of itself", GH + "keras-team/keras/issues/500",
        "a softmax over one number is one", "softmax over one unit",
        Recipe("1, 24 lstm last, 1 softmax", LETTERS, MSE, Adam(lr=0.01), 400),
        but(net="1, 24 lstm last, 1"), 0.85,
    ),
)
# fmt: on
