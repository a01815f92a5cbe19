"""Cases of east in which a class is to be told; the other half of them is `east_numbers`."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, SO, Sick, but
from nnscratch.experiments.public.data import changed, digits, table
from nnscratch.experiments.public.recipe import BCE_P, CCE, CCE_P, MSE, Data, Recipe
from nnscratch.experiments.public.series import letters, opinions
from nnscratch.initializers import Constant, Normal, Uniform
from nnscratch.optimizers import SGD, Adam, RMSProp
from nnscratch.schedules import StepDecay

SMALL: Final = digits(large=False)
ACTIONS: Final = table(2000, [(0, 1)] * 30, 12)
FEATURES: Final = table(800, [(0, 1)] * 20, 5)
OTHERS: Final = changed(FEATURES, lambda d, rng: Data(rng.permutation(d.x), d.y))
LONG: Final = opinions(500, 80)
TEXTS: Final = opinions(3000, 20)
MIXED: Final = changed(TEXTS, lambda d, rng: Data(d.x, rng.permutation(d.y)))
PARTS: Final = table(900, [(0, 1)] * 12, 2)
NEXT: Final = letters(1500, 12)
# Which of seven bars of a display are lit for each digit.
BARS: Final = np.array([list(map(int, f"{n:07b}")) for n in
                        (126, 48, 109, 121, 51, 91, 95, 112, 127, 123)])  # fmt: skip


def display(rng: np.random.Generator) -> Data:
    """Return the digits as four bits and as seven bars, each -1 or 1."""
    bits = np.array([list(map(int, f"{n:04b}")) for n in range(10)])
    return Data(2.0 * bits - 1, 2.0 * BARS - 1)


def tags(rng: np.random.Generator) -> Data:
    """Return rows with seven labels, of which about a half are true in each."""
    x = rng.standard_normal((800, 15))
    return Data(x, x @ rng.standard_normal((15, 7)) > 0)


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "three dropouts of a half on the way to the classes", SO + "54076090",
        "half of 84, 42 and 21 units is dropped: accuracy does not pass a ceiling", "dropout",
        Recipe("30, 84 relu drop 0.5, 42 relu drop 0.5, 21 relu drop 0.5, 12", ACTIONS, CCE,
               Adam(lr=0.002), 900),
        but(net="30, 84 relu, 42 relu, 21 relu, 12"), 0.85,
    ),
    Sick(
        "thirty-six sigmoids, half dropped, and a penalty",
        "https://stackoom.com/en/question/4HpqD",
        "with the penalty accuracy stays at a tenth, without it it does not", "penalty",
        Recipe("784, 36 sigmoid drop 0.5, 10", digits(), CCE, RMSProp(lr=0.001), 800, 128,
               l2=0.05),
        but(l2=0.0), 0.85, ("dropout",),
    ),
    Sick(
        "a decay after a hundred steps, not ten thousand", GH + "cjiang2/VDCNN/issues/4",
        "the rate is cut by the hundred batches, far too soon", "too slow",
        Recipe("64, 32 relu, 32 relu, 10", SMALL, CCE, SGD(lr=StepDecay(0.05, 0.3, 20)), 700, 64),
        but(optimizer=SGD(lr=StepDecay(0.05, 0.3, 2000)), steps=1200), 0.9,
    ),
    Sick(
        "pixels to 255 and weights of deviation one", "https://forums.fast.ai/t/1441",
        "scores of a hundred: the probability of the truth is 0; scaled inputs solved it",
        "input scale",
        Recipe("784, 10 softmax", digits(255.0, large=True), CCE_P, SGD(lr=0.01), 300, 64,
               init=Normal(1.0)),
        but(data=digits(), init="glorot_uniform", optimizer=SGD(lr=0.2), steps=800), 0.93,
        ("initial weights", "rate too large", "output activation"),
    ),
    Sick(
        "features in a new order, labels in the old", GH + "keras-team/keras/pull/7520",
        "the generator shuffles features, and the labels are read in order", "labels",
        Recipe("20, 32 relu drop 0.3, 5", OTHERS, CCE, Adam(lr=0.002), 700),
        but(data=FEATURES), 0.7,
    ),
    Sick(
        "texts with labels from a folder", GH + "tensorflow/tensorflow/issues/50124",
        "the labels that were inferred belong to other rows", "labels",
        Recipe("12, 16 lstm last, 2", MIXED, CCE, Adam(lr=0.005), 500),
        but(data=TEXTS), 0.75,
    ),
    Sick(
        "seven bars of a display", SO + "13632976",
        "outputs begin at the wrong end of a tanh, where nothing comes through", "initial weights",
        Recipe("4, 20 tanh, 7 tanh", display, MSE, SGD(lr=0.05), 800, 10, init=Uniform(-4, 4)),
        but(init="glorot_uniform", optimizer=SGD(lr=0.3), steps=3000), 0.85,
        ("output activation", "loss", "activation"),
    ),
    Sick(
        "opinions of eighty words by a ReLU that comes round", GH + "keras-team/keras/issues/2194",
        "a ReLU has no bound, and its state grows from step to step", "activation",
        Recipe("12, 32 rnn_relu last, 2", LONG, CCE, Adam(lr=0.001), 400, recurrent=Normal(0.5)),
        but(net="12, 32 gru last, 2", optimizer=Adam(lr=0.005), recurrent="orthogonal", steps=600),
        0.8, ("initial weights", "depth", "rate too large"),
    ),
    Sick(
        "the next letter by ReLUs at rate four", GH + "yandex/faster-rnnlm/issues/17",
        "the rate is too large for ReLUs: the network blows up", "rate too large",
        Recipe("26, 32 rnn_relu last, 26", NEXT, CCE, SGD(lr=4.0), 400),
        but(optimizer=SGD(lr=0.05), steps=1500), 0.5, ("activation", "initial weights"),
    ),
    Sick(
        "seven tags by a softmax", GH + "keras-team/keras/issues/741",
        "probabilities that add up to one, for several tags at once", "output activation",
        Recipe("15, 32 relu, 7 softmax", tags, BCE_P, Adam(lr=0.005), 800),
        but(net="15, 32 relu, 7 sigmoid"), 0.85,
    ),
    Sick(
        "biases of five", GH + "neuroinfo-os/deep-bottleneck/issues/168",
        "large first biases leave every tanh at its end", "initial weights",
        Recipe("12, 10 tanh, 7 tanh, 5 tanh, 2", PARTS, CCE, SGD(lr=0.05), 800,
               bias=Constant(5.0)),
        but(bias="zeros", optimizer=SGD(lr=0.1), steps=2000), 0.9, ("activation",),
    ),
    Sick(
        "every class close to zero", GH + "keras-team/keras/issues/8883",
        "sigmoids learn first that each class is rare; it takes more training", "too slow",
        Recipe("64, 10 sigmoid", SMALL, BCE_P, SGD(lr=0.01), 120),
        but(optimizer=SGD(lr=0.5), steps=2500), 0.85,
    ),
    Sick(
        "digits from weights of nothing", GH + "wagonhelm/NaNmnist/issues/2",
        "all weights begin at zero, and a hidden layer was added", "symmetric units",
        Recipe("784, 50 sigmoid, 10", digits(), CCE, SGD(lr=0.1), 500, 64, init="zeros"),
        but(init="glorot_uniform", optimizer=SGD(lr=0.5), steps=1500), 0.9,
    ),
)
# fmt: on
