"""Recurrent layers that go backwards, or learn the state that they begin with, as PyTorch's."""

import numpy as np
import pytest

import nnscratch as nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from nnscratch.pytorch import from_torch, read_state_dict, to_torch, write_state_dict  # noqa: E402

KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def turned(kind, reverse, initial, both, dtype="float64"):
    def layer(n_in):
        made = KINDS[kind](n_in, 4, reverse=reverse, initial=initial, bias_init="normal")
        return nn.Bidirectional(made) if both else made

    wide = 8 if both else 4
    parts = layer(3), nn.LayerNorm(wide), layer(wide), nn.MeanOverTime(), nn.Dense(wide, 2)
    model = nn.Sequential(*parts, seed=1, dtype=dtype)
    rng = np.random.default_rng(2)
    for name, values in model.params.items():
        if "initial" in name:
            values[...] = rng.standard_normal(values.shape)
    return model


@pytest.mark.parametrize("both", [False, True], ids=["alone", "both ways"])
@pytest.mark.parametrize("initial", ["zeros", "learned"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_gradients_are_those_of_the_layer(kind, reverse, initial, both):
    model = turned(kind, reverse, initial, both)
    module = to_torch(model)
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((5, 7, 3)), rng.integers(0, 2, 5)
    given = torch.tensor(x, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(module(given), torch.tensor(labels))
    loss.backward()
    found = model.trace(x, labels, nn.SoftmaxCrossEntropy())
    assert found.loss == pytest.approx(loss.item(), rel=1e-12)
    # What stands in two places, the biases, has the gradient of both.
    norm = sum(p.grad.square().sum() for n, p in module.named_parameters() if "bias_hh" not in n)
    if kind == "gru":
        norm += sum(p.grad.square().sum() for n, p in module.named_parameters() if "bias_hh" in n)
    assert np.linalg.norm(model.grads.flat) == pytest.approx(norm.sqrt().item(), rel=1e-10)
    starts = [p.grad for n, p in module.named_parameters() if ".start." in n]
    ours = [values for name, values in model.grads.items() if "initial" in name]
    assert sum(one.numel() for one in starts) == sum(one.size for one in ours)
    total = sum(one.sum().item() for one in starts)
    assert sum(one.sum() for one in ours) == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("both", [False, True], ids=["alone", "both ways"])
@pytest.mark.parametrize("initial", ["zeros", "learned"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back_is_the_same_network(kind, reverse, initial, both, dtype):
    model = turned(kind, reverse, initial, both, dtype)
    again = from_torch(to_torch(model))
    assert list(again.params) == list(model.params)
    assert again.dtype == model.dtype
    for name, values in model.params.items():
        np.testing.assert_array_equal(again.params[name], values)
    directions = [layer.reverse for layer in model.layers.values() if layer.role == "recurrent"]
    assert [x.reverse for x in again.layers.values() if x.role == "recurrent"] == directions
    other = turned(kind, reverse, initial, both, dtype)
    other.params.flat = 0 * other.params.flat
    read_state_dict(other, write_state_dict(model))
    np.testing.assert_array_equal(other.params.flat, model.params.flat)


def test_frozen_ones_stay_frozen():
    model = turned("lstm", True, "learned", False)
    model.freeze("0.lstm")
    module = to_torch(model)
    assert not any(one.requires_grad for one in module[0].parameters())
    assert all(one.requires_grad for one in module[2].parameters())
    assert from_torch(module).frozen == ("0.lstm",)
