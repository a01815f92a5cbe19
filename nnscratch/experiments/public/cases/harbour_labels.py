"""Cases of harbour in which a class is to be told; the other half is `harbour_numbers`."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.data import (
    XOR,
    blobs,
    changed,
    digits,
    iris,
    spirals,
    standard,
    table,
    truth_table,
    words,
)
from nnscratch.experiments.public.recipe import BCE, BCE_P, CCE, CCE_P, MSE, Data, Recipe
from nnscratch.experiments.public.series import flat, languages, letters
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adadelta, Adam

SMALL: Final = digits(large=False)
ARMS: Final = spirals(600, 3, noise=0.1)
FIVE_ARMS: Final = spirals(600, 5, noise=0.1)
PAIRS: Final = table(1000, [(0, 1)] * 16, 2)
PACKETS: Final = table(
    900, [(3e9, 4e8), (2.5e9, 6e8), (4e4, 1e4), (80, 300), (6, 4), *[(0, 1)] * 6], 2
)
TENTHS: Final = table(500, [(0.5, 0.2)] * 10, 2, noise=0.05)
TWELVE: Final = table(900, [(0, 1)] * 12, 6)
MANY: Final = table(5000, [(0, 1)] * 30, 3)
PARITY_6: Final = truth_table(6, lambda x: x.sum(axis=1) % 2)
PARITY_4: Final = truth_table(4, lambda x: x.sum(axis=1) % 2)
SONAR: Final = table(620, [(0, 1)] * 60, 2, noise=0.3, held_out=500)
MORE_SONAR: Final = table(5500, [(0, 1)] * 60, 2, noise=0.3, held_out=500)
TOPICS: Final = words(1000, 250, 6, 30)
NAMES: Final = languages(900, 12)
TEXT: Final = flat(letters(1200, 3))
DOMAINS: Final = blobs(900, 2, features=20, spread=2.5, box=1.5)


def apart(d: Data, rng: np.random.Generator) -> Data:
    """Return the rows in a new order, and the labels in the old."""
    return Data(rng.permutation(d.x), d.y)


def by_the_largest(d: Data, rng: np.random.Generator) -> Data:
    """Return columns divided by their largest value, which is a thousand times all others."""
    x = d.x.copy()
    x[rng.integers(0, len(x), x.shape[1]), np.arange(x.shape[1])] = 4000.0
    return Data(x / np.abs(x).max(axis=0), d.y)


def grey(d: Data, rng: np.random.Generator) -> Data:
    """Return pictures that are padding alone."""
    return Data(np.full(d.x.shape, 128 / 255), d.y)


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "three arms from weights of a hundredth", GH + "yixuan/MiniDNN/issues/20",
        "weights within a hundredth, and a rate of a thousandth", "initial weights",
        Recipe("2, 20 sigmoid, 20 relu, 3", ARMS, CCE, SGD(lr=0.001), 3000, 60, init=Normal(0.01)),
        but(init="glorot_normal", optimizer=Adam(lr=0.02)), 0.8, ("too slow",),
    ),
    Sick(
        "XOR by eight ReLUs drawn within a twentieth", GH + "microsoft/CNTK/issues/1629",
        "weights and rate are both so small that nothing moves", "initial weights",
        Recipe(
            "2, 8 relu, 1 sigmoid", XOR, BCE_P, SGD(lr=0.005), 600, 4,
            init=Uniform(-0.05, 0.05), bias=Uniform(-0.05, 0.05),
        ),
        but(net="2, 16 relu, 1 sigmoid", init="he_normal", optimizer=Adam(lr=0.03)), 1.0,
        ("too slow",),
    ),
    Sick(
        "clicks through ReLUs whose biases begin far below", GH + "facebookresearch/dlrm/pull/358",
        "large negative biases: every ReLU is off, and no derivative is left", "initial weights",
        Recipe("16, 32 relu, 16 relu, 1", PAIRS, BCE, SGD(lr=0.1), 700, bias=Uniform(-8, -6)),
        but(bias="zeros"), 0.85,
    ),
    Sick(
        "packets with addresses as numbers", GH + "keras-team/keras/issues/6688",
        "addresses of billions go in as they are, and a ReLU is to be a probability",
        "input scale",
        Recipe(
            "11, 12 relu, 12 relu, 1 relu", PACKETS, BCE_P, Adam(lr=0.001), 1500, 5,
            init=Normal(0.05),
        ),
        but(net="11, 12 relu, 12 relu, 1 sigmoid", data=standard(PACKETS), init="he_normal"),
        0.85, ("output activation",),
    ),
    Sick(
        "irises by tanh, as they were measured", GH + "keras-team/keras/issues/508",
        "it was the scaling of the features", "input scale",
        Recipe(
            "4, 16 tanh, 3 softmax", iris, CCE_P,
            SGD(lr=0.01), 150, 16,
        ),
        but(data=standard(iris), optimizer=SGD(lr=0.1), steps=300), 0.9, ("too slow",),
    ),
    Sick(
        "a second layer of ten sigmoids", GH + "cazala/synaptic/issues/351",
        "with one hidden layer it learns in a few epochs, with two in none", "activation",
        Recipe(
            "10, 10 sigmoid, 10 sigmoid, 2 sigmoid", TENTHS, BCE_P, SGD(lr=0.1), 3000, 1,
            init=Uniform(-0.1, 0.1), bias=Uniform(-0.1, 0.1),
        ),
        but(net="10, 10 tanh, 2 sigmoid", init="glorot_uniform"), 0.85,
        ("too slow", "initial weights", "depth"),
    ),
    Sick(
        "what is predicted last is not in the optimizer", GH + "zjunlp/HVPNeT/issues/5",
        "a list of parameters is made and not handed over", "frozen parameters",
        Recipe("12, 6 tanh, 3 tanh, 6", TWELVE, CCE, Adam(lr=0.005), 900, held=(1, 2)),
        but(held=(), net="12, 24 tanh, 12 tanh, 6"), 0.75, ("capacity",),
    ),
    Sick(
        "once frozen, never trained again", GH + "nttcslab/byol-a/issues/7",
        "what once did not want a gradient is left out for good", "frozen parameters",
        Recipe("64, 32 relu, 16 relu, 10", SMALL, CCE, SGD(lr=0.1), 500, held=(0, 1, 2)),
        but(held=()), 0.9,
    ),
    Sick(
        "momentum of 0.99 with Nesterov's look ahead", GH + "MIC-DKFZ/nnUNet/issues/197",
        "the momentum is too high: a step is a hundred of them", "rate too large",
        Recipe(
            "64, 48 relu, 24 relu, 10", SMALL, CCE, SGD(lr=0.2, momentum=0.99, nesterov=True), 500,
        ),
        but(optimizer=SGD(lr=0.02, momentum=0.9, nesterov=True)), 0.9,
    ),
    Sick(
        "a batch that is nearly all of the data", GH + "BIDData/BIDMach/issues/95",
        "thirty rounds are thirty steps", "too slow",
        Recipe("30, 32 tanh, 3", MANY, CCE, SGD(lr=0.05), 30, 5000),
        but(batch=50, steps=1500), 0.75,
    ),
    Sick(
        "Adadelta at the rate of another version", GH + "tensorflow/tensorflow/issues/36785",
        "the default was a thousandth, where the paper has one", "too slow",
        Recipe("64, 64 relu, 10", SMALL, CCE, Adadelta(lr=0.001), 800),
        but(optimizer=Adadelta(lr=1.0)), 0.9,
    ),
    Sick(
        "the parity of six bits by six sigmoids", GH + "cybertronai/hinton-problems/pull/8",
        "a rate and steps that are far too few for parity", "too slow",
        Recipe("6, 6 sigmoid, 1 sigmoid", PARITY_6, MSE, SGD(lr=0.5), 1500, 64),
        but(net="6, 24 tanh, 1 sigmoid", optimizer=Adam(lr=0.03), steps=2500), 0.95,
    ),
    Sick(
        "the parity of four bits by one unit", GH + "cybertronai/hinton-problems/issues/11",
        "no two bits tell anything of parity: hidden units are needed", "no activation",
        Recipe("4, 1 sigmoid", PARITY_4, BCE_P, SGD(lr=0.5), 1200, 16),
        but(net="4, 24 tanh, 1 sigmoid", optimizer=Adam(lr=0.03), steps=2000), 1.0, ("capacity",),
    ),
    Sick(
        "a rate of two for a small model of letters", GH + "OpenNMT/OpenNMT-tf/issues/744",
        "the rate is eight thousand times the usual one", "rate too large",
        Recipe("78, 64 gelu, 26", TEXT, CCE, Adam(lr=2.0), 500),
        but(optimizer=Adam(lr=0.003)), 0.5,
    ),
    Sick(
        "a GRU held by the norm of its gradient", GH + "OpenNMT/OpenNMT-py/issues/489",
        "what it learns hangs on the largest norm that is let through", "clip",
        Recipe(
            "26, 24 gru mean, 5", NAMES, CCE, SGD(lr=0.5, clip=ClipByGlobalNorm(0.002)), 500,
        ),
        but(optimizer=SGD(lr=0.5, clip=ClipByGlobalNorm(5.0)), steps=900), 0.75, ("too slow",),
    ),
    Sick(
        "which of two domains, softmaxed before the loss", GH + "NaJaeMin92/pytorch-DANN/issues/7",
        "the softmax makes it hard to train: the loss has its own", "softmax twice",
        Recipe("20, 24 relu, 2 softmax", DOMAINS, CCE, SGD(lr=0.01), 250),
        but(net="20, 24 relu, 2", optimizer=SGD(lr=0.1)), 0.85, ("output activation", "too slow"),
    ),
    Sick(
        "sixty columns of an echo, a hundred rows", GH + "xitu/gold-miner/pull/5634",
        "many more weights than examples, and nothing stops early", "overfitting",
        Recipe("60, 100 relu, 50 relu, 2", SONAR, CCE, Adam(lr=0.003), 1000, 20),
        but(data=MORE_SONAR, net="60, 32 relu, 2", steps=700), 0.85,
    ),
    Sick(
        "five arms by three units", GH + "tensorflow/playground/pull/8",
        "one layer of so few units cannot wind", "capacity",
        Recipe("2, 3 tanh, 5", FIVE_ARMS, CCE, Adam(lr=0.03), 1500),
        but(net="2, 32 tanh, 32 tanh, 5", optimizer=Adam(lr=0.01), steps=2500), 0.9,
    ),
    Sick(
        "columns divided by an outlier", GH + "ClimbsRocks/machineJS/issues/40",
        "one value in each column leaves a thousandth for all others", "input scale",
        Recipe("16, 32 relu, 2", changed(PAIRS, by_the_largest), CCE, SGD(lr=0.1), 700),
        but(data=PAIRS), 0.85, ("too slow",),
    ),
    Sick(
        "pixels divided by 255 twice", GH + "evandez/neuron-descriptions/issues/4",
        "the brightest pixel is a two-hundred-and-fiftieth", "input scale",
        Recipe("784, 64 relu, 10", digits(1 / 255), CCE, SGD(lr=0.1), 500),
        but(data=digits()), 0.9, ("too slow",),
    ),
    Sick(
        "pictures that are padding alone", GH + "eriklindernoren/PyTorch-YOLOv3/issues/62",
        "the padding covers what was padded: every pixel is the same grey", "inputs alike",
        Recipe("64, 32 tanh, 10", changed(SMALL, grey), CCE, Adam(lr=0.003), 400),
        but(data=SMALL), 0.9,
    ),
    Sick(
        "labels taken before the files were shuffled", GH + "Borda/kaggle_image-classify/pull/12",
        "the rows are shuffled after their labels were read", "labels",
        Recipe("250, 24 relu drop 0.2, 6", changed(TOPICS, apart), CCE, Adam(lr=0.001), 500),
        but(data=TOPICS, optimizer=Adam(lr=0.003)), 0.85,
    ),
)
# fmt: on
