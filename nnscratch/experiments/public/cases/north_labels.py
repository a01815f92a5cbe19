"""Cases of north in which a class is to be told; the other half of them is `north_numbers`."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.data import blobs, changed, digits, spirals, standard, table
from nnscratch.experiments.public.recipe import BCE, CCE, MSE, TORCH, Data, Maker, Recipe
from nnscratch.experiments.public.series import opinions
from nnscratch.initializers import Constant, Uniform
from nnscratch.optimizers import SGD, Adam

SMALL: Final = digits(large=False)
TWENTY: Final = table(900, [(0, 1)] * 20, 4)
AWAY: Final = table(900, [(5, 3)] * 20, 4)
STAMPED: Final = table(900, [(0, 1)] * 7 + [(1.5e12, 1e10)], 2)
PARTS: Final = blobs(900, 6, features=16, spread=3.0, box=3.0)
THIRTY: Final = blobs(900, 30, features=12, box=4.0)
TEXTS: Final = opinions(1500, 20)
FEW: Final = table(580, [(0, 1)] * 25, 4, noise=0.4, held_out=500)
MANY: Final = table(4000, [(0, 1)] * 25, 4, noise=0.4, held_out=500)
PAIRS: Final = table(1200, [(0, 1)] * 12, 3)


def apart(d: Data, rng: np.random.Generator) -> Data:
    """Return pairs of inputs of which the second half is of other rows."""
    return Data(np.hstack([d.x[:, :6], rng.permutation(d.x[:, 6:])]), d.y)


def two_signs(n: int, window: int) -> Maker:
    """Return noise with a sign at each of the first two steps: which of four pairs is it?"""

    def make(rng: np.random.Generator) -> Data:
        x = 0.3 * rng.standard_normal((n, window, 2))
        signs = rng.integers(0, 2, (n, 2))
        x[:, 0, 0], x[:, 1, 1] = 2.0 * signs.T - 1
        return Data(x, signs @ np.array([2, 1]))

    return make


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "classes through a sigmoid, then compared", GH + "eriklindernoren/PyTorch-YOLOv3/issues/10",
        "scores between 0 and 1 differ by one at most, too little for a softmax",
        "output activation",
        Recipe("64, 10 sigmoid", SMALL, CCE, SGD(lr=0.05), 600),
        but(net="64, 10", optimizer=SGD(lr=0.2)), 0.9, ("softmax twice", "too slow"),
    ),
    Sick(
        "milliseconds since 1970 beside seven columns", GH + "RUCAIBox/RecBole/issues/1062",
        "a time stamp covers every other column", "input scale",
        Recipe("8, 16 relu, 1", STAMPED, BCE, Adam(lr=0.001), 600),
        but(data=standard(STAMPED), optimizer=Adam(lr=0.01)), 0.85,
    ),
    Sick(
        "half dropped in each of six blocks", GH + "celoyd/potato/issues/58",
        "dropout of a half in all blocks is too much", "dropout",
        Recipe("20, 6*24 relu drop 0.5, 4", TWENTY, CCE, Adam(lr=0.002), 900),
        but(net="20, 6*24 relu, 4"), 0.8,
    ),
    Sick(
        "narrow layers below that stay as drawn", GH + "ihciah/deep-fashion-retrieval/issues/1",
        "all layers but the last are frozen", "frozen parameters",
        Recipe("64, 8 tanh, 8 tanh, 10", SMALL, CCE, Adam(lr=0.005), 900, held=(0, 1)),
        but(held=()), 0.9,
    ),
    Sick(
        "six kinds of teeth, two rows at a time", GH + "dbolya/yolact/issues/325",
        "below batches of six the losses stay high: norms of so few rows", "norm",
        Recipe("16, 32 bn relu, 32 bn relu, 6", PARTS, CCE, SGD(lr=0.02), 900, 2),
        but(batch=64, optimizer=SGD(lr=0.2)), 0.85,
    ),
    Sick(
        "good in training, terrible in the test", GH + "tensorflow/tensorflow/issues/1122",
        "too few iterations for the moving averages", "batch norm momentum",
        Recipe("20, 32 bn 0.999 tanh, 32 bn 0.999 tanh, 4", AWAY, CCE, Adam(lr=0.01), 90),
        but(net="20, 32 bn 0.9 tanh, 32 bn 0.9 tanh, 4"), 0.8, ("too slow",),
    ),
    Sick(
        "similarities are a softmax already", GH + "AntreasAntoniou/MatchingNetworks/issues/3",
        "the loss takes a softmax of probabilities", "softmax twice",
        Recipe("12, 32 relu, 30 softmax", THIRTY, CCE, SGD(lr=0.1), 900),
        but(net="12, 32 relu, 30", optimizer=SGD(lr=0.2)), 0.9, ("output activation",),
    ),
    Sick(
        "one digit at a time, momentum and rate 4",
        GH + "lionelmessi6410/Neural-Networks-from-Scratch/issues/2",
        "a rate below one prevents it", "rate too large",
        Recipe("64, 32 sigmoid, 10", SMALL, CCE, SGD(lr=4.0, momentum=0.9), 900, 1),
        but(optimizer=SGD(lr=0.1), batch=8, steps=2500), 0.85,
    ),
    Sick(
        "tags by an LSTM, the rate drawn too high",
        GH + "guillaumegenthial/sequence_tagging/issues/47",
        "at a thousandth there is no problem", "rate too large",
        Recipe("12, 24 lstm last, 2", TEXTS, CCE, Adam(lr=1.0), 400),
        but(optimizer=Adam(lr=0.005)), 0.85,
    ),
    Sick(
        "eighty pictures of four dogs", GH + "keras-team/autokeras/issues/367",
        "a large network and few rows", "overfitting",
        Recipe("25, 128 relu, 128 relu, 4", FEW, CCE, Adam(lr=0.002), 800, 16),
        but(data=MANY, net="25, 16 relu, 4", steps=1200, batch=32), 0.6,
    ),
    Sick(
        "three arms by three units", GH + "guevara/read-it-later/issues/5625",
        "too few hidden units to express the task", "capacity",
        Recipe("2, 3 tanh, 3", spirals(600, 3), CCE, Adam(lr=0.02), 1500, 50),
        but(net="2, 64 tanh, 64 tanh, 3", optimizer=Adam(lr=0.01), steps=2500), 0.85,
    ),
    Sick(
        "every layer filled with one number", GH + "HomericIntelligence/Mnemosyne/pull/1987",
        "a uniform fill: the loss stands at the logarithm of the classes", "symmetric units",
        Recipe("16, 24 relu, 24 relu, 6", PARTS, CCE, SGD(lr=0.05), 600, init=Constant(0.1)),
        but(init="he_normal", steps=1500), 0.85,
    ),
    Sick(
        "digits by ReLUs drawn from minus one to one", GH + "Artelnics/opennn/issues/124",
        "Glorot's weights and biases of zero are needed", "initial weights",
        Recipe("784, 100 relu, 10", digits(), CCE, SGD(lr=0.01), 300, 64,
               init=Uniform(-1, 1), bias=Uniform(-1, 1)),
        but(init="glorot_uniform", bias="zeros", optimizer=SGD(lr=0.2), steps=700), 0.93,
        ("rate too large",),
    ),
    Sick(
        "a decay of one", GH + "clab/dynet/issues/329",
        "weights lose all of themselves a unit of time", "penalty",
        Recipe("20, 32 tanh, 4", TWENTY, CCE, SGD(lr=0.05), 900, l2=0.3),
        but(l2=0.0, optimizer=SGD(lr=0.2), steps=1500), 0.8,
    ),
    Sick(
        "thirty maps, nearly all of them zero", GH + "wbenbihi/hourglasstensorflow/issues/19",
        "squared errors of answers that are mostly zero are content with zero", "loss",
        Recipe("12, 32 relu, 30 sigmoid", THIRTY, MSE, SGD(lr=0.1), 1200),
        but(net="12, 32 relu, 30", loss=CCE), 0.9, ("too slow", "output activation"),
    ),
    Sick(
        "two inputs, shuffled each for itself", GH + "nitrain/nitrain/pull/90",
        "half of each row is of another one", "labels",
        Recipe("12, 32 relu, 3", changed(PAIRS, apart), CCE, Adam(lr=0.005), 700),
        but(data=PAIRS), 0.85,
    ),
    Sick(
        "what came first, sixty steps ago", GH + "Atcold/NYU-DLSP20/pull/109",
        "with longer sequences the plain recurrent layer fails", "depth",
        Recipe("2, 24 rnn last, 4", two_signs(800, 60), CCE, Adam(lr=0.001), 400, init=TORCH),
        but(data=two_signs(800, 8), steps=900), 0.85,
        ("activation", "too slow", "initial weights"),
    ),
)
# fmt: on
