"""Predicted norms, signals and correlations against measured ones."""

import copy
import itertools
import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.experiments import ladder
from nnscratch.theory import measure_gradient

from .networks import BATCH, rung, small


@pytest.mark.parametrize("name", [one.name for one in ladder.LADDER if one.max_norm is None])
def test_predicted_norms_of_the_ladder(name, data):
    # The geometric mean over a few draws lies within its error of the prediction, and single draws
    # within the band. 10 % more is allowed for: the loss's own gradient depends on the weights,
    # which at this width lifts ReLU's by up to 8 %.
    x, y = data
    draws, logs, tops = 8, [], []
    for seed in range(draws):
        model = ladder.build(rung(name), 64, 10, ladder.Settings(seed=seed))
        rows = np.random.default_rng(seed).permutation(len(x))[:BATCH]
        norms = measure_gradient(model, x[rows], y[rows])
        logs.append(np.log(norms / norms[-1]))
        tops.append(norms[-1])
    prediction = nn.predict(model, x, batch_size=BATCH)
    expected = np.log(prediction.relative_gradient)
    allowed = 3 * prediction.sd / math.sqrt(draws) + 0.10
    assert np.all(np.abs(np.mean(logs, axis=0) - expected) <= allowed)
    within = np.abs(np.array(logs) - expected) <= 2 * prediction.sd + 0.10
    assert within.mean() > 0.85
    assert np.sqrt(np.mean(np.square(tops))) == pytest.approx(prediction.last_gradient, rel=0.06)


def test_verdicts_of_the_ladder(data):
    words = {}
    for one in ladder.LADDER:
        prediction = nn.predict(
            ladder.build(one, 64, 10, ladder.Settings()), data[0], batch_size=BATCH
        )
        words[one.name] = prediction.word
        assert f"{prediction.word}: the gradient" in prediction.verdict
        assert bool(prediction.concerns) == (one.name == "sigmoid-normal")  # it saturates
        assert prediction.at_initialization
    assert words == {
        "sigmoid-normal": "healthy",
        "sigmoid-glorot": "vanishing",
        "tanh-glorot": "healthy",
        "relu-he": "healthy",
        "leaky-relu-he": "healthy",
        "elu-he": "healthy",
        "elu-he-batchnorm": "healthy",
        "relu-exploding": "exploding",
        "relu-exploding-clipped": "exploding",
    }


def test_signal_of_a_network_with_unequal_widths(data):
    x, y = data
    widths = [64, 200, 40, 120, 10]
    q, norms = [], []
    for seed in range(12):
        parts = []
        for n_in, n_out in itertools.pairwise(widths):
            parts += [nn.Dense(n_in, n_out, init="glorot_uniform"), nn.Tanh()]
        model = nn.Sequential(*parts[:-1], seed=seed)
        trace = model.trace(x[:BATCH], y[:BATCH], nn.SoftmaxCrossEntropy())
        dense = [name for name in model.layers if name.endswith("dense")]
        q.append([np.mean(np.square(trace[name].output)) for name in dense])
        norms.append([np.linalg.norm(trace[name].upstream) for name in dense])
    prediction = nn.predict(model, x[:BATCH])
    np.testing.assert_allclose(np.mean(q, axis=0), prediction.second_moment, rtol=0.12)
    ratios = np.array(norms) / np.array(norms)[:, -1:]
    np.testing.assert_allclose(np.mean(ratios, axis=0), prediction.relative_gradient, rtol=0.12)
    # The width that receives the gradient counts: with fan_out it would be 200 for 40 and so on.
    fans = [prediction.widths[i] * 2 / (widths[i + 1] + widths[i + 2]) for i in range(3)]
    assert np.all(prediction.rate[:-1] < fans)


def test_correlation_of_two_inputs(data):
    x, y = data
    model = ladder.build(rung("relu-he"), 64, 10, ladder.Settings(width=400, depth=4))
    trace = model.trace(x[:200], y[:200], nn.SoftmaxCrossEntropy())
    prediction = nn.predict(model, x[:200])
    for i, name in enumerate(prediction.layers[:-1]):
        z = trace[name].output.astype(np.float64)
        gram = z @ z.T
        off = (gram.sum() - np.trace(gram)) / (200 * 199)
        assert off / (np.trace(gram) / 200) == pytest.approx(prediction.correlation[i], abs=0.03)
    assert np.all(np.diff(prediction.correlation) > 0)
    np.testing.assert_allclose(
        prediction.variance, prediction.second_moment * (1 - prediction.correlation)
    )


@pytest.mark.parametrize("after", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_batch_norm_on_either_side_of_the_activation(after, data):
    x, y = data
    logs = []
    for seed in range(8):
        parts, width = [], 64
        for _ in range(5):
            pair = [nn.BatchNorm(200), nn.ReLU()]
            parts += [nn.Dense(width, 200, init="he_normal"), *(pair[::-1] if after else pair)]
            width = 200
        model = nn.Sequential(*parts, nn.Dense(200, 10, init="he_normal"), seed=seed)
        norms = measure_gradient(model, x[:200], y[:200])
        logs.append(np.log(norms / norms[-1]))
    prediction = nn.predict(model, x[:200])
    difference = np.abs(np.mean(logs, axis=0) - np.log(prediction.relative_gradient))
    assert np.all(difference[2:] < 0.12)
    assert np.all(difference < (0.2 if after else 0.12))
    assert ("after the activation" in prediction.regime.formula) == after
    assert any(note.startswith("batch norm after") for note in prediction.notes) == after


def test_batch_norm_on_the_logits_too(data):
    # The post's network in small: batch norm on every layer, the logits included.
    x, y = data
    logs = []
    for seed in range(8):
        model = nn.Sequential(
            nn.Dense(64, 100, init="he_normal"), nn.BatchNorm(100), nn.ELU(),
            nn.Dense(100, 50, init="he_normal"), nn.BatchNorm(50), nn.ELU(),
            nn.Dense(50, 10, init="he_normal"), nn.BatchNorm(10), seed=seed,
        )  # fmt: skip
        logs.append(np.log(measure_gradient(model, x[:BATCH], y[:BATCH])))
    prediction = nn.predict(model, x[:BATCH])
    np.testing.assert_allclose(np.mean(logs, axis=0), np.log(prediction.gradient_norm), atol=0.12)


def test_dropout_enters_the_rates(data):
    x, y = data
    logs = []
    for seed in range(12):
        parts, width = [], 64
        for _ in range(4):
            parts += [nn.Dense(width, 300, init="he_normal"), nn.ReLU(), nn.Dropout(0.5)]
            width = 300
        model = nn.Sequential(*parts, nn.Dense(300, 10, init="he_normal"), seed=seed)
        norms = measure_gradient(model, x[:BATCH], y[:BATCH])
        logs.append(np.log(norms / norms[-1]))
    prediction = nn.predict(model, x[:BATCH])
    np.testing.assert_allclose(prediction.rate[:-1], 2.0)
    assert np.all(np.abs(np.mean(logs, axis=0) - np.log(prediction.relative_gradient)) < 0.12)
    assert any(note.startswith("dropout") for note in prediction.notes)


def test_measured_norms_are_those_of_a_pass(data):
    x, y = data
    model = small(nn.ReLU())
    prediction = nn.predict(model, x[:BATCH], y[:BATCH])
    trace = copy.deepcopy(model).trace(x[:BATCH], y[:BATCH], nn.SoftmaxCrossEntropy())
    expected = [np.linalg.norm(trace[name].upstream) for name in ("0.dense", "2.dense")]
    np.testing.assert_allclose(prediction.measured, expected, rtol=1e-6)
    assert "measured" in repr(prediction)


def test_where_no_gradient_was_measured_the_table_says_none():
    model = nn.Sequential(nn.Dense(3, 4), nn.ReLU(), nn.Dense(4, 2), nn.ReLU(), seed=0)
    model.params["2.weight"][...] = 0
    model.params["2.bias"][...] = -1
    prediction = nn.predict(model, np.ones((4, 3), np.float32), np.array([0, 1, 0, 1]))
    assert not prediction.measured.any()
    assert " none " in repr(prediction)
    assert "nan" not in repr(prediction)
