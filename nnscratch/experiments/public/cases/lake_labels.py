"""Cases of lake in which a class is to be told; the others are in `lake_numbers`."""

from __future__ import annotations

from typing import Final

from nnscratch.experiments.public.case import GH, Sick, but
from nnscratch.experiments.public.cases.brook_data import held
from nnscratch.experiments.public.cases.lake_data import (
    ROOMY,
    census,
    couplets,
    first_only,
    last_letter,
    without_the_first,
)
from nnscratch.experiments.public.data import changed, circles, digits, standard, table
from nnscratch.experiments.public.recipe import BCE, CCE, MSE, TORCH, Recipe
from nnscratch.experiments.public.series import first_sign, letters
from nnscratch.initializers import Normal
from nnscratch.optimizers import SGD, Adagrad, Adam, AdamW
from nnscratch.schedules import Warmup

SMALL: Final = digits(large=False)
TEXT: Final = letters(900, 12)
LETTER: Final = last_letter(1200)
ITEMS: Final = table(1500, [(0, 1)] * 20, 12, noise=0.02)
KINDS: Final = held(table(1300, [(0, 1)] * 8, 5, noise=0.02))
COLUMNS: Final = table(900, [(0, 1)] * 14, 4)
ONE_NUMBER: Final = table(900, [(0, 1)] * 10, 3)

# fmt: off
CASES: Final[tuple[Sick, ...]] = (
    Sick(
        "the next letter through a softmax and its own", GH + "bkitano/llama-from-scratch/issues/5",
        "the loss makes probabilities of probabilities", "softmax twice",
        Recipe("26, 32 relu, 26 softmax", LETTER, CCE, SGD(lr=0.3), 700),
        but(net="26, 32 relu, 26"), 0.5,
    ),
    Sick(
        "recommendations whose sigmoid is taken twice", GH + "yudi-mars/daisyRec/pull/15",
        "the loss has a sigmoid: with another before it no answer is no", "output activation",
        Recipe("14, 32 relu, 1 sigmoid", ROOMY, BCE, Adam(lr=0.003), 400),
        but(net="14, 32 relu, 1"), 0.9, ("softmax twice",),
    ),
    Sick(
        "five layers of a codelab by plain descent", GH + "googlecodelabs/feedback/issues/228",
        "through five sigmoids plain descent gets nowhere: another optimizer did it", "activation",
        Recipe("784, 200 sigmoid, 100 sigmoid, 60 sigmoid, 30 sigmoid, 10", digits(), CCE,
               SGD(lr=0.1), 500, 100, init=Normal(0.1)),
        but(optimizer=Adam(lr=0.003)), 0.85, ("depth", "too slow", "initial weights"),
    ),
    Sick(
        "batches in which all are of the first kind",
        GH + "akarshzingade/image-similarity-deep-ranking/issues/19",
        "a list of labels that holds nothing but noughts", "labels",
        Recipe("64, 48 relu, 10", changed(held(SMALL), first_only), CCE, Adam(lr=0.003), 300),
        but(data=held(SMALL)), 0.88,
    ),
    Sick(
        "a mean of thousands where a sum had been", GH + "tensorflow/recommenders/issues/213",
        "the mean makes gradients thousands of times smaller, and the rate stayed", "too slow",
        Recipe("20, 32 relu, 12", ITEMS, CCE, Adagrad(lr=0.0005, initial=0.1), 500, 256),
        but(optimizer=Adagrad(lr=0.2, initial=0.1), steps=1500), 0.7,
    ),
    Sick(
        "capsules that wait for fifty batches", GH + "ageron/handson-ml/pull/176",
        "weights within a hundredth, where a tenth starts at once", "initial weights",
        Recipe("64, 3*32 tanh, 10", SMALL, CCE, SGD(lr=0.05), 700, init=Normal(0.01)),
        but(init=Normal(0.15), optimizer=SGD(lr=0.1)), 0.85, ("depth",),
    ),
    Sick(
        "molecules, forgotten after the fifth epoch", GH + "tsudalab/ChemTS/issues/3",
        "the loss falls and then rises: the rate is too large", "rate too large",
        Recipe("26, 32 gru last, 26", TEXT, CCE, SGD(lr=1.5, momentum=0.9), 500),
        but(optimizer=SGD(lr=0.2, momentum=0.9)), 0.6,
    ),
    Sick(
        "scans whose loss leaps while the rate rises", GH + "MIC-DKFZ/nnUNet/issues/2790",
        "what the warm-up rises to is too large for these data", "rate too large",
        Recipe("64, 32, 4*32 res ln gelu, 10", SMALL, CCE, AdamW(lr=Warmup(1.0, 400)), 500),
        but(optimizer=AdamW(lr=Warmup(0.003, 100))), 0.95,
    ),
    Sick(
        "couplets that are known by heart", GH + "codetiger/ThiruvalluvarGPT/issues/4",
        "few lines and a large network: what is new gets worse while what is known gets better",
        "overfitting",
        Recipe("16, 64 lstm last, 16", couplets(140), CCE, Adam(lr=0.01), 500),
        but(data=couplets(4000), steps=900), 0.45,
    ),
    Sick(
        "a rate of nought by an option", GH + "rinongal/textual_inversion/issues/98",
        "an option scales the rate, and what comes out is nought", "too slow",
        Recipe("24, 32 gelu, 32 gelu, 4", table(900, [(0, 1)] * 24, 4), CCE, AdamW(lr=0.0), 400),
        but(optimizer=AdamW(lr=0.005)), 0.8,
    ),
    Sick(
        "answers that are firmly off", "http://www.cs.toronto.edu/~hinton/csc321/notes/"
        "lec10_files/slide0025.htm",
        "a big rate at first turns outputs off, and squared errors never turn them on again",
        "rate too large",
        Recipe("64, 32 sigmoid, 10 sigmoid", SMALL, MSE, SGD(lr=60.0), 600),
        but(optimizer=SGD(lr=2.0), steps=2500), 0.9, ("loss",),
    ),
    Sick(
        "a column of its own layer norm", GH + "pytorch/pytorch/pull/12968",
        "of one number a layer norm leaves nought", "norm",
        Recipe("10, 1 ln, 16 relu, 3", ONE_NUMBER, CCE, Adam(lr=0.005), 600),
        but(net="10, 1, 16 relu, 3"), 0.85,
    ),
    Sick(
        "hidden layers in a list that nobody registers", GH + "pytorch/pytorch/issues/715",
        "the optimizer is given the last layer alone", "frozen parameters",
        Recipe("64, 3*8 tanh, 10", SMALL, CCE, Adam(lr=0.01), 700, held=(0, 1, 2), init=TORCH),
        but(held=()), 0.93,
    ),
    Sick(
        "a network beside a network, of lines alone",
        GH + "AUTOMATIC1111/stable-diffusion-webui/pull/3199",
        "layers without an activation between them are one line", "no activation",
        Recipe("2, 24, 2*24 res, 2", circles(400, 0.06, 0.4), CCE, Adam(lr=0.01), 500),
        but(net="2, 24 relu, 2*24 res relu, 2"), 0.95,
    ),
    Sick(
        "salient things, one picture at a time", GH + "xuebinqin/BASNet/issues/42",
        "norms over one example: norms that need no others did it", "norm",
        Recipe("64, 48 bn relu, 48 bn relu, 10", SMALL, CCE, SGD(lr=0.02), 1200, 1),
        but(net="64, 48 ln relu, 48 ln relu, 10", steps=3000), 0.85,
    ),
    Sick(
        "a share to keep that was one to drop", GH + "kok202/Dluid/pull/125",
        "the share is inverted: nine of ten are dropped", "dropout",
        Recipe("14, 32 relu drop 0.9, 32 relu drop 0.9, 4", COLUMNS, CCE, Adam(lr=0.003), 600),
        but(net="14, 32 relu drop 0.1, 32 relu drop 0.1, 4"), 0.8,
    ),
    Sick(
        "a test by running statistics alone", GH + "pytorch/pytorch/issues/4741",
        "what is kept of means and deviations is not yet that of the data", "batch norm momentum",
        Recipe("64, 48 bn 0.999 relu, 48 bn 0.999 relu, 10", SMALL, CCE, Adam(lr=0.003), 150),
        but(net="64, 48 bn 0.9 relu, 48 bn 0.9 relu, 10", steps=300), 0.95,
    ),
    Sick(
        "the kind whose number is the background's",
        GH + "microsoft/computervision-recipes/pull/315",
        "labels begin at nought, which is nobody's: the first kind is never found", "labels",
        Recipe("8, 48 relu, 5", changed(KINDS, without_the_first), CCE, Adam(lr=0.005), 900),
        but(data=KINDS), 0.85,
    ),
    Sick(
        "how many each of us stands for", GH + "microsoft/BackwardCompatibilityML/pull/118",
        "one column has very large values: without it things improved at once", "input scale",
        Recipe("9, 32 relu, 1", census, BCE, Adam(lr=0.001), 500),
        but(data=standard(census), optimizer=Adam(lr=0.005)), 0.9,
    ),
    Sick(
        "three LSTMs on top of each other that forget", GH + "karpathy/char-rnn/issues/60",
        "forget gates begin half shut, and what was at the first step fades", "initial weights",
        Recipe("1, 12 lstm 0, 12 lstm 0, 12 lstm 0 last, 2", first_sign(400, 80), CCE,
               Adam(lr=0.005), 200),
        but(net="1, 12 lstm 3, 12 lstm 3, 12 lstm 3 last, 2"), 0.95, ("depth",),
    ),
    Sick(
        "a pen that is as many layers deep as it is wide",
        GH + "hardmaru/write-rnn-tensorflow/pull/30",
        "the number of units was given where the number of layers belongs", "depth",
        Recipe("12, 15*16 lstm, 16 lstm last, 12", letters(900, 6, 12), CCE, Adam(lr=0.005), 300),
        but(net="12, 16 lstm last, 12"), 0.5,
    ),
)
# fmt: on
