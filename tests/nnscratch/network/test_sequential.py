"""A model as a sequence of its parts, and what is set in it."""

import copy

import numpy as np
import pytest

import nnscratch as nn

from .forks import LABELS, LOSS, X, first_and_last


def test_a_model_is_a_sequence_of_its_parts(parts):
    given = parts()
    model = nn.Sequential(*given, dtype=np.float64)
    assert len(model) == len(given)
    assert list(model) == given
    assert model[0] is given[0]
    assert (model[-1], model[-len(given)]) == (given[-1], given[0])
    np.testing.assert_array_equal(model(X).copy(), model.forward(X))
    for wrong in (len(given), -len(given) - 1):
        with pytest.raises(IndexError, match=f"has {len(given)} parts"):
            model[wrong]
    with pytest.raises(nn.ConfigError, match=r"takes a whole number, got '0.dense'"):
        model["0.dense"]
    text = str(model.summary())
    assert all(name in text for name in model.layers)
    assert f"{model.params.flat.size:,} parameters" in text


def test_the_input_may_be_the_target():
    """An autoencoder's batch is its own target at the first step, and another array at the next."""
    rng = np.random.default_rng(0)
    x, other, target = rng.standard_normal((3, 32, 6)).astype(np.float32)
    found, expected = (nn.Sequential(nn.Dense(6, 6), nn.Tanh(), seed=1) for _ in range(2))
    loss = nn.MeanSquaredError()
    for given, wanted in ((x, x), (other, target), (target, target), (x, other)):
        value = found.training_pass(given, wanted, loss)
        want, doutput = loss(expected.forward(given, training=True), wanted)
        expected.backward(doutput)
        assert value == want
        np.testing.assert_array_equal(found.grads.flat, expected.grads.flat)


def test_a_parameter_that_is_set_is_copied_into_its_place():
    model = nn.Sequential(nn.Dense(6, 4), nn.LeakyReLU(0.1), dtype=np.float64)
    layer = model[0]
    weight = np.random.default_rng(1).standard_normal((6, 4))
    layer.params["weight"] = weight
    np.testing.assert_array_equal(model.params["0.weight"], weight)
    model.params["0.bias"] = np.arange(4)
    np.testing.assert_array_equal(layer.params["bias"], np.arange(4))
    before = LOSS(model.forward(X), LABELS)[0]
    model[1].slope = 0.9
    assert LOSS(model.forward(X), LABELS)[0] != before
    expected = X @ weight + np.arange(4)
    np.testing.assert_allclose(model.output, np.where(expected > 0, expected, 0.9 * expected))
    for name, values, error, message in (
        ("weight", weight.T, nn.ShapeError, r"'weight' has shape \(6, 4\), got .*\(4, 6\)"),
        (
            "weight",
            weight.astype(str),
            nn.DtypeError,
            "'weight' must hold numbers that float64 can be",
        ),
        ("wait", weight, nn.UnknownNameError, "wait"),
    ):
        with pytest.raises(error, match=message):
            layer.params[name] = values


def test_sequences_train_are_recorded_and_evaluated(tmp_path):
    """Labels for every position, through the trainer, in a captured pass where there are some."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 5, 6))
    labels = (x[..., 0] > 0).astype(int) + 2 * (x[..., 1] > 0)
    model, flat = (nn.Sequential(*first_and_last(), seed=2) for _ in range(2))
    flow = nn.GradientFlow(model)
    trainer = nn.Trainer(model, LOSS, nn.Adam(lr=0.03))
    trainer.fit(x, labels, epochs=40, batch_size=10, callbacks=[flow], progress=False)
    assert model.last["1.dense"].output.shape == (10, 5, 4)
    record = flow.to_dict()
    for i, layer in enumerate(model.last.values()):
        norm = np.linalg.norm(layer.upstream.astype(np.float64))
        assert record["gradient_norm"][-1, i] == pytest.approx(norm, rel=1e-5)
    loss, accuracy = trainer.evaluate(x, labels)
    assert loss < 0.5
    assert accuracy > 0.8
    flat.params.flat[...] = model.params.flat
    given = x.astype(np.float32)
    value = model.training_pass(given, labels, LOSS)
    assert value == flat.training_pass(
        given.reshape(-1, 6), labels.ravel(), nn.SoftmaxCrossEntropy()
    )
    np.testing.assert_array_equal(model.grads.flat, flat.grads.flat)
    with pytest.raises(nn.ShapeError, match=r"y has shape \(40, 4\), expected \(40, 5\)"):
        trainer.fit(x, labels[:, :4], epochs=1, batch_size=10, progress=False)
    x[1, 2, 3] = np.nan
    with pytest.raises(nn.DataError, match=r"not finite: nan"):
        trainer.fit(x, labels, epochs=1, batch_size=10, progress=False)


def test_layers_of_a_network_are_not_exchanged():
    model = nn.Sequential(nn.Dense(6, 4), seed=0)
    with pytest.raises(nn.ConfigError, match=r"layers\['0\.dense'\] = ReLU\(\) would change none"):
        model.layers["0.dense"] = nn.ReLU()
    assert not {"pop", "popitem", "clear", "update", "setdefault", "__delitem__"} & set(
        dir(model.layers)
    )
    assert not {"pop", "remove", "__setitem__"} & set(dir(model.nodes))
    twin = copy.deepcopy(model)
    assert twin.layers["0.dense"] is twin.nodes[0].layer is not model.layers["0.dense"]
