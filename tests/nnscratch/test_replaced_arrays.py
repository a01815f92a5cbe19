"""Arrays that somebody has replaced or given another shape: taken over, or refused by name, before
a kernel reads beyond their end."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(3)
X = RNG.standard_normal((50, 12)).astype(np.float32)
Y = RNG.integers(0, 4, 50)


def made():
    layers = nn.Dense(12, 8), nn.LeakyReLU(), nn.BatchNorm(8), nn.Dense(8, 4)
    return nn.Sequential(*layers, seed=0)


def once(model):
    return model.training_pass(X, Y, nn.SoftmaxCrossEntropy())


@pytest.mark.parametrize("before", [False, True], ids=["at first", "once captured"])
@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [("0.dense", "n_in", 64000), ("3.dense", "n_out", 100_000), ("2.batchnorm", "features", 9000)],
)
def test_a_width_that_is_set_later_is_refused(layer, name, value, before):
    model = made()
    if before:
        once(model)
    setattr(model.layers[layer], name, value)
    for call in (lambda: once(model), lambda: model.forward(X)):
        with pytest.raises(nn.NnscratchError, match=rf"{layer}.*({value}|{name})"):
            call()


def test_a_layer_by_itself_is_checked_too():
    layer = nn.Dense(12, 8).initialize()
    layer.forward(X)
    layer.n_out = 1_000_000
    with pytest.raises(nn.ConfigError, match="changed after its arrays were made"):
        layer.forward(X)


@pytest.mark.parametrize("arrays", ["params", "grads", "statistics"])
def test_arrays_of_a_layer_that_are_replaced_are_refused(arrays):
    model = made()
    layer = model.layers["2.batchnorm"]
    setattr(layer, arrays, {name: np.zeros(2) for name in getattr(layer, arrays)})
    with pytest.raises(nn.ConfigError, match=r"2\.batchnorm.*changed after"):
        once(model)


@pytest.mark.parametrize("arrays", ["params", "grads", "statistics", "layers", "parts"])
def test_what_a_model_has_is_not_replaced(arrays):
    model, other, expected = made(), made(), once(made())
    once(model)
    with pytest.raises(nn.ConfigError, match=f"{arrays} of a Sequential stay where they are"):
        setattr(model, arrays, getattr(other, arrays))
    with pytest.raises(nn.ConfigError, match="layers of a network are its own"):
        model.layers["0.dense"] = nn.Dense(12, 8)
    assert once(model) == expected
    assert getattr(copy.deepcopy(model), arrays) is not getattr(model, arrays)


def test_all_parameters_at_once_are_copied_into_their_place():
    model, optimizer, twin = made(), nn.Adam(lr=0.1), nn.Adam(lr=0.1)
    flat, values = model.params.flat, np.linspace(-1, 1, 156)
    once(model)
    optimizer.step(model.params, model.grads)
    model.params.flat = values
    model.grads.flat = values
    assert model.params.flat is flat
    np.testing.assert_array_equal(model.params["3.bias"], values[-4:].astype(np.float32))
    model.params.flat += 1
    assert model.params.flat is flat
    with pytest.raises(nn.ShapeError, match=r"flat has shape \(156,\), got .* \(3,\)"):
        model.grads.flat = np.zeros(3, np.float32)
    with pytest.raises(nn.ConfigError, match="offsets of Parameters stays"):
        model.params.offsets = np.zeros(3, np.int64)
    with pytest.raises(ValueError, match="read-only"):
        model.params.offsets[-1] = 10**9
    with pytest.raises(ValueError, match="does not own its data"):
        model.params.flat.resize(3, refcheck=False)
    twin.load_state_dict(optimizer.state_dict())
    copied = copy.deepcopy(model)
    optimizer.step(model.params, model.grads)
    twin.step(copied.params, copied.grads)
    np.testing.assert_array_equal(model.params.flat, copied.params.flat)


def test_pickled_parameters_still_share_their_memory():
    twin = pickle.loads(pickle.dumps(made().params))
    twin["0.bias"] = np.full(8, 7.0)
    assert (twin.flat[twin.offsets[1] : twin.offsets[2]] == 7).all()
    np.testing.assert_array_equal(twin["0.weight"], made().params["0.weight"])


def test_masked_values_are_no_parameters():
    model = made()
    with pytest.raises(nn.DataError, match=r"'3\.bias' has 1 masked values of 4"):
        model.params["3.bias"] = np.ma.array(np.ones(4), mask=[0, 1, 0, 0])


@pytest.mark.parametrize("before", [False, True], ids=["at first", "once captured"])
@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [
        *[("1.leakyrelu", "slope", value) for value in (None, float("nan"), "a")],
        *[("2.batchnorm", "momentum", value) for value in ("a", 2.0)],
        *[("2.batchnorm", "epsilon", value) for value in (-5, 0)],
    ],
)
def test_a_setting_that_a_layer_would_not_be_made_with_is_refused(layer, name, value, before):
    model = made()
    if before:
        once(model)
    setattr(model.layers[layer], name, value)
    for call in (lambda: once(model), lambda: model.forward(X)):
        with pytest.raises(nn.ConfigError, match=f"{name} must be a finite number"):
            call()


def test_another_shape_of_a_view_is_the_business_of_whoever_got_it():
    model, expected = made(), once(made())
    mine = model.params["0.weight"]
    mine.shape = (8, 12)
    mine.dtype = np.int32
    assert model.params["0.weight"].shape == (12, 8)
    assert once(model) == once(model) == expected
    assert model.layers["0.dense"].params["weight"].shape == (12, 8)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "state",
    [np.zeros(3, np.float32), np.zeros(1000), np.zeros((156, 2), np.float32)[:, 0], [0.0], None],
)
def test_state_of_an_optimizer_that_does_not_fit_is_refused(state, compiled):
    with nn.use_kernels("numba" if compiled else "reference"):
        model, optimizer = made(), nn.Adam(lr=0.1)
        for _ in range(2):
            once(model)
            optimizer.step(model.params, model.grads)
        before = model.params.flat.copy()
        optimizer.state["first_moment"] = state
        with pytest.raises(nn.ShapeError, match=r"state of this Adam no longer fits .* 156 values"):
            optimizer.step(model.params, model.grads)
        np.testing.assert_array_equal(model.params.flat, before)


def test_state_that_fits_is_taken_over():
    model, optimizer = made(), nn.SGD(lr=0.1, momentum=0.5)
    once(model)
    optimizer.step(model.params, model.grads)
    before = model.params.flat.copy()
    optimizer.state["velocity"] = np.ones_like(before)
    model.grads.flat[...] = 0
    optimizer.step(model.params, model.grads)
    np.testing.assert_allclose(model.params.flat, before - np.float32(0.1) * 0.5, rtol=1e-5)
