"""Theory through time where recurrent layers go both ways, or something stands between them."""

import re

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.errors import ConfigError
from nnscratch.theory.recurrent import measure_through_time, predict_through_time
from nnscratch.theory.recurrent.between import Signal, through

WIDE, STEPS = 100, 12
X = np.random.default_rng(0).standard_normal((30, STEPS, 8)).astype(np.float32)


def network(layers, seed=0):
    wide = 2 * WIDE if isinstance(layers[-1], nn.Bidirectional) else WIDE
    return nn.Sequential(*layers, nn.LastStep(), nn.Dense(wide, 3), seed=seed)


NETWORKS = {
    "both ways": lambda n: [nn.Bidirectional(nn.LSTM(8, n)), nn.Bidirectional(nn.GRU(2 * n, n))],
    "the other way": lambda n: [nn.RNN(8, n, reverse=True), nn.GRU(n, n)],
    "layer norm": lambda n: [nn.LSTM(8, n), nn.LayerNorm(n), nn.LSTM(n, n)],
    "layer norm of ReLU": lambda n: [
        nn.RNN(8, n), nn.ReLU(), nn.LayerNorm(n), nn.RNN(n, n)],
    "RMS norm": lambda n: [nn.RNN(8, n), nn.RMSNorm(n), nn.RNN(n, n)],
    "dense layers": lambda n: [
        nn.GRU(8, n), nn.Dense(n, n, init="he_normal"), nn.Tanh(), nn.Dense(n, n), nn.RNN(n, n)],
    "ReLU": lambda n: [nn.RNN(8, n), nn.ReLU(), nn.RNN(n, n)],
    "ways around": lambda n: [nn.RNN(8, n), nn.Residual(nn.RNN(n, n)), nn.RNN(n, n)],
    "ways around, scaled": lambda n: [
        nn.Dense(8, n), nn.Residual(nn.RNN(n, n), scale=3.0), nn.RNN(n, n)],
}  # fmt: skip


QUICK = "layer norm of ReLU", "dense layers", "ways around, scaled"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in NETWORKS],
)
def test_what_is_predicted_is_what_is_measured(name):
    made = [network(NETWORKS[name](WIDE), seed) for seed in range(4)]
    measured = np.sqrt(np.mean([measure_through_time(one, X) ** 2 for one in made], axis=0))
    predicted = predict_through_time(made[0], X)
    assert [layer.name for layer in predicted.layers] == [
        name for name, layer in made[0].layers.items() if layer.role == "recurrent"
    ]
    for layer, norms in zip(predicted.layers, measured, strict=True):
        rate = (norms[-1] / norms[0]) ** (1 / (STEPS - 1))
        expected = layer.relative_gradient[-1] ** (1 / (STEPS - 1))
        assert expected == pytest.approx(rate, rel=0.02), layer.name


@pytest.mark.parametrize(
    "layers",
    [
        lambda n: [nn.RNN(8, n, reverse=True), nn.RNN(n, n)],
        pytest.param(
            lambda n: [nn.Bidirectional(nn.RNN(8, n)), nn.RNN(2 * n, n)], marks=pytest.mark.slow
        ),
    ],
)
def test_each_direction_sees_inputs_that_grow_from_its_own_side(layers):
    growing = X * np.linspace(0.1, 4, STEPS, dtype=np.float32)[:, None]
    made = [network(layers(WIDE), seed) for seed in range(4)]
    measured = np.sqrt(np.mean([measure_through_time(one, growing) ** 2 for one in made], axis=0))
    for layer, norms in zip(predict_through_time(made[0], growing).layers, measured, strict=True):
        np.testing.assert_allclose(layer.relative_gradient, norms / norms[0], rtol=0.25)


def signal(square, steps=6, seed=None):
    root = np.sqrt(square)
    if seed is None:
        return Signal(square * np.eye(steps))
    return Signal.of(root * np.random.default_rng(seed).standard_normal((steps, 2000)))


def node(layer):
    made = nn.Sequential(layer, seed=0)
    return made.nodes[0]


@pytest.mark.parametrize("drawn", [True, False])
def test_what_goes_around_and_what_is_added_are_independent(drawn):
    made = nn.Sequential(nn.Residual(nn.RNN(8, 8), scale=2.0)).nodes[-1]
    branch, skip = signal(3.0, seed=drawn or None), signal(1.0)
    squares = np.diagonal(through(made, [branch, skip], 5, []).products)
    assert squares == pytest.approx(np.full(6, 1 + 4 * 3), rel=0.15)
    assert squares.mean() == pytest.approx(13, rel=0.04)


def test_side_by_side_each_counts_half():
    made = nn.Sequential(nn.Bidirectional(nn.RNN(8, 8))).nodes[-1]
    products = through(made, [signal(3.0, seed=1), signal(1.0, seed=2)], 0, []).products
    assert np.diagonal(products) == pytest.approx(np.full(6, 2.0), rel=0.1)


def test_dense_layers_scale_and_add_their_biases():
    layer = node(nn.Dense(2000, 50, init=nn.initializers.Normal(0.1)))
    layer.layer.params["bias"][...] = 2
    products = through(layer, [signal(3.0)], 0, []).products
    np.testing.assert_allclose(products, 60 * np.eye(6) + 4, rtol=0.03)


def test_norms_over_units_step_by_step():
    units = np.random.default_rng(0).standard_normal((6, 2000)) * np.arange(1, 7)[:, None] + 5
    normed = through(node(nn.LayerNorm(2000)), [Signal.of(units)], 0, []).units
    expected = (units - units.mean(1)[:, None]) / units.std(1)[:, None]
    np.testing.assert_allclose(normed, expected, rtol=1e-4)
    rms = through(node(nn.RMSNorm(2000)), [Signal.of(units)], 0, []).units
    np.testing.assert_allclose(rms, units / np.sqrt((units**2).mean(1))[:, None], rtol=1e-4)


def test_a_norm_that_has_learned_is_said():
    model = network(NETWORKS["layer norm"](WIDE))
    assert not any("gain" in note for note in predict_through_time(model, X).notes)
    model.params["1.gamma"][...] = 3
    assert any(
        note.startswith("1.layernorm: its gain") for note in predict_through_time(model, X).notes
    )


def test_without_data_both_directions_get_the_same():
    there, back = predict_through_time(network([nn.Bidirectional(nn.RNN(8, WIDE))])).layers
    assert there.rate == pytest.approx(back.rate, rel=0.02)


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([nn.RNN(8, 9), nn.BatchNorm(9), nn.RNN(9, 9)], "1.batchnorm"),
        ([nn.RNN(8, 9), nn.Softmax(), nn.RNN(9, 9)], "1.softmax"),
    ],
)
def test_what_theory_does_not_know_there_is_named(layers, named):
    model = nn.Sequential(*layers, nn.LastStep(), nn.Dense(9, 3))
    with pytest.raises(ConfigError, match=re.escape(f"cannot follow layer '{named}'")):
        nn.predict(model, X)


def test_layers_that_share_their_weights_are_not_followed():
    layer = nn.RNN(8, 8)
    with pytest.raises(ConfigError, match="shares its weights"):
        nn.predict(nn.Sequential(layer, layer, nn.LastStep(), nn.Dense(8, 3)), X)


def test_the_gain_that_keeps_a_gradient_is_known_in_both_directions():
    found = nn.predict(network([nn.Bidirectional(nn.RNN(8, WIDE))]), np.tile(X, (1, 4, 1)))
    gains = [re.search(r"Orthogonal\((.*)\)", layer.cure) for layer in found.layers]
    first, second = (float(gain[1]) for gain in gains)
    assert first == pytest.approx(second, rel=0.02)
