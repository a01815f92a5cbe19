"""Cases on which the first version was judged, and which are known to whoever works on findings.

They belong to neither half: what is told about them shows what was mended, not what was learned.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, MLM, SO, Sick, but
from nnscratch.experiments.public.data import (
    XOR,
    blobs,
    changed,
    circles,
    curve,
    digits,
    standard,
    table,
)
from nnscratch.experiments.public.recipe import (
    BCE,
    BCE_P,
    CCE,
    HE_UNIFORM,
    KERAS_1,
    MAE,
    MSE,
    Data,
    Recipe,
)
from nnscratch.initializers import Constant, Normal, Uniform
from nnscratch.optimizers import SGD, Adam, RMSProp

DLAI: Final = "https://community.deeplearning.ai/t/"
SIGNED = table(200, [(0.5, 0.29)] * 2, (-0.3, 0.4))
CANCER = table(569, [(0, 1)] * 30, 2)
TWENTY = table(5000, [(0, 1)] * 20, 2)
CODES = changed(
    table(600, [(93, 17)] * 3, 2), lambda d, rng: Data(d.x, (d.x[:, 0] < d.x[:, 1]).astype(int))
)
SQUARE = curve(lambda x: 5 * x**2, 0, 4.9, 50, 2.0)
_CENSUS = [(39, 14), (1.9e5, 1.05e5), (10, 2.6), (1078, 7385), (87, 403), (40, 12)]
CENSUS = table(3000, [*_CENSUS, *[(0.5, 0.5)] * 8], 2)
FOURTH = curve(lambda x: x**4, -100, 99.5, 400)
LINE_7 = curve(lambda x: 2 * x - 1, -1, 5, 7)


def ones_and_zeros(rng: np.random.Generator) -> Data:
    """Return rows of 128 ones or 128 zeros."""
    y = np.arange(2000) % 2
    return Data(np.repeat(y[:, None], 128, axis=1).astype(float), y)


def keypoints(rng: np.random.Generator) -> Data:
    """Return 48 x 48 pixels and 30 coordinates that 20 hidden numbers decide."""
    z = rng.standard_normal((600, 20))
    x = 1 / (1 + np.exp(-0.4 * z @ rng.standard_normal((20, 2304))))
    return Data(x, np.tanh(0.1 * z @ rng.standard_normal((20, 30))))


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "digits by lines alone, rate 3", SO + "48385830",
        "no activation, squared error on one-hot targets, rate 3 with weights of deviation 1",
        "no activation",
        Recipe(
            "784, 30, 10", digits(), MSE, SGD(lr=3.0), 1000, 10, init=Normal(1.0), bias=Normal(1.0),
        ),
        but(net="784, 30 sigmoid, 10", loss=CCE, optimizer=SGD(lr=0.5)),
        0.7, ("loss", "rate too large"),
    ),
    Sick(
        "XOR by absolute error", SO + "31556268",
        "mean absolute error, a small rate and too few epochs", "loss",
        Recipe(
            "2, 4 sigmoid, 1 sigmoid", XOR, MAE, SGD(lr=0.05, momentum=0.11, nesterov=True), 1000,
            4,
        ),
        but(loss=MSE, optimizer=Adam(lr=0.02), steps=4000), 1.0, ("too slow",),
    ),
    Sick(
        "targets of both signs through a ReLU", SO + "48251943",
        "a ReLU is the output, for targets of both signs", "output activation",
        Recipe("2, 4 relu, 1 relu", SIGNED, MSE, SGD(lr=0.01), 1000, 10),
        but(net="2, 4 tanh, 1 tanh", steps=3000, optimizer=SGD(lr=0.1)),
        0.6,
    ),
    Sick(
        "tumours, a softmax over one output", SO + "42800203",
        "a softmax over one output is 1 whatever comes", "softmax over one unit",
        Recipe("30, 16 relu, 8 relu, 1 softmax", CANCER, BCE_P, Adam(lr=0.001), 300),
        but(net="30, 16 relu, 8 relu, 1", loss=BCE), 0.85, ("output activation",),
    ),
    Sick(
        "all ones or all zeros", SO + "31880720", "a softmax over one output is 1 whatever comes",
        "softmax over one unit",
        Recipe(
            "128, 50 relu drop 0.2, 50 relu drop 0.2, 1 softmax", ones_and_zeros, BCE_P,
            RMSProp(lr=0.001, decay=0.9), 300,
        ),
        but(net="128, 50 relu drop 0.2, 50 relu drop 0.2, 1", loss=BCE), 1.0,
        ("output activation",),
    ),
    Sick(
        "character codes from 65 to 122", SO + "39525358", "the codes go in as they are",
        "input scale",
        Recipe("3, 12 relu, 3 relu, 1", CODES, BCE, Adam(lr=0.001), 150, 1, init=KERAS_1),
        but(data=standard(CODES), optimizer=Adam(lr=0.01), init="glorot_uniform"),
        0.85, ("too slow",),
    ),
    Sick(
        "a parabola to 125 at rate 0.1", SO + "48934338",
        "rate 0.1 is too large for targets to 125", "rate too large",
        Recipe("1, 50 relu, 30 relu, 1", SQUARE, MSE, SGD(lr=0.1), 500),
        but(optimizer=SGD(lr=1e-4), steps=2000),
        0.6, ("target scale",),
    ),
    Sick(
        "a census table as it is", SO + "47724077", "columns up to a million go in as they are",
        "input scale", Recipe("14, 21 relu, 2", CENSUS, CCE, Adam(lr=0.001), 1000, 100),
        but(data=standard(CENSUS), optimizer=Adam(lr=0.01)),
        0.85, ("too slow",),
    ),
    Sick(
        "fourth powers of -100 to 100", SO + "52800582", "inputs to 100, targets to 1e8",
        "target scale", Recipe("1, 50 sigmoid, 50 elu, 1", FOURTH, MSE, Adam(lr=0.001), 1000, 400),
        but(data=standard(FOURTH, "xy"), net="1, 50 relu, 50 elu, 1"), 0.9, ("input scale",),
    ),
    Sick(
        "keypoints at Adam's 0.1", GH + "ArabelaTso/DeepFD",
        "FacialKeypointsDetection: Adam at 0.1 throws the weights", "rate too large",
        Recipe("2304, 50, 100, 30", keypoints, MSE, Adam(lr=0.1), 150),
        but(optimizer=Adam(lr=0.001)), 0.5,
    ),
    Sick(
        "clouds through eleven sigmoids", GH + "DeepDiagnosis/ICSE2022",
        "AutoTrainer's blob model 2569b90f: the gradient vanishes", "activation",
        Recipe(
            "2, 11*5 sigmoid, 3", blobs(1000, 3, spread=2), CCE, SGD(lr=0.01), 600, init=HE_UNIFORM,
        ),
        but(net="2, 11*5 tanh, 3", optimizer=Adam(lr=0.003)),
        0.85, ("depth", "norm"),
    ),
    Sick(
        "rings through fifteen ReLUs", GH + "DeepDiagnosis/ICSE2022",
        "AutoTrainer's circle model 46edb7df: units die", "activation",
        Recipe("2, 15*5 relu, 1", circles(1000, 0.1), BCE, SGD(lr=0.01), 600, init=HE_UNIFORM),
        but(net="2, 5*5 tanh, 1", optimizer=Adam(lr=0.01), steps=1500),
        0.7, ("depth",),
    ),
    Sick(
        "twice a number less one, through ReLUs", DLAI + "324182",
        "a ReLU is the output, and layers of 4 and 2 ReLUs die", "output activation",
        Recipe("1, 4 relu, 2 relu, 1 relu", LINE_7, MSE, Adam(lr=0.001), 500, 7),
        but(net="1, 4 relu, 2 relu, 1", init="he_uniform", optimizer=Adam(lr=0.02), steps=1500),
        0.95, ("activation", "capacity"),
    ),
    Sick(
        "nine layers of 512, deviation 0.1", GH + "apache/mxnet/issues/9478",
        "weights of deviation 0.1 on 512 inputs: n Var = 5, the signal explodes", "initial weights",
        Recipe("784, 9*512 relu, 10", digits(), CCE, SGD(lr=0.1), 60, 64, init=Normal(0.1)),
        but(init="he_normal", optimizer=SGD(lr=0.02), steps=150),
        0.8, ("depth", "norm"),
    ),
    Sick(
        "XOR at one half", SO + "56702564",
        "a long plateau: too few steps for this rate and two sigmoid units", "too slow",
        Recipe("2, 2 sigmoid, 1 sigmoid", XOR, MSE, SGD(lr=0.35), 1000, 4, init=Uniform(-0.5, 0.5)),
        but(
            net="2, 4 sigmoid, 1 sigmoid", optimizer=Adam(lr=0.05), init=Uniform(-1.0, 1.0),
            steps=4000,
        ),
        1.0, ("capacity",),
    ),
    Sick(
        "all weights zero", DLAI + "121049", "weights of zero: no gradient reaches them",
        "symmetric units",
        Recipe(
            "2, 10 relu, 5 relu, 1", circles(300, 0.05), BCE, SGD(lr=0.01), 300, 300, init="zeros",
        ),
        but(init="he_normal", optimizer=Adam(lr=0.01), steps=1500), 0.8, ("initial weights",),
    ),
    Sick(
        "all weights a tenth", "https://datascience.stackexchange.com/questions/22093",
        "equal weights make equal units", "symmetric units",
        Recipe(
            "2, 10 tanh, 10 tanh, 1", circles(300, 0.05), BCE, SGD(lr=0.1), 1500,
            init=Constant(0.1),
        ),
        but(init="glorot_normal", optimizer=Adam(lr=0.01)), 0.8, ("initial weights",),
    ),
    Sick(
        "rings through five tanh layers",
        MLM + "how-to-fix-vanishing-gradients-using-the-rectified-linear-activation-function",
        "weights from U(0, 1) saturate five layers of tanh: the gradient vanishes",
        "initial weights",
        Recipe(
            "2, 5*5 tanh, 1", circles(1000, 0.1), BCE, SGD(lr=0.01, momentum=0.9), 1000,
            init=Uniform(0.0, 1.0),
        ),
        but(net="2, 5*5 relu, 1", init="he_uniform", steps=8000),
        0.7, ("activation",),
    ),
    Sick(
        "raw pixels, weights to one half", SO + "77656756",
        "pixels to 255 and weights from U(-0.5, 0.5)", "input scale",
        Recipe(
            "784, 10 relu, 10", digits(255.0), CCE, SGD(lr=0.1), 100, 1500, init=Uniform(-0.5, 0.5),
            bias=Uniform(-0.5, 0.5),
        ),
        but(data=digits(), init="he_normal", bias="zeros", net="784, 32 relu, 10", steps=600),
        0.7, ("initial weights",),
    ),
    Sick(
        "labels in another order", SO + "tagged/keras",
        "labels shuffled apart from their inputs", "labels",
        Recipe(
            "20, 32 relu, 1",
            changed(TWENTY, lambda d, rng: Data(d.x, rng.permutation(d.y))),
            BCE, SGD(lr=0.01), 600,
        ),
        but(data=TWENTY), 0.8,
    ),
)
