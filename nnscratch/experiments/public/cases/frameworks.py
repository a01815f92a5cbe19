"""Healthy set-ups from the examples and tutorials of Keras, TensorFlow, PyTorch, JAX and Flux.

MNIST, its clothes and other images are stood in for by the digits, enlarged to 28 x 28.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, Healthy
from nnscratch.experiments.public.data import (
    BOSTON,
    STANDARD,
    XOR,
    blobs,
    changed,
    circles,
    curve,
    digits,
    standard,
    table,
    words,
)
from nnscratch.experiments.public.recipe import BCE, CCE, MAE, MSE, TORCH, Data, Recipe
from nnscratch.initializers import Constant, Normal, VarianceScaling
from nnscratch.optimizers import SGD, Adam, RMSProp

TF: Final = "https://www.tensorflow.org/tutorials/"
CHOLLET: Final = "https://www.manning.com/books/deep-learning-with-python"
RMS = RMSProp(lr=0.001, decay=0.9)  # the default of Keras
TWO_CLOUDS = changed(blobs(200, 2, box=0), lambda d, rng: Data(d.x + 4 * d.y[:, None] - 2, d.y))


def noisy_xor(rng: np.random.Generator) -> Data:
    """Return points of the unit square: is just one of the numbers above 1/2?"""
    x = rng.random((1000, 2))
    return Data(x, (x > 0.5).sum(axis=1) % 2)


# fmt: off
KERAS: Final[tuple[Healthy, ...]] = (
    Healthy(
        "MNIST by two layers of 512", GH + "keras-team/keras/blob/2.0.0/examples/mnist_mlp.py",
        Recipe("784, 512 relu drop 0.2, 512 relu drop 0.2, 10", digits(), CCE, RMS, 240, 128), 0.95,
    ),
    Healthy(
        "newswires by 512 units", GH + "keras-team/keras/blob/2.0.0/examples/reuters_mlp.py",
        Recipe(
            "1000, 512 relu drop 0.5, 46", words(3000, 1000, 46, tilt=1.5), CCE, Adam(lr=0.001),
            470, 32,
        ),
        0.9,
    ),
    Healthy(
        "films by 16 and 16 units", CHOLLET,
        Recipe("2000, 16 relu, 16 relu, 1", words(3000, 2000, 2, tilt=0.5), BCE, RMS, 200, 512),
        0.95,
    ),
    Healthy(
        "newswires by 64 and 64 units", CHOLLET,
        Recipe("2000, 64 relu, 64 relu, 46", words(3000, 2000, 46, tilt=1.5), CCE, RMS, 54, 512),
        0.7,
    ),
    Healthy(
        "house prices in thousands", CHOLLET,
        Recipe("13, 64 relu, 64 relu, 1", standard(BOSTON), MSE, RMS, 1500, 16), 0.85,
    ),
    Healthy(
        "the first digits of the book", CHOLLET,
        Recipe("784, 512 relu, 10", digits(), CCE, RMS, 60, 128), 0.9,
    ),
    Healthy(
        "clothes by 128 units", TF + "keras/classification",
        Recipe("784, 128 relu, 10", digits(), CCE, Adam(lr=0.001), 470), 0.95,
    ),
    Healthy(
        "the beginner's digits", TF + "quickstart/beginner",
        Recipe("784, 128 relu drop 0.2, 10", digits(), CCE, Adam(lr=0.001), 235), 0.9,
    ),
    Healthy(
        "miles per gallon", TF + "keras/regression",
        Recipe(
            "9, 64 relu, 64 relu, 1", table(314, STANDARD * 9, (23.3, 7.7)), MAE,
            Adam(lr=0.001), 1000,
        ),
        0.8,
    ),
    Healthy(
        "miles per gallon by a line", TF + "keras/regression",
        Recipe("9, 1", table(314, STANDARD * 9, (23.3, 7.7)), MSE, Adam(lr=0.1), 1000), 0.8,
    ),
    Healthy(
        "collisions by 16 units", TF + "keras/overfit_and_underfit",
        Recipe("28, 16 elu, 1", table(2000, STANDARD * 28, 2), BCE, Adam(lr=0.001), 600, 100), 0.85,
    ),
    Healthy(
        "twice a number less one",
        "https://codelabs.developers.google.com/codelabs/tensorflow-1-helloworld",
        Recipe("1, 1", curve(lambda x: 2 * x - 1, -1, 4, 6), MSE, SGD(lr=0.01), 500), 0.99,
    ),
)
TORCH_AND_OTHERS: Final[tuple[Healthy, ...]] = (
    Healthy(
        "clothes by 512 and 512 units",
        "https://pytorch.org/tutorials/beginner/basics/quickstart_tutorial.html",
        Recipe("784, 512 relu, 512 relu, 10", digits(), CCE, SGD(lr=0.001), 1500, 64, init=TORCH),
        0.5,
    ),
    Healthy(
        "logistic regression from scratch",
        "https://pytorch.org/tutorials/beginner/nn_tutorial.html",
        Recipe(
            "784, 10", digits(), CCE, SGD(lr=0.5), 200, 64,
            init=VarianceScaling(1.0, "fan_in", "normal"),
        ),
        0.9,
    ),
    Healthy(
        "digits by 500 units",
        GH + "yunjey/pytorch-tutorial/tree/master/tutorials/01-basics/feedforward_neural_network",
        Recipe("784, 500 relu, 10", digits(), CCE, Adam(lr=0.001), 75, 100, init=TORCH), 0.9,
    ),
    Healthy(
        "a parabola by 10 units",
        GH + "MorvanZhou/PyTorch-Tutorial/blob/master/tutorial-contents/301_regression.py",
        Recipe(
            "1, 10 relu, 1", curve(lambda x: x**2, -1, 1, 100, 0.06), MSE, SGD(lr=0.2), 200, 100,
            init=TORCH,
        ),
        0.7,
    ),
    Healthy(
        "two clouds by 10 units",
        GH + "MorvanZhou/PyTorch-Tutorial/blob/master/tutorial-contents/302_classification.py",
        Recipe("2, 10 relu, 2", TWO_CLOUDS, CCE, SGD(lr=0.02), 200, 200, init=TORCH), 0.8,
    ),
    Healthy(
        "batch norm on a parabola",
        GH + "MorvanZhou/PyTorch-Tutorial/blob/master/tutorial-contents/504_batch_normalization.py",
        Recipe(
            "1, 8*10 bn 0.5 tanh, 1", standard(curve(lambda x: x**2 - 5, -7, 10, 2000, 2.0)), MSE,
            Adam(lr=0.03), 400, 64, init=Normal(0.1), bias=Constant(-0.2),
        ),
        0.8,
    ),
    Healthy(
        "rings by two layers of 10", "https://www.learnpytorch.io/02_pytorch_classification",
        Recipe(
            "2, 10 relu, 10 relu, 1", circles(1000, 0.03), BCE, SGD(lr=0.1), 1000, 1000, init=TORCH,
        ),
        0.7,
    ),
    Healthy(
        "four clouds by two layers of 8", "https://www.learnpytorch.io/02_pytorch_classification",
        Recipe(
            "2, 8 relu, 8 relu, 4", blobs(1000, 4, spread=1.5), CCE, SGD(lr=0.1), 100, 1000,
            init=TORCH,
        ),
        0.8,
    ),
    Healthy(
        "a line of 50 points", "https://www.learnpytorch.io/01_pytorch_workflow",
        Recipe(
            "1, 1", curve(lambda x: 0.7 * x + 0.3, 0, 1, 40), MAE, SGD(lr=0.01),
            200, 40, init=TORCH,
        ),
        0.8,
    ),
    Healthy(
        "XOR by tanh and Adam",
        "https://airoads.org/ch06-deep-learning/ch01-nn-basics/01-neurons-activation",
        Recipe("2, 4 tanh, 1", XOR, BCE, Adam(lr=0.1), 300, 4, init=TORCH), 1.0,
    ),
    Healthy(
        "digits in JAX from scratch", GH + "jax-ml/jax/blob/main/examples/mnist_classifier.py",
        Recipe(
            "784, 1024 relu, 1024 relu, 10", digits(), CCE, SGD(lr=0.001, momentum=0.9), 240, 128,
            init="glorot_normal", bias=Normal(1e-6),
        ),
        0.7,
    ),
    Healthy(
        "noisy XOR in Julia", "https://fluxml.ai/Flux.jl/stable/guide/models/quickstart",
        Recipe("2, 3 tanh bn, 2", noisy_xor, CCE, Adam(lr=0.01), 4000, 64), 0.9,
    ),
)
