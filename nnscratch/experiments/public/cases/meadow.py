"""Cases collected beside `harbour`, as they were asked: `MEADOW`, and `MOOR` put aside.

The SHA-256 of their names puts them in order: the first half is open to tuning, the second is not.
All were logged before anything was changed.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, Sick, but, in_order
from nnscratch.experiments.public.data import (
    changed,
    curve,
    digits,
    iris,
    standard,
    table,
    truth_table,
)
from nnscratch.experiments.public.recipe import (
    BCE,
    BCE_P,
    CCE,
    MSE,
    TORCH,
    Data,
    Maker,
    Recipe,
)
from nnscratch.experiments.public.series import languages, letters, waves
from nnscratch.initializers import Uniform
from nnscratch.optimizers import SGD, Adam, RMSProp
from nnscratch.schedules import Warmup

DS: Final = "https://datascience.stackexchange.com/questions/"
SMALL: Final = digits(large=False)
# Thirteen measures of wines: alcohol, acid, ash, magnesium, phenols, colour, proline and others.
_WINE = [
    *[(13.0, 0.8), (2.3, 1.1), (2.4, 0.27), (19.5, 3.3), (99.7, 14.3), (2.3, 0.6), (2.0, 1.0)],
    *[(0.36, 0.12), (1.6, 0.57), (5.1, 2.3), (0.96, 0.23), (2.6, 0.7), (747, 315)],
]
WINE: Final = table(178, _WINE, 3)
SIX: Final = truth_table(2, lambda x: np.stack([x.sum(1) % 2, x.all(1), x.any(1)], axis=1) > 0)
WORTH: Final = table(900, [(0, 1)] * 10, (500.0, 200.0))
GOING: Final = table(800, [(0, 1)] * 12, (0.0, 1.0))
COLUMNS: Final = table(900, [(0, 1)] * 14, 4)
NAMES: Final = languages(800, 12)
NEXT: Final = letters(900, 12)
WAVES: Final = standard(waves(700, 20), "xy")


def as_a_number(d: Data, rng: np.random.Generator) -> Data:
    """Return the class's number as what is to be given."""
    return Data(d.x, d.y[:, None].astype(float))


def given_back(d: Data, rng: np.random.Generator) -> Data:
    """Return inputs that are to be given back."""
    return Data(d.x, d.x.astype(float))


def above(low: float, high: float, n: int) -> Maker:
    """Return whole numbers, and whether they are above the middle."""

    def make(rng: np.random.Generator) -> Data:
        x = rng.integers(int(low), int(high), n)
        return Data(x[:, None].astype(float), (x >= (low + high) / 2).astype(int))

    return make


def wrists(flipped: bool) -> Maker:
    """Return twelve numbers of a person, and where the left and the right wrist are.

    flipped : half of the pictures are turned round, and the two wrists keep their names
    """

    def make(rng: np.random.Generator) -> Data:
        x = rng.standard_normal((900, 12))
        left, right = np.tanh(x[:, :4].sum(1) / 2), np.tanh(x[:, 4:8].sum(1) / 2)
        y, held = np.stack([left, right], axis=1), 300
        turned = y.copy()
        if flipped:
            turned = np.where(rng.integers(0, 2, (900, 1)) > 0, y, -y[:, ::-1])
        return Data(x[held:], turned[held:], (x[:held], y[:held]))

    return make


def folders(one: bool) -> Maker:
    """Return rows of four classes; `one`: all of those learned from bear the first one's label."""

    def make(rng: np.random.Generator) -> Data:
        d = COLUMNS(rng)
        y = np.zeros_like(d.y[300:]) if one else d.y[300:]
        return Data(d.x[300:], y, (d.x[:300], d.y[:300]))

    return make


# fmt: off
CASES: Final = in_order((
    Sick(
        "a class's number through one sigmoid", DS + "38604",
        "ten classes need ten outputs: a sigmoid ends at one", "output activation",
        Recipe("64, 64 relu, 1 sigmoid", changed(SMALL, as_a_number), MSE, Adam(lr=0.001), 500),
        but(net="64, 64 relu, 10", data=SMALL, loss=CCE, optimizer=Adam(lr=0.003)), 0.9,
        ("target scale", "labels"),
    ),
    Sick(
        "more than fifty thousand?", "https://geeksmental.com/question/"
        "why-does-accuracy-remain-the-same",
        "numbers to a hundred thousand go in as they are, and a ReLU is the output",
        "input scale",
        Recipe("1, 3 relu, 5 relu, 1 relu", above(0, 1e5, 1500), BCE_P, Adam(lr=0.001), 800, 5),
        but(net="1, 8 tanh, 1 sigmoid", data=standard(above(0, 1e5, 1500)),
            optimizer=Adam(lr=0.02)), 0.95, ("output activation",),
    ),
    Sick(
        "handwriting in a library for telephones", GH + "Swift-AI/Swift-AI/issues/11",
        "every hidden sigmoid gives one: pixels go in as they are", "input scale",
        Recipe("784, 60 sigmoid, 10 sigmoid", digits(255.0), MSE, SGD(lr=0.7, momentum=0.5),
               500, 10, init=Uniform(-0.5, 0.5)),
        but(data=digits(), init="glorot_uniform", steps=2500), 0.85,
        ("initial weights", "rate too large"),
    ),
    Sick(
        "XOR, AND and OR from negative weights", GH + "joaopauloschuler/neural-api/issues/78",
        "negative weights alone leave every ReLU at zero", "initial weights",
        Recipe("2, 6 relu, 3", SIX, BCE, SGD(lr=0.1), 2000, 4, init=Uniform(-1.0, 0.0)),
        but(net="2, 16 relu, 3", init="he_normal", optimizer=Adam(lr=0.02)), 1.0, ("activation",),
    ),
    Sick(
        "squares of the numbers to a thousand", DS + "51468",
        "a million is far, and the numbers are not scaled: it takes far more training",
        "target scale",
        Recipe("1, 100 relu, 50 relu, 10 relu, 1", curve(lambda x: x**2, 0, 1000, 1001), MSE,
               Adam(lr=0.001), 300),
        but(data=standard(curve(lambda x: x**2, 0, 1000, 1001), "xy"), optimizer=Adam(lr=0.003),
            steps=800), 0.98, ("input scale", "too slow"),
    ),
    Sick(
        "a square and a shift by lines", "https://ai.stackexchange.com/questions/18134",
        "no layer has an activation: lines make no parabola", "no activation",
        Recipe("1, 2, 64, 32, 1", curve(lambda x: x**2 + 1, -3, 3, 100), MSE, Adam(lr=0.01), 700),
        but(net="1, 16 tanh, 64 tanh, 32 tanh, 1"), 0.95,
    ),
    Sick(
        "digits given back by four layers of sigmoids",
        "https://stats.stackexchange.com/questions/245448",
        "sigmoids saturate: what comes out is one and the same blob", "activation",
        Recipe("784, 100 sigmoid, 50 sigmoid, 100 sigmoid, 784 sigmoid",
               changed(digits(n=800), given_back), BCE_P, Adam(lr=0.001), 250),
        but(net="784, 100 relu, 50 relu, 100 relu, 784 sigmoid"), 0.5,
        ("too slow", "loss", "depth"),
    ),
    Sick(
        "what a state is worth, with rewards to a thousand", GH + "vwxyzjn/cleanrl/issues/441",
        "values are not normalised as advantages are: their loss is a hundred times as large",
        "target scale",
        Recipe("10, 64 tanh, 64 tanh, 1", WORTH, MSE, Adam(lr=2.5e-4), 600, 64),
        but(data=standard(WORTH, "y"), optimizer=Adam(lr=0.003)), 0.85, ("too slow",),
    ),
    Sick(
        "a reward model at a millionth", GH + "HumanCompatibleAI/imitation/pull/425",
        "a rate for sums over everything, and twenty rounds", "too slow",
        Recipe("12, 32 relu, 32 relu, 1", GOING, MSE, SGD(lr=1e-6), 40, 400, init=TORCH),
        but(optimizer=Adam(lr=0.01), steps=500), 0.85,
    ),
    Sick(
        "statistics that are never brought up to date",
        GH + "Cadene/pretrained-models.pytorch/issues/5",
        "a momentum of nothing: the running mean and variance stay as they began",
        "batch norm momentum",
        Recipe("14, 48 bn 0.9999 relu, 24 bn 0.9999 relu, 4",
               table(900, [(3, 2)] * 14, 4), CCE, SGD(lr=0.1), 500),
        but(net="14, 48 bn 0.9 relu, 24 bn 0.9 relu, 4"), 0.8,
    ),
    Sick(
        "a momentum that lasts eleven hundred samples", GH + "microsoft/CNTK/issues/1000",
        "it gets low at once, and then goes up and stays there", "rate too large",
        Recipe("26, 24 gru last, 26", NEXT, CCE, SGD(lr=0.5, momentum=0.99), 400),
        but(optimizer=Adam(lr=0.01), steps=600), 0.5, ("clip",),
    ),
    Sick(
        "a GRU whose loss is no number any more", GH + "xiaoyu2018/TextSum/issues/8",
        "a lower rate was the remedy", "rate too large",
        Recipe("26, 24 gru last, 5", NAMES, CCE, SGD(lr=60.0), 400),
        but(optimizer=SGD(lr=1.0)), 0.85, ("clip",),
    ),
    Sick(
        "two LSTMs with a sigmoid behind each", GH + "keras-team/keras/issues/1727",
        "a constant for every row: twenty rounds, and sigmoids where states were", "too slow",
        Recipe("1, 20 lstm sigmoid drop 0.2, 20 lstm last sigmoid drop 0.2, 1", WAVES, MSE,
               RMSProp(lr=0.001), 40, 450),
        but(net="1, 20 lstm, 20 lstm last, 1", batch=32, optimizer=Adam(lr=0.005), steps=500), 0.8,
        ("activation",),
    ),
    Sick(
        "a warm-up of two thousand steps, and three hundred made",
        GH + "Morizeyao/GPT2-Chinese/issues/60",
        "with fewer steps than the warm-up has, the rate never comes near what it says",
        "too slow",
        Recipe("14, 32 gelu, 32 gelu, 4", COLUMNS, CCE, Adam(lr=Warmup(1.5e-4, 2000)), 300),
        but(optimizer=Adam(lr=0.003)), 0.8,
    ),
    Sick(
        "wrists that change sides", GH + "robertklee/COCO-Human-Pose/pull/29",
        "pictures are turned round, and left stays left", "labels",
        Recipe("12, 48 relu, 2", wrists(True), MSE, Adam(lr=0.003), 600),
        but(data=wrists(False)), 0.75,
    ),
    Sick(
        "every picture in the first folder", GH + "jindongwang/transferlearning/issues/182",
        "one folder is one class: all labels are zero", "labels",
        Recipe("14, 32 relu, 4", folders(True), CCE, Adam(lr=0.003), 400),
        but(data=folders(False)), 0.75,
    ),
    Sick(
        "a decay that another optimizer asked for", GH + "tflearn/tflearn/issues/772",
        "ten, where a thousandth does well with momentum", "penalty",
        Recipe("14, 32 relu, 16 relu, 4", COLUMNS, CCE, SGD(lr=0.005, momentum=0.9), 600, l2=1.0),
        but(l2=0.0, optimizer=SGD(lr=0.02, momentum=0.9)), 0.8,
    ),
    Sick(
        "digits through two units and back", "https://fliphtml5.com/bfxi/znxd",
        "two units are asked for a whole picture", "capacity",
        Recipe("64, 2 relu, 64", changed(SMALL, given_back), MSE, Adam(lr=0.01), 800),
        but(net="64, 32 relu, 64"), 0.7, ("activation",),
    ),
    Sick(
        "weights from nothing to one, and every unit says yes",
        GH + "PacktPublishing/Hands-On-Computer-Vision-with-TensorFlow-2/issues/10",
        "weights that are positive alone", "initial weights",
        Recipe("64, 40 sigmoid, 40 sigmoid, 10", SMALL, CCE, SGD(lr=0.1), 600, init=Uniform(0, 1)),
        but(init="glorot_uniform", optimizer=SGD(lr=0.5, momentum=0.9)), 0.85,
    ),
    Sick(
        "four at a time in every norm", GH + "tinghuiz/SfMLearner/issues/30",
        "mean and deviation of so few differ from batch to batch", "norm",
        Recipe("12, 32 bn relu, 32 bn relu, 32 bn relu, 1", GOING, MSE, SGD(lr=0.1), 600, 4),
        but(batch=64), 0.85,
    ),
    Sick(
        "wines by a classifier as it comes", GH + "scikit-learn/scikit-learn/issues/20083",
        "the data were not standardised: one column counts in hundreds", "input scale",
        Recipe("13, 13 relu, 3", WINE, CCE, Adam(lr=0.001), 200, 178),
        but(net="13, 100 relu, 3", data=standard(WINE), optimizer=Adam(lr=0.01)), 0.85,
        ("too slow",),
    ),
    Sick(
        "repaired modules that will not be optimized", GH + "Srameo/LED/issues/23",
        "two narrow layers get no step", "frozen parameters",
        Recipe("64, 6 relu, 6 relu, 10", SMALL, CCE, Adam(lr=0.005), 700, held=(0, 1), init=TORCH),
        but(held=(), net="64, 24 relu, 24 relu, 10"), 0.9, ("capacity",),
    ),
    Sick(
        "five layers of ReLU with weights that sigmoids had",
        GH + "PatrickZH/Improved-Deep-Leakage-from-Gradients/issues/5",
        "another activation needs another deviation of the weights", "initial weights",
        Recipe("784, 5*64 relu, 10", digits(), CCE, SGD(lr=0.05), 300,
               init=Uniform(-0.5, 0.5), bias=Uniform(-0.5, 0.5)),
        but(init="he_normal", bias="zeros", steps=500), 0.9,
        ("rate too large",),
    ),
    Sick(
        "a softmax layer in a tutorial of few lines",
        GH + "vinhkhuc/PyTorch-Mini-Tutorials/issues/1",
        "the loss has a softmax of its own", "softmax twice",
        Recipe("64, 64 sigmoid, 10 softmax", SMALL, CCE, SGD(lr=0.01, momentum=0.9), 500, 50,
               init=TORCH),
        but(net="64, 64 relu, 10", optimizer=SGD(lr=0.05, momentum=0.9)), 0.9,
        ("output activation", "too slow"),
    ),
    Sick(
        "twenty-six layers for which points belong together",
        GH + "vcg-uvic/learned-correspondence-release/issues/42",
        "without residual connections so many layers do not work", "depth",
        Recipe("14, 26*20 relu, 4", COLUMNS, CCE, SGD(lr=0.02), 500),
        but(net="14, 2*32 relu, 4", init="he_normal", optimizer=SGD(lr=0.1)), 0.8,
        ("initial weights", "activation", "norm"),
    ),
    Sick(
        "irises through one ReLU and back", GH + "civisanalytics/muffnn/pull/22",
        "one hidden unit was too few for a ReLU: tests have two now", "capacity",
        Recipe("4, 1 relu, 4", changed(standard(iris), given_back), MSE, Adam(lr=0.01), 600, 50),
        but(net="4, 8 relu, 4", steps=1200), 0.85, ("activation",),
    ),
))
# fmt: on
MEADOW: Final = CASES[: len(CASES) // 2]
MOOR: Final = CASES[len(CASES) // 2 :]
