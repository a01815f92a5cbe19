"""Cases of spring in which a class is to be told; the other half of them is `spring_numbers`."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, SO, Sick, but
from nnscratch.experiments.public.data import XNOR, XOR, changed, digits, table, truth_table, words
from nnscratch.experiments.public.recipe import BCE_P, CCE, CCE_P, MSE, TORCH, Data, Maker, Recipe
from nnscratch.initializers import Constant, Normal, Uniform
from nnscratch.optimizers import SGD, Adagrad, Adam, Adamax

SMALL: Final = digits(large=False)
RAW: Final = digits(255.0)
TWENTY: Final = table(1000, [(0, 1)] * 20, 6)
ELEVEN: Final = table(1000, [(0, 1)] * 11, 5)
FIVE: Final = table(500, [(0, 1)] * 5, 2)
TEXTS: Final = words(1200, 518, 2, 40)
DOCUMENTS: Final = words(1500, 300, 10, 60)
PARITY: Final = changed(digits(), lambda d, rng: Data(d.x, d.y % 2))
TWICE: Final = [3, 0, 2, 1, 3, 0]  # two of the four rows
SIX_ROWS: Final = changed(XOR, lambda d, rng: Data(d.x[TWICE], d.y[TWICE]))
LIFE: Final = truth_table(
    9, lambda x: ((x.sum(axis=1) == 3) | ((x[:, 4] == 1) & (x.sum(axis=1) == 4))).astype(int)
)
HELD: Final = table(900, [(0, 1)] * 20, 4, held_out=300)
HELD_TEXTS: Final = words(1500, 250, 4, 40, held_out=400)
FIVE_ROWS: Final = changed(
    SMALL, lambda d, rng: Data(np.eye(5) * 0.6 + 0.4 * rng.random((5, 5)), np.arange(5))
)


def colours(top: float = 255.0) -> Maker:
    """Return colours from 0 to `top`, and whether they are light."""

    def make(rng: np.random.Generator) -> Data:
        x = rng.random((80, 3))
        return Data(top * x, (x @ [0.3, 0.6, 0.1] > 0.5).astype(int))

    return make


def several(rng: np.random.Generator) -> Data:
    """Return counts of twenty words, and which of three topics a text is about: any number."""
    often = np.exp(0.8 * rng.standard_normal((3, 20)))
    y = rng.random((1500, 3)) < 0.55
    return Data(rng.poisson(0.5 + 1.5 * (y @ often)).astype(float), y)


def other_labels(rng: np.random.Generator) -> Data:
    """Return a table whose rows kept for judging have the labels of others."""
    d = HELD(rng)
    assert d.held_out is not None
    return Data(d.x, d.y, (d.held_out[0], d.y[: len(d.held_out[0])]))


def shuffled_apart(rng: np.random.Generator) -> Data:
    """Return texts whose labels were shuffled apart from them; those for judging are right."""
    d = HELD_TEXTS(rng)
    return Data(d.x, rng.permutation(d.y), d.held_out)


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "scores of a tutorial through a ReLU", GH + "pytorch/tutorials/pull/1644",
        "a ReLU stands between the scores and cross-entropy", "output activation",
        Recipe("784, 512 relu, 512 relu, 10 relu", digits(), CCE, SGD(lr=0.001), 1500, 64,
               init=TORCH),
        but(net="784, 512 relu, 512 relu, 10", optimizer=SGD(lr=0.02)), 0.9, ("too slow",),
    ),
    Sick(
        "LeNet's softmax, and another in the loss", GH + "tensorflow/swift-models/pull/232",
        "the last layer has a softmax, and the loss another", "softmax twice",
        Recipe("784, 120 relu, 84 relu, 10 softmax", digits(), CCE, SGD(lr=0.1), 80, 128),
        but(net="784, 120 relu, 84 relu, 10", steps=150), 0.9, ("output activation",),
    ),
    Sick(
        "softmaxed before the loss, at Adam's 0.05", "https://discuss.pytorch.org/t/43814",
        "a softmax goes into a loss that has one, and the rate is too large", "softmax twice",
        Recipe("20, 64 relu, 64 relu, 6 softmax", TWENTY, CCE, Adam(lr=0.05), 500),
        but(net="20, 64 relu, 64 relu, 6", optimizer=Adam(lr=0.003)), 0.85,
        ("rate too large", "output activation"),
    ),
    Sick(
        "the last layer but one is a softmax", GH + "ubclaunchpad/minutes/issues/133",
        "the layer before the last ends in a softmax too", "activation",
        Recipe("64, 64 relu, 10 softmax, 10 softmax", SMALL, CCE_P, Adam(lr=0.001), 400),
        but(net="64, 64 relu, 32 relu, 10 softmax"), 0.9, ("softmax twice",),
    ),
    Sick(
        "norms of all weights added as they are", GH + "FluxML/Flux.jl/issues/1254",
        "the penalty has no factor: it outweighs the loss", "penalty",
        Recipe("518, 16 relu, 8 relu, 4 relu, 2", TEXTS, CCE, Adamax(lr=0.002), 600, l2=0.3),
        but(l2=1e-4), 0.9,
    ),
    Sick(
        "a wide picture by Adagrad", GH + "tiny-dnn/tiny-dnn/issues/318",
        "the rate that did for convolutions is too large for wide layers", "rate too large",
        Recipe("784, 128 tanh, 10 tanh", digits(), MSE, Adagrad(lr=0.5), 400, 10),
        but(optimizer=Adagrad(lr=0.002)), 0.85,
    ),
    Sick(
        "an example's rate of ten, with dropout", GH + "rasmusbergpalm/DeepLearnToolbox/issues/12",
        "the rate is ten times too large", "rate too large",
        Recipe(
            "784, 200 tanh drop 0.5, 200 tanh drop 0.5, 10 sigmoid", digits(), MSE, SGD(lr=50.0),
            400, 100,
        ),
        but(optimizer=SGD(lr=2.5), steps=800), 0.85,
    ),
    Sick(
        "documents by five layers drawn within 0.01", GH + "apache/mxnet/issues/2310",
        "weights of the default are too small for five layers", "initial weights",
        Recipe(
            "300, 5*64 relu, 10", DOCUMENTS, CCE, SGD(lr=0.1), 500, 100,
            init=Uniform(-0.01, 0.01),
        ),
        but(init="he_normal", steps=800), 0.85, ("depth", "norm"),
    ),
    Sick(
        "both alike or not, at Adam's 1", GH + "FluxML/Flux.jl/issues/1352",
        "the first steps at rate 1 throw the weights where no gradient comes", "rate too large",
        Recipe("2, 5 relu, 10 relu, 5 relu, 1", XNOR, MSE, Adam(lr=1.0), 500, 4),
        but(net="2, 16 relu, 1", optimizer=Adam(lr=0.01), steps=1000), 1.0,
        ("initial weights", "activation"),
    ),
    Sick(
        "which colours are light, of 255", GH + "BrainJS/brain.js/issues/98",
        "the colours are not normalised for sigmoids", "input scale",
        Recipe(
            "3, 3 sigmoid, 2 sigmoid", colours(), MSE, SGD(lr=0.3), 3000, 1,
            init=Uniform(-0.2, 0.2),
        ),
        but(data=colours(1.0), optimizer=SGD(lr=1.0), steps=6000), 0.95,
    ),
    Sick(
        "handwriting to 255 for twenty sigmoids", GH + "BrainJS/brain.js/issues/466",
        "pixels go in as they are", "input scale",
        Recipe(
            "784, 20 sigmoid, 10 sigmoid", RAW, MSE, SGD(lr=1.5), 3000, 1,
            init=Uniform(-0.2, 0.2),
        ),
        but(data=digits()), 0.85,
    ),
    Sick(
        "clothes by four layers of sigmoids", GH + "phlippe/uvadlc_notebooks/issues/119",
        "gradients hardly reach the first layers of sigmoids", "activation",
        Recipe(
            "784, 128 sigmoid, 64 sigmoid, 64 sigmoid, 32 sigmoid, 10", digits(), CCE,
            SGD(lr=0.01, momentum=0.9), 500, 128,
        ),
        but(net="784, 128 relu, 64 relu, 64 relu, 32 relu, 10"), 0.9,
        ("initial weights", "norm", "depth", "too slow"),
    ),
    Sick(
        "a rate of thirty", GH + "mnielsen/neural-networks-and-deep-learning/issues/52",
        "the book's rate was three", "rate too large",
        Recipe(
            "784, 60 sigmoid, 30 sigmoid, 10 sigmoid", digits(), MSE, SGD(lr=150.0), 1500, 10,
            init=Normal(1.0), bias=Normal(1.0),
        ),
        but(optimizer=SGD(lr=10.0), init="lecun_normal"), 0.9, ("initial weights",),
    ),
    Sick(
        "XOR by two ReLUs", GH + "lmjohns3/theanets/issues/67",
        "with twenty units it works, with two it rarely does", "capacity",
        Recipe("2, 2 relu, 1", XOR, MSE, Adam(lr=0.01), 1500, 4),
        but(net="2, 20 relu, 1"), 1.0, ("activation", "initial weights"),
    ),
    Sick(
        "five numbers, one softmax", SO + "45337371",
        "a softmax over one output is 1: its gradient is zero", "softmax over one unit",
        Recipe("5, 60 relu, 50 relu, 1 softmax", FIVE, BCE_P, Adam(lr=0.001), 400),
        but(net="5, 60 relu, 50 relu, 1 sigmoid"), 0.9, ("output activation",),
    ),
    Sick(
        "XOR of six rows, one softmax", SO + "34311586",
        "a softmax over one output, a rate of a thousandth and few epochs",
        "softmax over one unit",
        Recipe(
            "2, 2 sigmoid, 3 sigmoid, 1 softmax", SIX_ROWS, MSE,
            SGD(lr=0.001, momentum=0.9, nesterov=True), 60, 6, init=Uniform(-0.05, 0.05),
        ),
        but(net="2, 8 tanh, 1 sigmoid", init="glorot_uniform", optimizer=Adam(lr=0.03), steps=1500),
        1.0, ("output activation", "too slow", "initial weights"),
    ),
    Sick(
        "several labels a row by a softmax", SO + "38648195",
        "a softmax shares one among labels of which several hold", "output activation",
        Recipe(
            "20, 20 relu, 20 relu, 3 softmax", several, MSE, SGD(lr=0.01), 600, 20,
        ),
        but(net="20, 20 relu, 20 relu, 3 sigmoid", loss=BCE_P, optimizer=SGD(lr=0.05), steps=1500),
        0.85, ("loss",),
    ),
    Sick(
        "a ReLU in the place of a softmax", SO + "47352366",
        "probabilities were meant, and a ReLU gives none", "output activation",
        Recipe(
            "784, 128 relu drop 0.5, 10 relu", digits(), CCE_P, Adam(lr=0.001), 600, 50,
            bias=Constant(0.1),
        ),
        but(net="784, 128 relu drop 0.5, 10 softmax"), 0.95,
    ),
    Sick(
        "judged by labels of other rows", GH + "FluxML/fluxml.github.io/pull/119",
        "what is judged has the labels of the training rows", "labels",
        Recipe("20, 32 relu, 4", other_labels, CCE, Adam(lr=0.003), 500),
        but(data=HELD), 0.75, ("overfitting",),
    ),
    Sick(
        "texts and labels shuffled apart", GH + "mlcommons/GaNDLF/pull/870",
        "texts and their labels were shuffled one apart from the other", "labels",
        Recipe("250, 64 relu, 4", shuffled_apart, CCE, Adam(lr=0.003), 400),
        but(data=HELD_TEXTS, steps=150), 0.75, ("overfitting",),
    ),
    Sick(
        "a new head that no optimizer was given", GH + "facebookresearch/mmf/issues/104",
        "the parameters of the added layer are not among those that are trained",
        "frozen parameters",
        Recipe("64, 32 tanh, 16 tanh, 10", SMALL, CCE, SGD(lr=0.01, momentum=0.9), 400,
               held=(2,), last=Normal(0.05)),
        but(held=()), 0.9,
    ),
    Sick(
        "odd or even by two layers of lines", GH + "aymericdamien/TensorFlow-Examples/issues/262",
        "no activation between the layers: it is a logistic regression", "no activation",
        Recipe("784, 256, 256, 2", PARITY, CCE, SGD(lr=0.1), 600, 128),
        but(net="784, 256 relu, 256 relu, 2"), 0.97,
    ),
    Sick(
        "eleven columns at rate 1e-5",
        "https://chenzhang.org/notes/developer/loss-and-accuracy-get-stuck-in-keras/",
        "the rate is ten thousand times too small", "too slow",
        Recipe(
            "11, 64 relu, 64 relu, 5", ELEVEN, CCE, SGD(lr=1e-5, momentum=0.9, nesterov=True), 500,
        ),
        but(optimizer=SGD(lr=0.1, momentum=0.9, nesterov=True)), 0.85,
    ),
    Sick(
        "five hundred at a time, twenty epochs", SO + "44164749",
        "at this rate batches so large make too few steps", "too slow",
        Recipe(
            "784, 300 relu drop 0.1, 100 relu drop 0.1, 10", digits(), CCE,
            SGD(lr=0.002, momentum=0.9, nesterov=True), 60, 500,
        ),
        but(optimizer=SGD(lr=0.1, momentum=0.9, nesterov=True), steps=120), 0.95,
    ),
    Sick(
        "Nesterov's momentum at rate 1", GH + "Lasagne/Lasagne/issues/765",
        "with momentum the rate is ten times what it says", "rate too large",
        Recipe(
            "784, 128 relu, 128 relu, 10", digits(), CCE,
            SGD(lr=1.0, momentum=0.9, nesterov=True), 300, 100,
        ),
        but(optimizer=SGD(lr=0.02, momentum=0.9, nesterov=True)), 0.9,
    ),
    Sick(
        "the game of life in a few epochs", GH + "ArabelaTso/DeepFD",
        "gol_nn: five epochs at Adam's usual rate are too few", "too slow",
        Recipe("9, 32 relu, 1 sigmoid", LIFE, BCE_P, Adam(lr=0.001), 80),
        but(optimizer=Adam(lr=0.01), steps=2000), 0.95,
    ),
    Sick(
        "five rows in a hundred iterations", GH + "deeplearning4j/deeplearning4j/issues/105",
        "predictions are uniform until there are many more iterations", "too slow",
        Recipe("5, 10 sigmoid, 5", FIVE_ROWS, CCE, SGD(lr=0.1), 100, 5),
        but(optimizer=SGD(lr=1.0), steps=3000), 1.0,
    ),
)
# fmt: on
