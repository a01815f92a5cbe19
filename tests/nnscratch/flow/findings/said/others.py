"""Recurrent networks; what is rare; and what a loop, a schedule or PyTorch brings."""

import numpy as np

from nnscratch_records.recurrent import RECURRENT

from .changes import ALL, BARE, DEEP, LINE, NUMBERS, both, held_out, loss, overflow, put, text
from .dense import CASES as DENSE


def through_time(kind, rate=1.0, gate=0.9, size=1.0, at=1.0):
    """A layer that goes through time: the factor of each step, its gates, its weights."""
    given = {"gate_mean": gate, "gate_weight_norm": size * np.sqrt(20), "time_rate": rate}
    kinds = {"kinds": f"{kind} laststep dense", "widths": (20, 3)}
    return kinds, put(at=at, **given)


def cut(kept, left):
    """A way back that ends after so many steps."""
    lags = np.arange(64)
    norms = np.where(lags < kept, left ** (lags / kept), np.where(lags < 30, 0.0, np.nan))
    return put(hidden_gradient_norm=norms, gate_mean=0.95)


def torch(name):
    """A case as PyTorch brings it."""
    options, change = (DENSE | CASES)[name]
    return options, both(change, lambda run, record: record.update(framework="torch"))


def hidden(run, record):
    """What PyTorch brings of a module whose inside no hook gets to."""
    run.stuck(record)
    record["roles"] = np.array(["opaque", *record["roles"][1:]])
    for field in RECURRENT:
        record.pop(field.name, None)
    record["framework"] = "torch"


def counted(run, record):
    """A census of the first activation's units at three steps: 12 of 20 die."""
    run.stuck(record)
    record["census_layers"], record["census_units"] = np.array(["1.relu"]), np.array([0, 20])
    record["census_steps"] = np.array([0, 50, 99])
    record["census"] = np.zeros((3, 20), np.uint8)
    record["census"][1:, :12] = 1


RIGHT = np.array([0.5, 0.8, 0.9, 0.6, 0.5])
SPIKES = {"param_gradient_norm": (slice(30, 34), ALL, 5.0)}
CASES = {
    "a column of names": (NUMBERS, put(codes_told=0.5, codes_one=1.0)),
    "two columns of names": (NUMBERS, put(codes_told=0.5, codes_one=1.0, codes_other=3.0)),
    "the numbers of classes": (NUMBERS, put(kinds_told=0.6, kinds_order=0.1, kinds_count=6.0)),
    "the last value": (NUMBERS, put(stuck=False, loss_naive=0.01, naive_column=4.0)),
    "no probability": (
        {"kinds": "dense relu dense relu dense tanh"},
        put(target_classes=1.0),
    ),
    "a long tail": (
        NUMBERS,
        put(target_far=8.0, target_far_share=0.9, target_min=-0.5, target_max=20.0),
    ),
    "through time": through_time("lstm"),
    "it fades, RNN": through_time("rnn", 0.5, size=0.7),
    "it fades, RNN of zeros": through_time("rnn", 0.5, size=0.0),
    "it fades, LSTM": through_time("lstm", 0.7, gate=0.5),
    "it fades, GRU": through_time("gru", 0.7, gate=0.5),
    "it fades, LSTM of small weights": through_time("lstm", 0.7, size=0.5),
    "it fades, an LSTM in few steps": (
        {"kinds": "lstm laststep dense", "widths": (20, 3), "steps": 10},
        put(gate_mean=0.5, time_rate=0.7),
    ),
    "it grows, RNN": through_time("rnn", 1.5, size=2.0),
    "it grows, two RNNs": (
        {"kinds": "rnn rnn laststep dense", "widths": (20, 20, 3)},
        put(time_rate=np.array([1.4, 1.6]), gate_weight_norm=2 * np.sqrt(20)),
    ),
    "it grew at first": (
        {"kinds": "gru laststep dense", "widths": (20, 3)},
        put(time_rate=(slice(0, 1), ALL, 1.5), gate_weight_norm=3.5 * np.sqrt(20)),
    ),
    "it faded in most steps": (
        {"kinds": "rnn laststep dense", "widths": (20, 3)},
        put(time_rate=(slice(0, 60), ALL, 0.5), gate_weight_norm=0.7 * np.sqrt(20)),
    ),
    "states at their ends": through_time("rnn", size=3.5),
    "cut": ({"kinds": "lstm laststep dense", "widths": (20, 3)}, cut(8, 0.1)),
    "cut at once": ({"kinds": "lstm laststep dense", "widths": (20, 3)}, cut(1, 1.0)),
    "spikes": (
        {"kinds": "lstm laststep dense", "widths": (20, 3)},
        both(put(at=0.9), put(False, **SPIKES)),
    ),
    "spikes that harm": (
        {"kinds": "lstm laststep dense", "widths": (20, 3)},
        both(
            loss(lambda n: np.where(np.arange(n) < 34, 0.6, 0.95)),
            put(False, **SPIKES),
        ),
    ),
    "answers told by an LSTM": (
        {"kinds": "lstm", "widths": (1,), "targets": "numbers"},
        put(target_max=9.0, target_min=-9.0),
    ),
}
CASES |= {
    "no digit of the weights": ({"lr": 1e-12}, put(update_ratio=0.0, param_update_norm=0.0)),
    "weights of zero by themselves": (LINE, put(param_norm_initial=0.0, param_norm=0.0)),
    "a line that nobody guessed": (
        LINE | {"steps": 300},
        put(guess_neighbours=np.nan, guess_linear=np.nan),
    ),
    "a line behind a sigmoid": (
        {"kinds": "dense sigmoid", "widths": (3,), "optimizer": "Adam(lr=0.001)"},
        put(guess_neighbours=0.9, guess_linear=0.2),
    ),
    "a line behind a softmax": (
        {"kinds": "dense softmax", "widths": (3,)},
        put(guess_neighbours=0.9, guess_linear=0.2),
    ),
    "an LSTM that is not seen into": ({"kinds": "lstm laststep dense", "widths": (20, 3)}, hidden),
    "an RNN that is not seen into": ({"kinds": "rnn laststep dense", "widths": (20, 3)}, hidden),
    "strangers are held out": ({}, held_out([3.0, 3.5, 4.0, 5.0, 6.0])),
    "two classes interchanged": (
        {"widths": (20, 20, 4)},
        both(
            loss(lambda n: np.full(n, 0.35)),
            put(False, pair_told=0.5, pair_rows=200, pair_one=1, pair_other=3),
        ),
    ),
    "few large targets": (
        NUMBERS,
        put(
            target_max=900.0, target_far=3, target_far_share=0.3, target_mean=40.0, target_std=60.0
        ),
    ),
    "targets of which only the loss tells": (
        NUMBERS,
        both(
            loss(lambda n: np.full(n, 1e6)),
            put(False, target_mean=np.nan, target_std=np.nan, gradient_norm=(ALL, -1, 353.5534)),
        ),
    ),
    "probabilities that are none": ({}, text(loss_kind="CategoricalCrossEntropy")),
    "answers of one unit that are no probabilities": (
        {"kinds": "dense relu dense", "widths": (20, 1)},
        text(loss_kind="BinaryCrossEntropy"),
    ),
    "a gradient that ends": (
        {"kinds": "dense relu " * 4 + "dense", "widths": (20,) * 4 + (3,)},
        put(gradient_norm=(ALL, [0, 1, 2], 0.0)),
    ),
    "made of two": (
        {"kinds": DEEP.replace("sigmoid", "tanh"), "widths": (20,) * 4 + (3,), "scale": 0.3},
        put(gradient_norm=(ALL, np.geomspace(1e-5, 0.1, 9)), saturated_high=0.5),
    ),
    "blocks that add": (
        {"kinds": "dense relu sum " * 12 + "dense", "widths": (20,) * 12 + (3,)},
        both(
            loss(lambda n: np.full(n, 40.0)),
            put(False, output_std=(ALL, np.geomspace(1, 60, 37))),
        ),
    ),
    "one output overflows": ({}, overflow(40, "output_nonfinite", 2, count=1)),
    "one gradient overflows": ({}, overflow(40, "gradient_nonfinite", 2, count=1)),
    "one input is NaN": (
        {},
        both(overflow(40, "input_nonfinite", count=1), overflow(40, "output_nonfinite", 0)),
    ),
    "nothing but NaN": (
        {"scale": 4000.0},
        both(overflow(0, "loss"), overflow(0, "output_nonfinite", 2)),
    ),
    "examples one by one": ({"batch": 1}, put(output_spread=np.nan, output_std=0.0)),
    "units counted": ({}, counted),
    "held out stands": ({}, held_out([0.9, 0.85, 0.84, 0.84, 0.84])),
    "held out, and fewer are right": (
        {},
        both(
            held_out([0.9, 0.5, 0.4, 1.5, 1.6]),
            put(False, validation_accuracy=(np.linspace(9, 99, 5).astype(int), RIGHT)),
        ),
    ),
    "a rate that has no text": (
        {"optimizer": "SGD(lr=<function>)", "lr": 1.0},
        put(update_ratio=0.05),
    ),
    "a schedule": (
        {"optimizer": "SGD(lr=StepDecay(0.1, every=9, factor=0.5))"},
        put(update_ratio=1e-5),
    ),
    "rates of layers": (
        BARE | {"optimizer": "SGD(lr=0.1, rates={'0.dense': 0.01})"},
        put(guess_neighbours=0.9, guess_linear=0.2),
    ),
    "an optimizer that is not ours": ({"optimizer": "Lion(lr=0.1)"}, put(update_ratio=1e-5)),
    "gradients that add up": ({}, put(gradient_kept=0.9)),
    "what a loop did": (
        {},
        text(
            mistakes="broadcast loss\tSeen.\tWhy.\tdo it\tx = 1\nother\tSeen.\tWhy.\tdo it\tx = 1"
        ),
    ),
}
CASES |= {
    f"in torch: {name}": torch(name)
    for name in (
        *("it learns nothing", "large inputs", "softmax twice", "squares of classes", "a decay"),
        *("clip always", "copies", "small weights, vanishing", "sigmoids", "exploding"),
        *("long steps", "short steps", "no activation", "one unit", "dead units", "by heart"),
        *("a gradient that overflows", "it fades, LSTM", "it fades, GRU", "it grows, RNN", "cut"),
        *("spikes that harm", "a sigmoid a class", "a penalty", "inputs with NaN", "one class"),
    )
}
