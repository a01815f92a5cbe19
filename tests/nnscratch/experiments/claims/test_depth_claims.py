"""The claims on deep networks before training: verdicts both ways."""

import math

import numpy as np
import pytest

from nnscratch.experiments.claims import (
    Measured,
    Quantity,
    hanin,
    lsuv,
    orthogonal,
    selu,
    trainable_depth,
)

HOLDS, CONDITION, FAILS, UNCHECKED = (
    "holds",
    "holds with a condition",
    "does not hold",
    "cannot be checked here",
)


def made(means, expected=None):
    """Quantities whose mean is given, with a narrow interval; (mean, half width) for another."""
    quantities = {}
    for name, given in means.items():
        mean, half = given if isinstance(given, tuple) else (given, 1e-5)
        values = mean + half * np.array([-0.4, 0.0, 0.4])
        quantities[name] = Quantity(name, values, (expected or {}).get(name))
    return Measured(quantities)


@pytest.mark.parametrize(
    ("mean", "variance", "rate", "word"),
    [
        (0.0, 1.0, 1.072, HOLDS),
        (0.0, 1.0, 1.05, CONDITION),
        (0.0, 1.0, 1.0, FAILS),
        (0.0, 1.3, 1.072, FAILS),
        (0.3, 1.0, 1.072, FAILS),
        (0.0, (1.0, 2.0), 1.072, UNCHECKED),
    ],
)
def test_selu(mean, variance, rate, word):
    measured = made({"mean": mean, "variance": variance, "rate": rate}, {"rate": 1.0718})
    assert selu.SELU.verdict(measured).word == word


@pytest.mark.parametrize(
    ("variances", "word"),
    [
        ((2.0, 2.1, 2.2, 3.2), HOLDS),
        ((2.0, 2.1, 2.2, 5.0), CONDITION),
        ((2.0, 2.1, 3.0, 3.2), FAILS),
        ((2.0, 2.1, 2.2, 1.5), FAILS),
        ((2.0, 2.1, 2.2, (3.2, 9.0)), UNCHECKED),
    ],
)
def test_widths(variances, word):
    measured = made(dict(zip(hanin.SHAPES, variances, strict=True)))
    assert hanin.WIDTHS.verdict(measured).word == word


def test_beta():
    assert [round(hanin.beta(widths), 3) for widths in hanin.SHAPES.values()] == [
        0.4,
        0.4,
        0.4,
        0.625,
    ]
    # One layer of n ReLU units: the mean square is 2/n chi^2 of about n/2 degrees.
    logs = hanin._log_squares((400,), 4000, 0)
    assert logs.var() == pytest.approx(5 / 400, rel=0.1)
    assert logs.mean() == pytest.approx(-2.5 / 400, abs=0.006)


@pytest.mark.parametrize(
    ("largest", "smallest", "gaussian", "word"),
    [
        (1.0, 1.0, 7.0, HOLDS),
        (1.0, 1.0, 1.0, CONDITION),
        (1.1, 1.0, 7.0, FAILS),
        (1.0, 0.9, 7.0, FAILS),
        (1.0, 1.0, (2.0, 9.0), UNCHECKED),
    ],
)
def test_orthogonal(largest, smallest, gaussian, word):
    measured = made({"largest": largest, "smallest": smallest, "gaussian": gaussian})
    assert orthogonal.ORTHOGONAL.verdict(measured).word == word


@pytest.mark.parametrize(
    ("off", "gains", "word"),
    [
        (0.01, (0.1, 0.0, -0.01), HOLDS),
        (0.01, (0.1, 0.0, -0.05), CONDITION),
        (0.01, (0.1, 0.0, (0.1, 3.0)), CONDITION),
        (0.01, (-0.1, -0.1, -0.1), FAILS),
        (0.2, (0.1, 0.0, 0.1), FAILS),
        (0.01, ((0.1, 3.0),) * 3, UNCHECKED),
    ],
)
def test_lsuv(off, gains, word):
    means = {f"off {name}": off for name in lsuv.ACTIVATIONS}
    means |= {f"gain {name}": gain for name, gain in zip(lsuv.ACTIVATIONS, gains, strict=True)}
    assert lsuv.LSUV.verdict(made(means)).word == word


@pytest.mark.parametrize(
    ("factor", "correlation", "word"),
    [
        (0.8, 0.9, HOLDS),
        (3.0, 0.9, CONDITION),
        (0.8, 0.1, FAILS),
        (0.8, (0.9, 2.0), UNCHECKED),
        ((0.8, 2.0), 0.9, UNCHECKED),
    ],
)
def test_trainable_depth(factor, correlation, word):
    measured = made({"factor": factor, "correlation": correlation})
    assert trainable_depth.DEPTH.verdict(measured).word == word


def test_predicted_depths():
    """At the critical weights for this bias there is no limit; off them it is the theory's."""
    assert trainable_depth.predicted(1.0) == pytest.approx(6 / -math.log(0.7590), rel=0.01)
    assert trainable_depth.predicted(1.761) > 1000
    assert trainable_depth.predicted(3.0) < 40
