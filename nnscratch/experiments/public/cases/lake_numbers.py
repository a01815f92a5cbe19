"""Cases of lake in which a number is to be told."""

from __future__ import annotations

from typing import Final

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.public.case import GH, SO, Sick, but
from nnscratch.experiments.public.cases.lake_data import (
    SINE,
    boxes,
    corners,
    counts,
    distances,
    few,
    inputs_shuffled,
    rectified,
    summands,
    water_on_a_grid,
    whole_numbers,
    wobbling,
)
from nnscratch.experiments.public.data import changed, standard, table
from nnscratch.experiments.public.recipe import MAE, MSE, Recipe
from nnscratch.experiments.public.series import two_marked, waves
from nnscratch.initializers import Constant, Normal
from nnscratch.optimizers import SGD, Adam, RMSProp
from nnscratch.schedules import Warmup

STATS: Final = "https://stats.stackexchange.com/questions/"
TWELVE: Final = table(900, [(0, 1)] * 12, (0.0, 1.0))
HOMEWORK: Final = table(700, [(0, 1)] * 8, (5.0, 2.0))
PENDULUM: Final = table(800, [(0, 0.7), (0, 0.7), (0, 4)], (-700.0, 300.0))
FIGHTS: Final = table(900, [(0, 1)] * 10, (900.0, 700.0))
BLOGS: Final = table(800, [(0, 1)] * 12, (30.0, 20.0))
DEPTHS: Final = table(900, [(0, 1)] * 16, (0.0, 1.0))
FORCES: Final = table(800, [(0, 1)] * 10, (0.0, 1.0))
SETTINGS: Final = table(1500, [(0, 1)] * 14, (0.0, 1.0), noise=0.3, held_out=300)
FIELDS: Final = table(1100, [(0, 1)] * 9, (0.0, 1.0), held_out=300)

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "how far from the middle, by three ReLUs",
        STATS + "363352/my-neural-network-cant-even-learn-euclidean-distance",
        "of three units one dies or falls together with another", "capacity",
        Recipe("2, 3 relu, 1", distances, MSE, Adam(lr=0.01), 1500),
        but(net="2, 32 relu, 1"), 0.995, ("activation",),
    ),
    Sick(
        "a ReLU that begins upside down", STATS + "379884/why-cant-a-single-relu-learn-a-relu",
        "from the wrong side it goes to nought, and from there no gradient comes",
        "initial weights",
        Recipe("1, 1 relu", rectified, MSE, SGD(lr=0.01), 1500, init=Constant(-10.0)),
        but(init=Constant(0.3)), 0.95, ("activation", "output activation"),
    ),
    Sick(
        "waves whose last cell is the answer", GH + "pytorch/examples/pull/250",
        "what a cell gives out lies between minus one and one, and waves go beyond",
        "output activation",
        Recipe("1, 24 lstm, 1 lstm last", waves(700, 20), MSE, Adam(lr=0.005), 700),
        but(net="1, 24 lstm, 24 lstm last, 1"), 0.98, ("target scale",),
    ),
    Sick(
        "corners of boxes that are all nought", GH + "microsoft/CNTK/issues/837",
        "the last ReLU of some corners is off for every row", "output activation",
        Recipe("32, 64 relu, 64 relu, 4 relu", corners, MSE, Adam(lr=0.003), 600,
               init=Normal(0.35)),
        but(net="32, 64 relu, 64 relu, 4", init="he_normal"), 0.85,
        ("activation", "initial weights"),
    ),
    Sick(
        "a sine whose lower half is nought", STATS + "116051/"
        "training-nnet-and-avnnet-models-with-caret-when-the-output-has-negatives",
        "the output is logistic by default, and half of the sine lies below nought",
        "output activation",
        Recipe("1, 8 sigmoid, 1 sigmoid", SINE, MSE, Adam(lr=0.02), 1500),
        but(net="1, 8 sigmoid, 1"), 0.95, ("target scale",),
    ),
    Sick(
        "returns of a pendulum that are not divided",
        GH + "MorvanZhou/Reinforcement-learning-with-tensorflow/issues/2",
        "a network has its trouble with values of hundreds", "target scale",
        Recipe("3, 64 relu, 1", standard(PENDULUM), MSE, RMSProp(lr=0.001), 700),
        but(data=standard(PENDULUM, "xy")), 0.85, ("too slow",),
    ),
    Sick(
        "a wave on three kilometres", GH + "pierremtb/PINNs-TF2.0/issues/1",
        "places and times are not brought to where a tanh bends", "input scale",
        Recipe("2, 3*24 tanh, 1", water_on_a_grid, MSE, Adam(lr=0.005), 1200),
        but(data=standard(water_on_a_grid)), 0.9,
    ),
    Sick(
        "counts that an exponential tells", GH + "calico/basenji/issues/14",
        "an exponential at the end overflows", "output activation",
        Recipe("12, 32 relu, 1 exponential", counts, MSE, SGD(lr=0.01), 400),
        but(net="12, 32 relu, 1", data=standard(counts, "y"), steps=1500), 0.75,
        ("activation", "rate too large", "target scale"),
    ),
    Sick(
        "forty settings of an experiment", GH + "michaelhush/M-LOOP/issues/80",
        "a network that goes through all of few measurements, and astray between them",
        "overfitting",
        Recipe("14, 3*64 gelu, 1", few(SETTINGS, 40), MSE, Adam(lr=0.003), 1000),
        but(data=SETTINGS, net="14, 16 gelu, 1"), 0.78,
    ),
    Sick(
        "two marked numbers by an identity", "http://raphael.uaca.com/experiments/IRNN.md",
        "from a flat place it comes to a steep one, whose gradient is huge", "rate too large",
        Recipe("2, 32 rnn_relu last, 1", two_marked(600, 30), MSE, SGD(lr=0.1), 600,
               init=Normal(0.05), recurrent="identity"),
        but(optimizer=Adam(lr=0.002), steps=1500), 0.85, ("initial weights",),
    ),
    Sick(
        "absolute errors that nobody divides by their number", GH + "MyCaffe/MyCaffe/issues/25",
        "gradients are as many times too large as there are rows", "rate too large",
        Recipe("12, 32 relu, 1", TWELVE, MAE, SGD(lr=1.6), 600),
        but(optimizer=SGD(lr=0.05), steps=1500), 0.9, ("loss",),
    ),
    Sick(
        "sentences that are no number any more", GH + "nyu-dl/dl4mt-tutorial/issues/64",
        "without a clip one step ends it: with one of one it goes on", "clip",
        Recipe("1, 24 rnn_relu last, 1", waves(600, 24), MSE, SGD(lr=0.05), 600,
               recurrent="identity"),
        but(optimizer=SGD(lr=0.05, clip=ClipByGlobalNorm(0.1)), steps=1500), 0.8,
        ("rate too large", "activation", "initial weights"),
    ),
    Sick(
        "forces under a penalty as large as the error", GH + "brucefan1983/GPUMD/pull/541",
        "by default the penalty is as large as the error at first: it gets stuck", "penalty",
        Recipe("10, 30 tanh, 1", FORCES, MSE, Adam(lr=0.01), 900, l2=0.6),
        but(l2=0.0003), 0.9,
    ),
    Sick(
        "a sum of two numbers, and nothing goes back", SO + "67248908",
        "no gradient is ever computed: what was drawn stays", "frozen parameters",
        Recipe("2, 1", summands, MSE, Adam(lr=0.01), 700, held=(0,)),
        but(held=()), 0.99,
    ),
    Sick(
        "centres that are told from the other corner",
        GH + "joshi-bharat/deep_underwater_localization/issues/4",
        "the file of labels has centres in the wrong place", "labels",
        Recipe("16, 48 relu, 2", boxes(True), MSE, Adam(lr=0.005), 700),
        but(data=boxes(False)), 0.8,
    ),
    Sick(
        "fields whose rows were shuffled alone", GH + "tommylees112/vegetation_health/pull/1",
        "a loader shuffles the inputs, and not what belongs to them", "labels",
        Recipe("9, 32 relu, 16 relu, 1", changed(FIELDS, inputs_shuffled), MSE, Adam(lr=0.003),
               700),
        but(data=FIELDS), 0.85,
    ),
    Sick(
        "a pole whose readings are whole numbers", GH + "openai/baselines/issues/362",
        "readings are kept as bytes: what is below one is lost", "inputs alike",
        Recipe("4, 32 tanh, 1", changed(wobbling, whole_numbers), MSE, Adam(lr=0.005), 900),
        but(data=wobbling), 0.85,
    ),
    Sick(
        "vectors of words whose last layer is normalised", GH + "Lab41/attalos/pull/89",
        "the last layer should be a line and have no norm", "norm",
        Recipe("12, 32 relu, 1 bn", TWELVE, MSE, SGD(lr=0.02), 900, 2),
        but(net="12, 32 relu, 1"), 0.9,
    ),
    Sick(
        "depths whose first rate is as wrong as their weights",
        GH + "FangGet/tf-monodepth2/issues/3",
        "the rate at the start and what weights are drawn from: a warm-up did it",
        "rate too large",
        Recipe("16, 5*40 relu, 1", DEPTHS, MSE, SGD(lr=0.02, momentum=0.9), 700,
               init=Normal(0.35)),
        but(init="he_normal", optimizer=SGD(lr=Warmup(0.01, 200), momentum=0.9)), 0.85,
        ("initial weights",),
    ),
)
# fmt: on
