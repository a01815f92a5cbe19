"""What is said of sequences, targets and output before step 0, on both sides of every limit."""

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((80, 6, 3)).astype(np.float32)
X /= np.sqrt(np.square(X).mean())
Y = RNG.standard_normal((80, 1)).astype(np.float32)


def network(*after, before=(), cell=nn.LSTM, outputs=1):
    end = [nn.LastStep(), nn.Dense(16, outputs), *after]
    return nn.Sequential(*before, cell(3, 16), *end, seed=0)


def said(*data, **options):
    return nn.predict(network(**options), *data).concerns


@pytest.mark.parametrize("cell", [nn.RNN, nn.LSTM, nn.GRU])
def test_healthy_sequences_are_no_concern(cell):
    assert said(X, Y, cell=cell) == said(cell=cell) == ()
    assert said(X, np.arange(80) % 4, cell=cell, outputs=4) == ()
    one_hot = np.eye(3, dtype=np.float32)[RNG.integers(0, 3, (80, 6))]
    assert said(one_hot, Y, cell=cell) == ()


@pytest.mark.parametrize(
    ("size", "word"), [(10.2, "large"), (9.8, ""), (0.0102, ""), (0.0098, "small")]
)
def test_the_size_of_what_goes_in(size, word):
    x = X[:64] / np.sqrt(np.square(X[:64]).mean())
    found = said(size * x)
    assert bool(found) == bool(word)
    if word:
        assert f"the inputs are {word}, root mean square" in found[0]
        assert "Beside that, " in nn.predict(network(), size * x).verdict


@pytest.mark.parametrize(("mean", "told"), [(5.5, True), (4.5, False)])
def test_sequences_far_from_zero(mean, told):
    assert bool(said(mean + X)) == told


def test_a_norm_in_front_makes_up_for_any_size():
    assert said(500 * X, before=[nn.BatchNorm(3)]) == ()


@pytest.mark.parametrize(("size", "told"), [(10.5, True), (9.5, False)])
def test_the_size_of_targets(size, told):
    y = size * Y / np.sqrt(np.square(Y).mean())
    found = said(X, y)
    assert bool(found) == told
    if told:
        assert "the targets are large" in found[0]


@pytest.mark.parametrize(
    ("end", "low", "told"),
    [(nn.Sigmoid, -1.0, True), (nn.Sigmoid, 0.0, False), (nn.Tanh, -1.0, False)],
)
def test_targets_that_the_output_cannot_give(end, low, told):
    y = np.linspace(low, 1.0, 80, dtype=np.float32)[:, None]
    found = nn.predict(network(end()), X, y).concerns
    assert bool(found) == told
    if told:
        assert "the targets run from -1 to 1, and the activation at the output gives" in found[0]


@pytest.mark.parametrize(("outputs", "told"), [(1, True), (2, False)])
def test_a_softmax_over_one_unit(outputs, told):
    found = nn.predict(network(nn.Softmax(), outputs=outputs)).concerns
    assert bool(found) == told


def test_the_model_is_left_as_it_is():
    model = network()
    model(X)
    before = model.last["0.lstm"].hidden.copy()
    nn.predict(model, X[:10], Y[:10])
    assert np.array_equal(model.last["0.lstm"].hidden, before)
