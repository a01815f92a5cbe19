"""The half of the sick cases that no threshold of the findings may be chosen on.

Who works on findings reads `tuned`, not this file, until the result is judged.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, SO, Sick, but
from nnscratch.experiments.public.data import (
    XNOR,
    XOR,
    blobs,
    changed,
    circles,
    curve,
    digits,
    iris,
    standard,
    table,
)
from nnscratch.experiments.public.recipe import (
    BCE,
    BCE_P,
    CCE,
    CCE_P,
    HE_UNIFORM,
    KERAS_1,
    MAE,
    MSE,
    TORCH,
    Data,
    Recipe,
)
from nnscratch.initializers import Constant, Normal, Uniform
from nnscratch.optimizers import SGD, Adam, RMSProp

LINE_10000 = table(2000, [(5000, 2900)] * 3, (17502, 6600))
PACKETS = table(1000, [(4e4, 2e4), (3e4, 1.5e4), (500, 400), (60, 20)] + [(5, 5)] * 7, 2)
VIEWERS = table(40, [(56, 120)], (67.0, 8.0))
SQUARES = curve(lambda x: x**2 + 3, 0, 99, 100)
SINE_1000 = curve(lambda x: np.sin(x / 100), 0, 999, 1000)
OVER_150 = changed(
    table(1000, [(150, 87)], 2), lambda d, rng: Data(d.x, (d.x[:, 0] >= 150).astype(int))
)


def far_point(rng: np.random.Generator) -> Data:
    """Return five points of a line, one of them far from the others."""
    x = np.array([[1.0], [2.0], [3.0], [4.0], [35.0]])
    return Data(x, 1 - x)


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "three numbers to 10,000 through softmax", SO + "33969059",
        "a softmax over one output is 1 whatever comes, for targets to 35,000",
        "softmax over one unit",
        Recipe(
            "3, 3 tanh drop 0.5, 2 tanh drop 0.5, 1 softmax", LINE_10000, MSE,
            SGD(lr=0.1, momentum=0.9, nesterov=True), 600, init=KERAS_1,
        ),
        but(net="3, 3 tanh, 1", data=standard(LINE_10000, "xy"), init="glorot_uniform"),
        0.5, ("output activation",),
    ),
    Sick(
        "network packets, unbounded score", SO + "44066044",
        "a ReLU is the output, where the loss wants a probability; raw columns besides",
        "output activation",
        Recipe(
            "11, 12 relu, 12 relu, 1 relu", PACKETS, BCE_P, Adam(lr=0.001), 2000, 5,
            init=Normal(0.05),
        ),
        but(net="11, 12 relu, 12 relu, 1", loss=BCE, data=standard(PACKETS)), 0.8, ("input scale",),
    ),
    Sick(
        "one number, a softmax at the end", SO + "45442843",
        "a softmax over one output is 1 whatever comes", "softmax over one unit",
        Recipe(
            "1, 1 sigmoid, 1 softmax", table(400, [(0, 1)], 2), MAE, RMSProp(lr=0.001, decay=0.9),
            800, 200, last=Normal(0.05),
        ),
        but(net="1, 1 sigmoid, 1", loss=BCE, optimizer=RMSProp(lr=0.01, decay=0.9)), 0.9,
        ("loss", "output activation"),
    ),
    Sick(
        "pixels to 255 at a rate of 1e-4", SO + "55328966",
        "the pixels are not divided by 255; plain descent at 1e-4 besides", "input scale",
        Recipe("784, 784, 50 relu, 10 sigmoid", digits(255.0), CCE_P, SGD(lr=1e-4), 400),
        but(net="784, 784, 50 relu, 10", loss=CCE, data=digits(), optimizer=Adam(lr=1e-4)),
        0.8, ("output activation",),
    ),
    Sick(
        "a line through a sigmoid", SO + "48221692",
        "a sigmoid is the output, for targets beyond 0 to 1", "output activation",
        Recipe(
            "1, 5 sigmoid, 1 sigmoid", curve(lambda x: 3 * x + 2, 0, 1, 75, 0.1), MSE, SGD(lr=0.01),
            1000, 75,
        ),
        but(net="1, 5 sigmoid, 1", optimizer=SGD(lr=0.1)),
        0.5,
    ),
    Sick(
        "two squares told apart in five epochs", SO + "50306988",
        "five epochs at Adam's default rate are far too few steps", "too slow",
        Recipe("2, 2 sigmoid, 2", blobs(200, 2, spread=0.06, box=0.3), CCE, Adam(lr=0.001), 35),
        but(optimizer=Adam(lr=0.01), steps=1500), 0.9,
    ),
    Sick(
        "a sine of 0 to 1000", SO + "46995209", "the inputs run to 1000: tanh saturates",
        "input scale",
        Recipe("1, 10 tanh, 90 tanh, 9*10 relu, 1", SINE_1000, MSE, Adam(lr=0.001), 1000),
        but(data=standard(SINE_1000), steps=2000), 0.8, ("activation",),
    ),
    Sick(
        "rings through eleven exponentials", GH + "DeepDiagnosis/ICSE2022",
        "AutoTrainer's circle model 0eb8d545: exp of exp of exp explodes", "activation",
        Recipe(
            "2, 11*5 exponential, 1 sigmoid", circles(700, 0.1), BCE_P, Adam(lr=0.001), 600, 128,
            init=HE_UNIFORM,
        ),
        but(net="2, 11*5 tanh bn, 1", loss=BCE, optimizer=Adam(lr=0.01)),
        0.7,
    ),
    Sick(
        "rings, weights within 0.05", GH + "DeepDiagnosis/ICSE2022",
        "AutoTrainer's circle 8de47bdc: weights within 0.05 let nothing through eight ReLUs",
        "initial weights",
        Recipe(
            "2, 8*5 relu, 1", circles(700, 0.1), BCE, Adam(lr=0.001), 1500, 128, init=KERAS_1,
            last=HE_UNIFORM,
        ),
        but(net="2, 8*5 tanh, 1", init=HE_UNIFORM, optimizer=Adam(lr=0.01)),
        0.7, ("depth",),
    ),
    Sick(
        "viewers per television", "https://stats.stackexchange.com/questions/284189",
        "a count up to 600 goes in as it is: one linear unit runs away", "input scale",
        Recipe("1, 1", VIEWERS, MSE, SGD(lr=0.01), 300, 1), but(data=standard(VIEWERS, "xy")), 0.5,
        ("rate too large",),
    ),
    Sick(
        "squares to 9,804", "https://stats.stackexchange.com/questions/418955",
        "the targets are not scaled: two linear units run away", "target scale",
        Recipe("1, 1, 1", standard(SQUARES), MSE, SGD(lr=0.01), 600),
        but(data=standard(SQUARES, "xy")), 0.8, ("rate too large",),
    ),
    Sick(
        "all weights one", GH + "udacity/deep-learning-v2-pytorch",
        "the course's weight initialization notebook: equal weights make equal units",
        "symmetric units",
        Recipe(
            "784, 256 relu, 128 relu, 10", digits(), CCE, Adam(lr=0.001), 100, 50,
            init=Constant(1.0),
        ),
        but(init=TORCH), 0.8, ("initial weights",),
    ),
    Sick(
        "five points, one of them far off", GH + "tensorflow/tensorflow/issues/12030",
        "the tutorial's rate of 0.01 is too large once a point lies at 35", "rate too large",
        Recipe(
            "1, 1", far_point, MSE, SGD(lr=0.05), 300, 5, init=Constant(0.3), bias=Constant(-0.3),
        ),
        but(optimizer=SGD(lr=0.002)), 0.9, ("input scale",),
    ),
    Sick(
        "XOR by lines alone", "https://discuss.pytorch.org/t/13287",
        "two linear layers without an activation between are one", "no activation",
        Recipe("2, 10, 1", XOR, BCE, SGD(lr=0.1), 1500, 4, init=TORCH),
        but(net="2, 10 tanh, 1", optimizer=SGD(lr=1.0)), 1.0,
    ),
    Sick(
        "both alike or not, one row at a time", "https://discuss.pytorch.org/t/98714",
        "plain descent at 0.01 does not leave the plateau of two sigmoids in its steps", "too slow",
        Recipe(
            "2, 4 sigmoid, 1 sigmoid", XNOR, MSE, SGD(lr=0.01), 4000, 1, init=Uniform(0.0, 1.0),
            bias=TORCH,
        ),
        but(net="2, 16 sigmoid, 1", loss=BCE, optimizer=Adam(lr=0.05), init=TORCH),
        1.0, ("output activation", "loss"),
    ),
    Sick(
        "XOR, softmax at the end", GH + "keras-team/keras/issues/112",
        "a softmax over one output is 1 whatever comes", "softmax over one unit",
        Recipe("2, 2 sigmoid, 1 softmax", XOR, BCE_P, SGD(lr=0.01), 400, 4),
        but(net="2, 8 tanh, 1", loss=BCE, optimizer=SGD(lr=1.0), steps=2000), 1.0,
        ("output activation",),
    ),
    Sick(
        "eight points through tanh and softmax", GH + "keras-team/keras/issues/126",
        "a softmax over one output is 1 whatever comes", "softmax over one unit",
        Recipe(
            "2, 64 tanh drop 0.5, 64 tanh drop 0.5, 1 softmax", blobs(8, 2, spread=0.1, box=0.4),
            MSE, SGD(lr=0.1, momentum=0.9, nesterov=True), 200, 4, init=KERAS_1,
        ),
        but(net="2, 64 tanh drop 0.5, 64 tanh drop 0.5, 1", loss=BCE), 0.8, ("output activation",),
    ),
    Sick(
        "irises, one epoch only", GH + "keras-team/keras/issues/7196",
        "the number of epochs, under its old name, was ignored: one was trained", "too slow",
        Recipe("4, 4 relu, 3 sigmoid", iris, CCE_P, Adam(lr=0.001), 30, 5),
        but(net="4, 8 relu, 3", loss=CCE, steps=6000),
        0.9,
    ),
    Sick(
        "a playground's plane at rate 1", GH + "tensorflow/playground/issues/3",
        "rate 1 with one example at a time runs away where the output is linear", "rate too large",
        Recipe(
            "2, 8 tanh, 1", table(250, [(0.0, 3.0)] * 2, (0.0, 0.6), noise=0.5), MSE, SGD(lr=1.0),
            500, 1,
        ),
        but(optimizer=SGD(lr=0.01), steps=2500), 0.5,
    ),
    Sick(
        "XOR, weights too small to part", GH + "microsoft/CNTK/issues/757",
        "weights within 0.05: the units stay alike and the error stands at 0.25", "initial weights",
        Recipe("2, 2 tanh, 1", XOR, MSE, SGD(lr=0.1), 1000, 4, init=KERAS_1),
        but(init=Uniform(-1.0, 1.0), optimizer=SGD(lr=0.3), net="2, 4 tanh, 1", steps=2000),
        1.0,
    ),
    Sick(
        "more than 150?", GH + "cazala/synaptic/issues/208",
        "numbers to 300 saturate the sigmoid units", "input scale",
        Recipe("1, 2 sigmoid, 1", OVER_150, BCE, SGD(lr=0.1), 1500, 1, init=Uniform(-0.1, 0.1)),
        but(data=standard(OVER_150)), 0.95,
    ),
    Sick(
        "logistic regression, softmax twice", GH + "aymericdamien/TensorFlow-Examples/issues/50",
        "the loss takes logits and is given probabilities", "softmax twice",
        Recipe("784, 10 softmax", digits(), CCE, SGD(lr=0.01), 375, 100, init="zeros"),
        but(net="784, 10"), 0.8, ("too slow",),
    ),
    Sick(
        "one batch over and over, batch norm", GH + "keras-team/keras/issues/7265",
        "momentum 0.99 and few steps: running statistics still those of the beginning",
        "batch norm momentum",
        Recipe("784, 6*60 bn 0.99 relu, 10", digits(n=128), CCE, Adam(lr=0.01), 30, 128),
        but(net="784, 6*60 bn 0.9 relu, 10"), 0.95,
    ),
    Sick(
        "ten tens in a hundred epochs", SO + "78199673",
        "rate 0.005 and a hundred steps end long before the line is reached", "too slow",
        Recipe(
            "1, 1", curve(lambda x: 10 * x, 1, 10, 10), MSE, RMSProp(lr=0.005, decay=0.9), 100, 10,
        ),
        but(optimizer=RMSProp(lr=0.01, decay=0.9), steps=2000),
        0.9,
    ),
)
