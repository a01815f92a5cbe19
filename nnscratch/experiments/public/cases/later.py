"""Cases collected when `unlike` had been tuned on: other networks, data, optimizers and sources.

What was said of them once is what the table shows; nothing was changed for their sake.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByValue
from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.data import changed, digits, moons, standard, table, words
from nnscratch.experiments.public.recipe import BCE, CCE, MAE, MSE, Data, Recipe
from nnscratch.optimizers import SGD, Adadelta, Adam, RMSProp
from nnscratch.schedules import Geometric

SMALL: Final = digits(large=False)
TWELVE: Final = table(800, [(0, 1)] * 12, (0.0, 1.0))
TWENTY: Final = table(1000, [(0, 1)] * 20, (310.0, 120.0))
TEXTS: Final = words(1200, 300, 4, 40)
SCALES: Final = table(500, [(2.5, 1.5), (100.0, 60.0), (0.5, 0.3)], 2)
HELD: Final = table(800, [(0, 1)] * 6, 2, held_out=300)
BLACK: Final = changed(SMALL, lambda d, rng: Data(np.zeros_like(d.x), d.y))
BY_LOT: Final = changed(HELD, lambda d, rng: Data(d.x, rng.permutation(d.y), d.held_out))


def spikes(rng: np.random.Generator) -> Data:
    """Return a table in which one entry of fifty is a thousand times too large."""
    d = TWELVE(rng)
    return Data(np.where(rng.random(d.x.shape) < 0.02, 1000 * d.x, d.x), d.y)


def typing_errors(rng: np.random.Generator) -> Data:
    """Return a table in which four targets of three hundred lie far below all others."""
    d = table(500, [(0, 1)] * 5, (0.0, 1.0))(rng)
    y = d.y[:300].copy()
    y[::80] = -300
    return Data(d.x[:300], y, (d.x[300:], d.y[300:]))


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "one digit at a time, normalised", GH + "microsoft/CNTK/issues/905",
        "of one example batch norm leaves nothing", "norm",
        Recipe("64, 64 bn relu, 64 bn relu, 10", SMALL, CCE, SGD(lr=0.05), 800, 1),
        but(batch=32), 0.9,
    ),
    Sick(
        "a regression with dropout as it comes", GH + "dnouri/nolearn/issues/72",
        "the targets are some hundreds: plain descent runs away", "target scale",
        Recipe(
            "20, 200 relu drop 0.1, 200 relu drop 0.5, 1", TWENTY, MSE,
            SGD(lr=0.01, momentum=0.9, nesterov=True), 400,
        ),
        but(data=standard(TWENTY, "xy")), 0.8, ("rate too large",),
    ),
    Sick(
        "entries a thousand times too large", GH + "sg-s/crabsort/issues/69",
        "some of the inputs are ridiculously high", "input scale",
        Recipe("12, 32 relu, 32 relu, 1", spikes, MSE, Adam(lr=0.003), 600),
        but(data=TWELVE), 0.9,
    ),
    Sick(
        "labels drawn by lot",
        "https://theneuralbase.com/keras/learn/beginner/loss-not-decreasing-learning-rate",
        "inputs and labels are random numbers that know nothing of each other", "labels",
        Recipe("6, 32 relu, 1", BY_LOT, BCE, Adam(lr=0.001), 500),
        but(data=HELD, optimizer=Adam(lr=0.01)), 0.85, ("overfitting",),
    ),
    Sick(
        "Adadelta at a thousandth", "https://keras.io/api/optimizers/adadelta",
        "the paper's rate is 1, the library's a thousandth", "too slow",
        Recipe("64, 64 relu, 10", SMALL, CCE, Adadelta(lr=0.001), 600),
        but(optimizer=Adadelta(lr=1.0)), 0.9,
    ),
    Sick(
        "a penalty beside Adam",
        "https://hypercode.alexisbouchez.com/neural-networks/lessons/l2-regularization",
        "a penalty of a half on every weight", "penalty",
        Recipe("12, 64 gelu, 64 gelu, 1", TWELVE, MSE, Adam(lr=0.003), 800, l2=0.5),
        but(l2=1e-4), 0.9,
    ),
    Sick(
        "texts of which one word in twenty is left",
        "https://questionai.com/amp/questions-tvJKuou6RZ/drop-rate-affect-performance-neural-network",
        "nineteen of twenty units are dropped, twice", "dropout",
        Recipe("300, 48 relu drop 0.95, 48 relu drop 0.95, 4", TEXTS, CCE, Adam(lr=0.003), 500),
        but(net="300, 48 relu drop 0.3, 48 relu drop 0.3, 4"), 0.9,
    ),
    Sick(
        "black pictures", GH + "amdegroot/ssd.pytorch/issues/213",
        "the loader is wrong: all pictures are black", "inputs alike",
        Recipe("64, 64 tanh, 64 tanh, 10", BLACK, CCE, Adam(lr=0.003), 300),
        but(data=SMALL), 0.9,
    ),
    Sick(
        "four targets far below",
        "https://paperexplained.cn/articles/paper/detail/ae6fc0513ac798c3d3bd5eb7f93cd5b1d5b8be5d",
        "squared, four outliers of three hundred decide the loss", "loss",
        Recipe("5, 32 tanh, 1", typing_errors, MSE, Adam(lr=0.01), 1000),
        but(loss=MAE, steps=2000), 0.7, ("labels",),
    ),
    Sick(
        "a rate that decays by the step, not the epoch",
        "https://www.rdocumentation.org/packages/keras/versions/2.13.0/topics/"
        "learning_rate_schedule_exponential_decay",
        "the decay that was meant for epochs is made in steps", "too slow",
        Recipe("300, 48 relu, 4", TEXTS, CCE, SGD(lr=Geometric(0.1, 1e-5, 60)), 600),
        but(optimizer=SGD(lr=Geometric(0.5, 0.05, 600))), 0.9,
    ),
    Sick(
        "moons at momentum 0.99", "https://www.workatafrontierlab.com/lessons/foundations/sgd-momentum",
        "with a momentum of 0.99 a rate of 1 is one of a hundred", "rate too large",
        Recipe("2, 32 tanh, 32 tanh, 1", moons(400, 0.1), BCE, SGD(lr=1.0, momentum=0.99), 400),
        but(optimizer=SGD(lr=0.05, momentum=0.9), steps=1500), 0.95,
    ),
    Sick(
        "RMSProp with an epsilon of a hundred", GH + "AdeDZY/K-NRM/issues/10",
        "epsilon, not the gradient, decides how short the steps are", "too slow",
        Recipe("64, 64 tanh, 10", SMALL, CCE, RMSProp(lr=0.001, epsilon=100.0), 500),
        but(optimizer=RMSProp(lr=0.001)), 0.9,
    ),
    Sick(
        "each entry clipped at 1e-5", GH + "twtygqyy/pytorch-vdsr/issues/2",
        "a clip that leaves nearly nothing of each entry", "clip",
        Recipe("64, 64 relu, 10", SMALL, CCE, SGD(lr=0.1, clip=ClipByValue(1e-5)), 500),
        but(optimizer=SGD(lr=0.1, clip=ClipByValue(1.0))), 0.9, ("too slow",),
    ),
    Sick(
        "columns to 5, to 200 and to 1", GH + "BrainJS/brain.js/issues/528",
        "several scales, of which the largest saturates the units", "input scale",
        Recipe("3, 20 sigmoid, 1 sigmoid", SCALES, MSE, SGD(lr=0.3), 500),
        but(data=standard(SCALES), optimizer=Adam(lr=0.03)), 0.9,
    ),
)
# fmt: on
