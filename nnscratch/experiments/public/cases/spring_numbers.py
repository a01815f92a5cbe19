"""Cases of spring in which numbers are to be predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, SO, Sick, but
from nnscratch.experiments.public.data import BOSTON, changed, curve, digits, standard, table
from nnscratch.experiments.public.recipe import BCE_P, MSE, TORCH, Data, Maker, Recipe
from nnscratch.experiments.public.series import storms, waves
from nnscratch.initializers import Constant, Uniform
from nnscratch.optimizers import SGD, Adam, RMSProp

TWELVE: Final = table(700, [(0, 1)] * 12, (0.0, 1.0))
TWENTY_EIGHT: Final = table(600, [(0, 1)] * 28, (0.0, 1.0))
FIVE_RAW: Final = table(500, [(70, 30), (3, 1), (900, 200), (40, 12), (12, 5)], (50.0, 20.0))
THREE_RAW: Final = table(500, [(1200, 500), (300, 90), (45, 20)], (2600.0, 800.0))
WINE: Final = table(
    900,
    [
        *[(6.9, 0.8), (0.28, 0.1), (0.33, 0.12), (6.4, 5.1), (0.046, 0.02), (35, 17), (138, 42)],
        *[(0.99, 0.003), (3.2, 0.15), (0.5, 0.11), (10.5, 1.2)],
    ],
    (5.9, 0.9),
)
PICTURES: Final = changed(digits(large=False), lambda d, rng: Data(d.x, d.x))
TURN: Final = curve(np.sin, 0, 2 * np.pi, 100)
HEIGHTS: Final = curve(lambda x: 0.5 * x + 20, 0, 100, 200, 3.0, random=True)
BEND: Final = curve(lambda x: 2 * x**3 - x**2 - x, -1, 1, 200)
HUNDRED: Final = curve(lambda x: x**2, 0, 100, 150)
LARGE_WAVES: Final = changed(waves(500, 12), lambda d, rng: Data(d.x, 3 * d.y))


def given(x: Sequence[Sequence[float]], y: Sequence[Sequence[float]]) -> Maker:
    """Return these few rows."""
    return lambda rng: Data(np.array(x, float), np.array(y, float))


def factors(columns: int, behind: int) -> Maker:
    """Return standardised columns that a few numbers are behind, to be given back."""

    def make(rng: np.random.Generator) -> Data:
        x = rng.standard_normal((800, behind)) @ rng.standard_normal((behind, columns))
        x = (x - x.mean(axis=0)) / x.std(axis=0)
        return Data(x, x)

    return make


def sums(rng: np.random.Generator) -> Data:
    """Return pairs of numbers of both signs, and their sums."""
    x = rng.uniform(-3, 3, (400, 2))
    return Data(x, x.sum(axis=1, keepdims=True))


def budgets(rng: np.random.Generator) -> Data:
    """Return fifteen years and what was spent on eight things in each."""
    year = np.arange(2004.0, 2019.0)
    share = np.array([0.5, 0.09, 0.1, 0.02, 0.03, 0.18, 0.03, 0.05])
    whole = 23_000 + 1100 * (year - 2004) + 900 * rng.standard_normal(15)
    return Data(year[:, None], whole[:, None] * share)


FEW: Final = given([[1], [2], [3], [4], [5]], [[1], [4], [6], [8], [10]])
TWO: Final = given([[0, 1], [1, 1]], [[0], [2]])
FRAUDS: Final = factors(29, 5)
TEN: Final = factors(10, 3)
STORMS: Final = storms(500, 6)

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "one to five, twice", GH + "BrainJS/brain.js/issues/687",
        "answers go on to ten, and a sigmoid ends at one", "output activation",
        Recipe(
            "1, 3 sigmoid, 1 sigmoid", FEW, MSE, SGD(lr=0.3), 3000, 1, init=Uniform(-0.2, 0.2),
        ),
        but(net="1, 8 tanh, 1", data=standard(FEW, "xy"), optimizer=SGD(lr=0.05)), 0.95,
        ("target scale",),
    ),
    Sick(
        "budgets by the year", GH + "BrainJS/brain.js/issues/850",
        "amounts of thousands, and sigmoids that are always one", "output activation",
        Recipe(
            "1, 3 sigmoid, 8 sigmoid", budgets, MSE, SGD(lr=0.3), 1500, 1,
            init=Uniform(-0.2, 0.2),
        ),
        but(net="1, 8 tanh, 8", data=standard(budgets, "xy"), optimizer=SGD(lr=0.05), steps=3000),
        0.8, ("target scale", "input scale"),
    ),
    Sick(
        "sums by a binary neuron", GH + "trentsartain/Neural-Network/issues/7",
        "the output is a yes or no, the answers are any numbers", "output activation",
        Recipe(
            "2, 2 sigmoid, 1 sigmoid", sums, MSE, SGD(lr=0.1), 2000, 1, init=Uniform(-0.5, 0.5),
        ),
        but(net="2, 8 tanh, 1", optimizer=SGD(lr=0.02), steps=4000), 0.9, ("target scale",),
    ),
    Sick(
        "nothing or two", "https://math.stackexchange.com/questions/1644776",
        "a sigmoid gives at most one", "output activation",
        Recipe("2, 3 sigmoid, 1 sigmoid", TWO, MSE, SGD(lr=0.5), 2000, 2, init=Uniform(-0.5, 0.5)),
        but(net="2, 3 sigmoid, 1"), 0.95, ("target scale",),
    ),
    Sick(
        "waves to four by a gate and a sigmoid",
        GH + "jsyoon0823/Time-series-prediction/issues/3",
        "the model ends in a sigmoid: targets must be normalised", "output activation",
        Recipe("1, 12 gru last, 1 sigmoid", LARGE_WAVES, MSE, Adam(lr=0.01), 500),
        but(net="1, 12 gru last, 1"), 0.9, ("target scale",),
    ),
    Sick(
        "payments given back by ReLUs",
        GH + "curiousily/Credit-Card-Fraud-Detection-using-Autoencoders-in-Keras/issues/1",
        "standardised columns have both signs, a ReLU at the end has one", "output activation",
        Recipe("29, 14 tanh, 7 relu, 7 tanh, 29 relu", FRAUDS, MSE, Adam(lr=0.003), 800),
        but(net="29, 14 tanh, 7 tanh, 7 tanh, 29"), 0.7,
    ),
    Sick(
        "standardised, then given back by sigmoids", GH + "yzhao062/pyod/issues/314",
        "inputs are standardised, outputs go from 0 to 1", "output activation",
        Recipe("10, 32 relu, 8 relu, 32 relu, 10 sigmoid", TEN, MSE, Adam(lr=0.003), 600),
        but(net="10, 32 relu, 8 relu, 32 relu, 10"), 0.85, ("target scale",),
    ),
    Sick(
        "pictures coded by a softmax",
        GH + "rajarsheem/libsdae-autoencoder-tensorflow/issues/3",
        "a hidden layer is a softmax: its units share out one", "activation",
        Recipe("64, 40 softmax, 64 sigmoid", PICTURES, BCE_P, Adam(lr=0.005), 500, 100),
        but(net="64, 40 relu, 64 sigmoid"), 0.75,
    ),
    Sick(
        "Boston through a hundred ReLUs", GH + "microsoft/CNTK/issues/372",
        "without normalised features all answers are one number", "input scale",
        Recipe("13, 100 relu, 1", BOSTON, MSE, SGD(lr=0.001), 500, 25),
        but(data=standard(BOSTON, "xy"), optimizer=SGD(lr=0.02)), 0.8, ("rate too large",),
    ),
    Sick(
        "hurricanes as they are written down", GH + "hammad93/hurricane-net/issues/1",
        "features were not scaled: the gradient exploded", "input scale",
        Recipe("5, 24 rnn_relu last, 1", STORMS, MSE, SGD(lr=0.001), 300),
        but(net="5, 24 rnn last, 1", data=standard(STORMS, "xy"), optimizer=Adam(lr=0.01)), 0.7,
        ("rate too large", "target scale"),
    ),
    Sick(
        "a line through columns of all sizes", GH + "scikit-learn/scikit-learn/issues/19451",
        "with standardised columns it works at once", "input scale",
        Recipe("5, 1", FIVE_RAW, MSE, SGD(lr=0.01), 300, 1),
        but(data=standard(FIVE_RAW, "xy")), 0.75, ("rate too large",),
    ),
    Sick(
        "wine, weights between 0 and 1", "https://ramilus.com/blog?page=14",
        "weights from 0 to 1 let everything grow, to NaN", "initial weights",
        Recipe(
            "11, 100 relu, 20 relu, 10 relu, 1", WINE, MSE, SGD(lr=0.001), 300,
            init=Uniform(0.0, 1.0),
        ),
        but(init="he_normal", data=standard(WINE, "xy"), optimizer=SGD(lr=0.02)), 0.8,
        ("input scale", "rate too large"),
    ),
    Sick(
        "ten layers of sigmoids for a forecast", GH + "torch/torch7/issues/1092",
        "so many sigmoid layers hardly learn at this rate; with fewer it begins", "depth",
        Recipe(
            "28, 56 sigmoid, 58 sigmoid, 112 sigmoid, 114 sigmoid, 224 sigmoid, 226 sigmoid, "
            "112 sigmoid, 56 sigmoid, 1", TWENTY_EIGHT, MSE, SGD(lr=0.01), 300, init=TORCH,
        ),
        but(net="28, 56 relu, 56 relu, 1", optimizer=Adam(lr=0.003)), 0.85,
        ("activation", "initial weights", "norm", "too slow"),
    ),
    Sick(
        "a turn of the sine through ten layers of four", GH + "codeplea/genann/issues/48",
        "ten layers of four sigmoids let no gradient through", "activation",
        Recipe("1, 10*4 sigmoid, 1", TURN, MSE, SGD(lr=0.1), 3000, 1, init=Uniform(-0.5, 0.5)),
        but(net="1, 16 tanh, 16 tanh, 1", init="glorot_uniform", optimizer=Adam(lr=0.01), batch=20),
        0.95, ("depth", "initial weights", "norm", "capacity"),
    ),
    Sick(
        "hidden biases far too large", GH + "rasmusbergpalm/DeepLearnToolbox/issues/134",
        "large first biases make the sigmoids say the same whatever comes", "initial weights",
        Recipe(
            "12, 40 sigmoid, 20 sigmoid, 1", TWELVE, MSE, SGD(lr=0.1), 800, bias=Constant(8.0),
        ),
        but(bias="zeros", optimizer=SGD(lr=0.5), steps=2000), 0.8,
    ),
    Sick(
        "a line at RMSProp's thousandth", SO + "51181393",
        "the rate should have been a hundred times larger", "too slow",
        Recipe("1, 1", HEIGHTS, MSE, RMSProp(lr=0.001, decay=0.9), 600),
        but(optimizer=RMSProp(lr=0.1, decay=0.9), steps=2000), 0.85,
        ("target scale", "input scale"),
    ),
    Sick(
        "thousands in, thousands out", SO + "47932589",
        "neither inputs nor answers are normalised", "input scale",
        Recipe("3, 20 tanh, 1", THREE_RAW, MSE, Adam(lr=0.001), 600),
        but(data=standard(THREE_RAW, "xy"), optimizer=Adam(lr=0.01)), 0.85, ("target scale",),
    ),
    Sick(
        "a polynomial at the usual rate", SO + "44998910",
        "the rate is too small, and the epochs too few", "too slow",
        Recipe("1, 16 tanh, 1", BEND, MSE, SGD(lr=0.01), 300),
        but(optimizer=SGD(lr=0.3), steps=6000), 0.9,
    ),
    Sick(
        "squares of a hundred at SGD's 0.01", SO + "46642627",
        "neither side is normalised: the rate would have to be a millionth", "rate too large",
        Recipe("1, 20 relu, 1", HUNDRED, MSE, SGD(lr=0.01), 300, 10),
        but(data=standard(HUNDRED, "xy"), steps=2000), 0.9, ("target scale", "input scale"),
    ),
)
# fmt: on
