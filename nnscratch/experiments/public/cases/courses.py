"""More healthy set-ups: of courses, tutorials and recurrent networks."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, MLM, Healthy
from nnscratch.experiments.public.data import (
    STANDARD,
    XOR,
    changed,
    curve,
    digits,
    standard,
    table,
    words,
)
from nnscratch.experiments.public.recipe import (
    BCE,
    BCE_P,
    CCE,
    CCE_P,
    MAE,
    MSE,
    TORCH,
    Data,
    Recipe,
)
from nnscratch.experiments.public.series import flat, languages, letters, prices, rows, waves
from nnscratch.initializers import Normal, Uniform, VarianceScaling
from nnscratch.optimizers import SGD, Adam, AdamW, RMSProp

TORCH_TUTORIAL: Final = "https://pytorch.org/tutorials/"
D2L: Final = "https://d2l.ai/"
SINE: Final = curve(np.sin, -np.pi, np.pi, 2000)
PICTURES: Final = changed(digits(), lambda d, rng: Data(d.x, d.x))
CUBIC: Final = changed(SINE, lambda d, rng: Data(np.hstack([d.x, d.x**2, d.x**3]), d.y))


def flower(rng: np.random.Generator) -> Data:
    """Return a flower of two colours, 400 points of petals."""
    y = np.repeat([0, 1], 200)
    t = np.linspace(0, 3.12, 200) + 0.2 * rng.standard_normal((2, 200)) + [[0.0], [3.12]]
    t = t.ravel()
    r = 4 * np.sin(4 * t) + 0.2 * rng.standard_normal(400)
    return Data(np.stack([r * np.sin(t), r * np.cos(t)], axis=1), y)


def people(rng: np.random.Generator) -> Data:
    """Return four people: weight and height less the usual, and whether it is a woman."""
    return Data(np.array([[-2.0, -1], [25, 6], [17, 4], [-15, -6]]), np.array([1, 0, 0, 1]))


def by_heart(rng: np.random.Generator) -> Data:
    """Return random rows and random answers, ten each, to be learned by heart."""
    return Data(rng.standard_normal((64, 1000)), rng.standard_normal((64, 10)))


def eleven_lines(rng: np.random.Generator) -> Data:
    """Return the exclusive or of two bits beside a third that is always on."""
    d = XOR(rng)
    return Data(np.hstack([d.x, np.ones((4, 1))]), d.y)


def moves(rng: np.random.Generator) -> Data:
    """Return four numbers of a pole on a cart, and what two moves are worth."""
    x = rng.normal(0, [1.0, 0.8, 0.1, 0.9], (2000, 4))
    way = 4 * x[:, 2:3] + 0.7 * x[:, 3:] + 0.1 * x[:, :1]
    return Data(x, 10 - 3 * np.abs(np.subtract(way, [0.3, -0.3])))


def temperatures(rng: np.random.Generator) -> Data:
    """Return a day's readings, and the temperature of the next, in deviations."""
    return standard(waves(3000, 24, 0.1), "xy")(rng)


# fmt: off
COURSES: Final[tuple[Healthy, ...]] = (
    Healthy(
        "a sine by a cubic", TORCH_TUTORIAL + "beginner/pytorch_with_examples.html",
        Recipe("3, 1", CUBIC, MSE, SGD(lr=0.002), 2000, 2000, init=TORCH), 0.9,
    ),
    Healthy(
        "a sine by a cubic and RMSprop", TORCH_TUTORIAL + "beginner/pytorch_with_examples.html",
        Recipe("3, 1", CUBIC, MSE, RMSProp(lr=0.001), 2000, 2000, init=TORCH), 0.9,
    ),
    Healthy(
        "random rows learned by heart", GH + "jcjohnson/pytorch-examples",
        Recipe("1000, 100 relu, 10", by_heart, MSE, Adam(lr=1e-4), 500, 64, init=TORCH), 0.95,
    ),
    Healthy(
        "threes and sevens", "https://github.com/fastai/fastbook/blob/master/04_mnist_basics.ipynb",
        Recipe(
            "784, 30 relu, 1 sigmoid", digits(only=(3, 7)), MAE, SGD(lr=0.1), 2000, 256,
            init=TORCH,
        ),
        0.93,
    ),
    Healthy(
        "a flower by four tanh units", "https://www.coursera.org/learn/neural-networks-deep-learning",
        Recipe("2, 4 tanh, 1", flower, BCE, SGD(lr=1.2), 10_000, 400, init=Normal(0.01)), 0.85,
    ),
    Healthy(
        "women by two sigmoids", "https://victorzhou.com/blog/intro-to-neural-networks/",
        Recipe(
            "2, 2 sigmoid, 1 sigmoid", people, MSE, SGD(lr=0.1), 4000, 1, init=Normal(1.0),
            bias=Normal(1.0),
        ),
        1.0,
    ),
    Healthy(
        "eleven lines", "https://iamtrask.github.io/2015/07/12/basic-python-network/",
        Recipe(
            "3, 4 sigmoid, 1 sigmoid", eleven_lines, MSE, SGD(lr=2.0), 10_000, 4,
            init=Uniform(-1.0, 1.0),
        ),
        1.0,
    ),
    Healthy(
        "softmax regression on clothes",
        D2L + "chapter_linear-classification/softmax-regression-scratch.html",
        Recipe("784, 10", digits(), CCE, SGD(lr=0.1), 700, 256, init=Normal(0.01)), 0.9,
    ),
    Healthy(
        "digits row by row, LSTM of 64",
        GH + "MorvanZhou/PyTorch-Tutorial/blob/master/tutorial-contents/402_RNN_classifier.py",
        Recipe("8, 64 lstm last, 10", rows(), CCE, Adam(lr=0.01), 300, 64, init=TORCH), 0.95,
    ),
    Healthy(
        "passengers of an airline",
        MLM + "time-series-prediction-lstm-recurrent-neural-networks-python-keras",
        Recipe(
            "1, 4 lstm last, 1",
            changed(prices(94, 1, 0.0, 1.0), lambda d, rng: Data(d.x / 5 + 0.5, d.y / 5 + 0.5)),
            MSE, Adam(lr=0.001), 9400, 1,
        ),
        0.6,
    ),
    Healthy(
        "the temperature of the next day",
        "https://www.manning.com/books/deep-learning-with-python-second-edition",
        Recipe("1, 16 lstm last, 1", temperatures, MSE, RMSProp(lr=0.001, decay=0.9), 900, 256),
        0.9,
    ),
    Healthy(
        "where a name comes from",
        TORCH_TUTORIAL + "intermediate/char_rnn_classification_tutorial.html",
        Recipe("26, 128 rnn last, 5", languages(1500, 7), CCE, SGD(lr=0.15), 1200, 64, init=TORCH),
        0.75,
    ),
    Healthy(
        "pictures through 32 units", "https://blog.keras.io/building-autoencoders-in-keras.html",
        Recipe("784, 32 relu, 784 sigmoid", PICTURES, BCE_P, Adam(lr=0.001), 600, 256), 0.5,
    ),
    Healthy(
        "pictures through three numbers", "https://lightning.ai/docs/pytorch/stable/starter",
        Recipe("784, 64 relu, 3, 64 relu, 784", PICTURES, MSE, Adam(lr=0.001), 900, 64, init=TORCH),
        0.35,
    ),
    Healthy(
        "house values by 30 and 15 units",
        "https://scikit-learn.org/stable/auto_examples/inspection/plot_partial_dependence.html",
        Recipe(
            "8, 30 relu, 15 relu, 1", table(2000, STANDARD * 8, (2.07, 1.15)), MSE,
            Adam(lr=0.01), 500, 200,
        ),
        0.85,
    ),
    Healthy(
        "clothes by two layers with dropout",
        D2L + "chapter_multilayer-perceptrons/dropout.html",
        Recipe(
            "784, 256 relu drop 0.2, 256 relu drop 0.5, 10", digits(), CCE, SGD(lr=0.1), 700, 256,
            init=TORCH,
        ),
        0.8,
    ),
    Healthy(
        "sonar with dropout of a fifth",
        MLM + "dropout-regularization-deep-learning-models-keras",
        Recipe(
            "60, 60 relu drop 0.2, 30 relu drop 0.2, 1",
            standard(table(208, [(0.28, 0.2)] * 60, 2)), BCE, SGD(lr=0.1, momentum=0.9), 3900, 16,
        ),
        0.95,
    ),
    Healthy(
        "a bag of words, one text at a time",
        TORCH_TUTORIAL + "beginner/nlp/deep_learning_tutorial.html",
        Recipe("60, 2", words(300, 60, 2, 12), CCE, SGD(lr=0.1), 3000, 1, init=TORCH), 0.85,
    ),
    Healthy(
        "handwriting by fifty sigmoids and squared error", GH + "rasbt/machine-learning-book",
        Recipe(
            "784, 50 sigmoid, 10 sigmoid", digits(), MSE, SGD(lr=1.0), 5000, 100,
            init=Normal(0.1),
        ),
        0.8,
    ),
    Healthy(
        "the next hour by 64 and 64 units", "https://www.tensorflow.org/tutorials/structured_data/"
        "time_series",
        Recipe(
            "19, 64 relu, 64 relu, 1", standard(table(2000, STANDARD * 19, (9.0, 8.0)), "xy"), MSE,
            Adam(lr=0.001), 1200,
        ),
        0.9,
    ),
    Healthy(
        "the next letter of names by 200 tanh units", GH + "karpathy/makemore",
        Recipe("78, 200 tanh, 26", flat(letters(2000, 3)), CCE, SGD(lr=0.1), 2000, 32,
               init=VarianceScaling(25 / 9, "fan_in")), 0.5,
    ),
    Healthy(
        "letters of a philosopher by an LSTM",
        GH + "keras-team/keras/blob/2.0.0/examples/lstm_text_generation.py",
        Recipe("26, 128 lstm last, 26 softmax", letters(2000, 20), CCE_P,
               RMSProp(lr=0.01, decay=0.9), 300, 128), 0.5,
    ),
    Healthy(
        "a plain recurrent layer at rate 1, clipped", D2L + "chapter_recurrent-neural-networks/"
        "rnn-concise.html",
        Recipe("28, 32 rnn last, 28", letters(2000, 32, 28), CCE,
               SGD(lr=1.0, clip=ClipByGlobalNorm(1.0)), 1500, 256, init=TORCH), 0.5,
    ),
    Healthy(
        "twenty columns by ten and ten units", "https://skorch.readthedocs.io/en/stable/user/"
        "quickstart.html",
        Recipe("20, 10 relu, 10 relu, 2 softmax", table(1000, STANDARD * 20, 2), CCE_P,
               SGD(lr=0.1), 400, 128, init=TORCH), 0.85,
    ),
    Healthy(
        "what to do with a pole on a cart", TORCH_TUTORIAL + "intermediate/"
        "reinforcement_q_learning.html",
        Recipe("4, 128 relu, 128 relu, 2", moves, "Huber", AdamW(lr=3e-4), 1500, 128, init=TORCH),
        0.8,
    ),
    Healthy(
        "payments, three layers with dropout",
        "https://keras.io/examples/structured_data/imbalanced_classification/",
        Recipe("29, 256 relu, 256 relu drop 0.3, 256 relu drop 0.3, 1 sigmoid",
               table(4000, STANDARD * 29, 2), BCE_P, Adam(lr=0.01), 300, 2048), 0.9,
    ),
    Healthy(
        "a table by 200 and 100 units with norms", "https://docs.fast.ai/tutorial.tabular.html",
        Recipe("9, 200 relu bn 0.9, 100 relu bn 0.9, 2", table(2000, STANDARD * 9, 2), CCE,
               Adam(lr=0.001), 500, 64, init=TORCH), 0.9,
    ),
    Healthy(
        "digits by 300 and 100 units", GH + "google-deepmind/dm-haiku/blob/main/examples/mnist.py",
        Recipe("784, 300 relu, 100 relu, 10", digits(), CCE, Adam(lr=0.001), 400, 1000,
               init="lecun_normal"), 0.9,
    ),
)
# fmt: on
