"""Published set-ups of few steps, of few rows at a time, of unusual losses, of strong penalties."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.arrays import Array
from nnscratch.experiments.public.case import GH, Healthy
from nnscratch.experiments.public.data import changed, digits, moons, table
from nnscratch.experiments.public.recipe import CCE, MAE, MSE, TORCH, Data, Recipe
from nnscratch.experiments.public.series import waves
from nnscratch.optimizers import SGD, Adam

SMALL: Final = digits(large=False)


def plane(rng: np.random.Generator) -> Data:
    """Return points near a plane in space, to be given back."""
    angle = rng.uniform(-0.5, 3 * np.pi / 2 - 0.5, 200)
    flat: Array = np.column_stack([np.cos(angle) + np.sin(angle) / 2, 0.7 * np.sin(angle)])
    x = np.column_stack([flat, flat @ [0.1, 0.3]]) + 0.05 * rng.standard_normal((200, 3))
    x -= x.mean(axis=0)
    return Data(x, x)


def far_off(d: Data, rng: np.random.Generator) -> Data:
    """Return targets of which one in forty is off by eight deviations, judged without these."""
    y = d.y + 8.0 * (rng.random(d.y.shape) < 0.025) * rng.choice([-1, 1], d.y.shape)
    return Data(d.x, y, (d.x, d.y))


# fmt: off
MANUALS: Final[tuple[Healthy, ...]] = (
    Healthy(
        "a plane in space through two numbers, lines alone",
        GH + "ageron/handson-ml2/blob/master/17_autoencoders_and_gans.ipynb",
        Recipe("3, 2, 3", plane, MSE, SGD(lr=0.5), 400, 32), 0.9,
    ),
    Healthy(
        "one epoch of pictures", "https://docs.fast.ai/quick_start.html",
        Recipe("784, 128 relu bn 0.9, 10", digits(), CCE, Adam(lr=0.005), 24, 64), 0.9,
    ),
    Healthy(
        "moons by two layers of sixteen, with a penalty", GH + "karpathy/micrograd",
        Recipe("2, 16 relu, 16 relu, 1", moons(100, 0.1), "SigmoidCrossEntropy", SGD(lr=0.5), 100,
               100, init=TORCH, l2=0.0001), 0.85,
    ),
    Healthy(
        "outliers by Huber's loss", "https://keras.io/api/losses/regression_losses",
        Recipe("8, 32 relu, 1", changed(table(1000, [(0, 1)] * 8, (0.0, 1.0)), far_off), "Huber",
               Adam(lr=0.005), 1200), 0.85,
    ),
    Healthy(
        "waves by absolute errors", "https://www.tensorflow.org/tutorials/structured_data/"
        "time_series#recurrent_neural_network",
        Recipe("1, 32 lstm last, 1", waves(500, 24), MAE, Adam(lr=0.005), 500), 0.85,
    ),
    Healthy(
        "one row at a time, a small rate", "https://www.nnfs.io",
        Recipe("64, 24 tanh, 10", SMALL, CCE, SGD(lr=0.02), 3000, 1), 0.85,
    ),
    Healthy(
        "a penalty and half dropped, as against overfitting",
        "https://www.tensorflow.org/tutorials/keras/overfit_and_underfit"
        "#combined_l2_dropout",
        Recipe("28, 3*64 elu drop 0.5, 1", table(2000, [(0, 1)] * 28, 2), "SigmoidCrossEntropy",
               Adam(lr=0.001), 900, 100, l2=0.0001), 0.85,
    ),
    Healthy(
        "digits four at a time, with momentum",
        "https://pytorch.org/tutorials/beginner/blitz/cifar10_tutorial.html",
        Recipe("64, 84 relu, 10", SMALL, CCE, SGD(lr=0.001, momentum=0.9), 2500, 4,
               init=TORCH), 0.85,
    ),
)
# fmt: on
