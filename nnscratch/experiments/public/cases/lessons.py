"""Published set-ups with residual blocks, layer norms, several labels, targets of hundreds."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import MLM, Healthy
from nnscratch.experiments.public.cases.brook_data import several
from nnscratch.experiments.public.data import curve, digits, standard, table
from nnscratch.experiments.public.recipe import BCE, BCE_P, CCE, MAE, MSE, TORCH, Data, Recipe
from nnscratch.experiments.public.series import first_sign, waves
from nnscratch.optimizers import SGD, Adam, AdamW

COLUMNS: Final = table(1200, [(0, 1)] * 16, 3)


def far_targets(rng: np.random.Generator) -> Data:
    """Return ten columns and three sums of them, in hundreds."""
    x = rng.standard_normal((1000, 10))
    return Data(x, x @ rng.uniform(0, 100, (10, 3)) + 0.5 * rng.standard_normal((1000, 3)))


# fmt: off
LESSONS: Final[tuple[Healthy, ...]] = (
    Healthy(
        "three labels at once by twenty ReLUs",
        MLM + "multi-label-classification-with-deep-learning",
        Recipe("10, 20 relu, 3 sigmoid", several(900, 10, 3, 0.4), BCE_P, Adam(lr=0.001), 2800,
               init="he_uniform"), 0.9,
    ),
    Healthy(
        "three numbers of hundreds at once",
        MLM + "deep-learning-models-for-multi-output-regression",
        Recipe("10, 20 relu, 3", far_targets, MAE, Adam(lr=0.001), 9000, init="he_uniform"), 0.9,
    ),
    Healthy(
        "a table by residual blocks with norms", "https://arxiv.org/abs/2106.11959",
        Recipe("16, 64, 2*64 res bn 0.9 relu drop 0.1, 3", COLUMNS, CCE, AdamW(lr=0.001), 700, 64,
               init=TORCH), 0.88,
    ),
    Healthy(
        "digits by layer norms and GELU", "https://docs.kidger.site/equinox/examples/mnist",
        Recipe("64, 64 ln gelu, 64 ln gelu, 10", digits(large=False), CCE, Adam(lr=0.0003), 700, 64,
               init=TORCH), 0.9,
    ),
    Healthy(
        "a sine by two layers of sixty-four", "https://nnfs.io/ch17",
        Recipe("1, 64 relu, 64 relu, 1", curve(lambda x: np.sin(2 * np.pi * x), 0, 1, 1000), MSE,
               Adam(lr=0.005), 2500, 1000, init="glorot_uniform"), 0.95,
    ),
    Healthy(
        "a sign that is remembered for ten steps", "https://www.bioinf.jku.at/publications/older/"
        "2604.pdf",
        Recipe("1, 16 lstm 1 last, 1", first_sign(600, 10), BCE,
               SGD(lr=0.5, momentum=0.9, clip=ClipByGlobalNorm(1.0)), 800), 0.95,
    ),
    Healthy(
        "the next hour of waves by a GRU", "https://keras.io/examples/timeseries/"
        "timeseries_weather_forecasting",
        Recipe("1, 32 gru last, 1", standard(waves(700, 24), "xy"), MSE, Adam(lr=0.001), 700, 64),
        0.85,
    ),
)
# fmt: on
