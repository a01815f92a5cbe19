"""Arrays that somebody has replaced or given another shape: taken over, or refused by name, before
a kernel reads beyond their end."""

from __future__ import annotations

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
