"""Batches, labels and gradients that lie where a pass writes: what a pass has returned."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(5)
X, OTHER = RNG.standard_normal((2, 40, 9)).astype(np.float32)
LOSS = nn.MeanSquaredError()


def made(captured=True):
    noise = [] if captured else [nn.Dropout(0.1)]
    return nn.Sequential(nn.Dense(9, 9), nn.BatchNorm(9), nn.Tanh(), *noise, nn.Dense(9, 9), seed=0)


GIVEN = {
    "output": lambda model: model.forward(OTHER, training=True),
    "part of an output": lambda model: model.trace(OTHER, OTHER, LOSS)["2.tanh"].output[::-1],
    "upstream gradient": lambda model: model.trace(OTHER, OTHER, LOSS)["0.dense"].upstream,
    "a captured output": lambda model: (model.training_pass(X, OTHER, LOSS), model.output)[1],
    "the loss's gradient": lambda model: (
        model.training_pass(X, OTHER, LOSS),
        model.last[list(model.layers)[-1]].upstream,
    )[1],
    "gradients of parameters": lambda model: (
        model.training_pass(OTHER, OTHER, LOSS),
        model.grads.flat[:180].reshape(20, 9),
    )[1],
}


@pytest.mark.parametrize("captured", [True, False])
@pytest.mark.parametrize("given", list(GIVEN))
@pytest.mark.parametrize("copied", [False, True], ids=["model", "copied model"])
def test_a_pass_is_right_whose_batch_an_earlier_one_has_returned(given, captured, copied):
    results = []
    for as_copy in (False, True):
        model = copy.deepcopy(made(captured)) if copied else made(captured)
        batch = GIVEN[given](model)
        batch = batch.copy() if as_copy else batch
        rest = X[: len(batch)]
        for x, labels in ((batch, rest), (rest, batch), (batch, rest), (batch, batch)):
            batch[...] = np.roll(X[: len(batch)], 1, axis=0)
            value = model.training_pass(x, labels, LOSS)
            results.append((value, model.grads.flat.tobytes()))
    half = len(results) // 2
    assert results[:half] == results[half:]


@pytest.mark.parametrize("statistics", ["running", "batch"])
def test_a_network_reads_its_own_output(statistics):
    model, twin = made(), made()
    y, expected = X, X
    for _ in range(3):
        y = model.forward(y, statistics=statistics)
        expected = twin.forward(expected.copy(), statistics=statistics).copy()
        np.testing.assert_array_equal(y, expected)


def test_a_gradient_is_right_that_an_earlier_way_back_has_handed_down():
    results = []
    for as_copy in (False, True):
        model = made()
        model.forward(X, training=True)
        handed = model.backward(model.output.copy(), input_gradient=True)
        model.forward(X, training=True)
        again = model.backward(handed.copy() if as_copy else handed, input_gradient=True)
        results.append((again.tobytes(), model.grads.flat.tobytes()))
    assert results[0] == results[1]


def test_arrays_that_no_pass_writes_to_are_not_copied():
    model = made()
    model.training_pass(X, X, LOSS)
    for array in (X, X[:20], model.params.flat, OTHER[::-1]):
        assert model.apart(array) is array
