"""The recorder: every number against an independent calculation, and no effect on training."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.network.captures import CapturedPasses
from nnscratch_kernels.runtime import schedule
from nnscratch_kernels.runtime import threads as kernel_threads

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 8)).astype(np.float32)
LABELS = RNG.integers(0, 3, 60)


def network(seed=0, batchnorm=True, extra=()):
    middle = [nn.BatchNorm(6)] if batchnorm else []
    return nn.Sequential(
        *(nn.Dense(8, 6), *middle, nn.ELU(), *extra, nn.Dense(6, 5), nn.ReLU()),
        *(nn.Dense(5, 4), nn.Tanh(), nn.Dense(4, 3)),
        seed=seed,
    )


def train(model, callbacks=(), clip=None, epochs=2, optimizer=None):
    optimizer = optimizer or nn.SGD(lr=0.1, momentum=0.5, clip=clip)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), optimizer)
    trainer.fit(
        X, LABELS, epochs=epochs, batch_size=20, callbacks=callbacks, progress=False, seed=1
    )
    return trainer


class Raw(nn.Callback):
    """Keeps copies of everything, to calculate from."""

    def __init__(self):
        self.passes, self.before, self.after, self.grads, self.running = [], [], [], [], []

    def on_backward(self, trainer, step):
        model = trainer.model
        self.passes.append(model.last.copy())
        self.before.append({k: v.astype(np.longdouble) for k, v in model.params.items()})
        self.grads.append({k: v.astype(np.longdouble) for k, v in model.grads.items()})
        self.running.append({k: v.astype(np.longdouble) for k, v in model.statistics.items()})

    def on_step(self, trainer, step):
        self.after.append({k: v.astype(np.longdouble) for k, v in trainer.model.params.items()})


@pytest.mark.parametrize("clip", [None, nn.ClipByGlobalNorm(0.2), nn.ClipByValue(0.01)])
@pytest.mark.parametrize("kernels", ["numba", "reference"])
def test_every_number_is_that_of_the_raw_arrays(kernels, clip):
    with nn.use_kernels(kernels):
        model, raw = network(), Raw()
        flow = nn.GradientFlow(model, label="raw")
        train(model, [flow, raw], clip=clip, optimizer=nn.Adam(lr=0.01, clip=clip))
    record = flow.to_dict()
    assert record["label"] == "raw"
    assert list(record["steps"]) == list(range(6))
    assert list(record["layers"]) == list(model.layers)
    assert list(record["params"]) == list(model.params)
    assert set(record["batch_size"]) == {20}
    for s, trace in enumerate(raw.passes):
        check_tensor(record, "input", (s,), trace["0.dense"].input)
        for i, name in enumerate(model.layers):
            check_tensor(record, "output", (s, i), trace[name].output)
            check_tensor(record, "gradient", (s, i), trace[name].upstream)
            y = trace[name].output
            ends = {"elu": (y <= np.float32(-0.97)).mean(), "relu": (y == 0).mean()}
            ends["tanh"] = (y <= np.float32(-0.97)).mean()
            kind = name.split(".")[1]
            np.testing.assert_allclose(record["saturated_low"][s, i], ends.get(kind, np.nan))
            high = (y >= np.float32(0.97)).mean() if kind == "tanh" else np.nan
            np.testing.assert_allclose(record["saturated_high"][s, i], high)
        for i, name in enumerate(model.params):
            before, after, grad = (x[s][name] for x in (raw.before, raw.after, raw.grads))
            norms = {"param_norm": after, "param_gradient_norm": grad}
            norms["param_update_norm"] = after - before
            for key, values in norms.items():
                expected = float(np.sqrt((values**2).sum()))
                assert record[key][s, i] == pytest.approx(expected, rel=1e-5), (key, name)
            assert record["param_mean"][s, i] == pytest.approx(float(after.mean()), abs=1e-6)
            scale = np.sqrt((before**2).sum())
            if scale:
                ratio = float(np.sqrt(((after - before) ** 2).sum()) / scale)
                assert record["update_ratio"][s, i] == pytest.approx(ratio, rel=1e-5)
        check_batchnorm(record, s, raw, trace)
        check_clip(record, s, raw, clip)


def check_tensor(record, kind, place, values):
    raw = values.astype(np.longdouble)
    expected = {
        "norm": np.sqrt((raw**2).sum()),
        "mean": raw.mean(),
        "std": raw.std(),
        "max": abs(raw).max(),
        "zeros": (raw == 0).mean(),
        "nonfinite": 0,
    }
    for key, value in expected.items():
        found = record[f"{kind}_{key}"][place]
        assert found == pytest.approx(float(value), rel=1e-5, abs=1e-6 * float(abs(raw).max())), key


def check_batchnorm(record, s, raw, trace):
    z, running = trace["0.dense"].output.astype(np.longdouble), raw.running[s]
    sigma = np.sqrt(running["1.running_variance"] + 1e-3)
    gap = (z.mean(axis=0) - running["1.running_mean"]) / sigma
    ratio = (z.var(axis=0) + 1e-3) / sigma**2
    scale = abs(raw.before[s]["1.gamma"]) / np.sqrt(z.var(axis=0) + 1e-3)
    expected = {
        "batchnorm_mean_gap": np.sqrt((gap**2).mean()),
        "batchnorm_variance_ratio": np.exp(np.log(ratio).mean()),
        "batchnorm_scale": np.sqrt((scale**2).mean()),
        "batchnorm_scale_max": scale.max(),
    }
    for key, value in expected.items():
        assert record[key][s, 0] == pytest.approx(float(value), rel=1e-4), key


def check_clip(record, s, raw, clip):
    g = np.concatenate([g.ravel() for g in raw.grads[s].values()])
    if clip is None:
        assert np.isnan(record["clip_before"][s])
        return
    after = g * min(1, 0.2 / np.sqrt(g @ g))
    if isinstance(clip, nn.ClipByValue):
        after = np.clip(g, -0.01, 0.01)
    cosine = (g @ after) / np.sqrt((g @ g) * (after @ after))
    assert record["clip"] == repr(clip)
    assert record["clip_before"][s] == pytest.approx(float(np.sqrt(g @ g)), rel=1e-5)
    assert record["clip_after"][s] == pytest.approx(float(np.sqrt(after @ after)), rel=1e-5)
    assert record["clip_cosine"][s] == pytest.approx(float(cosine), rel=1e-5)


@pytest.mark.parametrize("rates", [(), (0.3,)], ids=["captured", "layer by layer"])
def test_recording_does_not_change_a_bit(rates):
    with_flow, without = (network(extra=[nn.Dropout(rate) for rate in rates]) for _ in range(2))
    flow = nn.GradientFlow(with_flow, probe=X[:30], probe_every=2)
    train(with_flow, [flow], clip=nn.ClipByNorm(0.1))
    train(without, clip=nn.ClipByNorm(0.1))
    assert with_flow.params.flat.tobytes() == without.params.flat.tobytes()
    assert with_flow.statistics.flat.tobytes() == without.statistics.flat.tobytes()


@pytest.mark.parametrize("count", [2, 3, 4, 8, "layer by layer"])
def test_the_record_does_not_depend_on_who_measures(count, monkeypatch):
    """Batches of many rows, of few, and of one; threads that find their own rows, or do not."""
    rng = np.random.default_rng(1)
    x, labels = rng.standard_normal((290, 200)).astype(np.float32), rng.integers(0, 10, 290)
    monkeypatch.setattr(schedule, "WORTH_TEAM", 0)
    records = []
    for threads in (1, count):
        layers = [nn.Dense(200, 70), nn.BatchNorm(70), nn.ELU(), nn.Dense(70, 150), nn.ReLU()]
        model = nn.Sequential(*layers, nn.Dense(150, 10), seed=0)
        if threads == "layer by layer":
            monkeypatch.setattr(CapturedPasses, "find", lambda *_: None)
        else:
            monkeypatch.setattr(kernel_threads, "_threads", threads)  # more than cores, too
        flow, loss, optimizer = nn.GradientFlow(model), nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)
        with flow.attached(optimizer):
            for first, last in ((0, 200), (200, 217), (217, 222), (0, 200), (222, 290), (0, 3)):
                model.training_pass(x[first:last], labels[first:last], loss)
                optimizer.step(model.params, model.grads)
        records.append(flow.to_dict())
    np.testing.assert_equal(records[1], records[0])


def test_ones_own_loop_records_what_a_trainer_records():
    flows = []
    for whole in (True, False):
        model, loss, optimizer = network(), nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1)
        flow = nn.GradientFlow(model, every=2)
        with flow.attached(optimizer):
            for start in (0, 20, 40):
                x, labels = X[start : start + 20], LABELS[start : start + 20]
                if whole:
                    model.training_pass(x, labels, loss)
                else:
                    _, dlogits = loss(model.forward(x, training=True), labels)
                    model.backward(dlogits)
                optimizer.step(model.params, model.grads)
        assert model.tap is optimizer.tap is None
        flows.append(flow.to_dict())
    assert list(flows[0]["steps"]) == [0, 2]
    assert np.isnan(flows[1].pop("loss")).all()  # nobody told it
    assert not np.isnan(flows[0].pop("loss")).any()
    assert [flow.pop("loss_kind") for flow in flows] == ["SoftmaxCrossEntropy", ""]
    asked = ("target_", "loss_", "feature_", "common_")
    answers = [name for name in flows[0] if name.startswith(asked)]
    assert len(answers) == 22
    # No class is far from others, no answers are at steps, labels no series, entropy no distance.
    none = ("target_far", "target_quarter", "loss_naive", "loss_grows")
    for name in answers:  # nor that
        assert np.isfinite(flows[0].pop(name)).all() != name.startswith(none)
        assert np.isnan(flows[1].pop(name)).all()
    np.testing.assert_equal(flows[0], flows[1])


def test_a_single_look():
    model, loss = network(), nn.SoftmaxCrossEntropy()
    value, dlogits = loss(model.forward(X, training=True), LABELS)
    model.backward(dlogits)
    flow = nn.GradientFlow(model)
    flow.record(value)
    record = flow.to_dict()
    assert record["loss"].tolist() == [value]
    assert np.isnan(record["param_update_norm"]).all()
    assert record["param_gradient_norm"][0, 0] == pytest.approx(
        np.linalg.norm(model.grads["0.weight"].astype(float)), rel=1e-6
    )


def test_a_step_without_update_is_recorded_too():
    model = network(batchnorm=False)
    model.params["0.weight"][0, 0] = np.nan
    flow = nn.GradientFlow(model)
    train(model, [flow])
    record = flow.to_dict()
    assert list(record["steps"]) == [0]
    assert np.isnan(record["param_update_norm"]).all()
    assert record["param_nonfinite"][0, 0] == 1
    assert record["output_nonfinite"][0, 0] == 20
    assert record["param_gradient_nonfinite"][0].sum() > 0


def test_every_and_selected_layers():
    model = network()
    flow = nn.GradientFlow(model, every=2, layers=["5.dense", "1.batchnorm"])
    train(model, [flow], epochs=2)
    whole = nn.GradientFlow(twin := network())
    train(twin, [whole], epochs=2)
    record, full = flow.to_dict(), whole.to_dict()
    assert list(record["steps"]) == [0, 2, 4]
    assert list(record["layers"]) == ["1.batchnorm", "5.dense"]
    assert list(record["params"]) == ["1.gamma", "1.beta", "5.weight", "5.bias"]
    np.testing.assert_array_equal(record["output_norm"], full["output_norm"][::2, [1, 5]])
    np.testing.assert_array_equal(record["param_norm"], full["param_norm"][::2, [2, 3, 6, 7]])
    np.testing.assert_array_equal(
        record["gradient_histogram"], full["gradient_histogram"][::2, [1, 5]]
    )


def test_a_limit_of_memory_thins_and_says_so():
    model = network()
    whole = nn.GradientFlow(model)
    thinned = nn.GradientFlow(twin := network(), memory=8 * whole._layout.row_bytes)
    train(model, [whole], epochs=7)
    train(twin, [thinned], epochs=7)
    record = thinned.to_dict()
    assert list(record["steps"]) == [0, 4, 8, 12, 16, 20]
    assert record["kept_every"] == 4
    assert "one in 4 is kept" in record["note"]
    np.testing.assert_array_equal(record["output_norm"], whole.to_dict()["output_norm"][::4])


def test_census_of_a_probe():
    model = network()
    model.params["5.bias"][...] = 10  # saturates every unit of the tanh behind it
    model.params["3.bias"][1] = -100  # kills a unit of the ReLU behind it
    flow = nn.GradientFlow(model, probe=X[:30], probe_every=4)
    train(model, [flow])
    record = flow.to_dict()
    assert list(record["census_steps"]) == [0, 4]
    assert list(record["census_layers"]) == ["2.elu", "4.relu", "6.tanh"]
    assert list(record["census_units"]) == [0, 6, 11, 15]
    states = record["census"][0]
    assert (states[:6] == 0).all()
    assert states[7] == 1
    assert (states[11:] == 3).all()


def test_without_histograms():
    model = network()
    flow = nn.GradientFlow(model, histograms=False)
    train(model, [flow])
    assert flow.to_dict()["output_histogram"].shape == (0, 8, 64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ["1.batchnrm"]}, "did you mean '1.batchnorm'"),
        ({"layers": "1.batchnorm"}, "must be a list"),
        ({"layers": []}, "empty"),
        ({"every": 0}, "every"),
        ({"memory": "5 apples"}, "512 MB"),
        ({"probe": X[:, :3]}, "probe has 3 features, the model expects 8"),
        ({"probe": X[:1]}, "2 examples or more"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(nn.NnscratchError, match=message):
        nn.GradientFlow(network(), **options)


def test_nothing_recorded_says_what_to_do():
    with pytest.raises(nn.ConfigError, match=r"recorded nothing yet.*callbacks=\[flow\]"):
        nn.GradientFlow(network()).to_dict()


def test_record_needs_a_backward_pass():
    model = network()
    model.forward(X[:4])
    with pytest.raises(nn.ConfigError, match="backward pass"):
        nn.GradientFlow(model).record(1.0)


def test_another_model_and_a_second_recorder_are_refused():
    flow = nn.GradientFlow(network())
    with pytest.raises(nn.ConfigError, match="another model"):
        train(network(), [flow])
    model = network()
    with pytest.raises(nn.ConfigError, match="another GradientFlow records this"):
        train(model, [nn.GradientFlow(model), nn.GradientFlow(model)])


def test_model_without_weights_is_refused():
    with pytest.raises(nn.ConfigError, match="no layer with weights"):
        nn.GradientFlow(nn.Sequential(nn.Tanh()))


def test_a_second_fit_goes_on_in_the_same_record():
    model = network()
    flow = nn.GradientFlow(model)
    trainer = train(model, [flow], epochs=1)
    trainer.fit(X, LABELS, epochs=1, batch_size=20, callbacks=[flow], progress=False)
    optimizer = nn.SGD(lr=0.1)
    for _ in range(2):
        with flow.attached(optimizer):
            model.training_pass(X, LABELS, trainer.loss)
            optimizer.step(model.params, model.grads)
    assert list(flow.to_dict()["steps"]) == list(range(8))


def test_attached_takes_the_optimizer_and_says_so():
    model = nn.Sequential(nn.Dense(3, 2))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    flow = nn.GradientFlow(model)
    for other in (trainer, model, nn.SGD, None):
        with (
            pytest.raises(nn.ConfigError, match="attached takes the optimizer that makes the"),
            flow.attached(other),
        ):
            pass
