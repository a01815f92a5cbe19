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
    with pytest.raises(nn.ShapeError, match=r"'0\.gru' expects an array, got list: make it one"):
        model([[[1.0, 2, 3]]])


@pytest.mark.parametrize("layer", [nn.GRU(3, 4), nn.LastStep(), nn.MeanOverTime()])
def test_layers_of_sequences_say_what_they_take(layer):
    model = nn.Sequential(layer)
    for wrong in (X[:, 0], X[None], X[0, 0]):
        with pytest.raises(
            nn.ShapeError, match=r"expects sequences, .*\(batch, time, .* got shape"
        ):
            model(wrong)
