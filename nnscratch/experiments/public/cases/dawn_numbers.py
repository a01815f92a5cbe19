"""Cases of dawn in which numbers are to be predicted."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, SO, Sick, but
from nnscratch.experiments.public.cases.spring_numbers import factors, given
from nnscratch.experiments.public.data import changed, curve, digits, standard, table
from nnscratch.experiments.public.recipe import MSE, TORCH, Data, Maker, Recipe
from nnscratch.experiments.public.series import two_marked, waves
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adam

PICTURES: Final = changed(digits(), lambda d, rng: Data(d.x, d.x))
PIXELS: Final = standard(changed(digits(large=False), lambda d, rng: Data(d.x, d.x)), "xy")
CALIFORNIA: Final = table(
    1000,
    [(3.9, 1.9), (29, 12), (5.4, 2.5), (1.1, 0.5), (1425, 1132), (3.1, 1.4), (36, 2), (-120, 2)],
    (2.1, 1.2),
)
WEATHER: Final = table(
    60,
    [
        *[(0, 0.5), (6, 1), (9, 4), (95, 45), (-0.1, 0.05), (0.1, 0.05), (-0.3, 0.1)],
        *[(0.3, 0.1), (307, 60), (735, 110), (2.6, 0.1), (2.6, 0.1)],
    ],
    (165.0, 48.0),
)
BINARY: Final = changed(
    table(800, [(0, 1)] * 16, (0.0, 1.0)),
    lambda d, rng: Data((d.x > 0).astype(float), (d.x > 0) @ rng.normal(0, 2, (16, 1)) + 3),
)
FIVE: Final = table(400, [(0, 1)] * 5, (0.0, 1.0))


def every_pair(d: Data, rng: np.random.Generator) -> Data:
    """Return every row with the targets of eight others: what a lost axis compares."""
    return Data(np.tile(d.x, (8, 1)), np.concatenate([rng.permutation(d.y) for _ in range(8)]))


def boards(rng: np.random.Generator) -> Data:
    """Return boards of noughts and crosses, and what each move is worth, from -1 to 1."""
    x = rng.integers(-1, 2, (800, 9)).astype(float)
    worth = np.tanh(x @ rng.normal(0, 0.8, (9, 9)))
    return Data(x, np.where(x == 0, worth, -1.0))


def values(mean: float, spread: float, n: int = 800) -> Maker:
    """Return states of eight numbers, and what two moves are worth."""

    def make(rng: np.random.Generator) -> Data:
        x = rng.standard_normal((n, 8))
        worth = np.tanh(x @ rng.normal(0, 0.6, (8, 2)))
        return Data(x, mean + spread * worth)

    return make


FOUR: Final = given([[0.1, 0.9], [0.8, 0.2], [0.4, 0.4], [0.9, 0.9]], [[1], [2], [3], [4]])


def four_words(rng: np.random.Generator) -> Data:
    """Return four sequences of random numbers, and a number for each."""
    return Data(rng.random((4, 6, 20)), np.array([[-0.8], [2.2], [3.1], [5.0]]))


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "noughts and crosses by sigmoids", SO + "41722336",
        "moves are worth -1 to 1, and a sigmoid gives 0 to 1", "output activation",
        Recipe("9, 48 tanh, 9 sigmoid", boards, MSE, Adam(lr=0.01), 800),
        but(net="9, 48 tanh, 9"), 0.6,
    ),
    Sick(
        "what moves are worth, through a ReLU", GH + "dennybritz/reinforcement-learning/pull/104",
        "values below zero cannot come out of a ReLU", "output activation",
        Recipe("8, 32 relu, 2 relu", values(-0.3, 1.0), MSE, Adam(lr=0.005), 800),
        but(net="8, 32 relu, 2"), 0.9,
    ),
    Sick(
        "rewards of minus two hundred", GH + "keras-rl/keras-rl/issues/28",
        "rewards go from -220 to 15: the values blow up", "target scale",
        Recipe("8, 16 relu, 16 relu, 2", values(-100.0, 120.0), MSE, SGD(lr=0.02), 600),
        but(data=standard(values(-100.0, 120.0), "xy"), optimizer=SGD(lr=0.1), steps=1500), 0.85,
        ("rate too large",),
    ),
    Sick(
        "(n, 1) against (n,)", GH + "LAMDA-Tabular/TALENT/pull/92",
        "an axis is lost: every output is compared with every target", "labels",
        Recipe("5, 32 relu, 1", changed(FIVE, every_pair), MSE, Adam(lr=0.003), 600, 64),
        but(data=FIVE), 0.85,
    ),
    Sick(
        "the state itself is the answer", GH + "nicodjimenez/lstm/issues/37",
        "a state ends at one, and answers go on to five", "output activation",
        Recipe("20, 1 lstm last", four_words, MSE, SGD(lr=0.1), 800, 4),
        but(net="20, 16 lstm last, 1"), 0.9, ("target scale", "capacity"),
    ),
    Sick(
        "yes and no in, numbers out, four layers of sigmoids",
        "https://ai.stackexchange.com/questions/16557",
        "each sigmoid takes three quarters of the gradient", "activation",
        Recipe("16, 4*64 sigmoid, 1", BINARY, MSE, SGD(lr=0.02), 800),
        but(net="16, 2*64 relu, 1", optimizer=SGD(lr=0.01)), 0.85,
        ("initial weights", "norm", "depth", "too slow"),
    ),
    Sick(
        "one, two, three, four by a tanh", "http://ansaurus.com/question/3644795",
        "answers go on to four, and a tanh ends at one", "output activation",
        Recipe("2, 4 tanh, 1 tanh", FOUR, MSE, SGD(lr=0.1), 2000, 1, init=Uniform(-0.5, 0.5)),
        but(net="2, 8 tanh, 1", optimizer=SGD(lr=0.05), steps=6000), 0.9, ("target scale",),
    ),
    Sick(
        "California by a line",
        "https://thepalindrome.org/p/linear-regression-and-the-exploding-gradients",
        "one column has thousands: its gradient explodes", "input scale",
        Recipe("8, 1", CALIFORNIA, MSE, SGD(lr=0.01), 300, 1000),
        but(data=standard(CALIFORNIA)), 0.7, ("rate too large",),
    ),
    Sick(
        "digits given back, loss 0.158", GH + "keras-team/keras/issues/1604",
        "a thousandth is far too slow for a mean over all pixels", "too slow",
        Recipe("784, 100, 784", PICTURES, MSE, SGD(lr=0.001, momentum=0.1), 400, 128),
        but(optimizer=Adam(lr=0.002)), 0.6,
    ),
    Sick(
        "standardised pictures given back by ReLUs",
        GH + "mikesj-public/convolutional_autoencoder/pull/9",
        "half of what is to be given back is below zero", "output activation",
        Recipe("64, 48 relu, 64 relu", PIXELS, MSE, Adam(lr=0.003), 800),
        but(net="64, 48 relu, 64"), 0.65,
    ),
    Sick(
        "an embedding at 1e-4", GH + "msmbuilder/vde/issues/6",
        "the default rate is too low: a hundredth does as well", "too slow",
        Recipe("20, 32 silu, 4, 32 silu, 20", factors(20, 4), MSE, Adam(lr=1e-4), 500, 64),
        but(optimizer=Adam(lr=0.005)), 0.8,
    ),
    Sick(
        "energies in electronvolts", GH + "atomistic-machine-learning/schnetpack/issues/336",
        "energies are of thousands and were not normalised", "target scale",
        Recipe("10, 32 silu, 16 silu, 1", table(700, [(0, 1)] * 10, (-11_000.0, 300.0)), MSE,
               Adam(lr=0.0005), 800, 50),
        but(data=standard(table(700, [(0, 1)] * 10, (-11_000.0, 300.0)), "xy"),
            optimizer=Adam(lr=0.003)), 0.85,
    ),
    Sick(
        "twelve columns as they were measured", GH + "rushter/MLAlgorithms/issues/32",
        "columns of hundreds beside columns of a tenth, and weights of one", "input scale",
        Recipe("12, 16 tanh, 4 tanh, 1", WEATHER, MSE, Adam(lr=0.001), 600, 16, init=Normal(0.5)),
        but(data=standard(WEATHER, "xy"), optimizer=Adam(lr=0.01), init="glorot_uniform"), 0.85,
        ("target scale", "initial weights"),
    ),
    Sick(
        "a value by one ReLU", GH + "will-maclean/sb3-burn/pull/38",
        "one hidden unit, and it may be off", "capacity",
        Recipe("1, 1 relu, 1", curve(lambda x: np.where(x > 0, 1.0, -1.0), -1, 1, 100), MSE,
               Adam(lr=0.01), 800),
        but(net="1, 16 tanh, 1"), 0.8, ("activation", "initial weights"),
    ),
    Sick(
        "the sum of two of forty", GH + "batzner/indrnn/issues/9",
        "recurrent weights must begin near one to keep what was marked", "initial weights",
        Recipe("2, 32 rnn last, 1", two_marked(1000, 40), MSE, Adam(lr=0.001), 600,
               recurrent=Normal(0.05)),
        but(net="2, 32 rnn_relu last, 1", recurrent="identity", optimizer=Adam(lr=0.002),
            steps=2000), 0.8, ("depth", "activation"),
    ),
    Sick(
        "ten thousand steps, a hundred back", GH + "tensorflow/tensorflow/issues/2803",
        "the gradient goes back a tenth of the way", "depth",
        Recipe("2, 24 lstm last, 1", two_marked(800, 30), MSE, Adam(lr=0.005), 600, truncate=3),
        but(truncate=None, steps=1500), 0.9,
    ),
    Sick(
        "a horizontal line for waves", "https://taourl.com/read-2456821.html",
        "at this rate the LSTM stays a horizontal line", "too slow",
        Recipe("1, 50 lstm last, 1", waves(600, 50), MSE, SGD(lr=0.001), 400),
        but(optimizer=Adam(lr=0.01), steps=500), 0.9,
    ),
    Sick(
        "lines in a row for a wave", GH + "pytorch/tutorials/issues/647",
        "no activation between the layers", "no activation",
        Recipe("1, 32, 32, 1", curve(lambda x: np.sin(3 * x), -2, 2, 300), MSE, SGD(lr=0.05), 1500,
               init=TORCH),
        but(net="1, 32 tanh, 32 tanh, 1", steps=4000), 0.9,
    ),
)
# fmt: on
