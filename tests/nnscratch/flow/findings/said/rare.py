"""What is wrong with the data, and what else few runs have."""

import numpy as np

from .changes import ALL, BARE, DEEP, LINE, NORM, NUMBERS, RELU_OUT, both, loss, put, text

STACK = {"kinds": "lstm lstm lstm laststep dense", "widths": (20, 20, 20, 2), "n_in": 20}
YES = {"targets": "numbers", "widths": (20, 20, 1)}
LABELS = {"targets": "numbers", "widths": (20, 20, 12)}
LOGITS = text(loss_kind="SigmoidCrossEntropy")


def yes(common, weight=1.0, mean=None, **more):
    """Answers of ones among zeros, of which so many are the same, and the weight of these."""
    mean = 1 - common if mean is None else mean
    known = {"target_classes": 1, "target_mean": mean, "target_std": np.sqrt(mean * (1 - mean))}
    return both(LOGITS, put(target_common=common, common_weight=weight, **known, **more))


def faint(ratio, layers=3):
    """Weights of recurrent layers with so much of the least usual variance; one answer for all."""

    def change(run, record):
        run.stuck(record)
        own = [i for i, role in enumerate(record["param_roles"]) if role == "weight"][:layers]
        record["param_norm_initial"][own] = np.sqrt(ratio / 60 * record["param_sizes"][own])
        record["output_spread"][:, -1] = 0

    return change


TABLE = put(
    input_mean=0.5,
    input_std=0.5,
    input_max=1.0,
    target_count=256.0,
    guess_linear=-0.1,
    guess_neighbours=-0.1,
    update_ratio=6e-4,
    at=1.11,
)

CASES = {
    "a truth table by short steps": (
        {"steps": 300, "lr": 0.01, "optimizer": "SGD(lr=0.01)"},
        TABLE,
    ),
    "targets of tens that nothing bends": (
        BARE | YES,
        put(target_std=30.0, guess_linear=0.1, guess_neighbours=0.9),
    ),
    "an output that is off, on inputs of fives": (
        RELU_OUT,
        put(output_zeros=(ALL, -1, 0.99), input_std=5.0),
    ),
    "faint weights": (STACK, faint(0.05)),
    "faint weights of one": (STACK, faint(0.005, layers=1)),
    "epsilon": (
        {"optimizer": "Adam(lr=0.001, epsilon=1.0)", "lr": 1e-3},
        put(step_share=(slice(1, 7), 0.02), update_ratio=5e-4),
    ),
    "epsilon of its own": (
        {"optimizer": "Adam(lr=0.001, epsilon=1e-08)", "lr": 1e-3},
        put(step_share=(slice(1, 7), 1e-7), update_ratio=5e-4),
    ),
    "alike little by little": (
        {"kinds": "dense relu " * 14 + "dense", "widths": (20,) * 14 + (3,)},
        put(output_spread=(ALL, np.geomspace(1, 1e-8, 29))),
    ),
    "alike in two steps": (
        {"kinds": DEEP, "widths": (20,) * 4 + (3,)},
        put(output_spread=(ALL, np.geomspace(1, 1e-8, 9))),
    ),
    "a code for what is missing": ({}, put(missing_share=0.1, missing_code=-999, input_std=300.0)),
    "codes for what is missing": ({}, put(at=0.7, missing_share=0.1, input_std=300.0)),
    "uphill": ({}, put(loss_slope=-0.6)),
    "whichever answer": ({}, put(loss_paired=1e-9)),
    "a norm over two": ({"kinds": "dense layernorm relu dense", "widths": (2, 3)}, put()),
    "a norm over one": (
        {"kinds": "dense layernorm relu dense", "widths": (1, 3)},
        put(output_spread=(ALL, 1, 0.0), gradient_norm=(ALL, 0, 0.0)),
    ),
    "padding": ({"kinds": "gru laststep dense", "widths": (20, 3)}, put(padded_steps=0.31)),
    "a rare yes": (YES, yes(0.95)),
    "a rare no": (YES, yes(0.95, mean=0.95)),
    "rare labels": (LABELS, yes(0.98, at=0.9)),
    "a rare class": ({}, put(target_common=0.95, common_weight=1.0)),
    "a yes that is weighed up too far": (YES, yes(0.9, weight=1e-3)),
    "the common one is weighed up": (YES, yes(0.9, weight=5.0)),
    "ones among thousands": (
        LABELS,
        both(yes(0.999), text(loss_kind="MeanSquaredError")),
    ),
    "the median": (
        NUMBERS,
        both(text(loss_kind="MeanAbsoluteError"), put(target_common=0.7, target_values=100)),
    ),
    "a class each": (
        {"widths": (20, 20, 400)},
        put(target_values=390, guess_linear=-0.1, guess_neighbours=-0.1),
    ),
    "class after class": (
        {},
        both(
            loss(lambda n: np.where(np.arange(n) % 10 < 5, 0.1, 2.5)),
            put(False, target_between=0.9),
        ),
    ),
    "one example": ({}, put(at=0.1, target_count=1, target_values=1)),
    "few examples": ({"batch": 200, "steps": 300}, put(at=0.1, target_count=3)),
    "rows that say other things": ({}, put(repeated_share=0.98, repeated_told=0.01)),
    "cleared too soon": (
        {},
        put(gradient_lost=1.0, update_ratio=0.0, param_update_norm=0.0),
    ),
    "a clip that halts": (
        {},
        both(
            text(clip="ClipByGlobalNorm(1e-06)"),
            put(clip_before=5.0, clip_after=1e-6, clip_fraction=1.0, update_ratio=1e-9),
        ),
    ),
    "small targets behind a sigmoid": (
        {"kinds": "dense relu dense relu dense sigmoid", **NUMBERS},
        put(target_std=1e-3, target_max=3e-3, target_min=0.0),
    ),
    "a penalty that slows": (
        {},
        both(text(penalty="Penalty(l1=0, l2=0.01)"), put(at=0.6, param_norm=1.0)),
    ),
    "a penalty in balance": (
        {},
        both(
            text(penalty="Penalty(l1=0, l2=0.05)"),
            put(at=0.6, param_norm=4.0, param_gradient_norm=0.4),
        ),
    ),
    "a young run": ({"steps": 12}, loss(lambda n: np.linspace(1.1, 1.0, n))),
    "a line is better": (NUMBERS, put(at=0.6, guess_linear=0.9)),
    "neighbours are better": (
        NUMBERS | {"optimizer": "SGD(lr=0.0001)", "lr": 1e-4},
        put(at=0.6, guess_neighbours=0.95),
    ),
    "a line for what bends": (LINE | NUMBERS, put(guess_neighbours=0.9, guess_linear=0.1)),
    "one unit is the way": ({"widths": (1, 20, 3), "steps": 300}, put(at=0.7)),
    "two units, and it falls": ({"widths": (2, 3), "kinds": "dense tanh dense"}, put(at=0.6)),
    "thrown off at first": ({}, put(update_ratio=(slice(0, 5), ALL, 5.0))),
    "the last layer hardly moves": (
        {"steps": 300, "optimizer": "SGD(lr=0.1, rates={'4.dense': 1e-06})"},
        put(update_ratio=(ALL, 4, 1e-8)),
    ),
    "sure before it learns": (
        {},
        both(
            loss(lambda n: 40 + 0.1 * (-1.0) ** np.arange(n)),
            put(False, param_norm_initial=(4, 90.0), output_std=(ALL, 4, 30.0)),
        ),
    ),
    "a loss that is flat": ({}, put(gradient_zeros=(ALL, -1, 0.99))),
    "a norm of one example": (NORM | {"batch": 1}, put()),
    "a layer behind the others": (
        {"kinds": "dense relu " * 4 + "dense", "widths": (20,) * 4 + (3,)},
        put(update_ratio=(ALL, 0, 1e-6), gradient_norm=(ALL, [0, 1], 1e-4)),
    ),
}
