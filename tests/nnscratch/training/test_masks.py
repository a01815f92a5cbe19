"""A mask that leaves out what there is to learn from is refused."""

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 9, 3)).astype(np.float32)
THERE = np.arange(9) < RNG.integers(0, 10, (40, 1))  # some sequences have no step at all
Y = np.arange(40) % 2


def fit(x, mask, validation=None):
    model = nn.Sequential(nn.GRU(3, 4), nn.LastStep(), nn.Dense(4, 2), seed=0)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    options = {"epochs": 1, "batch_size": 20, "progress": False, "validation": validation}
    return trainer.fit(x, Y, mask=mask, **options)


FILLED = np.where(THERE[..., None], X, np.float32(0))


def test_one_that_leaves_out_everything():
    with pytest.raises(nn.DataError, match=r"the mask of x, .* leaves out every step of 40 seq"):
        fit(X, np.zeros((40, 9), bool))
    with pytest.raises(nn.DataError, match=r"the mask of validation x, .* every step of 40 seq"):
        fit(X, THERE, (X, Y, np.zeros((40, 9))))
    only = np.zeros((40, 9), bool)
    only[7, 3] = True
    fit(X, only)


def test_one_that_is_turned_round():
    with pytest.raises(nn.DataError, match=r"leaves out all that differs: .* x is 0 .* ~mask"):
        fit(FILLED, ~THERE)
    fit(FILLED, THERE)
    fit(X, ~THERE)  # something stands everywhere
    for filled in (np.nan, 7):  # nothing is told of what was never there
        fit(np.where(THERE[..., None], np.ones(3, "f"), np.float32(filled)), THERE)


def test_sequences_of_different_length_are_told_how_to_become_one_array():
    model = nn.Sequential(nn.GRU(3, 4), nn.LastStep(), nn.Dense(4, 2), seed=0)
    ragged = [[[1.0, 2, 3]], [[1.0, 2, 3], [4.0, 5, 6]]]
    for call in (model, model.predict, lambda x: fit(x, None), lambda x: nn.predict(model, x)):
        with pytest.raises(nn.ShapeError, match=r"rows of different lengths: .*Fill .* mask="):
            call(ragged)
    with pytest.raises(nn.ShapeError, match=r"'0\.gru' expects .*, got list: make it one"):
        model([[[1.0, 2, 3]]])


@pytest.mark.parametrize("layer", [nn.GRU(3, 4), nn.LastStep(), nn.MeanOverTime()])
def test_layers_of_sequences_say_what_they_take(layer):
    model = nn.Sequential(layer)
    for wrong in (X[:, 0], X[None], X[0, 0]):
        with pytest.raises(
            nn.ShapeError, match=r"expects sequences, .*\(batch, time, .* got shape"
        ):
            model(wrong)


CELLS = (nn.RNN, nn.LSTM, nn.GRU)


def reading(cell, way, pooled):
    around = way == "around"
    layer = cell(3, 3 if around else 4, reverse=way == "back", initial="learned")
    first = {"both": nn.Bidirectional, "around": nn.Residual}.get(way, lambda one: one)(layer)
    wide = {"both": 8, "around": 3}.get(way, 4)
    norm = [nn.BatchNorm(wide)] * (way == "normed")
    return nn.Sequential(first, *norm, pooled(), nn.Dense(wide, 2), dtype="float64", seed=1)


def filled(x, where):
    """Sequences with 3 steps of noise put in, and the mask that leaves these out."""
    noise, rest = RNG.standard_normal((len(x), 3, 3)), 5 - where
    put = np.concatenate([x[:, :where], noise, x[:, where:]], axis=1)
    there = np.array([True] * where + [False] * 3 + [True] * rest)
    return put, np.repeat(there[None], len(x), axis=0)


@pytest.mark.parametrize("where", [0, 2, 5])
@pytest.mark.parametrize("pooled", [nn.LastStep, nn.MeanOverTime])
@pytest.mark.parametrize("way", ["forward", "back", "both", "around", "normed"])
@pytest.mark.parametrize("cell", CELLS)
def test_what_is_filled_up_changes_no_answer_and_no_gradient(cell, way, pooled, where):
    model, loss = reading(cell, way, pooled), nn.SoftmaxCrossEntropy()
    x, y = RNG.standard_normal((6, 5, 3)), np.arange(6) % 2
    put, there = filled(x, where)
    for given in ({}, {"sample_weights": np.arange(1.0, 7)}):  # captured, and once more
        for _ in range(2):
            plain = model.training_pass(x, y, loss, **given)
            outputs, grads = model.output.copy(), model.grads.flat.copy()
            assert model.training_pass(put, y, loss, mask=there, **given) == pytest.approx(plain)
            np.testing.assert_allclose(model.output, outputs, rtol=1e-12)
            np.testing.assert_allclose(model.grads.flat, grads, rtol=1e-9, atol=1e-12)
    for statistics in ("running", "batch"):
        known = model.predict(x, statistics=statistics)
        found = model.predict(put, mask=there, statistics=statistics)
        np.testing.assert_allclose(found, known, rtol=1e-12)


def test_running_statistics_are_those_of_the_steps_that_there_are():
    x = RNG.standard_normal((6, 5, 3)) + 3
    put, there = filled(x, 2)
    norms = [nn.BatchNorm(3).initialize(0, "float64") for _ in range(2)]
    norms[0].forward(x, training=True)
    norms[1].forward(put, training=True, mask=there)
    for name, values in norms[0].statistics.items():
        np.testing.assert_allclose(norms[1].statistics[name], values, rtol=1e-12)
    model = nn.Sequential(nn.BatchNorm(3), nn.Dense(3, 2), dtype="float64")
    model.freeze("0.batchnorm")
    model.forward(put, training=True, mask=there)
    assert not model[0].statistics["running_mean"].any()


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_through_batch_norm_of_sequences_of_different_length(cell):
    for last in (nn.LastStep, nn.MeanOverTime):
        parts = nn.BatchNorm(3), cell(3, 4), nn.BatchNorm(4), nn.Dense(4, 4), nn.BatchNorm(4)
        model = nn.Sequential(*parts, last(), nn.Dense(4, 2), dtype="float64", seed=0)
        x, y = RNG.standard_normal((5, 9, 3)), np.arange(5) % 2
        nn.check_gradients(model, nn.SoftmaxCrossEntropy(), x, y, mask=RNG.random((5, 9)) < 0.5)
    norm = nn.BatchNorm(3).initialize(0, "float64")
    nn.check_gradients(norm, x=x, mask=RNG.random((5, 9)) < 0.5)


@pytest.mark.parametrize("cell", CELLS)
def test_a_gradient_that_is_asked_for_at_any_step_is_that_of_the_loss(cell):
    layer = nn.Bidirectional(cell(3, 4))
    model = nn.Sequential(layer, nn.LastStep(), nn.Dense(8, 2), dtype="float64")
    x, y = RNG.standard_normal((5, 9, 3)), np.arange(5) % 2
    nn.check_gradients(model, nn.SoftmaxCrossEntropy(), x, y, mask=RNG.random((5, 9)) < 0.5)
