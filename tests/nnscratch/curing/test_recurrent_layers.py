"""Cures that take recurrent layers away, or put a dense one behind them."""

from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing.candidates import propose_in_time
from nnscratch.curing.recurrent import FewerCells

from .plans import read


def proposed(model, kinds=()):
    trial = SimpleNamespace(plan=read(model), ills=(), findings=SimpleNamespace(kinds=kinds))
    return [str(change) for change in propose_in_time(trial, np.zeros((8, 5, 3), np.float32))]


@pytest.mark.parametrize("kinds", [(), ("output activation",)])
@pytest.mark.parametrize("behind", [False, True])
def test_states_get_a_dense_layer_where_they_are_found_to_be_the_answers(kinds, behind):
    model = nn.Sequential(nn.LSTM(3, 4), nn.LSTM(4, 1), nn.LastStep(), *[nn.Dense(1, 1)] * behind)
    wanted = bool(kinds) and not behind
    assert ("32 states and a dense layer" in proposed(model, kinds)) == wanted


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU])
def test_states_that_are_answers_beyond_one_get_a_dense_layer_behind(layer):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((120, 6, 2)).astype(np.float32)
    y = 2.0 * x[:, -1, :1]
    model = nn.Sequential(layer(2, 4), layer(4, 1), nn.LastStep(), seed=0)
    loss, optimizer = nn.MeanSquaredError(), nn.Adam(lr=0.01)
    cure = nn.cure(model, loss, optimizer, x, y, batch_size=20, steps=150, tries=4)
    assert "32 states and a dense layer" in cure.best.label
    names = {"nn": nn, "x": x, "y": y}
    exec("\n".join(cure.lines), names)
    kind = layer(1, 1).kind
    assert [part.kind for part in names["model"].layers.values()] == (
        [kind, kind, "laststep", "dense"]
    )
    assert names["model"][1].features == 32


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        ([(3, 8), (8, 8), (8, 8), (8, 8)], 2),
        ([(3, 8), (8, 8), (8, 8)], 3),  # not so deep
        ([(3, 8), (8, 6), (6, 4), (4, 4)], 4),  # the last does not fit the first
        ([(3, 8), (8, 5), (5, 8), (8, 4)], 2),
    ],
)
def test_of_many_recurrent_layers_the_first_and_the_last_are_tried(parts, left):
    model = nn.Sequential(
        *(nn.GRU(*sizes) for sizes in parts), nn.LastStep(), nn.Dense(parts[-1][1], 2)
    )
    assert ("two recurrent layers" in proposed(model)) == (left < len(parts))
    if left < len(parts):
        made = FewerCells().apply(read(model)).model(0)
        assert [part.kind for part in made] == ["gru", "gru", "laststep", "dense"]
        assert made[1].features == parts[-1][1]
    model.freeze("1")
    assert "two recurrent layers" not in proposed(model)
