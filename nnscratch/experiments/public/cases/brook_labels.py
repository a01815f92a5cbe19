"""Cases of brook in which a class is to be told; the others are in `brook_numbers`."""

from __future__ import annotations

from typing import Final

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.cases.brook_data import (
    held,
    indicators,
    interchanged,
    mirrored,
    renumbered,
    several,
    shuffled,
    signed,
    square,
)
from nnscratch.experiments.public.data import XOR, changed, digits, standard, table, words
from nnscratch.experiments.public.recipe import BCE, BCE_P, CCE, CCE_P, MSE, TORCH, Recipe
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adam
from nnscratch.schedules import StepDecay, Warmup

SMALL: Final = digits(large=False)
CLICKS: Final = table(900, [(4e5, 3e5), (7e4, 6e4), (300, 200), (0.4, 0.2), (12, 9)], 2)
PLANS: Final = table(400, [(3300, 1000), (140, 90), (350, 280), (16, 3), (58.7, 0.8)], 3)
COLUMNS: Final = table(900, [(0, 1)] * 14, 4)
PICTURES: Final = table(925, [(0, 1)] * 24, 6)
POOLED: Final = table(900, [(9, 0.3)] * 32, 2)
FEW_ROWS: Final = table(700, [(0, 1)] * 40, 2, noise=0.4, held_out=540)
MORE_ROWS: Final = table(5540, [(0, 1)] * 40, 2, noise=0.4, held_out=540)
TOPICS: Final = words(1000, 200, 3, 30)

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "handwriting in a notebook that diverged", GH + "jax-ml/jax/pull/159",
        "the rate was lowered, and it converged", "rate too large",
        Recipe("784, 96 relu, 96 relu, 10", digits(), CCE, SGD(lr=4.0), 400, 128, init=Normal(0.1)),
        but(optimizer=SGD(lr=0.1), init="he_normal"), 0.9,
    ),
    Sick(
        "folders that come in another order", GH +
        "uzh-rpg/rpg_event_representation_learning/issues/2",
        "classes are numbered in one way for training and in another for the test", "labels",
        Recipe("64, 48 relu, 10", changed(held(SMALL), renumbered), CCE, Adam(lr=0.003), 400),
        but(data=held(SMALL)), 0.88,
    ),
    Sick(
        "weights of a fusion that no group holds",
        GH + "bubbliiiing/efficientdet-pytorch/issues/37",
        "groups of parameters are made by name, and some names are in none", "frozen parameters",
        Recipe("64, 24 relu, 3 relu, 24 relu, 10", SMALL, CCE, Adam(lr=0.003), 600, held=(0, 1)),
        but(held=(), net="64, 24 relu, 12 relu, 24 relu, 10"), 0.9, ("capacity",),
    ),
    Sick(
        "a classifier whose weights are drawn too late", GH + "floneum/kalosm/pull/285",
        "the optimizer was given its list before there were weights", "frozen parameters",
        Recipe("200, 32 relu, 3", TOPICS, CCE, Adam(lr=0.003), 300, held=(0, 1)),
        but(held=()), 0.85,
    ),
    Sick(
        "ReLUs in the place of another kind", GH + "adambielski/siamese-triplet/issues/17",
        "ReLUs want weights drawn for them: the loss stays at ln 10", "initial weights",
        Recipe("784, 4*32 relu, 10", digits(), CCE, SGD(lr=0.01), 500, init=Normal(0.02)),
        but(init="he_normal", optimizer=SGD(lr=0.1)), 0.9, ("depth",),
    ),
    Sick(
        "scenes with several labels, one softmax", GH + "torchgeo/torchgeo/pull/791",
        "labels that do not exclude each other need a sigmoid each", "output activation",
        Recipe("12, 32 relu, 8 softmax", several(900, 12, 8, 0.5), BCE_P, Adam(lr=0.005), 700),
        but(net="12, 32 relu, 8 sigmoid"), 0.9,
    ),
    Sick(
        "clothes without a division, 128 and 128",
        "https://stats.stackexchange.com/questions/367057",
        "pixels to 255 go in as they are", "input scale",
        Recipe("784, 128 relu, 128 relu, 10", digits(255.0), CCE, Adam(lr=0.02), 200),
        but(data=digits(), optimizer=Adam(lr=0.002), steps=300), 0.9, ("rate too large",),
    ),
    Sick(
        "XOR that saturates", "https://makeyourownneuralnetwork.blogspot.com/2015/05/"
        "saturation-and-normalising-inputs.html",
        "every sigmoid is nearly nought or one from the beginning", "initial weights",
        Recipe("2, 3 sigmoid, 1 sigmoid", XOR, MSE, SGD(lr=0.1), 1500, 1, init=Normal(12.0)),
        but(net="2, 8 tanh, 1 sigmoid", init="glorot_uniform", optimizer=Adam(lr=0.05)), 1.0,
    ),
    Sick(
        "a recession by an index and its powers",
        "https://ios-ruby-on-rails.developreference.com/article/11723009",
        "a fifth power of a hundred beside a month: the cost goes up and down", "input scale",
        Recipe("6, 1", indicators, BCE, SGD(lr=0.001), 800, 600, init="zeros"),
        but(data=standard(indicators), optimizer=Adam(lr=0.05)), 0.9,
    ),
    Sick(
        "forty labels, of which a row has two", "https://imathworks.com/cv/solved-neural-network-"
        "for-multi-label-classification-with-large-number-of-classes-outputs-only-zero",
        "nothing but noughts is nearly right, and at this rate nothing else is learned",
        "too slow",
        Recipe("20, 32 relu, 40", several(900, 20, 40, 0.05), BCE, SGD(lr=0.3), 600),
        but(optimizer=Adam(lr=0.01), steps=1500), 0.97,
    ),
    Sick(
        "a rate that falls with every batch", GH + "meta-llama/llama-cookbook/issues/27",
        "the schedule is told of batches where it counts epochs", "too slow",
        Recipe("64, 32 gelu, 10", SMALL, CCE, SGD(lr=StepDecay(0.05, 0.85, 4)), 500),
        but(optimizer=SGD(lr=StepDecay(0.1, 0.85, 200)), steps=900), 0.85,
    ),
    Sick(
        "a softmax compared by its squares", GH + "FluxML/model-zoo/issues/8",
        "classes that a softmax gives want cross-entropy", "loss",
        Recipe("784, 32 sigmoid, 10 softmax", digits(), MSE, SGD(lr=0.1), 700),
        but(loss=CCE_P, optimizer=SGD(lr=0.2)), 0.85, ("too slow",),
    ),
    Sick(
        "raw features of clicks", GH + "alibaba/EasyRec/issues/23",
        "features were neither binned nor normalised: the loss begins far above nine",
        "input scale",
        Recipe("5, 32 relu, 16 relu, 1", CLICKS, BCE, Adam(lr=0.0005), 400),
        but(data=standard(CLICKS), optimizer=Adam(lr=0.005)), 0.88,
    ),
    Sick(
        "items that are nearly parallel", GH + "jfkirk/tensorrec/issues/53",
        "thousands beside tens: all rows point in one direction", "input scale",
        Recipe("5, 12 tanh, 3", PLANS, CCE, SGD(lr=0.05), 600),
        but(data=standard(PLANS), optimizer=SGD(lr=0.2)), 0.85,
    ),
    Sick(
        "XOR by three sigmoids drawn within a hundredth",
        GH + "ivan-vasilev/neuralnetworks/issues/37",
        "weights within a hundredth and a rate of two hundredths", "initial weights",
        Recipe("2, 3 sigmoid, 1 sigmoid", XOR, MSE, SGD(lr=0.02, momentum=0.7), 2500, 1,
               init=Uniform(-0.01, 0.01), bias="zeros"),
        but(net="2, 8 sigmoid, 1 sigmoid", init=Uniform(-1, 1), optimizer=Adam(lr=0.05)), 1.0,
        ("too slow",),
    ),
    Sick(
        "a rate that rises to forty", GH + "hjbahng/visual_prompting/issues/7",
        "the warm-up ends at forty", "rate too large",
        Recipe("64, 32 relu, 10", SMALL, CCE, SGD(lr=Warmup(40.0, 400), momentum=0.9), 600),
        but(optimizer=SGD(lr=Warmup(0.1, 100), momentum=0.9)), 0.9,
    ),
    Sick(
        "nine hundred pictures at a millionth", GH + "thtrieu/darkflow/issues/1120",
        "the rate was lowered from a hundred-thousandth, where more was needed", "too slow",
        Recipe("24, 48 leaky, 6", PICTURES, CCE, Adam(lr=1e-6), 800),
        but(optimizer=Adam(lr=0.003)), 0.7,
    ),
    Sick(
        "a clip at a hundredth", GH + "facebookresearch/Mask2Former/issues/148",
        "a hundredth of a gradient is let through in each step", "clip",
        Recipe("64, 48 relu, 10", SMALL, CCE, SGD(lr=0.05, clip=ClipByGlobalNorm(0.01)), 700),
        but(optimizer=SGD(lr=0.05, clip=ClipByGlobalNorm(10.0)), steps=1200), 0.88,
    ),
    Sick(
        "two kinds of pictures, a hundred and sixty of them",
        GH + "duggalrahul/AlexNet-Experiments-Keras/issues/4",
        "what is learned is right, what is new is guessed", "overfitting",
        Recipe("40, 128 relu, 64 relu, 2", FEW_ROWS, CCE, Adam(lr=0.002), 700, 20),
        but(data=MORE_ROWS, net="40, 16 relu, 2", steps=900), 0.84,
    ),
    Sick(
        "nearly everything dropped", GH + "keras-team/keras/issues/1649",
        "a dropout of nearly one should stop all learning, and does", "dropout",
        Recipe("14, 48 relu drop 0.99, 4", COLUMNS, CCE, SGD(lr=0.02), 700),
        but(net="14, 48 relu drop 0.1, 4", optimizer=SGD(lr=0.1)), 0.8,
    ),
    Sick(
        "a rate of dropping that was one of keeping",
        GH + "hunkim/DeepLearningZeroToAll/issues/204",
        "seven tenths are dropped in every layer, where they were to be kept", "dropout",
        Recipe("64, 4*24 relu drop 0.7, 10", SMALL, CCE, Adam(lr=0.003), 700),
        but(net="64, 4*24 relu drop 0.05, 10"), 0.9,
    ),
    Sick(
        "a penalty that the size of the network makes",
        "https://stats.stackexchange.com/questions/316961",
        "what is added grows with every weight there is", "penalty",
        Recipe("64, 96 tanh, 96 tanh, 10", SMALL, CCE, SGD(lr=0.1), 900, l2=0.03),
        but(l2=0.0), 0.95,
    ),
    Sick(
        "four kinds, and a cost that goes up", "https://answerofmath.com/solved-if-l2-"
        "regularization-parameter-is-high-and-learning-rate-low-can-cost-of-cross-entropy-loss-"
        "function-increase",
        "the penalty outweighs what the rows say", "penalty",
        Recipe("14, 48 relu, 24 relu, 4", COLUMNS, CCE, SGD(lr=0.05), 900, l2=0.05),
        but(l2=0.0), 0.9,
    ),
    Sick(
        "labels that a server interchanged", GH + "NVIDIA/DIGITS/issues/1564",
        "half of two classes bear each other's label", "labels",
        Recipe("64, 48 relu, 10", interchanged(SMALL, 3, 8), CCE, Adam(lr=0.003), 250),
        but(data=held(SMALL)), 0.9,
    ),
    Sick(
        "to the left is to the right", GH + "open-mmlab/mmaction2/issues/590",
        "videos are mirrored, and the name of the gesture is not", "labels",
        Recipe("10, 32 relu, 5", mirrored(True), CCE, Adam(lr=0.003), 500),
        but(data=mirrored(False)), 0.9,
    ),
    Sick(
        "a hundred rows whose labels were shuffled alone",
        "https://datarekha.com/interview/deep-learning/debugging-model-not-learning",
        "a loader shuffles labels and not what they belong to", "labels",
        Recipe("8, 16 relu, 3", shuffled(100), CCE, Adam(lr=0.003), 300, 16),
        but(data=held(table(1000, [(0, 1)] * 8, 3))), 0.75,
    ),
    Sick(
        "features that a network before has pooled", GH + "JasonForJoy/DIM/issues/3",
        "without a norm the scores are alike for all candidates", "input scale",
        Recipe("32, 16 relu drop 0.5, 1", POOLED, BCE, Adam(lr=0.001), 500),
        but(data=standard(POOLED), net="32, 16 relu, 1", optimizer=Adam(lr=0.01)), 0.85,
        ("norm",),
    ),
    Sick(
        "residual blocks with ReLU's gain and no norm", GH + "huangleiBuaa/ONI/issues/1",
        "every block doubles what goes through", "initial weights",
        Recipe("64, 32 relu, 40*32 res relu, 10", SMALL, CCE, SGD(lr=0.05), 300, init="he_normal"),
        but(net="64, 32 relu, 4*32 res bn 0.9 relu, 10"), 0.9,
        ("norm", "depth"),
    ),
    Sick(
        "residual blocks at the first rate", GH + "gcr/torch-residual-networks/issues/10",
        "the loss goes to thousands in the first steps: the rate is too large", "rate too large",
        Recipe("64, 32 relu, 5*32 res relu, 10", SMALL, CCE, SGD(lr=1.0, momentum=0.9), 300),
        but(optimizer=SGD(lr=0.01, momentum=0.9), steps=500), 0.9,
    ),
    Sick(
        "two classes, guessed when it counts", GH + "tensorflow/models/issues/890",
        "running statistics need thousands of steps and get a hundred", "batch norm momentum",
        Recipe("14, 32 bn 0.9997 relu, 32 bn 0.9997 relu, 4", COLUMNS, CCE, Adam(lr=0.003), 120),
        but(net="14, 32 bn 0.9 relu, 32 bn 0.9 relu, 4", steps=400), 0.8,
    ),
    Sick(
        "counts of crowds, three pictures at a time", GH + "GeorgeChenZJ/deepcount/issues/2",
        "with norms over batches more at a time would help", "norm",
        Recipe("64, 5*24 bn 0.9 relu, 10", SMALL, CCE, SGD(lr=0.1), 500, 3),
        but(batch=64, steps=600), 0.9,
    ),
    Sick(
        "an encoder that was never trained, and a head that is", GH +
        "vfeofanov/mantis/issues/14",
        "the encoder is frozen as it was drawn", "frozen parameters",
        Recipe("64, 6 tanh, 6 tanh, 10", SMALL, CCE, Adam(lr=0.01), 600, held=(0, 1), init=TORCH),
        but(held=(), net="64, 24 tanh, 24 tanh, 10"), 0.9, ("capacity",),
    ),
    Sick(
        "inside or outside of a square by one unit",
        "https://ai.stackexchange.com/questions/8978",
        "one unit draws one line", "capacity",
        Recipe("2, 1 tanh, 1", square, BCE, Adam(lr=0.02), 1200),
        but(net="2, 16 tanh, 1"), 0.93,
    ),
    Sick(
        "digits as signs, through thirty tanh", "https://offlinew.com/q/q/4098171066",
        "every unit is at one end from the beginning: one class for all", "initial weights",
        Recipe("784, 30 tanh, 10 tanh", changed(digits(), signed), MSE, SGD(lr=0.1), 700, 100,
               init=Normal(1.0)),
        but(init="glorot_uniform", optimizer=Adam(lr=0.003)), 0.6,
    ),
)
# fmt: on
