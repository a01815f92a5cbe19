"""Cases unlike all before: what no finding knew when they were collected.

Penalties, dropout, schedules, outliers, rare answers, inputs that are all the same, batches of two,
settings of optimizers. Answered once before findings were changed; from then on open to tuning.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.data import changed, curve, digits, table
from nnscratch.experiments.public.recipe import BCE, BCE_P, CCE, MAE, MSE, TORCH, Data, Recipe
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adam, AdamW
from nnscratch.schedules import Geometric, StepDecay, Warmup

DS: Final = "https://datascience.stackexchange.com/questions/"
SE: Final = "https://stats.stackexchange.com/questions/"
SMALL: Final = digits(large=False)
EIGHT: Final = table(600, [(0, 1)] * 8, (0.0, 1.0))
WHICH: Final = changed(SMALL, lambda d, rng: Data(d.x, d.y[:, None].astype(float)))
YES_OR_NO: Final = table(800, [(0, 1)] * 5, 2)
SIGNS: Final = changed(YES_OR_NO, lambda d, rng: Data(d.x, 2.0 * d.y[:, None] - 1))
DATES: Final = table(600, [(0, 1)] * 4 + [(1.6e9, 2e7)], (0.0, 1.0))
DATES_SCALED: Final = table(600, [(0, 1)] * 5, (0.0, 1.0))


def rare(rng: np.random.Generator) -> Data:
    """Return ten columns of which the largest fiftieth of a mean is to be told."""
    x = rng.standard_normal((3000, 10))
    value = x.mean(axis=1) + 0.2 * np.tanh(x[:, 0] * x[:, 1])
    return Data(x, (value > np.quantile(value, 0.98)).astype(int))


def outliers(rng: np.random.Generator) -> Data:
    """Return a table whose every eightieth target is a hundred times too large."""
    d = table(1000, [(0, 1)] * 8, (0.0, 1.0))(rng)
    y = d.y[:800].copy()
    y[::80] = 100 * np.abs(y[::80]) + 100
    return Data(d.x[:800], y, (d.x[800:], d.y[800:]))


def one_picture(rng: np.random.Generator) -> Data:
    """Return the digits' answers, each beside the picture of the first."""
    d = SMALL(rng)
    return Data(np.tile(d.x[:1], (len(d.x), 1)), d.y)


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "one in fifty is a yes", DS + "19283",
        "plain descent learns how rare a yes is and, at this rate, no more", "too slow",
        Recipe("10, 8 relu, 8 relu, 8 relu, 1", rare, BCE, SGD(lr=0.01), 400),
        but(optimizer=Adam(lr=0.01), steps=2000), 0.985,
    ),
    Sick(
        "prices with ten typing errors", "https://arxiv.org/html/2308.02293v4",
        "ten targets of eight hundred are a hundred times too large: squared, nothing else counts",
        "loss",
        Recipe("8, 32 relu, 32 relu, 1", outliers, MSE, Adam(lr=0.01), 1500),
        but(loss=MAE), 0.8, ("labels",),
    ),
    Sick(
        "a column of dates in seconds", GH + "jaredleekatzman/DeepSurv/issues/14",
        "one column counts in thousands of millions", "input scale",
        Recipe("5, 32 relu, 1", DATES, MSE, Adam(lr=0.001), 400),
        but(data=DATES_SCALED, optimizer=Adam(lr=0.01)), 0.8,
    ),
    Sick(
        "the same picture every time", GH + "eriklindernoren/PyTorch-YOLOv3/issues/62",
        "the loader hands out one and the same picture", "inputs alike",
        Recipe("64, 64 relu, 10", one_picture, CCE, SGD(lr=0.1), 400),
        but(data=SMALL), 0.9,
    ),
    Sick(
        "digits, normalised by batches of two", GH + "apache/mxnet/issues/2308",
        "of two examples neither mean nor deviation can be told", "norm",
        Recipe("64, 64 bn relu, 64 bn relu, 64 bn relu, 10", SMALL, CCE, SGD(lr=0.1), 600, 2),
        but(batch=64), 0.9, ("rate too large",),
    ),
    Sick(
        "a penalty that leaves no weights",
        "https://jamesmccaffrey.wordpress.com/2017/03/20/"
        "experimenting-with-neural-network-l2-regularization",
        "the penalty outweighs the loss: all weights go to zero", "penalty",
        Recipe("64, 64 relu, 10", SMALL, CCE, SGD(lr=0.1), 600, l2=0.1),
        but(l2=1e-4), 0.9,
    ),
    Sick(
        "a decay of fifty", GH + "dlfaults/deepcrime",
        "each step takes half of the weights away", "penalty",
        Recipe("8, 32 relu, 32 relu, 1", EIGHT, MSE, AdamW(lr=0.01, weight_decay=50.0), 600),
        but(optimizer=AdamW(lr=0.01, weight_decay=0.01)), 0.85,
    ),
    Sick(
        "nine of ten units dropped, three times",
        "https://www.explaintopic.com/networking/"
        "why-is-my-neural-network-s-dropout-rate-so-high-during-train-1765893679.html",
        "of three layers a tenth is left, each time another", "dropout",
        Recipe(
            "64, 64 relu drop 0.9, 64 relu drop 0.9, 64 relu drop 0.9, 10", SMALL, CCE,
            Adam(lr=0.003), 600,
        ),
        but(net="64, 64 relu drop 0.2, 64 relu drop 0.2, 64 relu drop 0.2, 10"), 0.85,
    ),
    Sick(
        "a keep probability taken for a dropped one",
        "https://errorhandle.ai/keep-prob-value-in-dropout-and-getting-worst-resultypescript-"
        "with-dropout",
        "0.9 was what to keep, and is what is dropped", "dropout",
        Recipe("8, 32 relu drop 0.9, 32 relu drop 0.9, 1", EIGHT, MSE, Adam(lr=0.003), 800),
        but(net="8, 32 relu drop 0.1, 32 relu drop 0.1, 1"), 0.8,
    ),
    Sick(
        "one ReLU that begins off", SE + "450100",
        "inputs are positive and both weights of the only unit negative", "activation",
        Recipe(
            "2, 1 relu, 1 sigmoid",
            changed(table(300, [(3, 0.5)] * 2, 2), lambda d, rng: Data(np.abs(d.x), d.y)),
            BCE_P, SGD(lr=0.1), 500, init=Uniform(-0.05, -0.01),
        ),
        but(net="2, 8 tanh, 1 sigmoid", init="glorot_uniform", optimizer=Adam(lr=0.03), steps=4000),
        0.9, ("initial weights", "capacity", "input scale"),
    ),
    Sick(
        "thirty layers of four ReLUs for a bend", "https://arxiv.org/abs/1903.06733",
        "of narrow layers one is off for every input, and the deeper the surer", "depth",
        Recipe("1, 30*4 relu, 1", curve(np.abs, -2, 2, 300), MSE, Adam(lr=0.001), 500, 64,
               init="he_normal"),
        but(net="1, 2*16 relu, 1", optimizer=Adam(lr=0.01)), 0.9,
        ("activation", "initial weights", "capacity"),
    ),
    Sick(
        "up or down, weights of deviation one", "https://techfeed.net/pt/431483",
        "three layers of 500 units whose weights have deviation 1", "initial weights",
        Recipe("5, 3*500 relu, 1", SIGNS, MSE, Adam(lr=0.001), 100, 100, init=Normal(1.0),
               bias=Normal(1.0)),
        but(init="he_normal", bias="zeros", steps=200), 0.8,
    ),
    Sick(
        "a rate that is halved every ten steps",
        "https://machinecurve.com/index.php/2019/11/11/"
        "problems-with-fixed-and-decaying-learning-rates",
        "after a hundred steps a thousandth of the rate is left", "too slow",
        Recipe("64, 64 relu, 10", SMALL, CCE, SGD(lr=StepDecay(0.1, 0.5, 10)), 600),
        but(optimizer=SGD(lr=StepDecay(0.1, 0.5, 300))), 0.9,
    ),
    Sick(
        "a rate that ends before the training does",
        "https://neptune.ai/blog/how-to-choose-a-learning-rate-scheduler",
        "the rate falls to a millionth in fifty steps", "too slow",
        Recipe("8, 32 tanh, 32 tanh, 1", EIGHT, MSE, Adam(lr=Geometric(0.003, 1e-9, 50)), 600),
        but(optimizer=Adam(lr=Geometric(0.01, 1e-3, 600))), 0.85,
    ),
    Sick(
        "a warm-up longer than the training", GH + "facebookresearch/d2go/issues/19",
        "the rate rises for a hundred thousand steps, of which three hundred are made", "too slow",
        Recipe("64, 64 relu, 10", SMALL, CCE, SGD(lr=Warmup(0.1, 100_000)), 300),
        but(optimizer=SGD(lr=Warmup(0.1, 30)), steps=600), 0.9,
    ),
    Sick(
        "Adam with an epsilon of ten", GH + "deepconvolution/LipNet/issues/2",
        "epsilon is far larger than any gradient: what is left is descent at a small rate",
        "too slow",
        Recipe("64, 64 relu, 10", SMALL, CCE, Adam(lr=0.001, epsilon=10.0), 400),
        but(optimizer=Adam(lr=0.001, epsilon=1e-7)), 0.9,
    ),
    Sick(
        "a clip at a thousandth for plain descent", GH + "fizyr/keras-retinanet/issues/942",
        "what does Adam no harm leaves plain descent without steps", "clip",
        Recipe("64, 64 relu, 10", SMALL, CCE, SGD(lr=0.1, clip=ClipByGlobalNorm(1e-3)), 500),
        but(optimizer=SGD(lr=0.1, clip=ClipByGlobalNorm(5.0))), 0.9, ("too slow",),
    ),
    Sick(
        "a momentum of 0.999",
        "https://madanswer.com/75218/what-might-happen-you-set-momentum-hyperparameter-close-9999-"
        "when-using-optimizer",
        "a thousand gradients add up before one is forgotten", "rate too large",
        Recipe("64, 64 relu, 10", SMALL, CCE, SGD(lr=0.1, momentum=0.999), 400),
        but(optimizer=SGD(lr=0.05, momentum=0.9)), 0.9,
    ),
    Sick(
        "which digit, by one sigmoid",
        "https://theblog.github.io/post/neural-networks-multiple-class-softmax",
        "a sigmoid ends at 1, and the digits go on to 9", "output activation",
        Recipe("64, 64 relu, 1 sigmoid", WHICH, MSE, Adam(lr=0.003), 600),
        but(net="64, 64 relu, 1"), 0.75, ("target scale", "loss"),
    ),
    Sick(
        "a line that stops at one", GH + "cazala/synaptic/issues/225",
        "a sigmoid is the output of a regression", "output activation",
        Recipe("1, 8 sigmoid, 1 sigmoid", curve(lambda x: 4 * x, 0, 1, 100), MSE, Adam(lr=0.03),
               800),
        but(net="1, 8 sigmoid, 1"), 0.9, ("target scale",),
    ),
    Sick(
        "minus one and one for a sigmoid", SE + "616982",
        "answers of minus one for an output that ends at 0", "output activation",
        Recipe("5, 16 relu, 1 sigmoid", SIGNS, MSE, Adam(lr=0.01), 600),
        but(net="5, 16 relu, 1 tanh"), 0.7, ("labels",),
    ),
    Sick(
        "one digit at a time at rate 0.5", GH + "apache/mxnet/issues/2308",
        "a rate for batches of a hundred, and batches of one", "rate too large",
        Recipe("64, 128 relu, 64 relu, 10", SMALL, CCE, SGD(lr=0.5), 1500, 1),
        but(optimizer=SGD(lr=0.01)), 0.85,
    ),
    Sick(
        "a random line at rate 10", "https://www.codegenes.net/blog/loss-explodes-pytorch",
        "a linear layer at rate 10", "rate too large",
        Recipe("10, 1", table(400, [(0, 1)] * 10, (0.0, 1.0)), MSE, SGD(lr=10.0), 200),
        but(optimizer=SGD(lr=0.05)), 0.85,
    ),
    Sick(
        "digits by a loss that is summed",
        "https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
        "summed over the batch instead of averaged: a rate 32 times as large", "rate too large",
        Recipe("64, 100 tanh, 10", SMALL, CCE, SGD(lr=32 * 0.3), 400, 32, init=TORCH),
        but(optimizer=SGD(lr=0.3)), 0.9,
    ),
)
# fmt: on
