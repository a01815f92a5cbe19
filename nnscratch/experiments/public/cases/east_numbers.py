"""Cases of east in which numbers are to be predicted."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, SO, Sick, but
from nnscratch.experiments.public.cases.spring_numbers import factors
from nnscratch.experiments.public.data import changed, curve, standard, table
from nnscratch.experiments.public.recipe import MAE, MSE, Data, Recipe
from nnscratch.experiments.public.series import waves
from nnscratch.optimizers import SGD, Adam
from nnscratch.schedules import Geometric, StepDecay

HOUSES: Final = table(1600, [(0, 1)] * 10, (180_000.0, 80_000.0))
SIXTEEN: Final = table(800, [(0, 1)] * 16, (0.0, 1.0))
HIGH: Final = changed(waves(500, 15), lambda d, rng: Data(d.x, 800 * d.y + 4000))
WAVE: Final = curve(np.sin, -np.pi, np.pi, 100)
SOUND: Final = changed(
    factors(40, 4), lambda d, rng: Data(20 * d.x - 8 * (d.x[:1] > 0), 20 * d.x - 8 * (d.x[:1] > 0))
)
EIGHT: Final = table(600, [(0, 1)] * 8, (0.0, 1.0))
DENSITY: Final = table(300, [(0, 1)] * 10, (1.8, 0.3))
GENES: Final = factors(60, 5)
HOUSING: Final = table(
    1000,
    [
        *[(-119.6, 2), (35.6, 2.1), (28.6, 12.6), (2636, 2182), (538, 421)],
        *[(1425, 1132), (499, 382), (3.9, 1.9)],
    ],
    (206_856.0, 115_396.0),
)
NOISY: Final = table(560, [(0, 1)] * 20, (0.0, 1.0), noise=0.8, held_out=500)
MORE: Final = table(3500, [(0, 1)] * 20, (0.0, 1.0), noise=0.8, held_out=500)


def turns(rng: np.random.Generator) -> Data:
    """Return three readings, and a byte and an angle that go by them."""
    x = rng.uniform(-1, 1, (400, 3))
    byte = 127.5 * (1 + np.tanh(x @ [1.0, -1.0, 0.5]))
    angle = np.pi * (1 + np.tanh(x @ [0.5, 1.0, -1.0]))
    return Data(x, np.column_stack([byte, angle]))


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "houses at a third of a million", GH + "rstudio-conf-2020/dl-keras-tf/issues/9",
        "the squares of prices to 755,000 run away", "target scale",
        Recipe("10, 64 relu, 32 relu, 1", HOUSES, MSE, SGD(lr=0.1), 400, 16),
        but(data=standard(HOUSES, "xy"), optimizer=SGD(lr=0.01), steps=1000), 0.85,
        ("rate too large",),
    ),
    Sick(
        "patches with a penalty of a half", GH + "keras-team/keras/issues/2134",
        "half of the squared weights in each layer, beside dropout of 0.7", "penalty",
        Recipe("16, 64 relu, 64 relu, 1", SIXTEEN, MSE, SGD(lr=0.01, momentum=0.9), 800, 64,
               l2=0.5),
        but(l2=0.0), 0.85,
    ),
    Sick(
        "sequences whose answers are very high", GH + "keras-team/keras/issues/4563",
        "answers of thousands for an LSTM that gives back ones", "target scale",
        Recipe("1, 32 lstm last, 1", HIGH, MAE, SGD(lr=0.0008, momentum=0.9), 600),
        but(data=standard(HIGH, "y"), loss=MSE, optimizer=Adam(lr=0.01), steps=800), 0.85,
        ("too slow",),
    ),
    Sick(
        "a sine by two units, one dropped",
        "https://imathworks.com/cv/solved-dropout-effectiveness-on-small-neural-networks",
        "of two hidden units one is dropped in half of the steps", "dropout",
        Recipe("1, 2 tanh drop 0.5, 1", WAVE, MSE, Adam(lr=0.02), 2500, 25),
        but(net="1, 2 tanh, 1"), 0.84, ("capacity",),
    ),
    Sick(
        "sound given back by tanh units", GH + "keras-team/keras/issues/5028",
        "cepstra of tens go in and are to come out of a narrow chain of tanh", "output activation",
        Recipe("40, 24 tanh, 8 tanh, 24 tanh, 40 tanh", SOUND, MSE, Adam(lr=0.002), 800, 64),
        but(net="40, 24 tanh, 8 tanh, 24 tanh, 40", data=standard(SOUND, "xy"),
            optimizer=Adam(lr=0.005)), 0.8,
        ("target scale", "input scale"),
    ),
    Sick(
        "batch norm over two at a time, a regression", GH + "pytorch/pytorch/issues/19916",
        "the mean and deviation of two rows are no statistics", "norm",
        Recipe("8, 32 bn relu, 32 bn relu, 1", EIGHT, MSE, SGD(lr=0.01), 1200, 2),
        but(batch=32, optimizer=SGD(lr=0.05)), 0.85,
    ),
    Sick(
        "a byte and an angle by tanh", SO + "44323254",
        "255 and two pi cannot come out of a tanh", "output activation",
        Recipe("3, 7 tanh, 2 tanh", turns, MSE, SGD(lr=0.05, momentum=0.1), 800, 1),
        but(net="3, 7 tanh, 2", data=standard(turns, "y"), optimizer=Adam(lr=0.02), batch=32),
        0.85, ("target scale",),
    ),
    Sick(
        "genes given back by ReLUs", GH + "MollyZhang/Multi-task-TCGA-learning/issues/16",
        "half of the standardised expressions are below zero", "output activation",
        Recipe("60, 16 relu, 60 relu", GENES, MSE, Adam(lr=0.003), 800),
        but(net="60, 16 tanh, 60", optimizer=Adam(lr=0.01)), 0.8,
    ),
    Sick(
        "housing as it comes", GH + "keras-team/keras-tuner/issues/345",
        "columns to thousands and prices of 200,000 are not scaled", "target scale",
        Recipe("8, 64 relu, 32 relu, 1", HOUSING, MSE, Adam(lr=0.001), 800),
        but(data=standard(HOUSING, "xy"), optimizer=Adam(lr=0.005)), 0.85, ("input scale",),
    ),
    Sick(
        "densities at a rate of 1e-20", GH + "materialyzeai/megnet/issues/123",
        "the rate was set to 1e-20", "too slow",
        Recipe("10, 64 relu, 32 relu, 1", DENSITY, MSE, Adam(lr=1e-20), 600, 16),
        but(optimizer=Adam(lr=0.002)), 0.85,
    ),
    Sick(
        "two hundred and fifty rounds on sixty pages", GH + "TobiasGruening/ARU-Net/issues/12",
        "sixty noisy rows are learned by heart; the loss of new ones climbs", "overfitting",
        Recipe("20, 128 relu, 64 relu, 1", NOISY, MSE, Adam(lr=0.003), 1000, 20),
        but(data=MORE, net="20, 16 relu, 1", optimizer=Adam(lr=0.002)), 0.5,
    ),
    Sick(
        "a rate that loses a ten-thousandth in each batch", GH + "keras-team/keras/issues/8086",
        "the decay is counted in batches and not in epochs", "too slow",
        Recipe("16, 32 tanh, 1", SIXTEEN, MSE,
               SGD(lr=Geometric(0.02, 1e-6, 150)), 1200, 32),
        but(optimizer=SGD(lr=0.02), steps=2500), 0.85,
    ),
    Sick(
        "a tenth of the rate after every third epoch", GH + "hukenovs/hagrid/issues/12",
        "after nine epochs the rate is next to nothing", "too slow",
        Recipe("8, 32 silu, 1", EIGHT, MSE, Adam(lr=StepDecay(0.0007, 0.1, 57)), 900, 32),
        but(optimizer=Adam(lr=StepDecay(0.0007, 0.1, 5700)), steps=2500), 0.85,
    ),
)
# fmt: on
