"""A record that is built by hand is the record that the recorder of this package writes."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import load_record
from nnscratch.flow.selection import describe_network

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 8)).astype(np.float32)
LABELS = RNG.integers(0, 3, 60)
STARTS = ((0, 20), (20, 33), (0, 1), (30, 30), (5, 9))
BATCHES = [(X[i : i + n], LABELS[i : i + n]) for i, n in STARTS]


def network(dtype=np.float32):
    return nn.Sequential(
        *(nn.Dense(8, 17), nn.BatchNorm(17), nn.ELU(), nn.Dense(17, 6), nn.ReLU()),
        *(nn.PReLU(6), nn.Dense(6, 3)),
        seed=3,
        dtype=dtype,
    )


def give(recorder, model):
    """Hand over everything that a pass has left in a model."""
    trace = model.last
    recorder.input(next(iter(trace.values())).input)
    for name, layer in trace.items():
        recorder.output(name, layer.output)
        recorder.gradient(name, layer.upstream)
    for name, layer in model.layers.items():
        if isinstance(layer, nn.BatchNorm):
            recorder.batchnorm(name, *layer.measured())


def recorded_twice(tmp_path, dtype=np.float32, **options):
    model, loss = network(dtype), nn.SoftmaxCrossEntropy()
    optimizer = nn.SGD(lr=0.1, clip=nn.ClipByGlobalNorm(0.5))
    layers, params = describe_network(model, {})
    flow = nn.GradientFlow(model, label="both", probe=X, probe_every=2, **options)
    recorder = nn.Recorder(
        *(layers, params),
        **{"label": "both", "clip": repr(optimizer.clip), "optimizer": repr(optimizer), **options},
        file=tmp_path / "built.flow",
    )
    with flow.attached(optimizer):
        for step, (x, labels) in enumerate(BATCHES):
            if step % 2 == 0:
                looked = model.run(X.astype(dtype), training=False, statistics="batch").outputs
                for node, y in zip(model.nodes, looked, strict=True):
                    if node.layer.role == "activation":
                        recorder.census(node.name, y)
            value = model.training_pass(x.astype(dtype), labels, loss)
            give(recorder, model)
            recorder.answers(labels, loss)
            before = {name: values.copy() for name, values in model.params.items()}
            grads = {name: values.copy() for name, values in model.grads.items()}
            report = optimizer.step(model.params, model.grads)
            for name, values in model.params.items():
                recorder.param(name, values, gradient=grads[name], before=before[name])
            recorder.clipped(report.norm_before, report.norm_after, report.fraction, report.cosine)
            recorder.end_step(loss=value, lr=0.1)
    return flow.to_dict(), recorder


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("histograms", [True, False])
def test_a_built_record_is_that_of_the_recorder(tmp_path, dtype, histograms):
    expected, recorder = recorded_twice(tmp_path, dtype, histograms=histograms)
    record = recorder.to_dict()
    assert list(record) == list(expected)
    for name, value in expected.items():
        if np.asarray(value).dtype.kind == "f":  # parameters are summed in another order
            np.testing.assert_allclose(record[name], value, rtol=2e-6, atol=1e-9, err_msg=name)
        else:
            np.testing.assert_array_equal(record[name], value, err_msg=name)
    recorder.close()
    np.testing.assert_equal(load_record(tmp_path / "built.flow"), record)


@pytest.mark.parametrize(
    ("sign", "momentum", "told"), [(1, 0.0, True), (-1, 0.0, False), (-1, 0.9, False)]
)
def test_updates_along_the_gradient_are_told_from_those_against_it(sign, momentum, told):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 4))
    y = x @ rng.standard_normal((4, 1))
    info = nn.ParamInfo("fc.W", "fc", "weight", (4, 1))
    recorder = nn.Recorder([nn.LayerInfo("fc", "dense", 1, role="weights")], [info])
    w, velocity = rng.standard_normal((4, 1)), np.zeros((4, 1))
    for _ in range(60):
        out = x @ w
        dout = 2 * (out - y) / len(x)
        gradient = x.T @ dout
        velocity = momentum * velocity + gradient
        recorder.input(x)
        recorder.output("fc", out)
        recorder.gradient("fc", dout)
        before, w = w, w + sign * 0.01 * velocity
        recorder.param("fc.W", w, gradient=gradient, before=before)
        recorder.end_step(loss=float(((out - y) ** 2).mean()), lr=0.01)
    assert (recorder.findings().kinds[:1] == ("steps uphill",)) == told
