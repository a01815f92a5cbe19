"""Cases of autumn in which numbers are to be predicted."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.data import BOSTON, changed, curve, digits, standard, table
from nnscratch.experiments.public.recipe import KERAS_1, MAE, MSE, Data, Recipe
from nnscratch.experiments.public.series import engines, prices, waves
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adadelta, Adam, RMSProp

DS: Final = "https://datascience.stackexchange.com/questions/"
SE: Final = "https://stats.stackexchange.com/questions/"
SHARE: Final = prices(600, 12, 640.0, 90.0)
TRADED: Final = prices(600, 7, 800.0, 60.0, 1.5e6)
ENGINES: Final = engines(600, 15)
WIDE: Final = table(800, [(0, 1)] * 100, (0.0, 700.0))
SIX: Final = table(500, [(0, 1)] * 6, (0.0, 1.0))
LONG: Final = table(700, [(0, 1)] * 20, (0.0, 1.0))
DEALT: Final = changed(
    table(800, [(0, 1)] * 6, (0.0, 1.0), held_out=300),
    lambda d, rng: Data(d.x, rng.permutation(d.y), d.held_out),
)
SKEWED: Final = changed(LONG, lambda d, rng: Data(d.x, np.exp(2.5 * d.y)))
LEVEL: Final = changed(LONG, lambda d, rng: Data(d.x, d.y))
SQUARES: Final = changed(
    curve(lambda x: np.floor(x) ** 2, 0, 9.99, 300),
    lambda d, rng: Data(np.floor(d.x), d.y),
)
SINE: Final = curve(lambda x: 0.5 + 0.49 * np.sin(2 * np.pi * x), 0.01, 0.99, 400)
SUMS: Final = changed(
    table(500, [(0, 1)] * 2, (0.0, 1.0)),
    lambda d, rng: (lambda x: Data(x, x.sum(axis=1, keepdims=True)))(rng.random((500, 2))),
)
TEN: Final = table(400, [(10, 3)] * 10, (40.0, 15.0))
FIRES: Final = changed(
    curve(lambda x: 0.06 * x**2 - 0.3 * x + 15, 1, 40, 42, 8.0, random=True),
    lambda d, rng: Data(np.hstack([d.x, d.x**2]), d.y),
)
ONE_TWO_THREE: Final = changed(
    table(400, [(1, 0.3), (2, 0.5), (3, 0.4)], 2), lambda d, rng: Data(d.x, d.x)
)
FOUR: Final = changed(SIX, lambda d, rng: (lambda x: Data(x, x))(rng.random((300, 4))))
BOUNDED: Final = changed(
    table(600, [(0, 1)] * 128, (0.0, 0.4)), lambda d, rng: Data(d.x, np.clip(d.y, -1, 1))
)


def joints(rng: np.random.Generator) -> Data:
    """Return the digits and where their ink lies: its centre, and its extent, both ways."""
    d = digits(large=False)(rng)
    ink = d.x.reshape(-1, 8, 8) + 1e-9
    ink = ink / ink.sum(axis=(1, 2), keepdims=True)
    at = np.arange(8) / 7
    across, down = ink.sum(axis=1), ink.sum(axis=2)
    means = [across @ at, down @ at]
    spreads = [across @ at**2 - means[0] ** 2, down @ at**2 - means[1] ** 2]
    y = np.stack([*means, *(5 * s for s in spreads)], axis=1)
    return Data(d.x, (y - y.mean(axis=0)) / y.std(axis=0))


def cubes(rng: np.random.Generator) -> Data:
    """Return twenty points of cubic curves from -10 to 10, and the five that follow."""
    x = np.linspace(-10, 10, 25)
    a = rng.normal(1.0, 0.3, (300, 3))
    y = a[:, :1] * x**3 + a[:, 1:2] * x**2 + a[:, 2:] * x
    return Data(y[:, :20], y[:, 20:])


def saw(rng: np.random.Generator) -> Data:
    """Return windows of two saw-teeth from 1 to 10, and both values that come next."""
    t = np.arange(610) % 10 + 1.0
    both = np.stack([t, 11 - t], axis=1)
    return Data(np.stack([both[i : i + 10] for i in range(600)]), both[10:610])


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "cubes of ten by one layer", SE + "594738",
        "values to a thousand, and weights of deviation three", "input scale",
        Recipe("20, 5", cubes, MSE, SGD(lr=1e-4), 100, 300, init=Normal(3.0)),
        but(data=standard(cubes, "xy"), init="glorot_uniform", optimizer=SGD(lr=0.05), steps=500),
        0.9, ("rate too large", "target scale"),
    ),
    Sick(
        "saw-teeth by a softmax and squared error", GH + "keras-team/keras/issues/321",
        "a softmax ends at one, and the teeth go on to ten", "output activation",
        Recipe("2, 32 lstm last, 2 softmax", saw, MSE, RMSProp(lr=0.001, decay=0.9), 400, 64),
        but(net="2, 32 lstm last, 2", data=standard(saw, "y"),
            optimizer=RMSProp(lr=0.003, decay=0.9)),
        0.9, ("target scale", "loss"),
    ),
    Sick(
        "a share as it is quoted", GH + "keras-team/keras/issues/6004",
        "prices of some hundreds, not normalised", "target scale",
        Recipe("1, 32 lstm last, 1", SHARE, MSE, Adam(lr=0.001), 500),
        but(data=standard(SHARE, "xy"), optimizer=Adam(lr=0.01)), 0.8, ("input scale",),
    ),
    Sick(
        "a share and its volume", GH + "hunkim/DeepLearningZeroToAll/pull/137",
        "beside prices of hundreds stands a volume of millions", "input scale",
        Recipe("2, 10 lstm last, 1", TRADED, MSE, Adam(lr=0.01), 500),
        but(data=standard(TRADED, "xy")), 0.75, ("target scale",),
    ),
    Sick(
        "flights left, gauges as they are", GH + "austineaero/"
        "Remaining-Useful-Life-RUL-Estimation/issues/19",
        "gauges read thousands: the gates are saturated", "input scale",
        Recipe("5, 24 lstm last, 1", ENGINES, MSE, Adam(lr=0.01), 500),
        but(data=standard(ENGINES, "xy")), 0.75, ("target scale",),
    ),
    Sick(
        "a recurrent layer of ReLUs blows up", GH + "AlexanderVNikitin/tsgm/issues/59",
        "a ReLU does not hold back what the loop multiplies", "activation",
        Recipe(
            "1, 40 rnn_relu last, 1", waves(500, 60), MSE, Adam(lr=0.003), 300,
            recurrent=Normal(0.3),
        ),
        but(net="1, 40 rnn last, 1", recurrent="orthogonal"), 0.9,
        ("initial weights", "rate too large"),
    ),
    Sick(
        "joints, with a decay of a half", GH + "BVLC/caffe/issues/1396",
        "the weight decay is so large that every weight goes to zero", "penalty",
        Recipe(
            "64, 100 relu, 50 relu, 4", joints, MSE, SGD(lr=0.05, momentum=0.9), 500, 64, l2=0.25,
        ),
        but(l2=2.5e-4), 0.8,
    ),
    Sick(
        "squares to eighty-one by a sigmoid", GH + "codeplea/genann/issues/13",
        "a sigmoid ends at one", "output activation",
        Recipe(
            "1, 2 sigmoid, 1 sigmoid", SQUARES, MSE, SGD(lr=0.1), 2000, 1,
            init=Uniform(-0.5, 0.5),
        ),
        but(net="1, 16 tanh, 1", data=standard(SQUARES, "xy"), optimizer=Adam(lr=0.01)), 0.95,
        ("target scale",),
    ),
    Sick(
        "between minus one and one nothing", GH + "tflearn/tflearn/issues/669",
        "weights drawn up to one saturate three layers of tanh", "initial weights",
        Recipe(
            "128, 64 tanh, 8 tanh, 1 tanh", BOUNDED, MSE,
            SGD(lr=0.001, momentum=0.9, clip=ClipByGlobalNorm(1.0)), 600, 64,
            init=Uniform(-1.0, 1.0),
        ),
        but(init="glorot_uniform", optimizer=SGD(lr=0.03, momentum=0.9)), 0.6, ("norm",),
    ),
    Sick(
        "a whole sine, one point at a time",
        GH + "makeyourownneuralnetwork/makeyourownneuralnetwork/issues/62",
        "ten sigmoids at rate 0.01 do not leave the mean", "too slow",
        Recipe("1, 10 sigmoid, 1 sigmoid", SINE, MSE, SGD(lr=0.01), 3000, 1),
        but(net="1, 16 tanh, 1", optimizer=Adam(lr=0.01), batch=40), 0.9, ("capacity",),
    ),
    Sick(
        "twenty sigmoid layers for a number", GH + "juebrauer/code_jb",
        "the gradient is gone after a few layers of sigmoids", "activation",
        Recipe("20, 20*50 sigmoid, 1", LONG, MSE, SGD(lr=0.1), 300),
        but(net="20, 3*50 tanh, 1", steps=800), 0.8, ("depth", "initial weights", "norm"),
    ),
    Sick(
        "weights that skyrocket at a thousandth", DS + "15962",
        "for columns about ten a rate of a thousandth is too much", "rate too large",
        Recipe("10, 1", TEN, MSE, SGD(lr=0.001), 200, 400),
        but(data=standard(TEN, "xy"), optimizer=SGD(lr=0.05), steps=500), 0.85,
        ("input scale", "target scale"),
    ),
    Sick(
        "fires and thefts with a square beside",
        GH + "chiphuyen/stanford-tensorflow-tutorials/issues/54",
        "the rate that was right for x is too large for its square", "rate too large",
        Recipe("2, 1", FIRES, MSE, SGD(lr=0.001), 200, 1),
        but(data=standard(FIRES), optimizer=SGD(lr=0.01), steps=2000), 0.8, ("input scale",),
    ),
    Sick(
        "a search that began at 0.025", GH + "keras-team/autokeras/pull/571",
        "a rate for classes, and squared errors of prices", "rate too large",
        Recipe(
            "13, 3*64 relu, 1", standard(BOSTON), MSE,
            SGD(lr=0.025, momentum=0.9, nesterov=True), 300,
        ),
        but(optimizer=SGD(lr=0.0005, momentum=0.9, nesterov=True), steps=1200), 0.85,
        ("target scale",),
    ),
    Sick(
        "a clip at one and a gradient of hundreds", GH + "wandb/senpai/pull/978",
        "every batch is clipped: steps are a hundredth of what the rate says", "clip",
        Recipe(
            "6, 32 relu, 32 relu, 1", changed(SIX, lambda d, rng: Data(d.x, 50 * d.y)), MSE,
            SGD(lr=0.001, clip=ClipByGlobalNorm(0.1)), 600,
        ),
        but(optimizer=SGD(lr=0.001, clip=ClipByGlobalNorm(500.0)), steps=1500), 0.8,
        ("target scale", "too slow"),
    ),
    Sick(
        "a regression that is always zero", GH + "ProteomicsML/ProteomicsML/pull/203",
        "a ReLU is the output, and its first weights make it zero for all", "output activation",
        Recipe(
            "6, 32 relu, 1 relu", changed(SIX, lambda d, rng: Data(d.x, 1 + 0.3 * d.y)), MSE,
            Adam(lr=0.003), 500, last=Uniform(-0.3, 0.0),
        ),
        but(net="6, 32 relu, 1"), 0.85, ("initial weights",),
    ),
    Sick(
        "two numbers added by a tanh", GH + "keras-team/keras/issues/108",
        "a tanh ends at one, and sums go on to two", "output activation",
        Recipe("2, 1 tanh", SUMS, MAE, RMSProp(lr=0.003, decay=0.9), 1500, 16, init=KERAS_1),
        but(net="2, 1"), 0.95, ("target scale",),
    ),
    Sick(
        "a hundred columns and answers of thousands", GH + "keras-team/keras/issues/2576",
        "the weights go a thousandth a step, and have tens to go", "target scale",
        Recipe("100, 1", WIDE, MSE, RMSProp(lr=0.001, decay=0.9), 1250, 16),
        but(data=standard(WIDE, "xy"), optimizer=RMSProp(lr=0.003, decay=0.9)), 0.85,
        ("too slow",),
    ),
    Sick(
        "targets in another order", SE + "352036",
        "the targets were put in another order than their rows", "labels",
        Recipe("6, 48 relu, 1", DEALT, MSE, Adam(lr=0.003), 600),
        but(data=table(800, [(0, 1)] * 6, (0.0, 1.0), held_out=300)), 0.85, ("overfitting",),
    ),
    Sick(
        "four numbers repeated through four ReLUs", SE + "269718",
        "of four ReLUs, and four more at the end, some are off", "activation",
        Recipe("4, 4 relu, 4 relu", FOUR, MSE, SGD(lr=0.1), 2000, 16, init="glorot_normal"),
        but(net="4, 8 tanh, 4", optimizer=Adam(lr=0.01)), 0.95,
        ("output activation", "initial weights", "capacity"),
    ),
    Sick(
        "one, two, three repeated by a sigmoid", "https://stackoverflow.com/questions/44601367",
        "what is to be repeated is larger than a sigmoid gets", "output activation",
        Recipe("3, 3 relu, 3 sigmoid", ONE_TWO_THREE, MSE, Adadelta(lr=1.0), 600, 4),
        but(net="3, 8 relu, 3", data=standard(ONE_TWO_THREE, "xy"), optimizer=Adam(lr=0.01)), 0.9,
        ("target scale",),
    ),
    Sick(
        "answers from a thousandth to a thousand",
        "http://brainxx.org/blog/neural-network-regression-handling-varied",
        "the few large answers are all that squared errors see", "target scale",
        Recipe("20, 64 relu, 1", SKEWED, MSE, SGD(lr=0.0001), 800),
        but(data=LEVEL, optimizer=SGD(lr=0.05), steps=1500), 0.85, ("loss", "labels", "too slow"),
    ),
)
# fmt: on
