"""What every layer shares: how it gets its arrays, what input it takes, the buffers it reuses."""

import tracemalloc

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.layers import Layer, activation, activation_names

LAYERS = {
    **{name: lambda name=name: activation(name) for name in activation_names()},
    "prelu per unit": lambda: nn.PReLU(64),
    "dense": lambda: nn.Dense(64, 48),
    "batchnorm": lambda: nn.BatchNorm(64),
    "dropout": lambda: nn.Dropout(0.3),
}


def batch(rows=100, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, 64)).astype(dtype)


def step(layer, x, training=True):
    y, cache = layer.forward(x, training)
    return y, layer.backward(np.ones_like(y), cache)


@pytest.mark.parametrize("name", LAYERS)
def test_buffers_are_reused(name):
    layer = LAYERS[name]().initialize(0)
    x = batch()
    address = [a.__array_interface__["data"][0] for a in step(layer, x)]
    for _ in range(2):
        y, dx = step(layer, x)
        again = [a.__array_interface__["data"][0] for a in (y, dx)]
        if name != "identity":  # which returns what it was given
            assert again == address


@pytest.mark.parametrize("name", LAYERS)
def test_a_step_allocates_no_arrays(name):
    layer = LAYERS[name]().initialize(0)
    x = batch()
    dy = np.ones((100, layer.output_features(64)), np.float32)

    def full_step():
        _, cache = layer.forward(x, True)
        layer.backward(dy, cache)
        _, cache = layer.forward(x, False)
        layer.backward(dy, cache, accumulate=True)

    with nn.use_kernels("numba"):  # the readable kernels make temporary arrays
        full_step()
        full_step()
        tracemalloc.start()
        full_step()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < x.nbytes / 3, f"{peak} bytes; one array of the batch has {x.nbytes}"


@pytest.mark.parametrize("name", LAYERS)
def test_a_shorter_batch_gives_the_same_rows_as_a_new_layer(name):
    used, fresh = LAYERS[name]().initialize(0), LAYERS[name]().initialize(0)
    x = batch()
    step(used, x, training=False)
    short = step(used, x[:7], training=False)
    expected = step(fresh, x[:7], training=False)
    assert all(np.array_equal(a, b) for a, b in zip(short, expected, strict=True))


@pytest.mark.parametrize("name", LAYERS)
def test_input_in_column_order_gives_the_same(name):
    x = batch(dtype=np.float64)
    plain = [a.copy() for a in step(LAYERS[name]().initialize(0, np.float64), x)]
    turned = step(LAYERS[name]().initialize(0, np.float64), np.asfortranarray(x))
    assert all(np.array_equal(a, b) for a, b in zip(plain, turned, strict=True))


@pytest.mark.parametrize("name", LAYERS)
def test_accumulate_adds_to_the_gradients_that_are_there(name):
    layer = LAYERS[name]().initialize(0, np.float64)
    y, cache = layer.forward(batch(dtype=np.float64), True)
    layer.backward(np.ones_like(y), cache)
    once = {key: grad.copy() for key, grad in layer.grads.items()}
    layer.backward(3 * np.ones_like(y), cache, accumulate=True)
    for key, grad in layer.grads.items():
        np.testing.assert_allclose(grad, 4 * once[key], rtol=1e-12, atol=1e-12)
        assert grad.any() or name == "batchnorm"
    layer.backward(np.ones_like(y), cache)
    assert all(np.array_equal(layer.grads[key], once[key]) for key in once)


@pytest.mark.parametrize("name", LAYERS)
def test_float32_is_close_to_float64(name):
    results = []
    for dtype in (np.float32, np.float64):
        layer = LAYERS[name]().initialize(0, dtype)
        results.append([a.astype(np.float64) for a in step(layer, batch(dtype=dtype), False)])
    for single, double in zip(*results, strict=True):
        np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros((3, 5), np.float32), nn.ShapeError, r"expects 4 features, got 5 .*\(3, 5\)"),
        (np.zeros(4, np.float32), nn.ShapeError, r"expects .*\(batch, 4\), got shape \(4,\)"),
        ([[1.0]], nn.ShapeError, "got list"),
        (np.zeros((3, 4)), nn.DtypeError, r"computes in float32, got input of float64; convert"),
        (np.zeros((3, 4), int), nn.DtypeError, "got input of int64"),
    ],
)
@pytest.mark.parametrize(
    "make", [lambda: nn.Dense(4, 2), lambda: nn.BatchNorm(4), lambda: nn.PReLU(4)]
)
def test_wrong_inputs_are_refused(make, x, error, message):
    layer = make().initialize(0)
    with pytest.raises(error, match=message) as raised:
        layer.forward(x)
    assert f"layer '{layer.kind}'" in str(raised.value)


def test_a_layer_without_arrays_says_how_to_get_them():
    with pytest.raises(nn.ConfigError, match=r"put it in a Sequential, or call .initialize"):
        nn.ReLU().forward(np.zeros((1, 1), np.float32))


def test_initialize_takes_a_seed_or_a_generator_and_checks_the_dtype():
    a, b = (nn.Dense(3, 2).initialize(rng) for rng in (5, np.random.default_rng(5)))
    assert np.array_equal(a.params["weight"], b.params["weight"])
    assert a.params["weight"].dtype == np.float32
    with pytest.raises(nn.DtypeError, match="float32 or float64"):
        nn.Dense(3, 2).initialize(0, np.float16)


def test_an_unfinished_layer_says_what_is_missing():
    class Unfinished(Layer):
        kind = "unfinished"

    layer = Unfinished().initialize(0)
    with pytest.raises(TypeError, match="Unfinished has no forward"):
        layer.forward(np.zeros((1, 1), np.float32))
    with pytest.raises(TypeError, match="Unfinished has no backward"):
        layer.backward(np.zeros((1, 1), np.float32), None)
