"""Cases of autumn in which a class is to be told; the other half of them is `autumn_numbers`."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.cases.kinds import few
from nnscratch.experiments.public.data import changed, digits, standard, table, words
from nnscratch.experiments.public.recipe import (
    BCE,
    BCE_P,
    CCE,
    CCE_P,
    MSE,
    TORCH,
    Data,
    Recipe,
)
from nnscratch.experiments.public.series import first_sign, opinions
from nnscratch.initializers import Constant, Normal
from nnscratch.optimizers import SGD, Adam, RMSProp
from nnscratch.schedules import Geometric

TORCH_FORUM: Final = "https://discuss.pytorch.org/t/"
SE: Final = "https://stats.stackexchange.com/questions/"
SMALL: Final = digits(large=False)
RAW: Final = digits(255.0)
SEVEN: Final = table(400, [(0, 1)] * 7, 2)
RAW_SEVEN: Final = table(
    900,
    [(52_000, 21_000), (39, 12), (310, 200), (12, 7), (1400, 600), (0.4, 0.5), (88, 30)],
    2,
)
THREE_HUNDRED: Final = table(900, [(150, 60), (2400, 900), (31, 9), (700, 250)], 2)
TEXTS: Final = words(1200, 250, 4, 40)
FACES: Final = table(1500, [(0, 1)] * 40, 3, noise=0.2)
HOLLOW: Final = changed(
    table(1000, [(0, 1)] * 10, 5), lambda d, rng: Data(d.x, (d.y == 4).astype(int))
)
EIGHT: Final = changed(SMALL, lambda d, rng: Data(np.tile(np.eye(8), (20, 1)), np.arange(160) % 8))
AUTO: Final = changed(SMALL, lambda d, rng: Data(d.x, d.x))

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "seven columns at rate 1e-4", TORCH_FORUM + "177433",
        "plain descent at 1e-4 hardly moves four layers", "too slow",
        Recipe("7, 60 relu, 100 relu, 30 relu, 2", SEVEN, CCE, SGD(lr=1e-4), 1000),
        but(optimizer=SGD(lr=0.05)), 0.88,
    ),
    Sick(
        "how to tell a buyer, columns as they are", GH + "keras-team/keras/issues/4171",
        "columns of many sizes drive the sigmoid to its ends", "input scale",
        Recipe("7, 128 leaky, 64 leaky, 1 sigmoid", RAW_SEVEN, BCE_P, Adam(lr=0.001), 400),
        but(data=standard(RAW_SEVEN)), 0.88,
    ),
    Sick(
        "a decay of a twentieth on every weight", GH + "tinghuiz/SfMLearner/issues/34",
        "the decay is a hundred times the usual one: weights go to zero", "penalty",
        Recipe("250, 5*64 relu, 4", TEXTS, CCE, Adam(lr=0.001), 600, l2=0.05),
        but(l2=5e-5), 0.9,
    ),
    Sick(
        "three layers that keep a fifth", GH + "parasdahal/deepnet/issues/5",
        "without dropout it learned; of narrow layers a fifth is left", "dropout",
        Recipe(
            "64, 32 relu drop 0.8, 24 relu drop 0.8, 16 relu drop 0.8, 10", SMALL, CCE,
            Adam(lr=0.003), 700,
        ),
        but(net="64, 32 relu, 24 relu, 16 relu, 10"), 0.9,
    ),
    Sick(
        "nothing is trainable", GH + "keras-team/keras/issues/2506",
        "every layer is set not to be trained", "frozen parameters",
        Recipe("64, 64 relu, 32 relu, 10", SMALL, CCE, Adam(lr=0.003), 300, held=(0, 1, 2)),
        but(held=()), 0.9,
    ),
    Sick(
        "the lower layers stay as they were", GH + "ihciah/deep-fashion-retrieval/issues/1",
        "what lies below the last layer is frozen, and random", "frozen parameters",
        Recipe("64, 12 tanh, 12 tanh, 10", SMALL, CCE, Adam(lr=0.01), 500, held=(0, 1)),
        but(held=()), 0.9,
    ),
    Sick(
        "a ReLU behind the scores", GH + "martinwicke/tf-dev-summit-tensorboard-tutorial/issues/3",
        "the scores go through a ReLU: classes whose score is off stay off", "output activation",
        Recipe("784, 64 relu, 10 relu", digits(), CCE, Adam(lr=0.003), 400, init=Normal(0.1)),
        but(net="784, 64 relu, 10"), 0.95,
    ),
    Sick(
        "thirty sigmoids turned to ReLUs",
        GH + "MichalDanielDobrzanski/DeepLearningPython/issues/13",
        "rate 3 and weights of deviation one were for sigmoids", "rate too large",
        Recipe(
            "784, 30 relu, 10 relu", digits(), MSE, SGD(lr=3.0), 400, 10, init=Normal(1.0),
            bias=Normal(1.0),
        ),
        but(init="he_normal", bias="zeros", net="784, 30 relu, 10", optimizer=SGD(lr=0.1)), 0.85,
        ("initial weights", "output activation"),
    ),
    Sick(
        "ten layers of two hundred, drawn from N(0, 1)", GH + "tensorflow/tensorflow/issues/2242",
        "each layer multiplies by ten: all becomes NaN", "initial weights",
        Recipe("64, 10*200 relu, 10", SMALL, CCE, SGD(lr=0.01), 100, init=Normal(1.0)),
        but(init="he_normal", steps=400), 0.85, ("depth", "norm"),
    ),
    Sick(
        "a hidden layer of zeros for digits", GH + "tensorflow/tensorflow/issues/3916",
        "both layers begin at zero, as softmax regression could", "symmetric units",
        Recipe("784, 100 sigmoid, 10", digits(), CCE, SGD(lr=0.5), 500, 100, init=Constant(0.0)),
        but(init="glorot_uniform", steps=1500), 0.9, ("initial weights",),
    ),
    Sick(
        "pixels to 255 and a cost of tens", GH + "MorvanZhou/tutorials/issues/32",
        "the pixels are not normalised", "input scale",
        Recipe("784, 128 relu, 10 softmax", RAW, CCE_P, SGD(lr=0.01), 300, 100, init=Normal(0.1)),
        but(data=digits(), optimizer=SGD(lr=0.3), steps=800), 0.9,
    ),
    Sick(
        "ten digits by two sigmoids",
        GH + "sachin-101/Machine-Learning-by-Andrew-Ng-Implementation-in-Python/issues/1",
        "two units are too few for ten classes", "capacity",
        Recipe("64, 2 sigmoid, 10", SMALL, CCE, Adam(lr=0.01), 800),
        but(net="64, 32 sigmoid, 10"), 0.9, ("too slow",),
    ),
    Sick(
        "one epoch through two layers of ten sigmoids", "https://math.techqa.club/"
        "neural-network-predicts-one-class-only-3808435",
        "one epoch is too few for sigmoids", "too slow",
        Recipe("64, 10 sigmoid, 10 sigmoid, 10", SMALL, CCE, SGD(lr=0.1), 47),
        but(optimizer=Adam(lr=0.03), steps=800), 0.9,
    ),
    Sick(
        "it learned, and fell back to one half",
        "https://datascience.stackexchange.com/questions/28481",
        "the rate is too high for its momentum: what was learned is thrown away", "rate too large",
        Recipe(
            "7, 64 relu, 64 relu, 1", SEVEN, BCE, SGD(lr=1.5, momentum=0.9), 500,
        ),
        but(optimizer=SGD(lr=0.05, momentum=0.9)), 0.9,
    ),
    Sick(
        "four of five answers are no", GH + "dnouri/nolearn/issues/132",
        "the share of the larger class is all that is learned so far", "too slow",
        Recipe("10, 30 tanh, 2", HOLLOW, CCE, SGD(lr=0.001, momentum=0.9), 60),
        but(optimizer=SGD(lr=0.1, momentum=0.9), steps=600), 0.93,
    ),
    Sick(
        "ten poses in one epoch", GH + "amarchenkova/yoga-pose-CNN/issues/1",
        "one epoch of twenty-two batches; fifty were meant", "too slow",
        Recipe(
            "64, 64 relu drop 0.25, 64 relu drop 0.5, 10", digits(n=700, large=False), CCE,
            RMSProp(lr=0.0001, decay=0.9), 22,
        ),
        but(steps=900, optimizer=RMSProp(lr=0.001, decay=0.9)), 0.9,
    ),
    Sick(
        "characters whose statistics lag behind",
        GH + "soloice/Chinese-Character-Recognition/issues/5",
        "the running statistics remember 0.997 of what they were", "batch norm momentum",
        Recipe(
            "64, 80 bn 0.997 relu, 80 bn 0.997 relu, 10", digits(16.0, large=False), CCE,
            Adam(lr=0.002), 110,
        ),
        but(net="64, 80 bn 0.9 relu, 80 bn 0.9 relu, 10"), 0.93,
    ),
    Sick(
        "fifteen pictures of a face", GH + "davidsandberg/facenet/issues/956",
        "ninety rows, learned by heart", "overfitting",
        Recipe("40, 200 relu, 3", few(FACES, 90), CCE, Adam(lr=0.003), 900),
        but(data=few(FACES, 1200), net="40, 3", steps=600), 0.76,
    ),
    Sick(
        "always the same class", GH + "keras-team/keras/issues/2975",
        "the columns go into tanh as they are", "input scale",
        Recipe("4, 24 tanh, 24 tanh, 2", THREE_HUNDRED, CCE, Adam(lr=0.001), 400),
        but(data=standard(THREE_HUNDRED), optimizer=Adam(lr=0.01)), 0.88,
    ),
    Sick(
        "a rate halved and halved again", GH + "e-lab/ENet-training/issues/48",
        "the decay of the rate was meant to be a thousand times smaller", "too slow",
        Recipe("784, 64 relu, 10", digits(), CCE, SGD(lr=Geometric(0.05, 5e-5, 40)), 400),
        but(optimizer=SGD(lr=Geometric(0.2, 0.02, 600)), steps=600), 0.9,
    ),
    Sick(
        "opinions, the loss goes down in the fourth digit", GH + "apache/singa/pull/733",
        "plain descent at 0.01 is far too slow for these gates", "too slow",
        Recipe("12, 16 lstm last, 1", opinions(800, 20), BCE, SGD(lr=0.01), 150),
        but(optimizer=Adam(lr=0.01), steps=400), 0.93,
    ),
    Sick(
        "the sign at the beginning of eighty steps",
        "https://axeldomingues.dev/blog/the-pain-of-training-rnns",
        "through eighty steps of a plain recurrent layer nothing of the first comes back", "depth",
        Recipe("1, 24 rnn last, 1", first_sign(600, 80), BCE, Adam(lr=0.003), 300, init=TORCH),
        but(data=first_sign(600, 8), net="1, 24 gru last, 1", init="glorot_uniform",
            optimizer=Adam(lr=0.01)),
        0.95, ("initial weights", "activation"),
    ),
    Sick(
        "eight classes through one neuron", SE + "263493",
        "one unit cannot hold eight classes apart", "capacity",
        Recipe("8, 1 sigmoid, 8", EIGHT, CCE, Adam(lr=0.03), 800),
        but(net="8, 8 tanh, 8"), 1.0, ("too slow",),
    ),
    Sick(
        "pictures repeated by a softmax", "https://stackoverflow.com/questions/52441877",
        "a softmax shares out one among the pixels", "output activation",
        Recipe("64, 48 relu, 24 relu, 48 relu, 64 softmax", AUTO, BCE_P, Adam(lr=0.003), 700),
        but(net="64, 48 relu, 24 relu, 48 relu, 64 sigmoid", steps=1500), 0.6, ("loss",),
    ),
)
# fmt: on
