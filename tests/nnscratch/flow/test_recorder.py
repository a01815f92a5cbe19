"""The recorder: every number against an independent calculation, and no effect on training."""

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 8)).astype(np.float32)
LABELS = RNG.integers(0, 3, 60)


def network(seed=0, batchnorm=True):
    middle = [nn.BatchNorm(6)] if batchnorm else []
    return nn.Sequential(
        nn.Dense(8, 6), *middle, nn.ELU(), nn.Dense(6, 5), nn.Tanh(), nn.Dense(5, 3), seed=seed
    )


def train(model, callbacks=(), clip=None, epochs=2):
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1, clip=clip))
    trainer.fit(
        X, LABELS, epochs=epochs, batch_size=20, callbacks=callbacks, progress=False, seed=1
    )
    return trainer


def test_norms_are_those_of_the_raw_arrays():
    model, loss = network(), nn.SoftmaxCrossEntropy()
    flow = nn.GradientFlow(model, label="raw")
    expected_backprop, expected_weights = [], []
    for start in (0, 20, 40):
        value, dlogits = loss(
            model.forward(X[start : start + 20], training=True), LABELS[start : start + 20]
        )
        model.backward(dlogits)
        flow.record(value)
        trace = model.last.copy()
        names = ("0.dense", "3.dense", "5.dense")
        raw = [trace[name].upstream.astype(np.float64) for name in names]
        expected_backprop.append([np.sqrt((array**2).sum()) for array in raw])
        raw = [model.grads[f"{i}.weight"].astype(np.float64) for i in (0, 3, 5)]
        expected_weights.append([np.sqrt((array**2).sum()) for array in raw])
    record = flow.to_dict()
    np.testing.assert_allclose(record["backprop_norm"], expected_backprop, rtol=1e-6)
    np.testing.assert_allclose(record["weight_gradient_norm"], expected_weights, rtol=1e-6)
    assert list(record["layers"]) == ["0.dense", "3.dense", "5.dense"]
    assert list(record["steps"]) == [0, 1, 2]
    assert record["label"] == "raw"
    assert len(flow) == 3


def test_recording_does_not_change_a_bit():
    with_flow, without = network(), network()
    train(with_flow, [nn.GradientFlow(with_flow)])
    train(without)
    assert with_flow.params.flat.tobytes() == without.params.flat.tobytes()
    assert with_flow.statistics.flat.tobytes() == without.statistics.flat.tobytes()


def test_gradients_are_recorded_before_clipping():
    model = network()
    flow = nn.GradientFlow(model)
    train(model, [flow], clip=nn.ClipByGlobalNorm(1e-3), epochs=1)
    weights = flow.to_dict()["weight_gradient_norm"]
    assert (np.sqrt((weights**2).sum(axis=1)) > 1e-2).all()


def test_every():
    model = network()
    flow = nn.GradientFlow(model, every=2)
    train(model, [flow], epochs=2)
    assert list(flow.to_dict()["steps"]) == [0, 2, 4]


def test_nothing_recorded_says_what_to_do():
    with pytest.raises(nn.ConfigError, match=r"recorded nothing yet.*callbacks=\[flow\]"):
        nn.GradientFlow(network()).to_dict()


def test_record_needs_a_backward_pass():
    model = network()
    model.forward(X[:4])
    with pytest.raises(nn.ConfigError, match="backward pass"):
        nn.GradientFlow(model).record(1.0)


def test_another_model_is_refused():
    flow = nn.GradientFlow(network())
    with pytest.raises(nn.ConfigError, match="another model"):
        train(network(), [flow])


def test_model_without_weights_is_refused():
    with pytest.raises(nn.ConfigError, match="no layer with weights"):
        nn.GradientFlow(nn.Sequential(nn.Tanh()))


def test_plot_draws_the_record():
    model = network()
    flow = nn.GradientFlow(model, label="mine")
    train(model, [flow])
    figure = flow.plot()
    first = flow.to_dict()["backprop_norm"][0]
    drawn = [line.get_ydata() for ax in figure.axes for line in ax.get_lines()]
    assert any(len(y) == 3 and np.allclose(y, first) for y in drawn)
