"""Records of networks that are not of this package: what is given, forgotten, refused."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import load_record, save_record
from nnscratch_plots.report import write_report

LAYERS = (
    nn.LayerInfo("encoder.fc0", "Linear", 5, role="weights"),
    nn.LayerInfo("encoder.act", "relu", 5, (0.0, math.nan), "activation", rectifies=True),
    nn.LayerInfo("head", "Linear", 3, role="weights"),
)
PARAMS = (
    nn.ParamInfo("encoder.fc0.weight", "encoder.fc0", "weight", (4, 5)),
    nn.ParamInfo("head.weight", "head", "weight", (3, 5), fan_in=5),
)
SHAPES = {"encoder.fc0": (7, 5), "encoder.act": (7, 5), "head": (7, 3)}


def foreign(**options):
    return nn.Recorder(LAYERS, PARAMS, label="foreign", **options)


def fill(recorder, seed=0, skip=(), dtype=np.float64):
    rng = np.random.default_rng(seed)
    recorder.input(rng.standard_normal((7, 4)).astype(dtype))
    for name, shape in SHAPES.items():
        if ("output", name) not in skip:
            recorder.output(name, rng.standard_normal(shape).astype(dtype))
        if ("gradient", name) not in skip:
            recorder.gradient(name, rng.standard_normal(shape).astype(dtype))
    for param in PARAMS:
        if ("param", param.name) not in skip:
            before, gradient = rng.standard_normal((2, *param.shape)).astype(dtype)
            recorder.param(param.name, before - gradient, gradient=gradient, before=before)


def foreign_run(steps=12, **options):
    recorder = foreign(**options)
    for step in range(steps):
        fill(recorder, step)
        recorder.end_step(loss=2.0 - 0.1 * step, lr=0.1)
    return recorder


@pytest.mark.parametrize(
    ("axis", "shape", "fits"),
    [
        *[(-1, (7, 5), True), (1, (7, 5), True), (-2, (5, 7), True), (0, (5, 7), True)],
        *[(2, (7, 5), False), (-3, (7, 5), False), (-1, (5, 7), False), (0, (5,), False)],
    ],
)
def test_features_are_on_the_axis_that_is_said(axis, shape, fits):
    recorder = nn.Recorder([nn.LayerInfo("a", "Linear", 5, role="weights", axis=axis)])
    assert (recorder.remote("output", "a", shape, np.dtype(np.float64)) is not None) == fits


def test_names_of_any_kind_work_everywhere(tmp_path):
    recorder = foreign_run()
    record = recorder.to_dict()
    assert record["param_fan_in"].tolist() == [4, 5]
    assert record["depths"].tolist() == [1, 1, 2]
    assert recorder.attribution().terms == ("weights", "derivative", "weights")
    assert recorder.reading().word == "healthy"
    assert "recorded steps" in str(recorder.findings())
    assert recorder.report(tmp_path / "a.html").exists()
    assert write_report(record, tmp_path / "b.html").exists()
    assert recorder.overview().axes
    recorder.save(tmp_path / "a.npz")
    np.testing.assert_equal(load_record(tmp_path / "a.npz"), record)
    np.testing.assert_equal(nn.check_record(record), record)


def test_a_vanishing_run_is_one_whatever_its_layers_are_called():
    recorder = foreign()
    for step in range(12):
        fill(recorder, step)
        for power, name in enumerate(reversed(SHAPES)):
            recorder.gradient(name, np.full(SHAPES[name], 10.0 ** (-3 * power)))
        recorder.end_step(loss=2.0, lr=0.1)
    assert recorder.reading().word == "vanishing"
    parts = recorder.attribution().between("encoder.fc0", "head")
    assert parts["weights"] == pytest.approx(-3, abs=0.2)
    assert parts["derivative"] == pytest.approx(-3)


def test_measured_are_the_arrays_that_were_given():
    record = foreign_run(3).to_dict()
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((7, 4)), rng.standard_normal((7, 5))
    assert record["input_norm"][1] == pytest.approx(np.linalg.norm(x))
    assert record["output_mean"][1, 0] == pytest.approx(y.mean())
    assert record["batch_size"].tolist() == [7] * 3
    rng = np.random.default_rng(0)
    fill(taken := Taken())
    before = taken.params["head.weight"]["before"]
    assert record["param_norm_initial"][1] == pytest.approx(np.linalg.norm(before))
    assert record["param_mean_initial"][1] == pytest.approx(before.mean())
    assert record["param_max_initial"][1] == pytest.approx(abs(before).max())


class Taken:
    """Keeps what it is given."""

    def __init__(self):
        self.params = {}

    def param(self, name, values, **more):
        self.params[name] = {"values": values, **more}

    def __getattr__(self, name):
        return lambda *_: None


def test_what_cannot_be_had_is_nan():
    recorder = foreign()
    fill(recorder, skip=[("param", "head.weight")])
    recorder.output("head", None)
    recorder.param("head.weight", np.ones((3, 5)))
    recorder.end_step(loss=math.nan)
    record = recorder.to_dict()
    assert np.isnan(record["output_norm"][0]).tolist() == [False, False, True]
    assert np.isnan(record["update_ratio"][0]).tolist() == [False, True]
    assert record["param_norm_initial"][1] == pytest.approx(np.sqrt(15))
    assert np.isnan([record["loss"][0], record["lr"][0], record["clip_before"][0]]).all()


def test_positions_lie_between_batch_and_features():
    info = nn.LayerInfo("conv", "conv", 5, role="weights")
    recorder = nn.Recorder([info], label="images")
    rng = np.random.default_rng(0)
    images = rng.standard_normal((3, 4, 4, 5))
    recorder.input(rng.standard_normal((3, 4, 4, 2)))
    recorder.output("conv", images)
    recorder.gradient("conv", images)
    recorder.end_step(loss=1.0)
    record = recorder.to_dict()
    assert record["batch_size"].tolist() == [3]
    assert record["output_std"][0, 0] == pytest.approx(images.std())
    assert recorder.attribution().forward.shape == (1, 1)


@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.longdouble])
def test_other_numbers_are_converted(dtype):
    recorder = foreign()
    rng = np.random.default_rng(0)
    recorder.input(rng.standard_normal((7, 4)))
    fill(recorder, dtype=np.float64)
    values = (8 * rng.standard_normal((7, 3))).astype(dtype)
    recorder.output("head", values)
    recorder.end_step(loss=1)
    found = recorder.to_dict()["output_norm"][0, 2]
    assert found == pytest.approx(float(np.linalg.norm(values.astype(float))), rel=1e-6)


FORGOTTEN = [
    (("output", "head"), "step 0 has no output of 'head': call recorder.output('head', y)"),
    (("gradient", "head"), "step 0 has no gradient of 'head': call recorder.gradient('head', dy)"),
    (("param", "head.weight"), "step 0 has no parameter of 'head.weight': call recorder.param("),
]


@pytest.mark.parametrize(("what", "message"), FORGOTTEN)
def test_what_was_forgotten_is_named_and_may_be_added(what, message):
    recorder = foreign()
    fill(recorder, skip=[what])
    with pytest.raises(nn.ConfigError) as caught:
        recorder.end_step(loss=1.0)
    assert message in str(caught.value)
    assert len(recorder) == 0
    fill(recorder)
    recorder.end_step(loss=1.0)
    assert len(recorder) == 1


def test_a_step_without_input_or_loss_is_refused():
    recorder = foreign()
    with pytest.raises(nn.ConfigError, match=r"no input: call recorder\.input\(x\) before"):
        recorder.end_step(loss=1.0)
    fill(recorder)
    with pytest.raises(nn.ConfigError, match=r"step 0 has no loss: recorder.end_step\(loss=...\)"):
        recorder.end_step()
    with pytest.raises(nn.ConfigError, match="nothing yet"):
        recorder.to_dict()


def test_a_step_begins_anew_after_the_last():
    recorder = foreign()
    fill(recorder)
    recorder.end_step(loss=1.0)
    with pytest.raises(nn.ConfigError, match="step 1 has no input"):
        recorder.end_step(loss=1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r.output("fc0", np.ones((7, 5))), "unknown layer 'fc0': known are encoder.act"),
        (lambda r: r.gradient("fc", np.ones((7, 5))), "unknown layer 'fc'"),
        (lambda r: r.output("head", np.ones((7, 5))), r"layer 'head' has shape \(7, 5\), expected"),
        (lambda r: r.output("head", np.ones(3)), r"'head' has shape \(3,\), expected \(batch, 3\)"),
        (lambda r: r.output("head", ["a"]), "output of layer 'head' holds <U1"),
        (lambda r: r.input(np.ones((0, 4))), r"input has shape \(0, 4\)"),
        (lambda r: r.param("head.bias", np.ones(3)), "unknown parameter 'head.bias'"),
        (lambda r: r.param("head.weight", np.ones((5, 3))), r"expected \(3, 5\) as in its Param"),
        (lambda r: r.census("head", np.ones((7, 3))), "unknown layer whose role is 'activation'"),
        (lambda r: r.batchnorm("head", 0, 1, 0, 1), "unknown layer with by_batch=True 'head'"),
        (lambda r: r.end_step(loss=1.0, step=-1), "step must be a whole number >= 0, got -1"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(nn.NnscratchError, match=message):
        call(foreign())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.LayerInfo("a", "b", 3, role="thing"), "unknown role of layer 'a': 'thing'"),
        (lambda: nn.LayerInfo("a", "b", -1), "features of layer 'a'"),
        (lambda: nn.LayerInfo("a", "b", 3, (0.0,)), r"saturation of layer 'a' must be a pair"),
        (
            lambda: nn.LayerInfo("a", "b", 3, [[1], [1, 2]]),
            r"saturation of layer 'a' must be a num",
        ),
        (
            lambda: nn.LayerInfo("a", "b", 3, sources="xy"),
            r"sources of layer 'a' must be a list of names, got 'xy': write \['xy'\]",
        ),
        (lambda: nn.ParamInfo("w", "a", "gewicht", (3,)), "unknown role of parameter 'w'"),
        (lambda: nn.ParamInfo("w", "a", "weight", (3.5,)), "shape of parameter 'w'"),
        (lambda: nn.Recorder([]), "layers is empty"),
        (lambda: nn.Recorder([nn.LayerInfo("a", "b", 0)]), "features of layer 'a'"),
        (lambda: nn.Recorder(LAYERS + LAYERS[:1]), "two layers are called 'encoder.fc0'"),
        (
            lambda: nn.Recorder(LAYERS[:1], PARAMS),
            "unknown layer of parameter 'head.weight': 'head'",
        ),
        (
            lambda: nn.Recorder([nn.LayerInfo("a", "b", 3, sources=["c"])]),
            "unknown source of layer 'a', or it comes after it: 'c'",
        ),
    ],
)
def test_infos_that_do_not_fit_are_refused(make, message):
    with pytest.raises(nn.ConfigError, match=message):
        make()


def test_part_of_a_census_is_refused():
    two = [nn.LayerInfo(name, "relu", 3, role="activation") for name in ("a", "b")]
    recorder = nn.Recorder(two)
    recorder.input(np.ones((4, 3)))
    for name in ("a", "b"):
        recorder.output(name, np.ones((4, 3)))
        recorder.gradient(name, np.ones((4, 3)))
    recorder.census("b", np.ones((4, 3)))
    with pytest.raises(nn.ConfigError, match=r"no probe output of 'a': call recorder\.census"):
        recorder.end_step(loss=1.0)


def test_a_fork_is_recorded_by_its_sources():
    layers = [
        nn.LayerInfo("h", "dense", 3, role="weights"),
        nn.LayerInfo("lane", "lane", 3, role="shape", block="b"),
        nn.LayerInfo("fc", "dense", 3, role="weights", block="b"),
        nn.LayerInfo("skip", "lane", 3, role="shape", block="b", sources=["h"]),
        nn.LayerInfo("sum", "sum", 3, role="join", block="b", sources=["fc", "skip"]),
    ]
    recorder = nn.Recorder(layers)
    gradients = {"h": 5.0, "lane": 3.0, "fc": 2.0, "skip": 2.0, "sum": 2.0}
    recorder.input(np.ones((4, 3)))
    for name, size in gradients.items():
        recorder.output(name, np.ones((4, 3)))
        recorder.gradient(name, np.full((4, 3), size))
    recorder.end_step(loss=1.0)
    attribution = recorder.attribution()
    assert attribution.between("h", "sum")["sum"] == pytest.approx(np.log10(5 / 2))
    branch = attribution.between("h", "sum", path=["fc"])
    assert branch["sum"] == pytest.approx(np.log10(5 / 3))
    assert branch["weights"] == pytest.approx(np.log10(3 / 2))


def test_steps_may_be_numbered_and_go_back(tmp_path):
    recorder = foreign(every=10, file=tmp_path / "a.flow")
    for step in (None, None, 50, 60, 50):
        fill(recorder)
        recorder.end_step(loss=1.0, step=step)
    record = recorder.to_dict()
    assert record["steps"].tolist() == [0, 10, 50]
    assert "went back to step 50" in record["note"]
    recorder.close()
    np.testing.assert_equal(load_record(tmp_path / "a.flow"), record)
    save_record(tmp_path / "a.npz", record)


def squares(outputs, y):
    """The mean over whatever broadcasting makes of both."""
    away = outputs - y
    return float((away**2).mean()), 2 * away.mean(axis=-1, keepdims=True) / len(outputs)


@pytest.mark.parametrize(
    ("shape", "loss", "told"),
    [
        ((40,), squares, True),
        ((40, 1), squares, False),
        ((40,), lambda o, y: squares(o, np.reshape(y, o.shape)), False),
        ((40,), lambda o, y: squares(o[:, 0], np.ravel(y)), False),
        ((40,), lambda o, y: squares(o[:, 0], y), False),  # what it was made for
        ((40,), lambda o, y: squares(o, {40: 1}[len(y.shape)]), False),  # it fails of any other
    ],
)
def test_answers_of_another_shape_than_outputs_make_a_table(shape, loss, told):
    recorder = nn.Recorder([nn.LayerInfo("fc", "dense", 1, role="weights")])
    rng = np.random.default_rng(0)
    for step in range(60):
        x = rng.standard_normal((40, 3))
        recorder.input(x)
        recorder.output("fc", 0.1 * x[:, :1])
        recorder.gradient("fc", 0.01 * x[:, :1])
        recorder.answers(x.sum(axis=1).reshape(shape), loss)
        recorder.end_step(loss=3.0 + 0.01 * (-1) ** step, lr=0.01)
    found = recorder.findings()
    assert (found.kinds[:1] == ("broadcast loss",)) == told
    if told:
        assert found[0].advice[0].line == "y = y.reshape(-1, 1)"
        assert "outputs of shape (40, 1) meet answers of shape (40,)" in found[0].sentence
