"""The trace of a pass: is it what happened, and does looking change anything?"""

from itertools import pairwise

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.network.trace import Trace

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((9, 5)), RNG.integers(0, 3, 9)


def make(*extra, dtype=np.float64):
    layers = nn.Dense(5, 6), nn.BatchNorm(6), nn.Tanh(), *extra, nn.Dense(6, 3)
    return nn.Sequential(*layers, seed=4, dtype=dtype)


def by_hand(params):
    """The same network written out once more, in NumPy alone."""
    z = X @ params["0.weight"] + params["0.bias"]
    sd = np.sqrt(z.var(axis=0) + 1e-3)
    normal = (z - z.mean(axis=0)) / sd
    u = params["1.gamma"] * normal + params["1.beta"]
    h = np.tanh(u)
    logits = h @ params["3.weight"] + params["3.bias"]
    e = np.exp(logits)
    p = e / e.sum(axis=1, keepdims=True)
    dlogits = (p - np.eye(3)[LABELS]) / len(X)
    dh = dlogits @ params["3.weight"].T
    du = dh * (1 - h**2)
    dn = du * params["1.gamma"]
    dz = (dn - dn.mean(axis=0) - normal * (dn * normal).mean(axis=0)) / sd
    dx = dz @ params["0.weight"].T
    loss = -np.log(p[np.arange(len(X)), LABELS]).mean()
    return loss, [X, z, u, h, logits], [dx, dz, du, dh, dlogits]


def test_contents_equal_an_independent_computation():
    model = make()
    model.params.flat[...] += 0.1 * np.random.default_rng(1).standard_normal(model.params.flat.size)
    trace = model.trace(X, LABELS, nn.SoftmaxCrossEntropy())
    loss, values, gradients = by_hand(model.params)
    assert trace.loss == pytest.approx(loss, rel=1e-12)
    assert list(trace) == ["0.dense", "1.batchnorm", "2.tanh", "3.dense"]
    for i, layer in enumerate(trace.values()):
        np.testing.assert_allclose(layer.input, values[i], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(layer.output, values[i + 1], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(layer.downstream, gradients[i], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(layer.upstream, gradients[i + 1], rtol=1e-10, atol=1e-13)


def test_neighbours_share_what_passes_between_them():
    trace = make().trace(X, LABELS, nn.SoftmaxCrossEntropy())
    layers = list(trace.values())
    for below, above in pairwise(layers):
        assert below.output is above.input
        assert below.upstream is above.downstream


def test_the_gradients_of_the_pass_are_in_grads():
    model = make()
    trace = model.trace(X, LABELS, nn.SoftmaxCrossEntropy())
    last = trace["3.dense"]
    np.testing.assert_allclose(model.grads["3.weight"], last.input.T @ last.upstream, rtol=1e-12)
    np.testing.assert_allclose(model.grads["3.bias"], last.upstream.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("training", [True, False])
def test_looking_changes_nothing(training):
    """A training with a look between two steps ends with the same bits."""

    def train(look):
        model = make(nn.Dropout(0.3), nn.RReLU(), dtype=np.float32)
        loss = nn.SoftmaxCrossEntropy()
        x = X.astype(np.float32)
        for _ in range(3):
            if look:
                state = [model.params.flat.copy(), model.statistics.flat.copy()]
                noise = model.noise_state()
                model.trace(x, LABELS, loss, training=training)
                assert np.array_equal(model.params.flat, state[0])
                assert np.array_equal(model.statistics.flat, state[1])
                assert model.noise_state() == noise
            model.backward(loss(model.forward(x, training=True), LABELS)[1])
            model.params.flat[...] -= np.float32(0.1) * model.grads.flat
        return [model.params.flat, model.statistics.flat, str(model.noise_state())]

    for plain, looked_at in zip(train(False), train(True), strict=True):
        assert np.array_equal(plain, looked_at)


def test_a_failing_loss_leaves_statistics_and_noise_as_they_were():
    model = make(nn.Dropout(0.3))
    statistics, noise = model.statistics.flat.copy(), model.noise_state()
    with pytest.raises(nn.DataError):
        model.trace(X, LABELS + 7, nn.SoftmaxCrossEntropy())
    assert np.array_equal(model.statistics.flat, statistics)
    assert model.noise_state() == noise


@pytest.mark.parametrize(
    "another_pass",
    [
        lambda model: model.forward(X),
        lambda model: model.trace(X, LABELS, nn.SoftmaxCrossEntropy()),
        lambda model: model.predict(X),
    ],
)
def test_an_outdated_trace_is_refused_and_a_copy_survives(another_pass):
    model = make()
    trace = model.trace(X, LABELS, nn.SoftmaxCrossEntropy())
    copy = trace.copy()
    before = copy["2.tanh"].output.tobytes()
    model.params.flat[...] = 1
    another_pass(model)
    with pytest.raises(nn.ConfigError, match=r"outdated.*trace\.copy\(\)"):
        trace["2.tanh"]
    with pytest.raises(nn.ConfigError, match="outdated"):
        trace.copy()
    assert copy["2.tanh"].output.tobytes() == before
    assert copy.loss == trace.loss


def test_a_copy_owns_its_arrays():
    model = make()
    trace = model.trace(X, LABELS, nn.SoftmaxCrossEntropy())
    copy = trace.copy()
    for name, layer in trace.items():
        for field in ("input", "output", "upstream", "downstream"):
            assert not np.shares_memory(getattr(copy[name], field), getattr(layer, field))


def test_the_latest_pass_can_be_read_without_asking_for_a_trace():
    model = make()
    with pytest.raises(nn.ConfigError, match="made no pass yet"):
        _ = model.last
    logits = model.forward(X, training=True)
    forward_only = model.last
    assert forward_only["3.dense"].output is logits
    assert forward_only["3.dense"].upstream is None
    assert forward_only["3.dense"].downstream is None
    assert forward_only.copy()["0.dense"].downstream is None
    _, dlogits = nn.SoftmaxCrossEntropy()(logits, LABELS)
    model.backward(dlogits)
    assert np.array_equal(model.last["3.dense"].upstream, dlogits)
    assert model.last["0.dense"].downstream is None  # nobody asked for it
    assert model.last["1.batchnorm"].downstream is model.last["0.dense"].upstream
    model.backward(dlogits, input_gradient=True)
    assert model.last["0.dense"].downstream.shape == X.shape


def test_unknown_layers_and_the_mapping():
    trace = make().trace(X, LABELS, nn.SoftmaxCrossEntropy())
    with pytest.raises(nn.ConfigError, match=r"unknown layer '2.tahn': did you mean '2\.tanh'"):
        trace["2.tahn"]
    assert "2.tanh" in trace
    assert "2.elu" not in trace
    assert len(trace) == 4
    assert repr(trace).splitlines()[1:3] == [
        "  0.dense: (9, 5) -> (9, 6)",
        "  1.batchnorm: (9, 6) -> (9, 6)",
    ]
    assert len(Trace({}, None)) == 0
