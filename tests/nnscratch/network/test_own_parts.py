"""Layers and blocks of one's own: what they give and hand down has to fit."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.network.network import Network

from .forks import LABELS, LOSS, X, residual


class Hands(nn.Layer):
    """The identity, which hands down what `change` makes of the gradient."""

    kind, role = "hands", "shape"

    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, x, training=False):
        return x, None

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return self.change(dy)


PLACES = {
    "dense": lambda layer: [nn.Dense(6, 6), layer],
    "activation": lambda layer: [nn.Dense(6, 6), nn.Tanh(), layer],
    "fork": lambda layer: [nn.Dense(6, 6), nn.Residual(layer)],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda dy: dy[:2], nn.ShapeError, r"hands'.* of shape \(12, 6\), got shape \(2, 6\)"),
        (lambda dy: None, nn.ShapeError, r"hands'.* got None"),
        (lambda dy: dy * np.float64(2), nn.DtypeError, "hands' must return float32, got float64"),
    ],
    ids=["shape", "none", "dtype"],
)
def test_a_gradient_that_does_not_fit_is_refused_by_the_layers_name(place, change, error, match):
    model = nn.Sequential(*PLACES[place](Hands(change)), nn.Dense(6, 4))
    with pytest.raises(error, match=match):
        model.training_pass(X.astype(np.float32), LABELS, LOSS)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda dy: np.broadcast_to(dy.mean(axis=0), dy.shape)],
    ids=["columns", "broadcast"],
)
def test_a_gradient_may_lie_anyhow_in_memory(place, change):
    made = []
    for layer in (Hands(change), Hands(lambda dy: np.array(change(dy), order="C"))):
        model = nn.Sequential(*PLACES[place](layer), nn.Dense(6, 4))
        model.training_pass(X.astype(np.float32), LABELS, LOSS)
        made.append(model.grads.flat)
    np.testing.assert_array_equal(*made)


def test_a_join_returns_a_gradient_for_each_input():
    class Half(nn.layers.Sum):
        def backward(self, dy, cache, accumulate=False, input_gradient=True):
            return np.stack([dy, dy])  # two of them, but no tuple

    def write(writer):
        dense = writer.put(nn.Dense(6, 4), -1)
        writer.put_own(Half(), dense, dense)

    with pytest.raises(nn.ShapeError, match="'sum' must return a tuple of 2 gradients"):
        Network(write).training_pass(X.astype(np.float32), LABELS, LOSS)


def test_the_width_of_the_input_is_not_that_of_a_wider_layer():
    class Beside(nn.Layer):
        kind, role = "beside", "shape"

        def output_features(self, features):
            return None if features is None else 2 * features

        def forward(self, x, training=False):
            return np.concatenate([x, -x], axis=-1), None

        def backward(self, dy, cache, accumulate=False, input_gradient=True):
            return dy[..., :6] - dy[..., 6:]

    model = nn.Sequential(Beside(), nn.Dense(12, 4), dtype=np.float64)
    assert (model.features_in, model.features_out) == (None, 4)
    assert nn.check_gradients(model, LOSS, X, LABELS) < 1e-6


def test_a_block_cannot_give_two_layers_one_name():
    class Twice:
        def write(self, writer, source):
            dense = writer.put(nn.Dense(6, 6), source)
            first = writer.put_own(nn.layers.Sum(), dense, source)
            return writer.put_own(nn.layers.Sum(), first, dense)

    with pytest.raises(nn.ConfigError, match=r"two layers would be called '1.sum'.* put, which"):
        nn.Sequential(nn.Dense(6, 6), Twice())


class Gives:
    """A block that says it gives the output of another node than its last."""

    def __init__(self, given):
        self.given = given

    def write(self, writer, source):
        first = writer.put(nn.Dense(6, 6), source)
        writer.put(nn.Tanh(), first)
        return self.given

    def __repr__(self):
        return "Gives()"


@pytest.mark.parametrize("given", [None, 77, "0.dense", -2])
def test_what_a_block_gives_is_a_node(given):
    with pytest.raises(nn.ConfigError, match=r"write of block 0 \(Gives\(\)\) must return.* got"):
        nn.Sequential(Gives(given))


def test_the_last_part_gives_the_output_of_the_last_node():
    with pytest.raises(nn.ConfigError, match=r"output of '0.0.dense', but writes '0.1.tanh'"):
        nn.Sequential(Gives(0))
    assert len(nn.Sequential(Gives(1)).nodes) == 2


def test_the_scale_of_a_block_is_that_of_its_sum():
    block = residual(scale=0.5)
    model = nn.Sequential(block, nn.Dense(6, 4))
    half = model(X.astype(np.float32)).copy()
    block.scale = 2.0
    twice = model(X.astype(np.float32)).copy()
    assert model.layers["0.sum"].scale == 2
    assert not np.array_equal(half, twice)
    again = nn.Sequential(residual(scale=2.0), nn.Dense(6, 4))
    np.testing.assert_array_equal(again(X.astype(np.float32)), twice)
    with pytest.raises(nn.ConfigError, match="Residual scale must be a finite number"):
        block.scale = np.nan
