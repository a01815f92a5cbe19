"""Weights in a file."""

import numpy as np
import pytest

import nnscratch as nn

from .small import X, make, step


@pytest.fixture
def saved(tmp_path):
    model = make()
    for _ in range(3):
        step(model)
    model.save_weights(tmp_path / "weights.npz")
    return model, tmp_path / "weights.npz"


def test_weights_come_back_bit_for_bit(saved):
    model, path = saved
    other = make(seed=9)
    flat = other.params.flat
    other.load_weights(path)
    assert np.shares_memory(other.params.flat, flat)
    assert np.array_equal(other.params.flat, model.params.flat)
    assert np.array_equal(other.statistics.flat, model.statistics.flat)
    assert np.array_equal(other.forward(X), model.forward(X))


def test_weights_can_be_loaded_into_the_other_dtype(saved):
    model, path = saved
    other = make(dtype=np.float64)
    other.load_weights(path)
    assert other.params.flat.dtype == np.float64
    assert np.array_equal(other.params.flat, model.params.flat)


def test_the_saved_names_are_those_of_the_model(saved):
    with np.load(saved[1], allow_pickle=False) as archive:
        assert set(archive) == {*saved[0].params, *saved[0].statistics}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            lambda: [nn.Dense(4, 6), nn.Dense(6, 3)],
            r"weights\.npz does not fit this model: missing",
        ),
        (
            lambda: [nn.Dense(4, 7), nn.BatchNorm(7), nn.PReLU(), nn.Dense(7, 3)],
            r"\(4, 6\), the mo",
        ),
        (lambda: [nn.Dense(4, 6), nn.BatchNorm(6), nn.PReLU(6), nn.Dense(6, 3)], r"'2\.slope'"),
    ],
)
def test_weights_of_another_model_are_refused_and_change_nothing(saved, layers, message):
    model = nn.Sequential(*layers())
    before = model.params.flat.copy(), model.statistics.flat.copy()
    with pytest.raises(nn.ShapeError, match=message):
        model.load_weights(saved[1])
    assert np.array_equal(model.params.flat, before[0])
    assert np.array_equal(model.statistics.flat, before[1])


def test_missing_and_damaged_weights_are_refused_and_change_nothing(saved, tmp_path):
    model = make(seed=9)
    before = model.params.flat.copy()
    with pytest.raises(nn.FileError, match="no such file"):
        model.load_weights(tmp_path / "nothing.npz")
    saved[1].write_bytes(saved[1].read_bytes()[:-100])
    with pytest.raises(nn.DataError, match="is not a complete"):
        model.load_weights(saved[1])
    assert np.array_equal(model.params.flat, before)
    with pytest.raises(nn.FileError, match="cannot write"):
        model.save_weights(tmp_path / "no folder" / "weights.npz")
