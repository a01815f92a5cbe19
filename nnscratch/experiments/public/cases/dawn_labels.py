"""Cases of dawn in which a class is to be told; the other half of them is `dawn_numbers`."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.data import (
    XOR,
    changed,
    digits,
    iris,
    spirals,
    standard,
    table,
    words,
)
from nnscratch.experiments.public.recipe import BCE_P, CCE, CCE_P, MSE, TORCH, Data, Recipe
from nnscratch.experiments.public.series import (
    first_sign,
    flat,
    languages,
    letters,
    opinions,
    rows,
    word_numbers,
)
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adam, RMSProp

SMALL: Final = digits(large=False)
TWO_KINDS: Final = digits(n=340, only=(3, 8), large=False)
SIXTY_FOUR: Final = changed(TWO_KINDS, lambda d, rng: Data(d.x[:64], d.y[:64]))
BLACK: Final = changed(digits(), lambda d, rng: Data(np.floor(0.99 * d.x), d.y))
SENSORS: Final = table(1000, [(0, 1)] * 27, 6)
MIXED_UP: Final = changed(rows(600), lambda d, rng: Data(d.x, rng.permutation(d.y)))
RARE: Final = changed(
    table(1500, [(0, 1)] * 10, 10), lambda d, rng: Data(d.x, (d.y == 9).astype(int))
)
NEXT: Final = flat(letters(2000, 3))
FEW_TEXTS: Final = words(360, 200, 2, 25, 0.5, held_out=300)
TEXTS: Final = words(2300, 200, 2, 25, 0.5, held_out=300)
POSITIVE: Final = changed(
    table(300, [(0, 1)] * 2, 2, 0.02), lambda d, rng: Data(np.exp(0.5 * d.x), d.y)
)


def swapped(d: Data, rng: np.random.Generator) -> Data:
    """Return two of three labels the other way round in half of the rows."""
    other = np.where(d.y > 0, 3 - d.y, 0)
    return Data(d.x, np.where(rng.random(len(d.y)) < 0.5, other, d.y))


THREE: Final = table(900, [(0, 1)] * 6, 3)

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "chairs and lamps, eight at a time", GH + "keras-team/keras/issues/6014",
        "forty steps are too few for batch norm's slow statistics", "batch norm momentum",
        Recipe("64, 32 bn 0.99 leaky, 16 bn 0.99 leaky, 1 sigmoid", SIXTY_FOUR, BCE_P,
               Adam(lr=0.001), 40, 8),
        but(net="64, 32 bn 0.8 leaky, 16 bn 0.8 leaky, 1 sigmoid", steps=120), 0.95, ("too slow",),
    ),
    Sick(
        "which answer of five, softmaxed twice", GH + "IBM/dstc-noesis/issues/18",
        "a softmax goes into a loss that has one", "softmax twice",
        Recipe("26, 20 lstm last, 5 softmax", languages(1000, 10), CCE, Adam(lr=0.001), 300),
        but(net="26, 20 lstm last, 5", optimizer=Adam(lr=0.005)), 0.95,
        ("output activation", "too slow"),
    ),
    Sick(
        "softmax regression from N(0, 1) and raw pixels",
        GH + "aymericdamien/TensorFlow-Examples/issues/333",
        "pixels to 255 and first weights of deviation one", "input scale",
        Recipe("784, 10 softmax", digits(255.0), CCE_P, SGD(lr=0.001), 400, 100, init=Normal(1.0),
               bias=Normal(1.0)),
        but(data=digits(), init="zeros", optimizer=SGD(lr=0.3)), 0.9,
        ("initial weights", "rate too large"),
    ),
    Sick(
        "letters at Adam's rate of one", GH + "rajveermalviya/language-modeling/issues/3",
        "the rate in the settings is a thousand times Adam's usual one", "rate too large",
        Recipe("26, 32 lstm last, 26", letters(2000, 8), CCE, Adam(lr=1.0), 400),
        but(optimizer=Adam(lr=0.01)), 0.5,
    ),
    Sick(
        "sensors worn on the body", GH + "NLeSC/mcfly/issues/43",
        "models whose rate was drawn above 0.03 stop learning", "rate too large",
        Recipe("27, 64 relu, 64 relu, 32 relu, 6 softmax", SENSORS, CCE_P, Adam(lr=0.2), 500),
        but(optimizer=Adam(lr=0.003)), 0.8,
    ),
    Sick(
        "log of a softmax of ReLUs", GH + "hunkim/PyTorchZeroToAll/pull/4",
        "the last layer's scores go through a ReLU", "output activation",
        Recipe("784, 520 relu, 320 relu, 240 relu, 120 relu, 10 relu", digits(), CCE,
               SGD(lr=0.01, momentum=0.5), 600, 64, init=TORCH),
        but(net="784, 520 relu, 320 relu, 240 relu, 120 relu, 10",
            optimizer=SGD(lr=0.1, momentum=0.5)), 0.9, ("too slow", "initial weights"),
    ),
    Sick(
        "opinions learned by heart", GH + "keras-team/keras/issues/2739",
        "the texts are too few for so large a layer", "overfitting",
        Recipe("200, 128 relu, 64 relu, 2", FEW_TEXTS, CCE, Adam(lr=0.003), 400),
        but(data=TEXTS, net="200, 8 relu drop 0.5, 2"), 0.86,
    ),
    Sick(
        "the first of a hundred steps, gates half open", GH + "craffel/nntools/issues/19",
        "a forget gate that begins at one half forgets", "initial weights",
        Recipe("1, 16 lstm 0 last, 2", first_sign(300, 100), CCE, SGD(lr=0.2), 300),
        but(net="1, 16 lstm 5 last, 2", optimizer=Adam(lr=0.01), steps=600), 0.9, ("depth",),
    ),
    Sick(
        "a language model by a recurrent ReLU",
        GH + "chenxie95/deeplearning_course_sjtu/issues/31",
        "what a ReLU hands round grows without end", "activation",
        Recipe("26, 32 rnn_relu last, 26", letters(1500, 30), CCE, SGD(lr=5.0), 400),
        but(net="26, 32 rnn last, 26", optimizer=SGD(lr=0.3), steps=1000), 0.5,
        ("rate too large", "clip", "initial weights"),
    ),
    Sick(
        "one of ten, by squared errors of a sigmoid", GH + "BVLC/caffe/issues/589",
        "for rare labels squared errors of a sigmoid hardly move", "loss",
        Recipe("10, 16 relu, 1 sigmoid", RARE, MSE, SGD(lr=0.01), 600),
        but(loss=BCE_P, optimizer=SGD(lr=0.5)), 0.94, ("too slow",),
    ),
    Sick(
        "XOR by two layers of ten sigmoids", GH + "cazala/synaptic/issues/224",
        "it needs ten times as many rounds", "too slow",
        Recipe("2, 10 sigmoid, 10 sigmoid, 1 sigmoid", XOR, MSE, SGD(lr=0.1), 3000, 1,
               init=Uniform(-0.5, 0.5)),
        but(net="2, 10 tanh, 10 tanh, 1 sigmoid", optimizer=SGD(lr=1.0), steps=6000, batch=4), 1.0,
        ("activation", "initial weights", "depth"),
    ),
    Sick(
        "XOR in a hundred iterations", GH + "zenecture/neuroflow/issues/5",
        "a hundred iterations from weights of a tenth are far too few", "too slow",
        Recipe("2, 3 tanh, 1 sigmoid", XOR, MSE, SGD(lr=0.1), 100, 4, init=Normal(0.1)),
        but(net="2, 8 tanh, 1 sigmoid", optimizer=SGD(lr=2.0), steps=6000, init=Normal(1.0)), 1.0,
        ("initial weights",),
    ),
    Sick(
        "one round for a deep picture", GH + "intel/ipex-llm/issues/464",
        "one round of ninety", "too slow",
        Recipe("784, 128 relu, 64 relu, 10", digits(), CCE, SGD(lr=0.01), 14, 112),
        but(steps=300, optimizer=SGD(lr=0.1)), 0.85,
    ),
    Sick(
        "softmax regression, rate by rate", GH + "hzy46/Deep-Learning-21-Examples/issues/16",
        "the rate had to grow by four powers of ten", "too slow",
        Recipe("784, 10", digits(), CCE, SGD(lr=1e-5), 500, 100, init="zeros"),
        but(optimizer=SGD(lr=0.1)), 0.95,
    ),
    Sick(
        "numbers of words instead of words", GH + "keras-team/keras/issues/1864",
        "numbers to twenty thousand go into the gates", "input scale",
        Recipe("1, 16 lstm last, 1 sigmoid", word_numbers(800, 20, 20_000.0), BCE_P,
               Adam(lr=0.002), 500),
        but(data=word_numbers(800, 20, 2.0), optimizer=Adam(lr=0.01)), 0.9,
    ),
    Sick(
        "two positive numbers and one ReLU", "https://stats.stackexchange.com/questions/450100",
        "both weights of the one unit began below zero", "initial weights",
        Recipe("2, 1 relu, 1 sigmoid", POSITIVE, BCE_P, SGD(lr=0.1), 800,
               init=Uniform(-0.05, -0.001)),
        but(net="2, 8 relu, 1 sigmoid", data=standard(POSITIVE), init="he_normal"), 0.9,
        ("activation", "capacity", "input scale"),
    ),
    Sick(
        "pictures that were cast to whole numbers", GH + "sbillburg/CRNN-with-STN/issues/7",
        "pixels from 0 to 1 became whole numbers: all black", "inputs alike",
        Recipe("784, 128 relu, 10", BLACK, CCE, Adam(lr=0.001), 400),
        but(data=digits()), 0.9,
    ),
    Sick(
        "three irises, every weight zero", GH + "nndl/nndl-discussion/issues/14",
        "all units are the same, and their gradient is zero", "symmetric units",
        Recipe("4, 16 relu, 16 relu, 3", iris, CCE, SGD(lr=0.05), 600, 30, init="zeros"),
        but(init="he_normal"), 0.8, ("initial weights",),
    ),
    Sick(
        "one digit against the rest, weights of one", GH + "workofart/ml-by-hand/pull/3",
        "weights of deviation one saturate the sigmoids", "initial weights",
        Recipe("784, 64 sigmoid, 32 sigmoid, 10", digits(), CCE, SGD(lr=0.02), 800, 64,
               init=Normal(1.0)),
        but(init="glorot_normal", optimizer=Adam(lr=0.005)), 0.9, ("too slow", "activation"),
    ),
    Sick(
        "an LSTM with weights drawn by hand",
        GH + "jihunchoi/recurrent-batch-normalization-pytorch/issues/5",
        "the framework's own first weights mend it", "initial weights",
        Recipe("8, 32 lstm last, 10", rows(), CCE, Adam(lr=0.001), 300, 64, init=Normal(2.0),
               recurrent=Normal(2.0)),
        but(init=TORCH, optimizer=Adam(lr=0.01)), 0.9, ("activation",),
    ),
    Sick(
        "what was to be kept is dropped", GH + "pudae/tensorflow-densenet/pull/22",
        "the share to keep was given as the share to drop", "dropout",
        Recipe("64, 40 tanh drop 0.9, 20 tanh drop 0.9, 10", SMALL, CCE, Adam(lr=0.002), 500),
        but(net="64, 40 tanh drop 0.1, 20 tanh drop 0.1, 10"), 0.9,
    ),
    Sick(
        "what is inside does not want a gradient", GH + "r-three/t-few/issues/31",
        "two narrow layers below are not trained", "frozen parameters",
        Recipe("784, 16 relu, 8 relu, 10", digits(), CCE, Adam(lr=0.003), 500, held=(0, 1)),
        but(held=()), 0.9,
    ),
    Sick(
        "a loader that gives rows and labels of others", GH + "MultimediaTechLab/YOLO/issues/85",
        "when it shuffles, labels are those of other pictures", "labels",
        Recipe("8, 32 lstm last, 10", MIXED_UP, CCE, Adam(lr=0.005), 300),
        but(data=rows(600), steps=400), 0.9,
    ),
    Sick(
        "left and right the other way round", GH + "NifTK/NiftyNet/issues/90",
        "in half of the rows two labels are interchanged", "labels",
        Recipe("6, 32 relu, 16 relu, 3", changed(THREE, swapped), CCE, Adam(lr=0.003), 500),
        but(data=THREE), 0.85,
    ),
    Sick(
        "fifteen hundred pictures for a large network",
        GH + "duggalrahul/AlexNet-Experiments-Keras/issues/4",
        "few rows, many weights: learned by heart", "overfitting",
        Recipe("40, 256 relu, 256 relu, 2", table(400, [(0, 1)] * 40, 2, 1.0, held_out=300), CCE,
               Adam(lr=0.002), 500),
        but(data=table(3300, [(0, 1)] * 40, 2, 0.3, held_out=300), net="40, 16 relu, 2"), 0.8,
    ),
    Sick(
        "tags at Adam's rate of a tenth", GH + "guillaumegenthial/sequence_tagging/issues/47",
        "at a thousandth there is no problem", "rate too large",
        Recipe("12, 48 gru last, 2", opinions(800, 30), CCE, Adam(lr=0.3), 400),
        but(optimizer=Adam(lr=0.005)), 0.95,
    ),
    Sick(
        "long sentences, and no clip", GH + "Marcovaldong/lstmp.pytorch/issues/2",
        "the gradient grows through time: a clip at one is needed", "clip",
        Recipe("26, 32 rnn last, 5", languages(1000, 30), CCE, SGD(lr=0.5), 500,
               recurrent=Normal(0.35)),
        but(optimizer=SGD(lr=0.2, clip=ClipByGlobalNorm(1.0)), recurrent="orthogonal", steps=1000),
        0.85, ("rate too large", "initial weights", "activation", "depth"),
    ),
    Sick(
        "a transformer's rate without a transformer", GH + "keyvank/femtoGPT/pull/7",
        "the default rate is too small", "too slow",
        Recipe("78, 64 gelu, 64 gelu, 26", NEXT, CCE, Adam(lr=1e-5), 500),
        but(optimizer=Adam(lr=0.003)), 0.5,
    ),
    Sick(
        "twenty-four layers without batch norm", GH + "jay-mahadeokar/pynetbuilder/issues/8",
        "so deep a network needs norms, or better weights", "depth",
        Recipe("64, 24*32 relu, 10", SMALL, CCE, SGD(lr=0.02), 600),
        but(net="64, 24*32 bn 0.9 relu, 10", optimizer=SGD(lr=0.05), steps=2000), 0.85,
        ("initial weights", "norm", "activation"),
    ),
    Sick(
        "who wants to see whom again", GH + "mdalai/Deep-Learning-projects/issues/1",
        "every row is seen once: there was no loop of epochs", "too slow",
        Recipe("12, 8 sigmoid, 2", table(300, [(0, 1)] * 12, 2), CCE, SGD(lr=0.003), 300, 1),
        but(optimizer=SGD(lr=0.1), steps=6000), 0.9,
    ),
    Sick(
        "a picture by two, and two more", GH + "open-mmlab/mmdetection/pull/2319",
        "batches are too small for batch norm", "norm",
        Recipe("64, 48 bn 0.9 relu, 48 bn 0.9 relu, 10", SMALL, CCE, SGD(lr=0.05), 800, 2),
        but(batch=32), 0.9,
    ),
    Sick(
        "three layers of lines in an hour", GH + "soumith/cvpr2015/issues/6",
        "no activation between the layers", "no activation",
        Recipe("2, 120, 84, 4", spirals(800, 4), CCE, SGD(lr=0.05, momentum=0.9), 800),
        but(net="2, 120 relu, 84 relu, 4"), 0.85,
    ),
    Sick(
        "ten digits by three and four sigmoids", GH + "kdexd/digit-classifier/issues/5",
        "so few units cannot tell ten classes", "capacity",
        Recipe("784, 3 sigmoid, 4 sigmoid, 10 sigmoid", digits(), MSE, SGD(lr=1.0), 1500, 10),
        but(net="784, 64 sigmoid, 10 sigmoid", optimizer=SGD(lr=5.0)), 0.85,
        ("too slow", "activation"),
    ),
    Sick(
        "texts with a decay that was small on paper",
        GH + "deeplearning4j/deeplearning4j/issues/8737",
        "weight decay keeps the gates at nothing", "penalty",
        Recipe("12, 24 lstm last, 2", opinions(800, 30), CCE, Adam(lr=0.003), 500, l2=0.5),
        but(l2=0.0, optimizer=Adam(lr=0.005)), 0.85,
    ),
    Sick(
        "states that are carried, gradients that are not",
        GH + "keras-team/keras/issues/8945",
        "back-propagation ends long before what is to be remembered", "depth",
        Recipe("1, 16 gru last, 2", first_sign(500, 50), CCE, Adam(lr=0.002), 400, truncate=4),
        but(truncate=None, optimizer=Adam(lr=0.005), steps=1200), 0.95,
    ),
    Sick(
        "a jump of the loss in RMSProp", GH + "muupan/dqn-in-the-caffe/issues/6",
        "RMSProp needs a tiny rate", "rate too large",
        Recipe("64, 64 relu, 32 relu, 10", SMALL, CCE, RMSProp(lr=0.2), 500),
        but(optimizer=RMSProp(lr=0.001)), 0.9,
    ),
    Sick(
        "boxes by a clip at a tenth", GH + "facebookresearch/detr/issues/198",
        "gradients are of tens, the clip is a tenth", "clip",
        Recipe("20, 64 relu, 64 relu, 4", table(800, [(0, 1)] * 20, 4), CCE,
               SGD(lr=0.1, clip=ClipByGlobalNorm(0.01)), 500),
        but(optimizer=SGD(lr=0.2)), 0.85, ("too slow",),
    ),
)
# fmt: on
