"""Every report as a whole, word by word, against `said.txt`: `SAID=write pytest` writes it anew.

What is said where is for the other tests; whoever changes a word sees here what else it changes.
"""

import os
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).with_name("said.txt")
DEEP = "dense sigmoid " * 4 + "dense"
BARE = {"kinds": "dense dense dense", "widths": (20, 20, 3)}
LINE = {"kinds": "dense", "widths": (3,)}
NORM = {"kinds": "dense batchnorm relu dense", "widths": (20, 3)}
DROPS = {"kinds": "dense relu dropout dense relu dropout dense"}
NUMBERS = {"targets": "numbers", "widths": (20, 20, 1)}
TANH = {"kinds": "dense tanh dense tanh dense", "scale": 1.0}
SOFTMAX = {"kinds": "dense relu dense relu dense softmax"}
SIGMOID = {"kinds": "dense relu dense relu dense sigmoid"}
RELU_OUT = {"kinds": "dense relu dense relu dense relu", **NUMBERS}


def put(stuck=True, at=None, **values):
    """A change of fields, of a run that learns nothing unless `stuck` is False."""

    def change(run, record):
        if stuck:
            run.stuck(record, at)
        for name, value in values.items():
            where = slice(None)
            if isinstance(value, tuple):
                *where, value = value
                where = tuple(where)
            record[name][where] = value

    return change


def text(**values):
    def change(run, record):
        run.stuck(record)
        record.update(values)

    return change


def both(*changes):
    def change(run, record):
        for one in changes:
            one(run, record)

    return change


def held_out(losses):
    def change(run, record):
        record["validation_loss"][np.linspace(9, 99, len(losses)).astype(int)] = losses

    return change


def loss(values):
    def change(run, record):
        record["loss"][...] = values(len(record["steps"]))

    return change


def overflow(row, key, column=None):
    def change(run, record):
        if column is None:
            record[key][row:] = np.nan if key == "loss" else 3
        else:
            record[key][row:, column] = 3

    return change


ALL = slice(None)
CLIP = text(clip="ClipByGlobalNorm(1.0)")
CASES = {
    "it learns": ({}, put(False)),
    "it learns nothing": ({}, put()),
    "it learns nothing of numbers": (NUMBERS, put()),
    "nothing is known of the answers": ({}, put(loss_constant=np.nan, target_count=np.nan)),
    "one class": ({}, put(False, target_values=1)),
    "one number": (NUMBERS, put(False, target_values=1, target_mean=2.5)),
    "shuffled": ({}, put(guess_linear=0.01, guess_neighbours=-0.1)),
    "shuffled, by heart": ({}, put(at=0.9, guess_linear=0.01, guess_neighbours=-0.1)),
    "few classes": ({"widths": (20, 20, 9)}, put(target_values=3, target_count=400)),
    "inputs alike": ({}, put(feature_ratio=np.nan, output_spread=(ALL, 0, 0.0))),
    "large inputs": ({}, put(input_std=300.0)),
    "small inputs": ({}, put(input_std=1e-3)),
    "inputs off centre": ({}, put(input_mean=6.0, feature_offset=6.0)),
    "uneven inputs": ({}, put(input_std=5.0, feature_ratio=200.0)),
    "outliers": (NUMBERS, put(False, target_max=20.0, target_far=3, target_far_share=0.8)),
    "large targets": (
        NUMBERS,
        put(target_mean=300.0, target_std=20.0, target_max=350.0, target_min=250.0),
    ),
    "small targets": (NUMBERS, put(target_std=1e-3, target_max=3e-3, target_min=-3e-3)),
    "a softmax over one unit": (
        {"kinds": "dense relu dense softmax", "widths": (20, 1)},
        put(gradient_zeros=(ALL, -1, 1.0)),
    ),
    "the loss's softmax over one unit": (
        {"kinds": "dense relu dense", "widths": (20, 1)},
        put(gradient_zeros=(ALL, -1, 1.0), loss_free=1.0, loss_constant=1.0, target_values=2),
    ),
    "a blind loss": ({}, put(gradient_zeros=(ALL, -1, 1.0), loss_free=1.0, loss_constant=1.0)),
    "softmax twice": (SOFTMAX, put()),
    "softmax twice, in a function": ({}, put(loss_free=np.log(1 + 2 / np.e))),
    "out of reach": (SIGMOID | NUMBERS, put(loss_floor=0.5, target_max=9.0)),
    "a sigmoid a class": (SIGMOID, put()),
    "a rectifier at the output": (RELU_OUT, put(output_zeros=(ALL, -1, 0.4))),
    "squares of classes": ({}, text(loss_kind="MeanSquaredError")),
    "absolutes of classes": (SOFTMAX, text(loss_kind="MeanAbsoluteError")),
    "a penalty": ({}, put(param_norm=(ALL, ALL, 0.3))),
    "a decay": ({"optimizer": "AdamW(lr=0.1, weight_decay=2.0)"}, put(param_norm=0.3)),
    "dropout": (DROPS, put(output_zeros=(ALL, [2, 5], 0.95))),
    "dropout of few": (
        DROPS | {"widths": (4, 20, 3)},
        put(output_zeros=(ALL, 2, 0.75)),
    ),
    "dropout of answers": ({"kinds": "dense relu dense dropout", "widths": (20, 3)}, put()),
    "a softmax within": ({"kinds": "dense softmax dense", "widths": (20, 3)}, put()),
    "three rectifiers, some off": (
        {"widths": (3, 20, 3), "steps": 200},
        put(at=0.7, output_dead=(slice(40, None), 1, 0.5)),
    ),
    "small batches": (NORM | {"batch": 2}, put()),
    "statistics late": (NORM, put(False, batchnorm_mean_gap=2.0)),
    "statistics on the way": (
        NORM,
        both(
            put(False, batchnorm_mean_gap=4.0),
            put(False, batchnorm_mean_gap=(slice(50, None), ALL, 2.0)),
        ),
    ),
    "clip always": ({}, both(CLIP, put(clip_fraction=1.0, clip_before=30.0, clip_after=1.0))),
    "clip never": ({}, both(CLIP, put(clip_fraction=0.0, clip_before=0.3, clip_after=0.3))),
    "zero weights": ({}, put(param_copies=(ALL, 2, 1.0), param_norm=(ALL, 2, 0.0))),
    "copies": ({}, put(param_copies=(ALL, 2, 1.0))),
    "no update": ({}, put(param_update_norm=(ALL, 0, 0.0))),
    "a rate of zero": ({}, put(param_update_norm=0.0, lr=0.0)),
    "no gradient": ({}, put(param_gradient_norm=(ALL, 2, 0.0))),
    "put back": ({}, put(param_update_norm=(ALL, 0, 2e-3), update_ratio=(ALL, 0, 2e-3))),
    "large weights": (TANH | {"scale": 40.0}, put(saturated_high=0.5, output_std=9.0)),
    "weights to one side": (
        TANH,
        put(saturated_high=0.9, param_mean_initial=(0, 0.3)),
    ),
    "small weights, vanishing": (
        {"kinds": "dense relu " * 4 + "dense", "widths": (20,) * 4 + (3,), "scale": 0.05},
        put(gradient_norm=(ALL, np.geomspace(1e-5, 0.1, 9))),
    ),
    "exploding": (
        {"kinds": "dense relu " * 4 + "dense", "widths": (20,) * 4 + (3,), "scale": 40.0},
        put(gradient_norm=(ALL, np.geomspace(1e4, 0.1, 9))),
    ),
    "biases aside": (
        TANH,
        put(saturated_high=0.9, output_mean=(ALL, 0, 3.0), param_mean_initial=(1, 2.5)),
    ),
    "biases that drown": (
        TANH,
        put(output_spread=1e-3, param_norm_initial=([1, 3], 9.0)),
    ),
    "narrow": (
        {"widths": (4, 4, 3)},
        put(output_zeros=(ALL, [1, 3], 1.0), output_dead=(ALL, [1, 3], 1.0)),
    ),
    "sigmoids": (
        {"kinds": DEEP, "widths": (20,) * 4 + (3,), "scale": 1.0},
        put(gradient_norm=(ALL, np.geomspace(1e-5, 0.1, 9)), output_spread=1e-4),
    ),
    "exponentials": (
        {"kinds": DEEP.replace("sigmoid", "exponential"), "widths": (20,) * 4 + (3,)},
        overflow(0, "output_nonfinite", 3),
    ),
    "softpluses": (
        {"kinds": DEEP.replace("sigmoid", "softplus"), "widths": (20,) * 4 + (3,)},
        put(output_spread=1e-4),
    ),
    "deep and normalised": (
        {"kinds": "dense batchnorm relu " * 11 + "dense", "widths": (20,) * 11 + (3,)},
        put(gradient_norm=(ALL, np.geomspace(1e4, 0.1, 34))),
    ),
    "long": (
        {"kinds": "dense relu " * 20 + "dense", "widths": (20,) * 20 + (3,)},
        put(output_spread=0.1),
    ),
    "no activation": (BARE, put(guess_neighbours=0.9, guess_linear=0.2)),
    "no hidden layer": (LINE, put(guess_neighbours=0.9, guess_linear=0.2)),
    "one unit": ({"widths": (20, 1, 3), "steps": 300}, put()),
    "a violent step": (
        {},
        put(update_ratio=(20, ALL, 0.5), output_zeros=(slice(30, None), 1, 1.0)),
    ),
    "long steps": (
        {"lr": 1.0, "optimizer": "SGD(lr=1.0, momentum=0.9)"},
        put(update_ratio=0.05, output_zeros=(slice(30, None), 1, 1.0)),
    ),
    "run away": ({}, loss(lambda steps: 1.1 * 1.2 ** np.arange(steps))),
    "short steps": ({}, put(update_ratio=1e-5)),
    "slow": ({}, both(put(False, update_ratio=5e-4), loss(lambda n: np.linspace(1.1, 1.07, n)))),
    "a plateau": (TANH | {"lr": 0.01}, put()),
    "too few steps": ({}, loss(lambda n: np.linspace(1.09, 0.5, n))),
    "few steps": (
        {"steps": 30},
        loss(lambda n: np.linspace(1.09, 0.9, n)),
    ),
    "few steps of a loss that stands": ({"steps": 10}, put(update_ratio=1e-4)),
    "few steps of nothing": ({"steps": 10}, put(update_ratio=1e-6)),
    "few steps too long": (
        {"steps": 10, "lr": 1.0, "optimizer": "SGD(lr=1.0)"},
        put(update_ratio=0.02),
    ),
    "behind a line": (TANH | {"lr": 0.01}, put(at=1.0, guess_linear=0.6)),
    "a schedule that ended": ({}, put(at=1.0, lr=(slice(20, None), 1e-6))),
    "by heart": ({}, held_out([0.9, 0.5, 0.4, 0.5, 0.6])),
    "by heart, and forgets": ({}, held_out([0.9, 0.5, 0.4, 1.5, 1.6])),
    "a loss that is NaN": ({}, overflow(40, "loss")),
    "an output that overflows": ({}, overflow(40, "output_nonfinite", 2)),
    "a gradient that overflows": ({}, overflow(40, "gradient_nonfinite", 2)),
    "a parameter that overflows": (
        {},
        both(overflow(40, "param_gradient_nonfinite", 2), overflow(39, "param_nonfinite", 0)),
    ),
    "inputs with NaN": (
        {},
        both(overflow(40, "input_nonfinite"), overflow(40, "output_nonfinite", 0)),
    ),
    "saturated": (TANH, put(saturated_high=0.5)),
    "a floor": ({"kinds": "dense elu dense elu dense"}, put(saturated_low=0.9)),
    "a dead layer": ({}, put(output_zeros=(slice(30, None), [1, 2, 3], 1.0))),
    "no gradient at all": ({}, put(gradient_zeros=(slice(30, None), 2, 1.0))),
    "dead units": ({}, put(output_dead=(slice(30, None), 1, 0.7), output_mean=(ALL, 0, -2.0))),
    "units off at a time": ({"batch": 4}, put(output_zeros=(ALL, 1, 0.95))),
    "a constant output": ({}, put(output_spread=(slice(30, None), -1, 1e-3))),
    "a slow layer": ({}, put(False, update_ratio=(ALL, 2, 2e-5))),
    "a slow layer of large weights": (
        {"optimizer": "Adam(lr=0.1)"},
        put(False, update_ratio=(ALL, 2, 2e-5), param_norm=(ALL, 2, 90.0)),
    ),
}


def blocks():
    made, name = {}, ""
    for line in FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else []:
        if line.startswith("== "):
            name = line[3:]
            made[name] = []
        else:
            made[name].append(line)
    return {name: "\n".join(lines).strip() for name, lines in made.items()}


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(run, name):
    options, change = CASES[name]
    found = run(lambda record: change(run, record), **options)
    kinds = ", ".join(f"{one.kind}{f' < {one.because}' if one.because else ''}" for one in found)
    said = f"{kinds or 'nothing'}\n{found}"
    if os.environ.get("SAID") == "write":
        known = blocks() | {name: said}
        lines = [f"== {one}\n{known[one]}\n" for one in CASES if one in known]
        FILE.write_text("\n".join(lines), encoding="utf-8")
    assert said == blocks()[name]


def test_every_report_belongs_to_a_case():
    assert list(blocks()) == list(CASES)
