"""Gradients that take turns in less memory: the same bits, and nobody sees what is not there."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.network import replay
from nnscratch_kernels.runtime import reuse, schedule, threads

pytestmark = pytest.mark.skipif(
    nn.active_kernels() != "numba", reason="only compiled kernels are captured"
)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 13)).astype(np.float32)
SEQUENCES = RNG.standard_normal((24, 6, 13)).astype(np.float32)
LABELS = RNG.integers(0, 4, 24)


def block(width=13):
    return [nn.Dense(width, width), nn.Tanh(), nn.Dense(width, width)]


NETWORKS = {
    "chain": lambda: [*(part for _ in range(6) for part in (nn.Dense(13, 13), nn.ELU()))],
    "norms": lambda: [
        *(nn.Dense(13, 20), nn.BatchNorm(20), nn.PReLU(20), nn.LayerNorm(20), nn.Dense(20, 13)),
        *(nn.RMSNorm(13), nn.SELU(), nn.Identity()),
    ],
    "blocks": lambda: [nn.Residual(*block()), nn.Residual(*block(), scale=0.3), nn.Tanh()],
    "nested": lambda: [
        nn.Residual(nn.Residual(*block(), scale=0.5), nn.Tanh(), skip=nn.Dense(13, 13)),
        nn.Residual(nn.Identity()),
    ],
    "recurrent": lambda: [nn.LSTM(13, 9), nn.GRU(9, 8), nn.RNN(8, 13), nn.LastStep()],
    "both ways": lambda: [
        *(nn.Bidirectional(nn.GRU(13, 6)), nn.Dense(12, 13), nn.Tanh(), nn.MeanOverTime()),
    ],
}


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    monkeypatch.setattr(replay, "FEW_BYTES", 1)


def pair(name, **options):
    """Two equal networks, the second of which keeps every gradient."""
    models = [nn.Sequential(*NETWORKS[name](), nn.Dense(13, 4), seed=1, **options) for _ in "ab"]
    models[1].keep_gradients = True
    return models, SEQUENCES if name in ("recurrent", "both ways") else X


def lost(model):
    return [name for name, layer in model.last.items() if layer.upstream is None]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_same_bits_whatever_the_memory_held(name, count, monkeypatch):
    monkeypatch.setattr(threads, "_threads", count)
    monkeypatch.setattr(schedule, "WORTH_TEAM", 0)
    blocks = []

    def poisoned(size, kind):
        blocks.append(np.full(size, 255, kind))  # NaN
        return blocks[-1]

    monkeypatch.setattr(reuse, "empty", poisoned)
    models, x = pair(name)
    loss = nn.SoftmaxCrossEntropy()
    optimizers = [nn.SGD(lr=0.1), nn.SGD(lr=0.1)]
    for _ in range(3):
        values = [model.training_pass(x, LABELS, loss) for model in models]
        assert values[0] == values[1]
        np.testing.assert_array_equal(models[0].grads.flat, models[1].grads.flat)
        for model, optimizer in zip(models, optimizers, strict=True):
            optimizer.step(model.params, model.grads)
        for memory in blocks:
            memory[...] = 255
    assert blocks
    assert lost(models[0])
    assert not lost(models[1])


def test_few_bytes_have_a_place_each(monkeypatch):
    monkeypatch.undo()
    models, x = pair("chain")
    models[0].training_pass(x, LABELS, nn.SoftmaxCrossEntropy())
    assert not lost(models[0])
    deep = nn.Sequential(*(nn.Dense(64, 64) for _ in range(70)), nn.Dense(64, 4), seed=0)
    wide = RNG.standard_normal((128, 64)).astype(np.float32)
    labels = RNG.integers(0, 4, 128)
    deep.training_pass(wide, labels, nn.SoftmaxCrossEntropy())
    assert len(lost(deep)) == 70  # of 32 kB each
    shallow = nn.Sequential(*(nn.Dense(64, 64) for _ in range(63)), nn.Dense(64, 4), seed=0)
    shallow.training_pass(wide, labels, nn.SoftmaxCrossEntropy())
    assert not lost(shallow)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_recorder_sees_them_all(name):
    models, x = pair(name)
    records = []
    for model in models:
        flow = nn.GradientFlow(model)
        trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
        trainer.fit(x, LABELS, epochs=3, batch_size=12, callbacks=[flow], progress=False)
        records.append(flow.to_dict())
    for key, values in records[1].items():
        np.testing.assert_array_equal(records[0][key], values, key)


def test_many_steps_in_one_call():
    models, x = pair("chain")
    for model in models:
        trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
        trainer.fit(x, LABELS, epochs=20, batch_size=4, progress=False)
    np.testing.assert_array_equal(models[0].params.flat, models[1].params.flat)


def test_the_trace_says_what_it_still_has():
    (model, _), x = pair("chain")
    loss = nn.SoftmaxCrossEntropy()
    model.training_pass(x, LABELS, loss)
    assert lost(model) == list(model.layers)[:-1]
    last = model.last
    assert last["12.dense"].upstream is not None
    assert last["12.dense"].downstream is None
    assert last["3.elu"].output.shape == (24, 13)
    for text in (repr(last), last._repr_html_()):
        assert "without the gradients at 12 layers, 0.dense to 11.elu" in text
        assert "model.keep_gradients = True keeps them" in text
    assert "without" not in repr(model.trace(x, LABELS, loss))
    assert not lost(model)
    model.training_pass(x, LABELS, loss)
    model.keep_gradients = True
    model.training_pass(x, LABELS, loss)
    assert not lost(model)
    assert "without" not in repr(model.last)
    model.keep_gradients = False
    model.training_pass(x, LABELS, loss)
    assert lost(model)
    model.forward(x)
    assert "without" not in repr(model.last)


class Seen(nn.Tanh):
    """Shows the gradient that it hands on."""

    kind = "seen"
    captured_whole = True

    def forward(self, x, training=False):
        y, cache = super().forward(x, training)
        return y, (cache, self.buffer("dx", x.shape))

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return super().backward(dy, cache[0], accumulate, input_gradient)

    def inside(self, cache):
        return {"x_gradient": cache[1]}


def test_what_a_layer_shows_of_its_inside_stays():
    parts = [part for _ in range(4) for part in (nn.Dense(13, 13), Seen())]
    model = nn.Sequential(*parts, nn.Dense(13, 4), seed=0)
    loss = nn.SoftmaxCrossEntropy()
    model.training_pass(X, LABELS, loss)
    found = {name: layer.x_gradient.copy() for name, layer in model.last.items() if "seen" in name}
    assert set(lost(model)) == set(found)
    trace = model.trace(X, LABELS, loss)
    for name, dx in found.items():
        np.testing.assert_array_equal(dx, trace[name].downstream, name)


def test_backward_after_such_a_pass_is_right():
    (model, twin), x = pair("nested")
    loss = nn.SoftmaxCrossEntropy()
    for one in (model, twin):
        one.training_pass(x, LABELS, loss)
    dlogits = twin.last[list(twin.layers)[-1]].upstream.copy()
    model.grads.flat[...] = 0
    model.backward(dlogits)
    np.testing.assert_array_equal(model.grads.flat, twin.grads.flat)
    assert not lost(model)
    model.training_pass(x, LABELS, loss)  # what was captured is as it was
    assert lost(model)
    np.testing.assert_array_equal(model.grads.flat, twin.grads.flat)


def test_a_recorder_that_comes_between_pass_and_update_measures_them():
    models, x = pair("blocks")
    records = []
    for model in models:
        optimizer = nn.SGD(lr=0.1)
        model.training_pass(x, LABELS, nn.SoftmaxCrossEntropy())
        flow = nn.GradientFlow(model)
        with flow.attached(optimizer):
            optimizer.step(model.params, model.grads)
        records.append(flow.to_dict()["gradient_norm"])
    assert len(records[1]) == 1
    np.testing.assert_array_equal(*records)


def test_a_gradient_that_overflows_is_found_where_it_does():
    """On its way down, where only gradients show it."""
    found = []
    models, x = pair("chain")
    for model in models:
        for i in (0, 2, 4, 6, 8):
            model.params[f"{i}.weight"][...] *= 0.01
        model.params["10.weight"][...] *= 1e20
        model.params["12.weight"][...] *= 1e25
        value = model.training_pass(x, LABELS, nn.SoftmaxCrossEntropy())
        found.append(nn.find_nonfinite(model, value))
    assert found[0] is not None
    assert str(found[0]) == str(found[1])
