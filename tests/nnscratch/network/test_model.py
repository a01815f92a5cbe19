"""A network as a whole: names, memory, passes, copies."""

import copy
import tracemalloc

import numpy as np
import pytest

import nnscratch as nn

from .small import LABELS, X, make, step


def test_layers_and_parameters_are_named_by_position():
    model = make(nn.Dropout(0.1), nn.LeakyReLU(), nn.GELU())
    assert list(model.layers) == [
        "0.dense", "1.batchnorm", "2.prelu", "3.dropout", "4.leakyrelu", "5.gelu", "6.dense",
    ]  # fmt: skip
    assert [layer.name for layer in model.layers.values()] == list(model.layers)
    assert model.params.names == model.grads.names == (
        "0.weight", "0.bias", "1.gamma", "1.beta", "2.slope", "6.weight", "6.bias",
    )  # fmt: skip
    assert model.statistics.names == ("1.running_mean", "1.running_variance")
    assert model.params["0.weight"].shape == (4, 6)
    assert (model.features_in, model.features_out) == (4, 3)


def test_model_layers_and_flat_arrays_share_their_memory():
    model = make()
    layer = model.layers["0.dense"]
    for name in ("0.dens", 0):
        with pytest.raises(nn.UnknownNameError, match=r"unknown layer .*known are 0\.dense"):
            model.layers[name]
    assert np.shares_memory(layer.params["weight"], model.params["0.weight"])
    assert np.shares_memory(layer.grads["bias"], model.grads["0.bias"])
    running = model.layers["1.batchnorm"].statistics["running_mean"]
    assert np.shares_memory(running, model.statistics["1.running_mean"])
    step(model)
    assert np.shares_memory(layer.params["weight"], model.params.flat)
    model.params.flat[...] = 0
    assert not layer.params["weight"].any()
    assert not model.forward(X).any()


@pytest.mark.parametrize("noisy", [False, True])
def test_a_step_reuses_its_buffers_and_allocates_no_arrays(noisy):
    width, rows = 128, 64
    extra = [nn.Dropout(0.1), nn.RReLU()] if noisy else []
    layers = nn.Dense(width, width), nn.BatchNorm(width), nn.ELU(), *extra, nn.Dense(width, width)
    model = nn.Sequential(*layers)
    loss = nn.SoftmaxCrossEntropy()
    x = np.random.default_rng(0).standard_normal((rows, width)).astype(np.float32)
    labels = np.zeros(rows, np.int64)

    def once():
        y = model.forward(x, training=True)
        model.backward(loss(y, labels)[1])
        return y

    with nn.use_kernels("numba"):  # the readable kernels make temporary arrays
        y = once()
        layers_before = model.last
        buffers = [layer.upstream for layer in layers_before.values()]
        once()
        tracemalloc.start()
        again = once()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert again is y
    assert all(a is b.upstream for a, b in zip(buffers, model.last.values(), strict=True))
    assert peak < x.nbytes / 2, f"{peak} bytes; one array of the batch has {x.nbytes}"


def test_nbytes_counts_parameters_and_buffers():
    model = make()
    parameters = 2 * model.params.flat.nbytes + model.statistics.flat.nbytes
    assert model.nbytes == parameters
    model.forward(X)
    assert model.nbytes >= parameters + 4 * 12 * (6 + 6 + 6 + 3)


def test_evaluation_takes_the_statistics_asked_for():
    model = make()
    for _ in range(3):
        step(model)
    outputs = {
        name: model.forward(X, statistics=name).copy() for name in ("running", "initial", "batch")
    }
    assert np.array_equal(model.forward(X), outputs["running"])
    assert np.array_equal(model.predict(X, statistics="initial"), outputs["initial"])
    np.testing.assert_allclose(model.forward(X, training=True), outputs["batch"], rtol=1e-6)
    model.statistics["1.running_mean"][...] = 0
    model.statistics["1.running_variance"][...] = 1
    assert np.array_equal(model.forward(X), outputs["initial"])


def test_accumulated_halves_are_the_whole_batch():
    model = nn.Sequential(nn.Dense(4, 6), nn.Tanh(), nn.Dense(6, 3), dtype=np.float64)
    loss, x = nn.SoftmaxCrossEntropy(), X.astype(np.float64)
    model.backward(loss(model.forward(x), LABELS)[1])
    whole = model.grads.flat.copy()
    for half in (slice(0, 6), slice(6, 12)):
        _, dlogits = loss(model.forward(x[half]), LABELS[half])
        model.backward(dlogits / 2, accumulate=half.start > 0)
    np.testing.assert_allclose(model.grads.flat, whole, rtol=1e-12, atol=1e-15)


def test_the_input_gradient_is_given_on_request():
    model = make()
    _, dlogits = nn.SoftmaxCrossEntropy()(model.forward(X, training=True), LABELS)
    assert model.backward(dlogits) is None
    grads = model.grads.flat.copy()
    assert model.backward(dlogits, input_gradient=True).shape == X.shape
    assert np.array_equal(model.grads.flat, grads)


def test_training_lowers_the_loss():
    model = make()
    values = [step(model) for _ in range(50)]
    assert values[-1] < 0.5 * values[0]


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
def test_predictions_do_not_depend_on_the_batch_size(batch_size):
    model = make(nn.Dropout(0.5))
    step(model)
    expected = model.forward(X).copy()
    predicted = model.predict(X, batch_size=batch_size)
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-6)
    model.forward(np.zeros_like(X))
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-6)  # a copy


def test_input_in_column_order_and_with_strides_gives_the_same():
    model = make()
    expected = model.forward(X).copy()
    assert np.array_equal(model.forward(np.asfortranarray(X)), expected)
    assert np.array_equal(model.forward(np.repeat(X, 2, axis=0)[::2]), expected)


def test_not_a_number_in_the_input_passes_through_to_its_row_alone():
    x = X.copy()
    x[3, 1] = np.nan
    y = make().forward(x)
    assert np.isnan(y[3]).all()
    assert np.isfinite(np.delete(y, 3, axis=0)).all()


def test_a_deep_copy_is_an_independent_whole_model():
    model = make(nn.Dropout(0.5))
    step(model)
    twin = copy.deepcopy(model)
    before = model.params.flat.copy()
    assert np.shares_memory(twin.layers["0.dense"].params["weight"], twin.params["0.weight"])
    assert np.shares_memory(twin.params["0.weight"], twin.params.flat)
    assert np.shares_memory(twin.layers["1.batchnorm"].grads["gamma"], twin.grads.flat)
    values = [step(twin) for _ in range(3)]
    assert np.array_equal(model.params.flat, before)
    assert [step(model) for _ in range(3)] == values
    assert np.array_equal(model.params.flat, twin.params.flat)
    assert np.array_equal(model.statistics.flat, twin.statistics.flat)


def test_representation_lists_the_layers():
    lines = repr(make()).splitlines()
    assert lines[0] == "Sequential(float32, 64 parameters)"
    assert lines[2] == "  1.batchnorm  BatchNorm(6, momentum=0.9, epsilon=0.001)"
