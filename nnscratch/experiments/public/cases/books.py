"""Healthy set-ups from scikit-learn's examples, and from books and courses.

MNIST, its clothes and other images are stood in for by the digits, enlarged to 28 x 28; losses
that their authors sum over the outputs, or halve, are met by the learning rate.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, MLM, Healthy
from nnscratch.experiments.public.data import (
    BOSTON,
    STANDARD,
    XOR,
    blobs,
    changed,
    circles,
    curve,
    digits,
    iris,
    moons,
    spirals,
    standard,
    table,
)
from nnscratch.experiments.public.recipe import BCE, CCE, HE_UNIFORM, MSE, Data, Recipe
from nnscratch.initializers import Constant, Normal, Uniform
from nnscratch.optimizers import SGD, Adam

SK: Final = "https://scikit-learn.org/stable/"
PIMA = table(
    768,
    [(3.8, 3.4), (121, 32), (69, 19), (20.5, 16), (80, 115), (32, 7.9), (0.47, 0.33), (33, 11.8)],
    2,
)
HUNDREDS = table(500, STANDARD * 20, (0.0, 200.0))
LINE = changed(table(1000, STANDARD * 2, 2), lambda d, rng: Data(d.x, d.x @ [[2.0], [-3.4]] + 4.2))


def disc(rng: np.random.Generator) -> Data:
    """Return a disc, 1, and a ring around it, -1."""
    inside = np.arange(500) % 2 == 1
    radius = np.where(inside, rng.uniform(0, 2.5, 500), rng.uniform(3.5, 5, 500))
    angle = rng.uniform(0, 2 * np.pi, 500)
    x = radius[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    return Data(x, np.where(inside, 1.0, -1.0)[:, None])


# fmt: off
SKLEARN: Final[tuple[Healthy, ...]] = (
    Healthy(
        "moons of the comparison",
        SK + "auto_examples/classification/plot_classifier_comparison.html",
        Recipe("2, 100 relu, 2", standard(moons(60, 0.3)), CCE, Adam(lr=0.001), 1000, 200), 0.85,
    ),
    Healthy(
        "rings of the comparison",
        SK + "auto_examples/classification/plot_classifier_comparison.html",
        Recipe("2, 100 relu, 2", standard(circles(60, 0.2, 0.5)), CCE, Adam(lr=0.001), 1000, 200),
        0.85,
    ),
    Healthy(
        "defaults on digits", SK + "modules/generated/sklearn.neural_network.MLPClassifier.html",
        Recipe("64, 100 relu, 10", digits(large=False), CCE, Adam(lr=0.001), 640, 200), 0.95,
    ),
    Healthy(
        "defaults on digits to 16",
        SK + "modules/generated/sklearn.neural_network.MLPClassifier.html",
        Recipe("64, 100 relu, 10", digits(16.0, large=False), CCE, Adam(lr=0.001), 400, 200), 0.95,
    ),
    Healthy(
        "defaults on irises as they are",
        SK + "modules/generated/sklearn.neural_network.MLPClassifier.html",
        Recipe("4, 100 relu, 3", iris, CCE, Adam(lr=0.001), 300, 150), 0.9,
    ),
    Healthy(
        "defaults on a regression",
        SK + "modules/generated/sklearn.neural_network.MLPRegressor.html",
        Recipe(
            "20, 100 relu, 1", table(200, STANDARD * 20, (0.0, 200.0)), MSE, Adam(lr=0.001), 1000,
            200,
        ),
        0.8,
    ),
    Healthy(
        "40 units on digits, rate 0.2",
        SK + "auto_examples/neural_networks/plot_mnist_filters.html",
        Recipe(
            "784, 40 relu, 10", digits(), CCE, SGD(lr=0.2, momentum=0.9, nesterov=True), 60, 200,
        ),
        0.85,
    ),
    Healthy(
        "training curves: constant rate",
        SK + "auto_examples/neural_networks/plot_mlp_training_curves.html",
        Recipe("2, 100 relu, 2", moons(100, 0.1), CCE, SGD(lr=0.2), 200, 100), 0.85,
    ),
    Healthy(
        "training curves: with momentum",
        SK + "auto_examples/neural_networks/plot_mlp_training_curves.html",
        Recipe("2, 100 relu, 2", moons(100, 0.1), CCE, SGD(lr=0.2, momentum=0.9), 200, 100), 0.9,
    ),
    Healthy(
        "training curves: Adam", SK + "auto_examples/neural_networks/plot_mlp_training_curves.html",
        Recipe("2, 100 relu, 2", moons(100, 0.1), CCE, Adam(lr=0.01), 200, 100), 0.9,
    ),
    Healthy(
        "training curves: digits",
        SK + "auto_examples/neural_networks/plot_mlp_training_curves.html",
        Recipe(
            "64, 100 relu, 10", digits(large=False), CCE, SGD(lr=0.2, momentum=0.9, nesterov=True),
            120, 200,
        ),
        0.9,
    ),
)
BOOKS: Final[tuple[Healthy, ...]] = (
    Healthy(
        "a sine by 16 and 16 units",
        GH + "tensorflow/tflite-micro/tree/main/tensorflow/lite/micro/examples/hello_world",
        Recipe(
            "1, 16 relu, 16 relu, 1", curve(np.sin, 0, 2 * np.pi, 600, 0.1, random=True), MSE,
            Adam(lr=0.001), 4700, 64,
        ),
        0.7,
    ),
    Healthy(
        "XOR by eight ReLUs, one row at a time",
        "http://pullrequest.ru/10478105/model-uchitsya-keras",
        Recipe("2, 8 relu, 1", XOR, BCE, Adam(lr=0.001), 4000, 1), 1.0,
    ),
    Healthy(
        "a regression, its gradient clipped to 1",
        MLM + "how-to-avoid-exploding-gradients-in-neural-networks-with-gradient-clipping",
        Recipe(
            "20, 25 relu, 1", HUNDREDS, MSE,
            SGD(lr=0.01, momentum=0.9, clip=ClipByGlobalNorm(1.0)), 1600, init="he_uniform",
        ),
        0.8,
    ),
    Healthy(
        "rings by five layers of five tanh", GH + "DeepDiagnosis/ICSE2022",
        Recipe(
            "2, 5*5 tanh, 1", circles(700, 0.1), BCE, Adam(lr=0.001), 1800, 128,
            init=HE_UNIFORM,
        ),
        0.7,
    ),
    Healthy(
        "diabetes by 12 and 8 units", MLM + "tutorial-first-neural-network-python-keras",
        Recipe("8, 12 relu, 8 relu, 1", PIMA, BCE, Adam(lr=0.001), 6000, 10), 0.75,
    ),
    Healthy(
        "irises by 8 units",
        MLM + "multi-class-classification-tutorial-keras-deep-learning-library",
        Recipe("4, 8 relu, 3", iris, CCE, Adam(lr=0.001), 3000, 5), 0.9,
    ),
    Healthy(
        "sonar by 60 units",
        MLM + "binary-classification-tutorial-with-the-keras-deep-learning-library",
        Recipe(
            "60, 60 relu, 1", standard(table(208, [(0.28, 0.2)] * 60, 2)), BCE, Adam(lr=0.001),
            4200, 5,
        ),
        0.9,
    ),
    Healthy(
        "Boston by 13 units", MLM + "regression-tutorial-keras-deep-learning-library-python",
        Recipe("13, 13 relu, 1", standard(BOSTON), MSE, Adam(lr=0.001), 6000, 5), 0.8,
    ),
    Healthy(
        "three clouds by 50 units",
        MLM + "understand-the-dynamics-of-learning-rate-on-deep-learning-neural-networks",
        Recipe(
            "2, 50 relu, 3", blobs(500, 3, spread=2), CCE, SGD(lr=0.01), 1600, init="he_uniform",
        ),
        0.7,
    ),
    Healthy(
        "rings with batch norm",
        MLM + "how-to-accelerate-learning-of-deep-neural-networks-with-batch-normalization",
        Recipe(
            "2, 50 bn 0.99 relu, 1", circles(500, 0.1), BCE, SGD(lr=0.01, momentum=0.9), 1600,
            init="he_uniform",
        ),
        0.75,
    ),
    Healthy(
        "rings by five layers of 5, mended",
        MLM + "how-to-fix-vanishing-gradients-using-the-rectified-linear-activation-function",
        Recipe(
            "2, 5*5 relu, 1", circles(500, 0.1), BCE, SGD(lr=0.01, momentum=0.9), 8000,
            init="he_uniform",
        ),
        0.75,
    ),
    Healthy(
        "a square by two layers of 10", MLM + "neural-networks-are-function-approximators",
        Recipe(
            "1, 10 relu, 10 relu, 1", curve(lambda x: (2 * x - 1) ** 2, 0, 1, 100), MSE,
            Adam(lr=0.001), 5000, 10, init="he_uniform",
        ),
        0.98,
    ),
    Healthy(
        "digits by 30 sigmoids, rate 3", "http://neuralnetworksanddeeplearning.com/chap1.html",
        Recipe(
            "784, 30 sigmoid, 10 sigmoid", digits(), MSE, SGD(lr=15.0), 4500, 10, init=Normal(1.0),
            bias=Normal(1.0),
        ),
        0.9,
    ),
    Healthy(
        "digits by 30 sigmoids, rate 0.5", "http://neuralnetworksanddeeplearning.com/chap3.html",
        Recipe(
            "784, 30 sigmoid, 10", digits(), BCE, SGD(lr=5.0), 4500, 10, init="lecun_normal",
            bias=Normal(1.0),
        ),
        0.95,
    ),
    Healthy(
        "digits by two layers of sigmoids", "http://neuralnetworksanddeeplearning.com/chap5.html",
        Recipe(
            "784, 30 sigmoid, 30 sigmoid, 10", digits(), BCE, SGD(lr=1.0), 4500, 10,
            init="lecun_normal", bias=Normal(1.0),
        ),
        0.95,
    ),
    Healthy(
        "spirals by 100 units", "https://cs231n.github.io/neural-networks-case-study",
        Recipe("2, 100 relu, 3", spirals(300, 3), CCE, SGD(lr=1.0), 3000, 300, init=Normal(0.01)),
        0.9,
    ),
    Healthy(
        "clothes by 256 units",
        "https://d2l.ai/chapter_multilayer-perceptrons/mlp-implementation.html",
        Recipe("784, 256 relu, 10", digits(), CCE, SGD(lr=0.1), 200, 256, init=Normal(0.01)), 0.7,
    ),
    Healthy(
        "a line of 1000 points",
        "https://d2l.ai/chapter_linear-regression/linear-regression-scratch.html",
        Recipe("2, 1", LINE, MSE, SGD(lr=0.015), 300, 32, init=Normal(0.01)), 0.99,
    ),
    Healthy(
        "house prices by 30 units",
        GH + "ageron/handson-ml2/blob/master/10_neural_nets_with_keras.ipynb",
        Recipe("8, 30 relu, 1", table(2000, STANDARD * 8, (2.07, 1.15)), MSE, SGD(lr=0.001), 3000),
        0.6,
    ),
    Healthy(
        "clothes by 300 and 100 units",
        GH + "ageron/handson-ml2/blob/master/10_neural_nets_with_keras.ipynb",
        Recipe("784, 300 relu, 100 relu, 10", digits(), CCE, SGD(lr=0.01), 1400), 0.9,
    ),
    Healthy(
        "clothes with batch norm",
        GH + "ageron/handson-ml2/blob/master/11_training_deep_neural_networks.ipynb",
        Recipe("784, 300 bn 0.99 relu, 100 bn 0.99 relu, 10", digits(), CCE, SGD(lr=0.001), 470),
        0.7,
    ),
    Healthy(
        "the playground's circle", "https://playground.tensorflow.org",
        Recipe(
            "2, 4 tanh, 2 tanh, 1 tanh", disc, MSE, SGD(lr=0.015), 3000, 10,
            init=Uniform(-0.5, 0.5), bias=Constant(0.1),
        ),
        0.6,
    ),
)
