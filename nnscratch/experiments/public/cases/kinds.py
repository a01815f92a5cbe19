"""Cases collected by kind: ones that findings had been weak on, in other networks, data and rates.

Their names decide their half, as of the first ones: `OPENED` may be tuned on; `ASIDE` was answered
before and after, and not looked at in between.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, MLM, SO, TUNED, UNTOUCHED, Sick, but, half
from nnscratch.experiments.public.data import (
    XNOR,
    XOR,
    blobs,
    changed,
    circles,
    curve,
    digits,
    iris,
    spirals,
    standard,
    table,
    truth_table,
    words,
)
from nnscratch.experiments.public.recipe import BCE, BCE_P, CCE, MSE, TORCH, Data, Maker, Recipe
from nnscratch.initializers import Uniform, VarianceScaling
from nnscratch.optimizers import SGD, Adam, RMSProp

SE: Final = "https://stats.stackexchange.com/questions/"
OVERFITTING: Final = "https://www.tensorflow.org/tutorials/keras/overfit_and_underfit"
RATES: Final = MLM + "understand-the-dynamics-of-learning-rate-on-deep-learning-neural-networks"
WIDE_HE: Final = VarianceScaling(4.0, "fan_in")  # twice He's variance
PARITY: Final = truth_table(3, lambda x: x.sum(axis=1) % 2)
SMALL: Final = digits(large=False)


def few(make: Maker, n: int, judged: int = 300) -> Maker:
    """Return the first `n` examples in a new order, and others to be judged on."""

    def made(rng: np.random.Generator) -> Data:
        d = make(rng)
        order = rng.permutation(len(d.x))
        own, held = order[:n], order[-judged:]
        return Data(d.x[own], d.y[own], (d.x[held], d.y[held]))

    return made


NOISY = curve(lambda x: np.sin(3 * x), -2, 2, 2000, 0.3, random=True)
THIRTY = table(2000, [(0, 1)] * 30, 2, noise=0.2)
GOING = table(600, [(0, 1)] * 8, (0.0, 1.0))
TINY = changed(GOING, lambda d, rng: Data(d.x, 1e-3 * d.y))

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "sixty digits by 300 units", GH + "keras-team/keras/issues/161",
        "sixty digits are learned by heart", "overfitting",
        Recipe("64, 300 relu, 10", few(SMALL, 60), CCE, Adam(lr=0.003), 2000),
        but(data=few(SMALL, 1200), steps=800), 0.93,
    ),
    Sick(
        "forty points of a noisy sine", OVERFITTING,
        "two layers of 100 units follow the noise of forty points", "overfitting",
        Recipe("1, 100 tanh, 100 tanh, 1", few(NOISY, 40), MSE, Adam(lr=0.01), 4000, 40),
        but(data=few(NOISY, 1500), steps=1500), 0.75,
    ),
    Sick(
        "eighty rows of thirty columns", GH + "keras-team/keras/issues/8471",
        "eighty rows with noisy labels are learned by heart", "overfitting",
        Recipe(
            "30, 64 relu, 64 relu, 2", few(THIRTY, 80), CCE, SGD(lr=0.05, momentum=0.9), 1500, 16,
        ),
        but(data=few(THIRTY, 1600), steps=600, optimizer=SGD(lr=0.01, momentum=0.9)), 0.82,
    ),
    Sick(
        "a hundred texts by heart", GH + "keras-team/keras/issues/3755",
        "a hundred texts are learned by heart; the loss of new ones climbs", "overfitting",
        Recipe("300, 64 relu, 4", few(words(1500, 300, 4, 20, 0.7), 100), CCE, Adam(lr=0.01), 2000),
        but(data=few(words(1500, 300, 4, 20, 0.7), 1200), steps=60), 0.75,
    ),
    Sick(
        "XOR by four sigmoids, one row at a time", SE + "351216",
        "a plateau of sigmoids: two thousand steps at rate 0.05 do not cross it", "too slow",
        Recipe("2, 4 sigmoid, 1 sigmoid", XOR, MSE, SGD(lr=0.05), 2000, 1, init=Uniform(-1.0, 1.0)),
        but(net="2, 8 sigmoid, 1 sigmoid", optimizer=Adam(lr=0.05)), 1.0,
    ),
    Sick(
        "XOR by three sigmoids and cross-entropy",
        "https://z.id.vn/neural-network-converges-to-0-5-for-xor",
        "four hundred steps at rate 0.1 are too few for sigmoids", "too slow",
        Recipe("2, 3 sigmoid, 1 sigmoid", XOR, BCE_P, SGD(lr=0.1), 400, 4),
        but(net="2, 8 sigmoid, 1 sigmoid", optimizer=Adam(lr=0.05), steps=2000), 1.0,
    ),
    Sick(
        "XNOR by three tanh at rate 0.003", SO + "66903569",
        "the rate is a hundredth of what these need", "too slow",
        Recipe("2, 3 tanh, 1", XNOR, MSE, SGD(lr=0.003), 1000, 4),
        but(net="2, 8 tanh, 1", optimizer=Adam(lr=0.05)), 1.0,
    ),
    Sick(
        "the parity of three bits, six sigmoids", GH + "cybertronai/hinton-problems/pull/9",
        "a thousand steps at rate 0.1 do not leave one half", "too slow",
        Recipe("3, 6 sigmoid, 1 sigmoid", PARITY, MSE, SGD(lr=0.1), 1000, 8, init=TORCH),
        but(net="3, 16 tanh, 1", optimizer=Adam(lr=0.03), loss=BCE), 1.0,
    ),
    Sick(
        "XOR by a lone sigmoid", "http://neural-networks.io/en/single-layer/limitations.php",
        "one layer draws one line", "no activation",
        Recipe("2, 1 sigmoid", XOR, BCE_P, SGD(lr=0.5), 1000, 4),
        but(net="2, 8 tanh, 1 sigmoid", optimizer=Adam(lr=0.05)), 1.0, ("capacity",),
    ),
    Sick(
        "rings by logistic regression", "https://www.learnpytorch.io/02_pytorch_classification",
        "no line parts two rings", "no activation",
        Recipe("2, 1", circles(400, 0.05, 0.5), BCE, SGD(lr=0.1), 500),
        but(net="2, 16 relu, 1", optimizer=Adam(lr=0.01)), 0.95, ("capacity",),
    ),
    Sick(
        "a parabola by one line", "https://playground.tensorflow.org",
        "a line cannot bend", "no activation",
        Recipe("1, 1", curve(lambda x: x**2, -1, 1, 200), MSE, SGD(lr=0.1), 500),
        but(net="1, 16 tanh, 1", optimizer=Adam(lr=0.02)), 0.9, ("capacity",),
    ),
    Sick(
        "spirals by softmax regression", "https://cs231n.github.io/neural-networks-case-study",
        "a linear classifier cannot follow spirals", "no activation",
        Recipe("2, 3", spirals(300, 3), CCE, SGD(lr=1.0), 500, 300),
        but(net="2, 100 relu, 3", optimizer=Adam(lr=0.01), steps=1500), 0.95, ("capacity",),
    ),
    Sick(
        "sixty layers of ReLU, Glorot's weights", "https://ar5iv.arxiv.org/html/1808.04947",
        "each of sixty ReLU layers halves the signal", "initial weights",
        Recipe("64, 60*50 relu, 10", SMALL, CCE, SGD(lr=0.01), 200),
        but(net="64, 6*50 relu, 10", init="he_normal", optimizer=SGD(lr=0.1), steps=600), 0.85,
        ("depth", "norm", "activation"),
    ),
    Sick(
        "eighty narrow layers of ReLU", "https://ar5iv.arxiv.org/html/1808.04947",
        "through eighty layers of twenty units little comes through alike", "depth",
        Recipe("64, 80*20 relu, 10", SMALL, CCE, Adam(lr=0.001), 300, init="he_normal"),
        but(net="64, 4*40 relu, 10", steps=600), 0.85, ("norm", "activation", "initial weights"),
    ),
    Sick(
        "forty layers of ReLU in PyTorch",
        "https://axeldomingues.dev/blog/initialization-scale-fragility-of-deep-networks",
        "PyTorch's own weights shrink the signal by the root of six in each layer",
        "initial weights",
        Recipe("64, 40*64 relu, 10", SMALL, CCE, Adam(lr=0.001), 300, init=TORCH),
        but(net="64, 5*64 relu, 10", init="he_normal"), 0.85, ("depth", "norm", "activation"),
    ),
    Sick(
        "twenty leaky layers, twice He's weights, clipped",
        MLM + "how-to-avoid-exploding-gradients-in-neural-networks-with-gradient-clipping",
        "the weights are too large; the clip hides it", "initial weights",
        Recipe(
            "64, 20*64 leaky, 10", SMALL, CCE, SGD(lr=0.01, clip=ClipByGlobalNorm(1.0)), 200,
            init=WIDE_HE,
        ),
        but(init="he_normal", steps=800), 0.7, ("norm", "depth"),
    ),
    Sick(
        "sixteen layers of ReLU, twice He's weights, clipped",
        MLM + "how-to-avoid-exploding-gradients-in-neural-networks-with-gradient-clipping",
        "the weights are too large; the clip hides it", "initial weights",
        Recipe(
            "8, 16*100 relu, 1", GOING, MSE, SGD(lr=0.003, clip=ClipByGlobalNorm(0.5)), 200,
            init=WIDE_HE,
        ),
        but(net="8, 3*100 relu, 1", init="he_normal", steps=800), 0.8, ("norm", "depth"),
    ),
    Sick(
        "digits after two hundred steps at rate 0.005", "https://theneuralbase.com/keras",
        "two hundred steps of plain descent at rate 0.005 are too few", "too slow",
        Recipe("64, 100 relu, 10", SMALL, CCE, SGD(lr=0.005), 200),
        but(optimizer=SGD(lr=0.1), steps=600), 0.9,
    ),
    Sick(
        "a sine by Adam at rate 1e-4, 150 steps", SE + "387150",
        "a hundred and fifty steps of Adam at 1e-4 are too few", "too slow",
        Recipe(
            "1, 32 tanh, 32 tanh, 1", curve(np.sin, -3, 3, 200), MSE, Adam(lr=1e-4), 150, 50,
        ),
        but(optimizer=Adam(lr=0.01), steps=800), 0.95,
    ),
    Sick(
        "texts by Adam at rate 3e-5", SE + "387150",
        "three hundred steps of Adam at 3e-5 are too few", "too slow",
        Recipe("200, 32 relu, 5", words(1200, 200, 5, 40), CCE, Adam(lr=3e-5), 300),
        but(optimizer=Adam(lr=0.003)), 0.85,
    ),
    Sick(
        "clothes' digits by RMSProp at rate 0.1", RATES,
        "RMSProp's usual rate is 0.001", "rate too large",
        Recipe("64, 128 relu, 64 relu, 10", SMALL, CCE, RMSProp(lr=0.1), 400),
        but(optimizer=RMSProp(lr=0.001)), 0.9,
    ),
    Sick(
        "three columns by RMSProp at rate 0.3", RATES,
        "RMSProp's steps of 0.3 are too long", "rate too large",
        Recipe("8, 64 tanh, 64 tanh, 1", GOING, MSE, RMSProp(lr=0.3), 400),
        but(optimizer=RMSProp(lr=0.001), steps=800), 0.85,
    ),
    Sick(
        "irises by Adam at rate 2", "https://theneuralbase.com/keras",
        "Adam's steps of 2 are too long for three layers", "rate too large",
        Recipe("4, 32 relu, 32 relu, 3", standard(iris), CCE, Adam(lr=2.0), 300, 16),
        but(optimizer=Adam(lr=0.01)), 0.93,
    ),
    Sick(
        "clouds by SiLU with batch norm that remembers 0.99",
        GH + "keras-team/keras/issues/7265",
        "forty steps are too few for running statistics with momentum 0.99",
        "batch norm momentum",
        Recipe(
            "2, 64 bn 0.99 silu, 64 bn 0.99 silu, 4", blobs(600, 4, spread=1.5), CCE,
            Adam(lr=0.003), 40,
        ),
        but(net="2, 64 bn 0.8 silu, 64 bn 0.8 silu, 4", steps=100), 0.92,
    ),
    Sick(
        "digits by ReLU with batch norm that remembers 0.999",
        GH + "NVIDIA/DIGITS/issues/629",
        "two hundred steps are too few for running statistics with momentum 0.999",
        "batch norm momentum",
        Recipe(
            "64, 64 bn 0.999 relu, 64 bn 0.999 relu, 10", digits(16.0, large=False), CCE,
            SGD(lr=0.1), 200,
        ),
        but(net="64, 64 bn 0.9 relu, 64 bn 0.9 relu, 10"), 0.9,
    ),
    Sick(
        "a regression with batch norm that remembers 0.99",
        GH + "tensorflow/tensorflow/issues/1122",
        "eighty steps are too few for running statistics with momentum 0.99",
        "batch norm momentum",
        Recipe("8, 50 silu bn 0.99, 50 silu bn 0.99, 1", GOING, MSE, Adam(lr=0.01), 80),
        but(net="8, 50 silu bn 0.8, 50 silu bn 0.8, 1", steps=200), 0.85,
    ),
    Sick(
        "targets of a thousandth by ReLU",
        MLM + "how-to-improve-neural-network-stability-and-modeling-performance-with-data-scaling",
        "targets of a thousandth are noise beside what the network begins with", "target scale",
        Recipe("8, 64 relu, 1", TINY, MSE, SGD(lr=0.01), 400),
        but(data=GOING, optimizer=SGD(lr=0.05), steps=800), 0.85, ("too slow",),
    ),
)
# fmt: on
OPENED: Final = tuple(case for case in CASES if half(case.name) == TUNED)
ASIDE: Final = tuple(case for case in CASES if half(case.name) == UNTOUCHED)
