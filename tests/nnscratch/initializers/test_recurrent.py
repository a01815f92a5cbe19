"""Initializers of recurrent weights, and how the frameworks draw whole recurrent layers."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch import initializers as init
from nnscratch.errors import ConfigError, ShapeError, UnknownNameError

RNG = np.random.default_rng


def test_the_identity_is_what_a_relu_network_keeps_its_state_with():
    np.testing.assert_array_equal(init.ScaledIdentity(0.5)((3, 3), RNG(0)), 0.5 * np.eye(3))
    weight = init.ScaledIdentity(2.0)((7, 7), RNG(0), np.float64)
    assert weight.var() == pytest.approx(init.ScaledIdentity(2.0).variance(7, 7))
    layer = nn.RNN(1, 8, "relu", recurrent_init="identity", init="zeros").initialize(0, "float64")
    start = {"hidden": RNG(1).random((2, 8))}
    y, _ = layer.forward(np.zeros((2, 50, 1)), state=start)
    np.testing.assert_array_equal(y[:, -1], start["hidden"])


@pytest.mark.parametrize("nonzeros", [1, 15, None, 99])
def test_a_spectral_radius_is_what_it_says(nonzeros):
    weight = init.SpectralRadius(0.95, nonzeros)((50, 50), RNG(3), np.float64)
    assert np.abs(np.linalg.eigvals(weight)).max() == pytest.approx(0.95)
    wanted = 50 if nonzeros is None else min(nonzeros, 50)
    np.testing.assert_array_equal((weight != 0).sum(axis=1), wanted)


def test_the_variance_of_a_spectral_radius_is_that_of_large_matrices():
    draw = init.SpectralRadius(1.3, None)
    weight = draw((400, 400), RNG(4), np.float64)
    assert weight.var() == pytest.approx(draw.variance(400, 400), rel=0.1)


@pytest.mark.parametrize("draw", [init.ScaledIdentity(), init.SpectralRadius()])
def test_only_square_matrices(draw):
    for shape in ((3, 4), (5,)):
        with pytest.raises(ShapeError, match="needs a square matrix"):
            draw(shape, RNG(0))
    with pytest.raises(ConfigError, match="radius of SpectralRadius"):
        init.SpectralRadius(0.0)
    with pytest.raises(ConfigError, match="nonzeros of SpectralRadius"):
        init.SpectralRadius(1.0, 0)


# Defaults of frameworks


def blocks(layer, name):
    return {gate: layer.gate(gate, layer.params[name]) for gate in layer.gates}


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_pytorch_draws_everything_alike(kind):
    layer = kind(30, 100, defaults="pytorch").initialize(0, np.float64)
    for name in ("weight", "recurrent_weight"):
        values = layer.params[name]
        assert 0.0999 < np.abs(values).max() <= 0.1
        assert 100 * values.var() == pytest.approx(1 / 3, rel=0.05)
    bias = layer.params["bias"]
    two = 1 if kind is nn.GRU else 2  # biases that are added up
    assert np.abs(bias).max() <= 0.1 * two
    assert 100 * bias.var() == pytest.approx(two / 3, rel=0.3)


def test_keras_makes_rows_of_the_wide_matrix_orthonormal_and_no_gate():
    """FRONTIER A3: n Var W of a gate is 1/4 for the LSTM, 1/3 for the GRU."""
    for kind, share in ((nn.LSTM, 1 / 4), (nn.GRU, 1 / 3)):
        layer = kind(30, 100, defaults="keras").initialize(0, np.float64)
        wide = layer.params["recurrent_weight"]
        np.testing.assert_allclose(wide @ wide.T, np.eye(100), atol=1e-12)
        for gate in blocks(layer, "recurrent_weight").values():
            assert 100 * gate.var() == pytest.approx(share, rel=0.05)
            assert np.linalg.norm(gate, 2) < 0.95
        for gate, bias in blocks(layer, "bias").items():
            np.testing.assert_array_equal(bias, 1.0 if gate == "f" else 0.0)
        assert np.abs(layer.params["weight"]).max() <= np.sqrt(6 / (30 + 100 * len(layer.gates)))


def test_tensorflow_1_draws_input_and_state_weights_together():
    layer = nn.LSTM(30, 100, defaults="tf1").initialize(0, np.float64)
    bound = np.sqrt(6 / (130 + 400))
    for name in ("weight", "recurrent_weight"):
        assert 0.99 * bound < np.abs(layer.params[name]).max() <= bound
    layer = nn.GRU(30, 100, defaults="tf1").initialize(0, np.float64)
    for gate, values in blocks(layer, "recurrent_weight").items():
        bound = np.sqrt(6 / (130 + (100 if gate == "n" else 200)))
        assert 0.99 * bound < np.abs(values).max() <= bound
        np.testing.assert_array_equal(
            layer.gate(gate, layer.params["bias"]), 0.0 if gate == "n" else 1.0
        )


def test_chrono_biases_keep_units_for_up_to_so_many_steps():
    layer = nn.LSTM(3, 500, chrono=80).initialize(0, np.float64)
    bias = layer.params["bias"]
    forget = layer.gate("f", bias)
    np.testing.assert_array_equal(layer.gate("i", bias), -forget)
    memory = np.exp(forget)
    assert 1 <= memory.min() < 1.5
    assert 78 < memory.max() <= 79
    assert memory.mean() == pytest.approx(40, rel=0.05)
    layer = nn.GRU(3, 500, chrono=80).initialize(0, np.float64)
    assert 78 < np.exp(layer.gate("z", layer.params["bias"])).max() <= 79
    np.testing.assert_array_equal(layer.gate("r", layer.params["bias"]), 0)


def test_what_is_given_can_be_made_anew_and_read():
    for layer in (
        nn.LSTM(3, 4, chrono=9),
        nn.GRU(3, 4, chrono=9),
        nn.RNN(3, 4, defaults="keras"),
        nn.LSTM(3, 4, defaults="tf1"),
    ):
        model = nn.Sequential(layer)
        assert repr(nn.remake(model)[0]) == repr(layer)
        assert eval(repr(layer), {**vars(nn), **vars(init)}).params.keys() == set()
    with pytest.raises(UnknownNameError, match="framework whose defaults"):
        nn.GRU(3, 4, defaults="torch")
    with pytest.raises(ConfigError, match="LSTM chrono must be a whole number >= 3"):
        nn.LSTM(3, 4, chrono=2)
