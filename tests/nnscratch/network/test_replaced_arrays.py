"""Arrays that somebody has replaced or given another shape: taken over, or refused by name, before
a kernel reads beyond their end."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import nnscratch as nn

from .with_statistics import X, made, once


def refuses(before, layer, name, value, error, said):
    """A setting of a layer is changed, and both ways through the network refuse it."""
    model = made()
    if before:
        once(model)
    setattr(model.layers[layer], name, value)
    for call in (lambda: once(model), lambda: model.forward(X)):
        with pytest.raises(error, match=said):
            call()


@pytest.mark.parametrize("before", [False, True], ids=["at first", "once captured"])
@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [("0.dense", "n_in", 64000), ("3.dense", "n_out", 100_000), ("2.batchnorm", "features", 9000)],
)
def test_a_width_that_is_set_later_is_refused(layer, name, value, before):
    refuses(before, layer, name, value, nn.NnscratchError, rf"{layer}.*({value}|{name})")


def test_a_layer_by_itself_is_checked_too():
    layer = nn.Dense(12, 8).initialize()
    layer.forward(X)
    layer.n_out = 1_000_000
    with pytest.raises(nn.ConfigError, match="changed after its arrays were made"):
        layer.forward(X)


@pytest.mark.parametrize("name", ["params", "grads", "statistics", "dtype", "noise"])
@pytest.mark.parametrize("alone", [False, True])
def test_what_a_layer_has_is_not_replaced(name, alone):
    model = made()
    layer = nn.BatchNorm(8).initialize() if alone else model.layers["2.batchnorm"]
    before, expected = getattr(layer, name), once(made())
    same = {key: np.zeros(2) for key in layer.params} if name != "noise" else np.random
    for value in (None, same, 3):
        with pytest.raises(nn.ConfigError, match=rf"^{name} of layer '{layer.name}' (stays|must)"):
            setattr(layer, name, value)
    assert getattr(layer, name) is before
    assert once(model) == expected
    layer.noise = np.random.default_rng(1)


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
    assert np.shares_memory(model.params.flat, flat)
    np.testing.assert_array_equal(model.params["3.bias"], values[-4:].astype(np.float32))
    model.params.flat += 1
    assert np.shares_memory(model.params.flat, flat)
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
    refuses(before, layer, name, value, nn.ConfigError, f"{name} must be a finite number")


def test_another_shape_of_a_view_is_the_business_of_whoever_got_it():
    model, expected = made(), once(made())
    mine = model.params["0.weight"]
    flat = model.params.flat
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # as NumPy means to forbid it
        mine.shape, flat.shape = (8, 12), (12, 13)
        mine.dtype = flat.dtype = np.int32
    assert model.params["0.weight"].shape == (12, 8)
    assert model.params.flat.shape == (156,)
    assert model.params.flat.dtype == np.float32
    assert once(model) == once(model) == expected
    assert model.layers["0.dense"].params["weight"].shape == (12, 8)


def trained(compiled=True):
    with nn.use_kernels("numba" if compiled else "reference"):
        model, optimizer = made(), nn.Adam(lr=0.1)
        for _ in range(2):
            once(model)
            optimizer.step(model.params, model.grads)
        return model, optimizer


def test_write_protection_of_a_view_is_the_business_of_whoever_got_it():
    model, optimizer = trained()
    mine = [model.params["0.weight"], model.params.flat, model.grads.flat, model.statistics.flat]
    mine += optimizer.state.values()
    for array in mine:
        array.setflags(write=False)
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    before = [array.copy() for array in mine]
    once(model)
    optimizer.step(model.params, model.grads)
    assert all((array != was).any() for array, was in zip(mine, before, strict=True))
    expected = trained()
    once(expected[0])
    expected[1].step(expected[0].params, expected[0].grads)
    np.testing.assert_array_equal(model.params.flat, expected[0].params.flat)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        *[(np.zeros(shape, np.float32), nn.ShapeError) for shape in (3, (156, 1), (1, 156))],
        *[([0.0], nn.ShapeError), (None, nn.ShapeError), ([[1], [2, 3]], nn.ShapeError)],
        *[(["a"] * 156, nn.DtypeError), (np.full(156, 1j), nn.DtypeError)],
        *[(np.full(156, 1e300), nn.DataError), (np.ma.masked_all(156, np.float32), nn.DataError)],
    ],
)
def test_state_of_an_optimizer_that_does_not_fit_is_refused(state, error):
    _, optimizer = trained()
    before = optimizer.state_dict()
    with pytest.raises(error, match=r"'first_moment' [hm]"):
        optimizer.state["first_moment"] = state
    for name, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    with pytest.raises(nn.UnknownNameError, match="velocity"):
        optimizer.state["velocity"] = np.zeros(156, np.float32)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("like", ["", "contiguous", "aligned", "float64", "big-endian"])
def test_state_that_fits_is_copied_into_its_place(like, compiled):
    values = np.linspace(0, 1, 156, dtype=np.float32)
    given = {
        "": values.copy(),
        "contiguous": np.repeat(values, 2)[::2],
        "aligned": np.frombuffer(b"x" + values.tobytes(), np.float32, offset=1),
        "float64": values.astype(float),
        "big-endian": values.astype(">f4"),
    }[like]
    with nn.use_kernels("numba" if compiled else "reference"):
        model, optimizer = trained(compiled)
        place = optimizer.state["first_moment"]
        optimizer.state["first_moment"] = given
        np.testing.assert_array_equal(place, values)
        before, second = model.params.flat.copy(), optimizer.state["second_moment"].copy()
        model.grads.flat[...] = 0
        optimizer.step(model.params, model.grads)
        rate = 0.1 * np.sqrt(1 - 0.999**3) / (1 - 0.9**3)
        expected = before - rate * 0.9 * values / (np.sqrt(0.999 * second) + 1e-8)
        np.testing.assert_allclose(model.params.flat, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(given, values)


def test_state_that_is_another_array_of_the_training_shares_no_memory_with_it():
    model, optimizer = trained()
    optimizer.state["first_moment"] = optimizer.state["second_moment"]
    for array in (model.params.flat, model.grads.flat, optimizer.state["second_moment"]):
        optimizer.state["second_moment"] = array
        assert not np.shares_memory(optimizer.state["first_moment"], array)
    with pytest.raises(ValueError, match="does not own its data"):
        optimizer.state["first_moment"].resize(3, refcheck=False)
