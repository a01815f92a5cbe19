"""The half of the sick cases on which findings may be tuned."""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import GH, MLM, Sick, but
from nnscratch.experiments.public.data import (
    XOR,
    blobs,
    changed,
    circles,
    curve,
    digits,
    spirals,
    standard,
    table,
    truth_table,
    words,
)
from nnscratch.experiments.public.recipe import (
    BCE,
    CCE,
    CCE_P,
    HE_UNIFORM,
    KERAS_1,
    MSE,
    TORCH,
    Data,
    Recipe,
)
from nnscratch.initializers import Uniform
from nnscratch.optimizers import SGD, Adam

MILLIONS = table(1000, [(0, 1)] * 10, (1.07e6, 6.4e5))
HOUSES = table(800, [(0, 1)] * 8, (2.5e5, 1.1e5))
HUNDREDS = table(500, [(0, 1)] * 20, (0.0, 200.0))
RENT = table(200, [(3, 0.9), (2, 0.7), (1600, 500)], (1750, 250))
QUESTIONS = words(600, 300, 5)
_PAIRS = table(1000, [(0, 1)] * 2, 2)
PRODUCTS = changed(_PAIRS, lambda d, rng: Data(d.x, d.x.prod(axis=1, keepdims=True)))
OVER_50 = changed(
    _PAIRS, lambda d, rng: Data(50 + 29 * d.x, (d.x.sum(axis=1) > -50 / 29).astype(int))
)

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "prices of about a million", GH + "ArabelaTso/DeepFD",
        "kaggle-melbourne_properties: prices not scaled, out of reach for tanh and usual rates",
        "target scale",
        Recipe(
            "10, 20 tanh, 20 tanh, 1", MILLIONS, MSE, Adam(lr=0.001), 1000, init="glorot_normal",
        ),
        but(data=standard(MILLIONS, "xy")), 0.7, ("activation",),
    ),
    Sick(
        "clouds through nine exponentials", GH + "DeepDiagnosis/ICSE2022",
        "AutoTrainer's blob model 0b6f114d: exp of exp of exp explodes", "activation",
        Recipe(
            "2, 9*5 exponential, 3 sigmoid", blobs(700, 3, spread=2), CCE_P, SGD(lr=0.01),
            600, init=HE_UNIFORM,
        ),
        but(net="2, 9*5 selu bn, 3", loss=CCE, optimizer=Adam(lr=0.01)),
        0.8,
    ),
    Sick(
        "clouds, weights within 0.05", GH + "DeepDiagnosis/ICSE2022",
        "AutoTrainer's blob f7e7b91b: weights within 0.05 let nothing through nine ReLUs",
        "initial weights",
        Recipe(
            "2, 9*5 relu, 3", blobs(700, 3, spread=2), CCE, Adam(lr=0.001), 900, 256, init=KERAS_1,
            last=HE_UNIFORM,
        ),
        but(net="2, 9*5 tanh, 3", init=HE_UNIFORM, optimizer=Adam(lr=0.01)), 0.85,
        ("activation", "depth"),
    ),
    Sick(
        "rings through thirteen sigmoids", GH + "DeepDiagnosis/ICSE2022",
        "AutoTrainer's circle model dd8c879b: the gradient vanishes in thirteen sigmoid layers",
        "activation",
        Recipe(
            "2, 13*5 sigmoid, 1", circles(700, 0.1), BCE, Adam(lr=0.001), 1500, 128,
            init=HE_UNIFORM,
        ),
        but(net="2, 13*5 tanh, 1", optimizer=Adam(lr=0.003)),
        0.7, ("norm",),
    ),
    Sick(
        "clouds through fifteen ReLUs", GH + "DeepDiagnosis/ICSE2022",
        "AutoTrainer's blob model 84c77206: units die in fifteen ReLU layers of five", "activation",
        Recipe("2, 15*5 relu, 3", blobs(700, 3, spread=2), CCE, SGD(lr=0.01), 900, init=HE_UNIFORM),
        but(net="2, 15*5 selu, 3", init="lecun_normal", optimizer=Adam(lr=0.003)),
        0.85, ("depth", "norm"),
    ),
    Sick(
        "XOR from a textbook, five epochs", "https://stats.stackexchange.com/questions/433365",
        "a ReLU is the output and the first layer is linear", "output activation",
        Recipe("2, 2, 2 relu, 1 relu", XOR, MSE, SGD(lr=0.01), 2000, 4),
        but(net="2, 8 relu, 1", loss=BCE, optimizer=Adam(lr=0.05)),
        1.0, ("no activation", "too slow", "loss"),
    ),
    Sick(
        "XOR through one unit", "https://ai.stackexchange.com/questions/27010",
        "one hidden unit cannot tell XOR", "capacity",
        Recipe("2, 1 sigmoid, 2", XOR, CCE, SGD(lr=0.5), 2000, 4),
        but(net="2, 4 sigmoid, 2", optimizer=SGD(lr=5.0), steps=4000), 1.0,
    ),
    Sick(
        "prices of a quarter million", "https://stats.stackexchange.com/questions/409000",
        "after thousands of epochs the output still climbs from 0 to the mean price",
        "target scale", Recipe("8, 10 relu, 1", HOUSES, MSE, Adam(lr=0.001), 1500),
        but(data=standard(HOUSES, "xy")), 0.7, ("too slow",),
    ),
    Sick(
        "products by lines alone", "https://datascience.stackexchange.com/questions/60170",
        "dense layers without an activation are one linear layer: they cannot multiply",
        "no activation",
        Recipe("2, 20, 100, 1000, 100, 1", PRODUCTS, MSE, Adam(lr=0.001), 400, 100),
        but(net="2, 20 relu, 100 relu, 1000 relu, 100 relu, 1"), 0.8,
    ),
    Sick(
        "two numbers to 100, more than 50 in all?", "https://community.konduit.ai/t/1435",
        "numbers to 100 saturate the tanh units", "input scale",
        Recipe("2, 110 tanh, 1", OVER_50, BCE, SGD(lr=0.1), 100, 1000), but(data=standard(OVER_50)),
        0.95,
    ),
    Sick(
        "twice a number to 199", GH + "keras-team/keras/issues/3040",
        "rate 0.001 is too large for inputs to 199: one linear unit runs away", "rate too large",
        Recipe("1, 1", curve(lambda x: 2 * x, 0, 199, 200), MSE, SGD(lr=0.001), 200, 1),
        but(optimizer=SGD(lr=1e-5)),
        0.9,
    ),
    Sick(
        "a line through 0 to 6", GH + "FluxML/Flux.jl/issues/2623",
        "the default rate of 0.1 is too large for points to 6", "rate too large",
        Recipe("1, 1", curve(lambda x: 4 * x + 2, 0, 6, 7), MSE, SGD(lr=0.1), 200, 7),
        but(optimizer=SGD(lr=0.01), steps=600), 0.9, ("input scale",),
    ),
    Sick(
        "a line through 0 to 99", GH + "tensorflow/tensorflow/issues/3148",
        "the tutorial's rate of 0.5 is for inputs to 1, not to 99", "rate too large",
        Recipe(
            "1, 1", curve(lambda x: 0.1 * x + 0.3, 0, 99, 100), MSE, SGD(lr=0.5), 200, 100,
            init=Uniform(-1.0, 1.0),
        ),
        but(optimizer=SGD(lr=1e-4)), 0.9, ("input scale",),
    ),
    Sick(
        "ten, twenty, thirty, forty", GH + "microsoft/CNTK/issues/699",
        "the rate is too small for the steps that were given", "too slow",
        Recipe(
            "1, 3 sigmoid, 1", standard(curve(lambda x: 10 * x, 1, 4, 4)), MSE, SGD(lr=0.001), 500,
            4, init=KERAS_1,
        ),
        but(optimizer=SGD(lr=0.05), steps=2000),
        0.9,
    ),
    Sick(
        "rents through a sigmoid", GH + "BrainJS/brain.js/issues/195",
        "rents of 1,700 for an output that ends at 1, and raw areas", "target scale",
        Recipe("3, 3 sigmoid, 1 sigmoid", RENT, MSE, SGD(lr=0.3, momentum=0.1), 1000, 1),
        but(net="3, 3 sigmoid, 1", data=standard(RENT, "xy"), optimizer=SGD(lr=0.05)), 0.7,
        ("output activation", "input scale"),
    ),
    Sick(
        "two numbers through Julia's softmax", GH + "FluxML/Flux.jl/issues/1546",
        "a softmax over one output is 1 whatever comes", "softmax over one unit",
        Recipe(
            "2, 2 sigmoid, 1 softmax", table(1000, [(0.0, 1.0)] * 2, 2), MSE, Adam(lr=0.001), 300,
        ),
        but(net="2, 2 sigmoid, 1", loss=BCE, optimizer=Adam(lr=0.01), steps=900), 0.9,
        ("output activation",),
    ),
    Sick(
        "digits, softmax before the softmax", GH + "shaoxiongji/federated-learning/issues/9",
        "the loss takes logits and is given probabilities", "softmax twice",
        Recipe(
            "784, 64 relu drop 0.5, 10 softmax", digits(), CCE, SGD(lr=0.01, momentum=0.5), 500, 10,
            init=TORCH,
        ),
        but(net="784, 64 relu drop 0.5, 10"), 0.8,
    ),
    Sick(
        "questions in a new order, answers in the old",
        GH + "DrexelChatbotGroup/DrexelChatbot/issues/15",
        "the inputs are shuffled, their labels are not", "labels",
        Recipe(
            "300, 20 relu, 5", changed(QUESTIONS, lambda d, rng: Data(rng.permutation(d.x), d.y)),
            CCE, Adam(lr=0.001), 120,
        ),
        but(data=QUESTIONS), 0.8,
    ),
    Sick(
        "seven wide sigmoid layers", GH + "microsoft/CNTK/issues/476",
        "the seventh sigmoid layer is one too many: the gradient does not reach the first", "depth",
        Recipe("64, 7*128 sigmoid, 10", digits(large=False), CCE, SGD(lr=0.1), 700),
        but(net="64, 2*128 sigmoid, 10", optimizer=SGD(lr=0.5), steps=2000),
        0.8, ("activation", "norm"),
    ),
    Sick(
        "three bits turned over by a fourth", GH + "cybertronai/hinton-problems/pull/9",
        "three hidden units are too few: none of thirty draws learned it; six do", "capacity",
        Recipe(
            "4, 3 sigmoid, 3", truth_table(4, lambda x: (x[:, 1:] ^ x[:, :1]).astype(bool)), BCE,
            SGD(lr=0.3, momentum=0.9), 3000, 16,
        ),
        but(net="4, 6 sigmoid, 3", optimizer=SGD(lr=1.0, momentum=0.9)), 1.0,
    ),
    Sick(
        "films judged by 512 units twice",
        "https://www.tensorflow.org/tutorials/keras/overfit_and_underfit",
        "the network learns its texts by heart; the loss of new ones climbs from the start",
        "overfitting",
        Recipe(
            "1000, 512 relu, 512 relu, 1", words(900, 1000, 2, tilt=0.25, held_out=500), BCE,
            Adam(lr=0.001), 300, 100,
        ),
        but(data=words(6000, 1000, 2, tilt=0.25, held_out=500)), 0.8,
    ),
    Sick(
        "layers in a plain list",
        "https://www.engineermaxxing.com/micro/lessons/pytorch-internals.html",
        "layers in a Python list are not registered: the optimizer never sees them",
        "frozen parameters",
        Recipe(
            "2, 16 relu, 16 relu, 2", spirals(400, 2, 0.1), CCE, Adam(lr=0.01), 1500, init=TORCH,
            held=(0, 1, 2),
        ),
        but(held=()), 0.85,
    ),
    Sick(
        "predictions of some seeds are all zero", GH + "keras-team/keras/issues/5173",
        "the output is a ReLU: where it begins negative for all, it stays 0", "output activation",
        Recipe(
            "34, 68 relu, 34 relu, 1 relu", table(2000, [(0.0, 1.0)] * 34, (0.0, 1.0)), MSE,
            Adam(lr=0.001), 600,
        ),
        but(net="34, 68 relu, 34 relu, 1"), 0.8,
    ),
    Sick(
        "a made-up regression as it comes",
        MLM + "how-to-improve-neural-network-stability-and-modeling-performance-with-data-scaling",
        "targets of some hundreds are not scaled: plain descent with momentum runs away",
        "target scale",
        Recipe("20, 25 relu, 1", HUNDREDS, MSE, SGD(lr=0.01, momentum=0.9), 800, init="he_uniform"),
        but(data=standard(HUNDREDS, "xy")), 0.8, ("rate too large", "clip"),
    ),
)
