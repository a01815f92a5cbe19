"""What a record holds of the network itself: roles, edges, widths, parameters as they began."""

import itertools
import sys

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import load_record
from nnscratch.flow.selection import parse_size
from nnscratch.layers.base import Layer
from nnscratch_records import check_record

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 8)).astype(np.float32)
LABELS = RNG.integers(0, 3, 60)


def train(model, flow, x=X, epochs=1):
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    trainer.fit(x, LABELS, epochs=epochs, batch_size=20, callbacks=[flow], progress=False)
    return flow.to_dict()


class Crop(Layer):
    """Keeps the first features of however many come, and says so."""

    kind, role = "crop", "shape"

    def output_features(self, features):
        return 4

    def forward(self, x, training=False):
        return x[:, :4], x.shape

    def backward(self, dy, shape, accumulate=False, input_gradient=True):
        dx = np.zeros(shape, dy.dtype)
        dx[:, :4] = dy
        return dx


class Image(Layer):
    """Makes images of rows, and does not say so."""

    kind, role = "image", "shape"

    def forward(self, x, training=False):
        return x.reshape(len(x), 1, 2, 4), None

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return dy.reshape(len(dy), 8)


class Flat(Layer):
    kind, role = "flat", "shape"

    def output_features(self, features):
        return 8

    def forward(self, x, training=False):
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy, shape, accumulate=False, input_gradient=True):
        return dy.reshape(shape)


class Mystery(Layer):
    kind, role = "mystery", "opaque"

    def forward(self, x, training=False):
        return 2 * x, None

    def backward(self, dy, cache, accumulate=False, input_gradient=True):
        return 2 * dy


def test_a_chain_is_described_by_its_layers():
    model = nn.Sequential(
        *(nn.Dense(8, 6), nn.BatchNorm(6), nn.PReLU(6), nn.Dropout(0.1), Mystery()),
        *(nn.Dense(6, 3, bias_init=nn.initializers.Constant(0.5)),),
    )
    record = train(model, nn.GradientFlow(model))
    assert record["kinds"].tolist() == [name.split(".")[1] for name in model.layers]
    roles = ["weights", "norm", "activation", "noise", "opaque", "weights"]
    assert record["roles"].tolist() == roles
    assert record["depths"].tolist() == [1, 1, 1, 1, 1, 2]
    assert record["edges"].tolist() == [[i - 1, i] for i in range(6)]
    assert record["gaps"].tolist() == [0] * 6
    assert record["blocks"].tolist() == [""] * 6
    saturation = [layer.saturation for layer in model.layers.values()]
    np.testing.assert_array_equal(record["saturation"], saturation)
    assert record["param_layers"].tolist() == [0, 0, 1, 1, 2, 5, 5]
    of_params = ["weight", "bias", "scale", "shift", "slope", "weight", "bias"]
    assert record["param_roles"].tolist() == of_params
    assert record["param_fan_in"].tolist() == [8, 0, 0, 0, 0, 6, 0]
    check_record(record)


def test_blocks_forks_and_joins_are_edges():
    model = nn.Sequential(
        nn.Dense(8, 6), nn.Residual(nn.LayerNorm(6), nn.ReLU(), nn.Dense(6, 6)), nn.Dense(6, 3)
    )
    record = nn.GradientFlow(model)._layout.facts
    names = record["layers"].tolist()
    edges = {(names[a] if a >= 0 else "", names[b]) for a, b in record["edges"].tolist()}
    inside = ("1.branch", "1.0.layernorm", "1.1.relu", "1.2.dense", "1.sum")
    expected = {("", "0.dense"), ("0.dense", "1.branch"), ("0.dense", "1.skip")}
    expected |= set(itertools.pairwise(inside))
    assert edges == expected | {("1.skip", "1.sum"), ("1.sum", "2.dense")}
    blocks = dict(zip(names, record["blocks"].tolist(), strict=True))
    assert {name for name, block in blocks.items() if block == "1"} == {*inside, "1.skip"}
    depths = dict(zip(names, record["depths"].tolist(), strict=True))
    assert [depths[n] for n in ("0.dense", "1.skip", "1.2.dense", "1.sum", "2.dense")] == [
        *(1, 1, 2, 2, 3)
    ]


def test_layers_that_are_left_out_are_gaps_and_count_in_the_depth():
    layers = [nn.Dense(8, 6), nn.ReLU(), nn.Dense(6, 6), nn.ReLU(), nn.Dense(6, 3)]
    model = nn.Sequential(*layers)
    record = train(model, nn.GradientFlow(model, layers=["1.relu", "4.dense"]))
    assert record["edges"].tolist() == [[-1, 0], [0, 1]]
    assert record["gaps"].tolist() == [1, 2]
    assert record["depths"].tolist() == [1, 3]


def test_parameters_are_measured_before_the_first_update(tmp_path):
    model = nn.Sequential(nn.Dense(8, 6), nn.ReLU(), nn.Dense(6, 3), seed=4)
    flow = nn.GradientFlow(model, file=tmp_path / "a.flow")
    model.params["2.bias"][...] = (1, -2, np.nan)  # after the recorder was made, before training
    began = {name: values.astype(float) for name, values in model.params.items()}
    record = train(model, flow)
    for i, values in enumerate(began.values()):
        expected = np.linalg.norm(values), values.mean(), np.nanmax(abs(values))
        for key, value in zip(("norm", "mean", "max"), expected, strict=True):
            assert record[f"param_{key}_initial"][i] == pytest.approx(value, rel=1e-6, nan_ok=True)
    assert record["param_max_initial"][1] == 0  # its first update is not in it
    flow.close()
    np.testing.assert_equal(load_record(tmp_path / "a.flow"), record)


def test_where_recording_begins_late_the_beginning_is_when_it_was_attached():
    model = nn.Sequential(nn.Dense(8, 3))
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.1))
    flow = nn.GradientFlow(model)
    trainer.fit(X, LABELS, epochs=1, batch_size=20, progress=False)
    began = np.linalg.norm(model.params["0.weight"].astype(float))
    for _ in range(2):
        trainer.fit(X, LABELS, epochs=1, batch_size=20, progress=False, callbacks=[flow])
    assert flow.to_dict()["param_norm_initial"][0] == pytest.approx(began, rel=1e-6)


def test_units_are_counted_before_the_first_step_of_a_loop_of_ones_own():
    model = nn.Sequential(nn.Dense(8, 4), nn.ReLU(), nn.Dense(4, 3))
    flow, optimizer = nn.GradientFlow(model, probe=X, probe_every=2), nn.SGD(lr=0.1)
    with flow.attached(optimizer):
        for _ in range(3):
            model.training_pass(X, LABELS, nn.SoftmaxCrossEntropy())
            optimizer.step(model.params, model.grads)
    assert flow.to_dict()["census_steps"].tolist() == [0, 2]


@pytest.mark.parametrize("to_file", [True, False])
def test_a_network_of_any_width_is_recorded_as_wide_as_it_is(tmp_path, to_file):
    model = nn.Sequential(nn.ReLU(), Crop(), nn.Dense(4, 3), dtype=np.float32)
    flow = nn.GradientFlow(model, file=tmp_path / "a.flow" if to_file else None)
    record = train(model, flow)
    assert record["features"].tolist() == [8, 4, 3]
    output = np.maximum(X, 0)
    assert record["output_zeros"][:, 0].mean() == pytest.approx((output == 0).mean(), abs=1e-6)
    assert record["output_mean"][:, 0].mean() == pytest.approx(output.mean(), rel=1e-5)
    assert "dead layer" not in flow.findings().kinds
    if to_file:
        flow.close()
        np.testing.assert_equal(load_record(tmp_path / "a.flow"), record)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("30 b", 30), ("2 kB", 2000), ("1.5 MB", 1_500_000), ("1 GB", 10**9)),
        *(("2 KiB", 2048), ("1 MiB", 1024**2), ("1GiB", 1024**3)),
    ],
)
def test_sizes_of_memory_are_read(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("probe", [None, X[:2]])  # of two examples, the fewest it may have
def test_a_layer_with_positions_that_says_nothing_of_them_is_measured_as_it_is(probe):
    model = nn.Sequential(nn.Dense(8, 8), Image(), nn.ReLU(), Flat(), nn.Dense(8, 3))
    flow = nn.GradientFlow(model, probe=probe)
    record = train(model, flow)
    assert record["features"].tolist() == [8, 4, 4, 8, 3]
    for key in ("norm", "mean", "std", "max"):
        columns = record[f"output_{key}"]
        np.testing.assert_allclose(columns[:, 1], columns[:, 0], rtol=1e-6)
        np.testing.assert_allclose(columns[:, 3], columns[:, 2], rtol=1e-6)
    assert record["census_units"].tolist() == ([0, 4] if probe is not None else [0])
    assert flow.findings().at_least("fatal") == ()
    assert all(np.isfinite(flow.attribution().forward).all(axis=0))


def test_a_network_that_changes_its_width_is_refused():
    model = nn.Sequential(nn.ReLU(), Crop(), nn.Dense(4, 3))
    flow, loss, optimizer = nn.GradientFlow(model), nn.SoftmaxCrossEntropy(), nn.SGD(0.1)
    with flow.attached(optimizer):
        model.training_pass(X, LABELS, loss)
        optimizer.step(model.params, model.grads)
        with pytest.raises(nn.ConfigError, match=r"give \[6, 4, 3\] features now, recorded were"):
            model.training_pass(X[:, :6].copy(), LABELS, loss)


def test_a_layer_of_unknown_kind_is_opaque_in_the_attribution():
    model = nn.Sequential(nn.Dense(8, 6), Mystery(), nn.Dense(6, 3))
    flow = nn.GradientFlow(model, probe=X)
    record = train(model, flow)
    assert record["census_layers"].tolist() == []
    parts = flow.attribution().between("0.dense", "1.mystery")
    assert parts["opaque"] == pytest.approx(np.log10(2))
    assert "+nan" not in repr(flow.attribution())


def test_the_work_of_watching_a_deep_network_grows_as_its_layers_do():
    def calls(depth):
        parts = [part for _ in range(depth) for part in (nn.Dense(2, 2), nn.Tanh())]
        model, seen = nn.Sequential(*parts), [0]

        def count(frame, event, argument):
            seen[0] += event in ("line", "call")
            return count

        before = sys.gettrace()  # who measures what the tests cover
        sys.settrace(count)
        try:
            nn.GradientFlow(model, probe=np.zeros((3, 2), np.float32))
        finally:
            sys.settrace(before)
        return seen[0]

    few, many = calls(100), calls(400)
    assert many < 5 * few


@pytest.mark.parametrize(
    ("clears", "halves", "told"),
    [(False, 1, True), (True, 1, False), (True, 2, False), ("at the first", 2, False)],
)
def test_gradients_that_nobody_clears_are_seen_in_a_loop_of_ones_own(clears, halves, told):
    """Halves of a batch are added up on purpose."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 4)).astype(np.float32), np.arange(40) % 3
    model = nn.Sequential(nn.Dense(4, 8), nn.ReLU(), nn.Dense(8, 3))
    loss, optimizer, flow = nn.SoftmaxCrossEntropy(), nn.SGD(lr=0.5), nn.GradientFlow(model)
    with flow.attached(optimizer):
        for _ in range(60):
            if clears is True:
                model.grads.flat[:] = 0
            for half in range(halves):
                part = slice(half * 40 // halves, (half + 1) * 40 // halves)
                _, dy = loss(model.forward(x[part], training=True), y[part])
                model.backward(dy / halves, accumulate=half > 0 or clears != "at the first")
            optimizer.step(model.params, model.grads)
    found = flow.findings()
    assert ("gradients not cleared" in found.kinds) == told
    if told:
        assert found.first.line == "model.grads.flat[:] = 0"
