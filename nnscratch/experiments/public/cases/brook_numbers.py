"""Cases of brook in which a number is to be told, or a sequence is read."""

from __future__ import annotations

from typing import Final

import numpy as np

from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.data import changed, curve, standard, table, truth_table
from nnscratch.experiments.public.recipe import (
    BCE_P,
    CCE,
    KERAS_1,
    MSE,
    TORCH,
    Data,
    Maker,
    Recipe,
)
from nnscratch.experiments.public.series import letters, prices
from nnscratch.initializers import Normal, Uniform
from nnscratch.optimizers import SGD, Adagrad, Adam, RMSProp
from nnscratch.schedules import StepDecay

NEMOTRON: Final = "https://huggingface.co/datasets/nvidia/Nemotron-CC-Math-v1"
TWELVE: Final = table(900, [(0, 1)] * 12, (0.0, 1.0))
SEVEN: Final = table(900, [(0, 1)] * 7, (60.0, 9.0))
SCORES: Final = table(900, [(0, 1)] * 10, (1200.0, 900.0))
POLE: Final = table(800, [(0, 1)] * 4, (180.0, 40.0))
CROWDS: Final = table(800, [(0, 1)] * 6, (4.0, 1.5))
HOMES: Final = table(
    900,
    [(3.9, 1.9), (29, 13), (5.4, 2.5), (1.1, 0.5), (1425, 1132), (3.1, 10), (35.6, 2.1), (-120, 2)],
    (2.1, 1.2),
)
BOSTON_3: Final = table(400, [(12.7, 7.1), (3.6, 8.6), (6.3, 0.7)], (22.5, 9.2))
STOCK: Final = standard(prices(600, 16, 100.0, 20.0), "xy")
TEXT: Final = letters(900, 12)
SHORT_TEXT: Final = letters(900, 8, 12)
CYCLES: Final = changed(
    table(600, [(300, 80)] * 5, (40.0, 15.0)),
    lambda d, rng: Data(d.x[:, None] + 5 * rng.standard_normal((len(d.x), 10, 5)), d.y),
)
WIDE_WAVE: Final = curve(lambda x: np.sin(x / 12), 0, 100, 300)
FAR_WAVE: Final = curve(lambda x: np.sin(3 * x), 9, 12, 100)
BITS: Final = truth_table(5, lambda x: x)


def given_back(make: Maker) -> Maker:
    """Return rows that are to be given back."""
    return changed(make, lambda d, rng: Data(d.x, d.x.astype(float)))


def low_rank(rng: np.random.Generator) -> Data:
    """Return twenty genes that four causes move, from 0 to 1, to be given back."""
    cause = rng.standard_normal((800, 4))
    x = 1 / (1 + np.exp(-cause @ rng.standard_normal((4, 20))))
    return Data(x, x)


def waiting(rng: np.random.Generator) -> Data:
    """Return three gauges over twenty steps, and their sum of last steps, from -3 to 3."""
    x = rng.standard_normal((800, 20, 3))
    return Data(x, x[:, -3:].sum(axis=(1, 2))[:, None] / 2)


def trade(rng: np.random.Generator) -> Data:
    """Return months of trade, the price of oil and barrels, and the trade of the next month."""
    d = prices(500, 12, 4000.0, 600.0)(rng)
    oil = 80 + 15 * rng.standard_normal((500, 12, 1))
    barrels = 8e6 + 1e6 * rng.standard_normal((500, 12, 1))
    return Data(np.concatenate([d.x, oil, barrels], axis=2), d.y)


def buses(rng: np.random.Generator) -> Data:
    """Return degrees north and west and miles an hour, and how late a bus will be, standardised."""
    z = rng.standard_normal((900, 3)).cumsum(axis=1)
    way = np.repeat(z[:, None], 8, axis=1) + 0.3 * rng.standard_normal((900, 8, 3))
    x = way * [0.004, 0.006, 6.0] + [42.73, -73.68, 15.0]
    y = way[:, -1, 0] - 0.8 * way[:, -1, 1]
    return Data(x, ((y - y.mean()) / y.std())[:, None])


def shares(rows: int, window: int) -> Maker:
    """Return noughts with ones after them, and the share of ones."""

    def make(rng: np.random.Generator) -> Data:
        n = rng.integers(1, window, rows)
        x = (np.arange(window) >= window - n[:, None]).astype(float)
        return Data(x[:, :, None], (n / window)[:, None])

    return make


def two_before(window: int, scale: float) -> Maker:
    """Return so many numbers in a row, and what came two before the last of them."""

    def make(rng: np.random.Generator) -> Data:
        value = scale * rng.random(702)
        x = np.stack([value[i : i + 3] for i in range(700)])[:, 3 - window :, None]
        return Data(x, value[:700, None])

    return make


def bits(n: int) -> Maker:
    """Return three bits in a row, and the one that comes next."""

    def make(rng: np.random.Generator) -> Data:
        row = list(rng.integers(0, 2, 3))
        for i in range(n):
            row.append(row[i] if rng.random() < 0.97 else 1 - row[i])
        x = np.stack([row[i : i + 3] for i in range(n)])
        return Data(x[:, :, None].astype(float), np.array(row[3:]))

    return make


# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "a forecast that ends at one", GH + "jsyoon0823/Time-series-prediction/issues/3",
        "the output is a sigmoid, and what is to be told is below nought too",
        "output activation",
        Recipe("3, 16 gru last, 1 sigmoid", waiting, MSE, Adam(lr=0.01), 500),
        but(net="3, 16 gru last, 1"), 0.85,
    ),
    Sick(
        "trade by weeks and days", GH + "dhopp1/nowcast_lstm/issues/12",
        "millions of barrels beside tens of dollars, and thousands to be told", "input scale",
        Recipe("3, 16 lstm last, 1", trade, MSE, Adam(lr=0.01), 500),
        but(data=standard(trade, "xy"), optimizer=Adam(lr=0.01), steps=700), 0.8,
        ("target scale",),
    ),
    Sick(
        "latitudes beside speeds", GH + "Shubble-LLC/shubble/pull/353",
        "places differ in the third decimal, speeds by tens", "input scale",
        Recipe("3, 24 lstm last, 1", buses, MSE, Adam(lr=0.005), 600),
        but(data=standard(buses)), 0.8,
    ),
    Sick(
        "crowds that are all nobody at first",
        GH + "jvargasmu/population_estimation/issues/68",
        "the last ReLU is off for all: no gradient comes from nought", "output activation",
        Recipe("6, 24 relu, 1 relu", CROWDS, MSE, Adam(lr=0.003), 700, last=Uniform(-0.4, -0.05)),
        but(net="6, 24 relu, 1", last=None, optimizer=Adam(lr=0.01), steps=1200), 0.8,
        ("initial weights", "activation"),
    ),
    Sick(
        "a hundred points away from nought",
        "https://datascience.stackexchange.com/questions/31499",
        "sigmoids see numbers about ten, and their bends are about nought", "input scale",
        Recipe("1, 3 sigmoid, 3 sigmoid, 1", FAR_WAVE, MSE, SGD(lr=0.5), 1500, 100),
        but(net="1, 8 tanh, 8 tanh, 1", data=standard(FAR_WAVE), optimizer=Adam(lr=0.02)), 0.9,
    ),
    Sick(
        "the frame that comes next, half dropped four times", "https://techfeed.net/es/485530",
        "four hundred steps of a thousandth, from weights within a twentieth: a constant is left",
        "too slow",
        Recipe("1, 24 lstm drop 0.5, 24 lstm last drop 0.5, 32 bn 0.99 drop 0.5, 1", STOCK, MSE,
               RMSProp(lr=0.001), 400, init=KERAS_1),
        but(net="1, 24 lstm last, 32, 1", optimizer=Adam(lr=0.005)), 0.8,
        ("batch norm momentum",),
    ),
    Sick(
        "the share of ones in forty-five rows",
        "https://datascience.stackexchange.com/questions/67599",
        "fifty rounds of so few rows are a hundred steps", "too slow",
        Recipe("1, 10 lstm last, 1 relu", shares(45, 60), MSE, Adam(lr=0.0005), 60, 32),
        but(net="1, 10 lstm last, 1", optimizer=Adam(lr=0.02), steps=500), 0.9,
        ("output activation",),
    ),
    Sick(
        "a cost that leaps at the sixteenth step",
        "https://stats.stackexchange.com/questions/487194",
        "one long step, and the rest of the training is spent on a flat place", "rate too large",
        Recipe("26, 32 rnn last, 26", TEXT, CCE, SGD(lr=20.0), 300),
        but(optimizer=SGD(lr=0.5), steps=700), 0.5, ("clip",),
    ),
    Sick(
        "one output, a softmax, and bits", "https://stackguides.com/questions/46620813",
        "a softmax over one output says one, whatever comes", "softmax over one unit",
        Recipe("1, 1 lstm last, 1 softmax", bits(400), BCE_P, Adagrad(lr=0.01), 300, 256),
        but(net="1, 12 lstm last, 1 sigmoid", optimizer=Adam(lr=0.02), batch=32, steps=500), 0.93,
        ("capacity", "too slow"),
    ),
    Sick(
        "what came two before, asked of one step",
        "https://wiki.hoelee.com/content/stats.stackexchange.com_en_all_2022-05/questions/329619",
        "the step that is seen has nothing to do with what is asked", "labels",
        Recipe("1, 2 rnn last, 1", two_before(1, 100.0), MSE, Adam(lr=0.01), 1500, 5),
        but(net="1, 16 rnn last, 1", data=standard(two_before(3, 1.0), "xy")), 0.85,
        ("input scale", "target scale"),
    ),
    Sick(
        "a rate that turns to nothing", GH + "LINCellularNeuroscience/VAME/issues/26",
        "without a schedule there is one all the same, whose factor is nought", "too slow",
        Recipe("12, 32 tanh, 1", TWELVE, MSE, SGD(lr=StepDecay(0.005, 1e-6, 25)), 700),
        but(optimizer=SGD(lr=0.05), steps=1500), 0.85,
    ),
    Sick(
        "letters by ReLUs in a course", GH + "chenxie95/deeplearning_course_sjtu/issues/31",
        "a recurrent ReLU blows up: the loss is no number", "rate too large",
        Recipe("12, 48 rnn_relu last, 12", SHORT_TEXT, CCE, SGD(lr=20.0), 300,
               recurrent=Normal(0.3)),
        but(net="12, 48 rnn last, 12", optimizer=SGD(lr=0.5), recurrent="orthogonal", steps=600),
        0.5, ("activation", "clip"),
    ),
    Sick(
        "homes as they were counted, wide and deep", GH + "ageron/handson-ml3/pull/20",
        "the inputs are taken from before they were normalised", "input scale",
        Recipe("8, 30 relu, 30 relu, 1", HOMES, MSE, SGD(lr=0.001), 600),
        but(data=standard(HOMES), optimizer=SGD(lr=0.05)), 0.85,
    ),
    Sick(
        "genes through sigmoids and back", GH + "MollyZhang/Multi-task-TCGA-learning/issues/15",
        "leaky ReLUs converge where sigmoids stand", "activation",
        Recipe("20, 16 sigmoid, 8 sigmoid, 16 sigmoid, 20 sigmoid", low_rank, MSE, SGD(lr=0.5),
               700),
        but(net="20, 16 leaky, 8 leaky, 16 leaky, 20 sigmoid", optimizer=Adam(lr=0.01),
            steps=1500), 0.75, ("too slow", "depth"),
    ),
    Sick(
        "a decay of a fifth in a regression", GH + "mlfoundations/open_clip/issues/32",
        "what is usual for another optimizer and another network is too much here", "penalty",
        Recipe("12, 32 relu, 32 relu, 1", TWELVE, MSE, SGD(lr=0.02, momentum=0.9), 900, l2=0.2),
        but(l2=0.0), 0.97,
    ),
    Sick(
        "a loss of eighty from the first epoch", GH + "maxjcohen/transformer/issues/27",
        "targets were not normalised: the mean is far, and steps are short", "target scale",
        Recipe("7, 32 ln gelu, 32 ln gelu, 1", SEVEN, MSE, Adam(lr=0.001), 600),
        but(data=standard(SEVEN, "y"), optimizer=Adam(lr=0.003)), 0.85, ("too slow",),
    ),
    Sick(
        "four stages of residual blocks, two too many",
        GH + "FrancescoSaverioZuppichini/ResNet/issues/1",
        "outputs of a hundred, then ten thousand, then no number: fewer blocks did it", "depth",
        Recipe("12, 32 relu, 24*32 res relu, 1", TWELVE, MSE, SGD(lr=0.02), 300),
        but(net="12, 32 relu, 2*32 res relu, 1", optimizer=SGD(lr=0.005), steps=800), 0.8,
        ("initial weights",),
    ),
    Sick(
        "what a pole is worth after five hundred and fifty steps",
        GH + "ageron/handson-ml2/issues/519",
        "five hundred and fifty short steps are not enough for what is worth hundreds", "too slow",
        Recipe("4, 32 elu, 32 elu, 1", POLE, MSE, Adam(lr=0.0005), 550, 32),
        but(data=standard(POLE, "y"), optimizer=Adam(lr=0.005), steps=900), 0.8,
        ("target scale",),
    ),
    Sick(
        "rewards of a game of patience", GH + "google-deepmind/open_spiel/issues/742",
        "rewards to thousands: values become no number", "target scale",
        Recipe("10, 64 relu, 64 relu, 1", SCORES, MSE, SGD(lr=0.01), 500),
        but(data=standard(SCORES, "y"), optimizer=SGD(lr=0.05)), 0.85, ("rate too large",),
    ),
    Sick(
        "thirty-two sigmoids that see numbers to a hundred",
        "https://gahmed.com/blog/ge461-project-3",
        "inputs that are not normalised saturate the units before anything is learned",
        "input scale",
        Recipe("1, 32 sigmoid, 1", WIDE_WAVE, MSE, SGD(lr=0.0011), 1500, 20, init=Uniform(-1, 1)),
        but(data=standard(WIDE_WAVE), net="1, 32 tanh, 1", optimizer=Adam(lr=0.03)), 0.8,
        ("too slow",),
    ),
    Sick(
        "five bits through one neuron", NEMOTRON,
        "what is to be given back has to go through one unit", "capacity",
        Recipe("5, 16 tanh, 1 tanh, 16 tanh, 5 sigmoid", given_back(BITS), MSE, Adam(lr=0.01), 800),
        but(net="5, 16 tanh, 5 tanh, 16 tanh, 5 sigmoid", steps=1500), 0.85,
    ),
    Sick(
        "rooms, crimes and status as they are", "https://syntaxbug.com/d1e7d3ba69",
        "a line on three columns that are not scaled: the loss is no number", "input scale",
        Recipe("3, 1", BOSTON_3, MSE, SGD(lr=0.01), 400, init=TORCH),
        but(data=standard(BOSTON_3, "xy")), 0.8, ("rate too large",),
    ),
    Sick(
        "cycles that are left, of gauges that count in hundreds", GH + "austineaero/"
        "Remaining-Useful-Life-RUL-Estimation/issues/19",
        "gauges were not normalised, and the rate is too large", "input scale",
        Recipe("5, 24 lstm last, 1", CYCLES, MSE, SGD(lr=0.05), 300),
        but(data=standard(CYCLES, "xy"), optimizer=Adam(lr=0.01), steps=600), 0.85,
        ("rate too large",),
    ),
)
# fmt: on
