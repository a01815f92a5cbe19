"""Verdicts of the claims on activations, clipping and descent, on made-up numbers, both ways."""

from types import SimpleNamespace

import numpy as np
import pytest

from nnscratch.clipping import ClipByGlobalNorm
from nnscratch.experiments.claims import (
    Measured,
    Quantity,
    Trial,
    clipping_blamed,
    clipping_rescues,
    digits_in_time,
    dying_relu,
    elu_median,
    elu_speed,
    leaks,
    one_fan,
    ranking,
    steepest,
)
from nnscratch.experiments.claims.networks import stack
from nnscratch.experiments.mnist_bn_elu import Run

HOLDS, CONDITION, FAILS, UNCHECKED = (
    "holds",
    "holds with a condition",
    "does not hold",
    "cannot be checked here",
)
WIDE = 5.0


def made(means, **others):
    """Quantities whose mean is given, with a narrow interval; (mean, half width) for another."""
    quantities = {}
    for name, given in {**means, **others}.items():
        mean, half = given if isinstance(given, tuple) else (given, 1e-4)
        quantities[name] = Quantity(name, mean + half * np.array([-0.4, 0.0, 0.4]))
    return Measured(quantities)


DIES = {"small": 0.02, "large": 0.6, "more": 0.58, "accuracy": 0.5, "leaky": 0.8}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, HOLDS),
        ({"leaky": 0.5}, CONDITION),
        ({"large": 0.05, "more": 0.03}, FAILS),
        ({"more": (0.2, WIDE)}, UNCHECKED),
    ],
)
def test_dying_relu(change, word):
    assert dying_relu.DIES.verdict(made(DIES, **change)).word == word


@pytest.mark.parametrize(
    ("gain", "word"),
    [(0.01, HOLDS), (0.001, HOLDS), (-0.01, FAILS), ((0.0, 0.002), FAILS), ((0, WIDE), UNCHECKED)],
)
def test_large_leak(gain, word):
    assert leaks.LARGE_LEAK.verdict(made({"large leak": gain})).word == word


@pytest.mark.parametrize(
    ("less", "better", "more", "word"),
    [
        (0.1, 0.01, -0.1, HOLDS),
        ((0.1, WIDE), 0.01, -0.1, CONDITION),
        (0.1, (0.01, WIDE), -0.1, CONDITION),
        (-0.1, 0.01, -0.1, FAILS),
        (0.1, -0.01, -0.1, FAILS),
        (0.1, 0.01, 0.1, FAILS),
        ((0.1, WIDE), (0.01, WIDE), (-0.1, WIDE), UNCHECKED),
    ],
)
def test_random_and_learned_leaks(less, better, more, word):
    measured = made({"random loss": less, "random": better, "learned loss": more})
    assert leaks.RANDOM_AND_LEARNED.verdict(measured).word == word


@pytest.mark.parametrize(
    ("gaps", "word"),
    [
        ([0.1, 0.1, 0.1, 0.1], HOLDS),
        ([0.1, (0.1, WIDE), 0.1, 0.1], CONDITION),
        ([0.1, 0.1, -0.1, 0.1], FAILS),
        ([(0.1, WIDE)] * 4, UNCHECKED),
    ],
)
def test_ranking(gaps, word):
    pairs = [f"{better} > {worse}" for better, worse in ranking.PAIRS]
    found = ranking.RANKING.verdict(made(dict(zip(pairs, gaps, strict=True))))
    assert found.word == word
    assert ("reversed: ReLU over tanh -10.0 points" in found.reason) == (word == FAILS)


@pytest.mark.parametrize(
    ("step", "loss", "word"),
    [
        (1.2, -0.5, HOLDS),
        (1.0, -0.5, CONDITION),
        (1.2, 0.5, FAILS),
        (1.0, (0.0, WIDE), UNCHECKED),
        ((1.2, WIDE), -0.5, CONDITION),
        (1.2, (-0.5, WIDE), UNCHECKED),
    ],
)
def test_elu_speed(step, loss, word):
    assert elu_speed.ELU_SPEED.verdict(made({"step": step, "loss": loss})).word == word


RESCUES = {"lost": 0.1, "rescued": 0.9, "good": 0.9, "short": 0.0, "steps": 3.0}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, HOLDS),
        ({"rescued": 0.7, "short": 0.2}, CONDITION),
        ({"rescued": 0.3}, FAILS),
        ({"lost": 0.9}, FAILS),
        ({"rescued": (0.6, WIDE)}, UNCHECKED),
    ],
)
def test_clipping_rescues(change, word):
    assert clipping_rescues.RESCUES.verdict(made(RESCUES, **change)).word == word


MEDIAN = {"ELU": 0.1, "leaky ReLU": 0.2, "ReLU": 0.3}
MEDIAN |= {"ELU first": -0.7, "ReLU last": -0.4, "loss": -0.5}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, HOLDS),
        ({"ReLU last": 0.1}, CONDITION),
        ({"ELU first": 0.1}, FAILS),
        ({"loss": 0.1}, FAILS),
        ({"loss": (-0.5, WIDE)}, UNCHECKED),
    ],
)
def test_elu_median(change, word):
    assert elu_median.MEDIAN.verdict(made(MEDIAN, **change)).word == word


STEEPEST = dict.fromkeys(steepest.NORMS, 1.5)
STEEPEST |= {f"cosine {norm}": 0.5 for norm in steepest.NORMS}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, HOLDS),
        ({"spectral": 0.9}, FAILS),
        ({"cosine linf": (1.0, 0.0)}, FAILS),
        ({"cosine l2": 0.5}, FAILS),
        ({"l1": (1.5, WIDE)}, UNCHECKED),
    ],
)
def test_steepest(change, word):
    exact = {**STEEPEST, "cosine l2": (1.0, 0.0)}
    assert steepest.STEEPEST.verdict(made(exact, **change)).word == word


def test_what_clipping_costs_is_the_accuracy_of_the_same_seed_without(monkeypatch):
    def train(mnist, seed, *, batchnorm, clipped, epochs):
        if clipped:
            return [Run("batchnorm-clipped", seed, [0.5, 0.6 + seed], 0.25, weights_sha256="ax")]
        return [
            Run("batchnorm", seed, [0.6, 0.9], weights_sha256="ab"),
            Run("batchnorm-stale-statistics", seed, [0.1, 0.2]),
        ]

    monkeypatch.setattr(clipping_blamed.post, "train", train)
    data = SimpleNamespace(mnist=lambda: None)
    measured = clipping_blamed.run(Trial({"seeds": [0, 1], "epochs": 2}, data))
    np.testing.assert_allclose(measured["clipping"].values, [0.3, -0.7])
    np.testing.assert_allclose(measured["statistics"].values, [0.7, 0.7])
    np.testing.assert_allclose(measured["clipped, epoch 1"].values, [0.5, 0.5])
    np.testing.assert_allclose(measured["largest"].values, [0.25, 0.25])
    np.testing.assert_allclose(measured["same"].values, [1, 1])


def test_digits_in_time_clip_the_whole_gradient_at_1(monkeypatch):
    given = []
    train = digits_in_time.networks.train
    monkeypatch.setattr(
        digits_in_time.networks, "train", lambda *a, **how: given.append(a[2]) or train(*a, **how)
    )
    x = np.random.default_rng(0).standard_normal((50, 4, 3)).astype(np.float32)
    split = x, np.arange(50) % 10, x, np.arange(50) % 10
    trial = Trial({"units": 4, "lr": 0.01, "updates": 1})
    digits_in_time.reads(digits_in_time.LAYERS[digits_in_time.FORGETS], split, trial, 1, 0)
    assert [(one.clip, one.lr) for one in given] == [(ClipByGlobalNorm(1.0), 0.01)]


def test_the_gain_of_a_relu_network_is_that_of_its_inputs_whatever_these_are():
    widths, seed = (3, 4, 2), 1
    x = np.random.default_rng([seed, 1]).standard_normal((2, 3)).astype(np.float32)
    model = stack(3, [4], "relu", "he_normal", classes=2, seed=seed)
    z, squares = model.forward(x), np.mean(x.astype(float) ** 2)
    assert not 0.9 < squares < 1.1  # so that it is seen where these are left out
    up, _ = one_fan.gains(widths, "he_normal", 2, seed)
    assert up == pytest.approx(float(np.mean(z.astype(float) ** 2)) / (2 * squares), rel=1e-5)
