"""Weights in the layouts of PyTorch, Keras and ONNX: there and back, and what is refused."""

import numpy as np
import pytest

import nnscratch as nn

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
LAYOUTS = ("pytorch", "keras", "onnx")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_what_was_written_is_read_to_the_same_bits(name, layout, reverse):
    ours, twin = (
        LAYERS[name](3, 4, bias_init="normal", reverse=reverse).initialize(seed) for seed in (0, 1)
    )
    written = nn.write_weights(ours, layout)
    nn.read_weights(twin, written, layout)
    for key, values in ours.params.items():
        np.testing.assert_array_equal(twin.params[key], values)
        assert not any(np.shares_memory(values, array) for array in written.values())
    again = nn.write_weights(twin, layout)
    for key, array in written.items():
        np.testing.assert_array_equal(again[key], array)


def test_names_and_order_of_gates():
    layer = nn.LSTM(3, 2, reverse=True).initialize(0)
    layer.params["bias"] = np.repeat([1.0, 2, 3, 4], 2)  # i f g o
    assert list(nn.write_weights(layer, "pytorch"))[2] == "bias_ih_l0_reverse"
    np.testing.assert_array_equal(
        nn.write_weights(layer, "onnx")["B"], [[*np.repeat([1, 4, 2, 3], 2), *[0] * 8]]
    )
    np.testing.assert_array_equal(
        nn.write_weights(layer, "keras")["bias"], np.repeat([1, 2, 3, 4], 2)
    )
    layer = nn.GRU(3, 1).initialize(0)
    layer.params["bias"], layer.params["recurrent_bias"] = [1.0, 2, 3], [4.0, 5, 6]  # r z n
    np.testing.assert_array_equal(nn.write_weights(layer, "keras")["bias"], [[2, 1, 3], [5, 4, 6]])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", LAYERS)
def test_without_biases_they_are_none(name, layout):
    ours, twin = (LAYERS[name](3, 4, bias_init="normal").initialize(seed) for seed in (0, 1))
    given = dict([*nn.write_weights(ours, layout).items()][:2])
    nn.read_weights(twin, given, layout)
    for key, values in ours.params.items():
        np.testing.assert_array_equal(twin.params[key], values * ("weight" in key))


def test_of_two_biases_one_is_not_left_out():
    layer = nn.LSTM(3, 4).initialize(0)
    given = nn.write_weights(layer, "pytorch")
    given.pop("bias_hh_l0")
    with pytest.raises(nn.ConfigError, match="lack bias_hh_l0; got weight_ih_l0"):
        nn.read_weights(layer, given, "pytorch")


@pytest.mark.parametrize("count", [2, 3])
def test_of_keras_a_list_will_do(count):
    ours, twin = (nn.GRU(3, 4, bias_init="normal").initialize(seed) for seed in (0, 1))
    written = [*nn.write_weights(ours, "keras").values()][:count]
    nn.read_weights(twin, written, "keras")
    np.testing.assert_array_equal(twin.params["recurrent_weight"], ours.params["recurrent_weight"])
    for key in ("bias", "recurrent_bias"):
        np.testing.assert_array_equal(twin.params[key], ours.params[key] * (count == 3))
    for few, layout in ((written[:1], "keras"), (written, "onnx")):
        with pytest.raises(nn.ConfigError, match="must be a mapping of names to arrays"):
            nn.read_weights(twin, few, layout)


def test_what_does_not_fit_changes_nothing():
    layer = nn.GRU(3, 4).initialize(0)
    before = {name: values.copy() for name, values in layer.params.items()}
    written = nn.write_weights(layer, "keras")
    cases = [
        ({**written, "bias": written["bias"][0]}, nn.ShapeError, "reset_after=False computes"),
        ({**written, "kernel": written["kernel"].T}, nn.ShapeError, r"must have shape \(3, 12\)"),
        ({"kernel": written["kernel"]}, nn.ConfigError, "lack recurrent_kernel; got kernel"),
    ]
    for given, error, said in cases:
        with pytest.raises(error, match=said):
            nn.read_weights(layer, given, "keras")
    for name, values in layer.params.items():
        np.testing.assert_array_equal(values, before[name])
    with pytest.raises(nn.UnknownNameError, match="layout of weights"):
        nn.write_weights(layer, "torch")
    with pytest.raises(nn.ConfigError, match="has no parameters yet"):
        nn.write_weights(nn.GRU(3, 4), "keras")
    with pytest.raises(nn.ConfigError, match=r"of nn.RNN, nn.LSTM and nn.GRU: Tanh"):
        nn.write_weights(nn.Tanh(), "keras")
