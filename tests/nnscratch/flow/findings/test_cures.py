"""Cures: the weights they advise keep the gradient, and their lines of Python run."""

import re

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import layers
from nnscratch.flow.findings import cures
from nnscratch.flow.findings.words import factor, number, percent
from nnscratch.theory import gradient_rate

KINDS = {"leakyrelu": "leaky_relu"}


@pytest.mark.parametrize("kind", sorted(cures.SUITS))
def test_the_advised_weights_keep_the_gradient(kind):
    scale, expression = cures.SUITS[kind]
    layer = layers.activation(KINDS.get(kind, kind))
    q = 1e-4 if kind in ("tanh", "softsign") else 1.0
    assert gradient_rate(layer, q, scale) == pytest.approx(1, abs=0.08)
    init = nn.initializers.get(eval(expression, {"nn": nn}))
    assert 100 * init.variance(100, 100) == pytest.approx(scale, rel=0.01)


def test_the_lines_of_python_run():
    said = [
        *(cure for kind in cures.SUITS for cure in cures.suitable_init(kind)),
        *cures.batch_norm(False),
        *cures.other_activation("sigmoid"),
        *cures.clip(False),
        cures.LEAK,
        cures.ZERO_BIASES,
    ]
    names = {"nn": nn, "n_in": 3, "n_out": 4, "n": 5}
    count = 0
    for cure in said:
        for line in re.findall(r"nn\.\w+\((?:[^()]|\([^()]*\))*\)", cure):
            eval(line.replace("lr=...", "lr=0.1"), names)
            count += 1
    assert count >= len(said)


def test_no_cure_where_it_does_not_fit():
    assert cures.suitable_init("sigmoid") == ()
    assert cures.suitable_init("relu", 2.1) == ()
    assert cures.suitable_init("relu", 1.0) == cures.suitable_init("relu") != ()
    assert cures.batch_norm(True) == cures.clip(True) == ()
    assert cures.other_activation("relu") == ()
    assert cures.learning_rate(np.nan) == ()
    assert cures.learning_rate(0.00123) == ("change the learning rate: optimizer.lr = 0.0012",)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0432, "0.043"),
        (3e-8, "3.0e-8"),
        (17400.0, "1.7e4"),
        (9397.0, "9400"),
        (99.7, "100"),
        (2.5e100, "2.5e100"),
        (np.nan, "NaN"),
        (-np.inf, "-infinity"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


def test_factors_and_shares():
    assert factor(-4.24) == "a factor 1.7e4"
    assert factor(-np.inf) == "everything"
    assert factor(np.nan) == "an unknown factor"
    assert percent(0.97) == "97 %"
    assert percent(0.003) == "0.3 %"
    assert percent(25.0) == "2500 %"
