"""Scales of inputs and targets, and targets far from all others: on both sides of every limit."""

import numpy as np
import pytest

import nnscratch as nn


@pytest.fixture
def pasting():
    return {"nn": nn, "model": nn.Sequential(nn.Dense(2, 1))}


@pytest.mark.parametrize(("same", "told"), [(True, False), (False, True)])
def test_a_number_at_a_time_has_a_scale_where_others_follow(run, same, told):
    def change(record):
        run.stuck(run.fill(input_std=0.0, input_mean=150.0)(record) or record)
        record["input_mean"][1::2] += 0.0 if same else 90.0

    assert ("input scale" in run(change, batch=1).kinds) == told


def test_the_line_for_the_data_begins_with_new_weights():
    """What a column of large numbers has killed does not come back on standard inputs."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 5)).astype("float32")
    y = (x[:, 1] > x[:, 2]).astype(int)
    x[:, 0] = 1e5 + 7 * np.arange(400)
    hidden = nn.Dense(24, 24), nn.ReLU()
    model = nn.Sequential(nn.Dense(5, 24), nn.ReLU(), *hidden, nn.Dense(24, 2))
    names = {"nn": nn, "x": x, "model": model, "optimizer": nn.SGD(lr=0.05)}
    found = []
    for _ in range(2):
        flow, loss = nn.GradientFlow(names["model"]), nn.SoftmaxCrossEntropy()
        trainer = nn.Trainer(names["model"], loss, names["optimizer"])
        trainer.fit(names["x"], y, epochs=15, batch_size=20, callbacks=[flow], progress=False)
        found.append(flow.findings())
        if found[0].first and len(found) == 1:
            exec(found[0].first.line, names)
    assert found[0].kinds[0] == "input scale"
    assert nn.evaluate(names["model"], loss, names["x"], y).accuracy > 0.9


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"input_std": 9.9}, None),
        ({"input_std": 10.1}, "large"),
        ({"input_mean": 7.5, "input_std": 7.0}, "large"),
        ({"input_std": 0.011}, None),
        ({"input_std": 0.0095}, "small"),
        ({"input_mean": 5.2, "input_std": 1.0}, "far from zero"),
        ({"input_mean": 4.8, "input_std": 1.0}, None),
        ({"input_mean": 0.9, "input_std": 0.1}, None),  # less than 1 in all
        ({"feature_offset": 5.2, "input_std": 1.1}, "far from zero"),
        ({"feature_offset": 4.8, "input_std": 1.1}, None),
        ({"feature_ratio": 105.0, "input_std": 1.1}, "of very different scales"),
        ({"feature_ratio": 95.0, "input_std": 1.1}, None),
        ({"feature_ratio": 105.0, "input_std": 0.9}, None),
        ({"feature_ratio": 200.0, "input_std": 30.0}, "large and of very different scales"),
    ],
)
def test_the_scale_of_inputs(run, values, words):
    found = run.of(run(run.fill(**values)), "input scale")
    if words is None:
        assert found is None
    else:
        assert f"The inputs are {words}: mean" in found.sentence
        assert found.advice[0].line.startswith("x = (x - x.mean(axis=0)) / (x.std(axis=0)")
        assert found.severity == "notice"  # the run learns all the same


def test_inputs_that_are_not_finite_have_no_scale(run):
    change = run.fill(input_std=100.0, input_nonfinite=1.0)
    assert run.of(run(change), "input scale") is None


@pytest.mark.parametrize(
    ("std", "explained", "alone"),
    [
        (50.0, "saturated, diverged, learning rate too large", ""),
        (1e-3, "vanishing, constant output, does not learn", "diverged, saturated, exploding"),
    ],
)
def test_large_and_small_inputs_explain_different_things(run, std, explained, alone):
    def change(record):
        run.stuck(record)["input_std"][...] = std

    found = run.of(run(change), "input scale")
    assert found.severity == "serious"
    assert set(explained.split(", ")) <= found.explains
    assert not set(alone.split(", ")) & found.explains
    assert ("too large" in found.cause) == (std > 1)
    assert ("too small" in found.cause) == (std < 1)


TARGETS = {"targets": "numbers", "widths": (20, 20, 1)}


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"target_std": 10.1}, "large"),
        ({"target_std": 9.9}, None),
        ({"target_mean": 300.0, "target_std": 1.0}, "large"),
        ({"target_std": 50.0, "output_std": 11.0}, None),  # the network gives as much
        ({"target_std": 50.0, "output_std": 9.0}, "large"),
        ({"target_std": 0.0095}, "small"),
        ({"target_std": 0.011}, None),
        ({"target_std": 0.0095, "output_std": 0.04}, None),
        ({"target_std": 50.0, "target_classes": 1.0}, None),
    ],
)
def test_the_scale_of_targets(run, values, what):
    def change(record):
        run.fill(**values)(run.stuck(record))

    found = run.of(run(change, **TARGETS), "target scale")
    if what is None:
        assert found is None
    else:
        assert f"The targets are {what}: mean" in found.sentence
        assert found.advice[0].line.startswith("y = (y - y.mean(axis=0)) / (y.std(axis=0)")
        broken = {"diverged", "non-finite", "exploding", "learning rate too large"}
        assert broken & found.explains == (broken if what == "large" else set())


@pytest.mark.parametrize(
    ("inputs", "largest", "targets", "both"),
    [
        (10.1, 30.0, 10.1, True),
        (10.1, 30.0, 9.9, False),
        (4.1, 12.0, 10.1, True),
        (3.9, 12.0, 10.1, False),
        (0.049, 0.49, 10.1, True),
        (0.051, 0.49, 10.1, False),
        (0.049, 0.51, 10.1, False),  # a one, among many zeros
    ],
)
def test_where_both_are_far_off_one_line_brings_both(run, pasting, inputs, largest, targets, both):
    """Neither alone is enough: what is left holds the run up as before."""

    def change(record):
        run.fill(input_std=inputs, input_max=largest, target_std=targets)(run.stuck(record))

    found = run(change, **TARGETS)
    made = pasting | {"x": np.arange(6.0).reshape(3, 2), "y": np.arange(3.0)[:, None] * 100}
    exec(found.first.line, made)
    assert (abs(made["x"]).max() < 2 and abs(made["y"]).max() < 2) == both


def test_targets_that_the_loss_still_falls_towards_are_brought_near_with_the_inputs(run):
    def change(record):
        run.fill(input_std=50.0, target_std=50.0)(record)
        record["loss"][...] = np.linspace(1.0, 0.9, len(record["loss"]))

    found = run(change, **TARGETS)
    assert run.of(found, "target scale").severity == "notice"
    assert run.of(found, "input scale").advice[0].line.partition("; ")[2].startswith("y = ")


def test_targets_that_are_learned_have_the_right_scale(run):
    assert run.of(run(run.fill(target_std=50.0), **TARGETS), "target scale") is None


@pytest.mark.parametrize(
    ("start", "end", "severity"),
    [
        (1.0, 0.9, "notice"),  # it falls: by half of 0.1 in the last half
        (1.0, 0.99, "serious"),  # by less than 0.005 a quarter: it stands
        (0.9, 1.0, "serious"),
    ],
)
def test_targets_far_off_are_a_notice_while_the_loss_falls(run, start, end, severity):
    def change(record):
        record["loss"][...] = np.linspace(start, end, len(record["loss"]))
        record["target_std"][...] = 50.0

    assert run.of(run(change, **TARGETS), "target scale").severity == severity


def test_no_target_makes_a_linear_layer_run_away(run):
    def change(record):
        run.fill(target_std=50.0)(run.stuck(record))

    found = run.of(run(change, kinds="dense", widths=(1,), targets="numbers"), "target scale")
    assert not {"diverged", "learning rate too large"} & found.explains
    assert "does not learn" in found.explains


@pytest.mark.parametrize(("off", "told"), [(1.0, True), (1.01, False)])
def test_without_targets_a_squared_error_shows_their_size(run, off, told):
    """|dL/dp|^2 size / 4 is the loss itself."""

    def change(record):
        for name in record:
            if name.startswith(("target_", "loss_c", "loss_f")):
                record[name][...] = np.nan
        record["loss"][...] = 900.0
        size = record["batch_size"][0]
        record["gradient_norm"][:, -1] = np.sqrt(4 * 900.0 / size) * off

    found = run.of(run(change, **TARGETS), "target scale")
    assert (found is not None) == told
    if told:
        assert "standard deviation 30," in found.sentence


@pytest.mark.parametrize(
    ("last", "ends"),
    [
        ("sigmoid", (0, 1)),
        ("hardsigmoid", (0, 1)),
        ("tanh", (-1, 1)),
        ("softplus", None),
        ("relu", None),
        ("", None),
    ],
)
def test_targets_get_a_scale_that_the_output_can_give(run, pasting, last, ends):
    kinds = f"dense relu dense {last}"

    def change(record):
        run.stuck(run.fill(target_mean=300.0, target_std=80.0)(record) or record)

    found = run.of(run(change, kinds=kinds, widths=(20, 1), targets="numbers"), "target scale")
    made = pasting | {"y": np.array([[100.0], [180.0], [420.0]])}
    exec(found.advice[0].line, made)
    if ends:
        assert (made["y"].min(), made["y"].max()) == pytest.approx(ends)
    else:
        assert made["y"].mean() == pytest.approx(0, abs=1e-9)


def test_inputs_and_targets_are_mended_together_whatever_the_output_gives(run, pasting):
    kinds = "dense relu dense sigmoid"

    def change(record):
        run.stuck(run.fill(target_mean=300.0, target_std=80.0, input_std=90.0)(record) or record)

    made = pasting | {
        "x": 90 * np.arange(6.0).reshape(3, 2),
        "y": np.array([[100.0], [180.0], [420.0]]),
    }
    exec(run(change, kinds=kinds, widths=(20, 1), targets="numbers")[0].advice[0].line, made)
    assert made["x"].std() == pytest.approx(1)
    assert (made["y"].min(), made["y"].max()) == pytest.approx((0, 1))


@pytest.mark.parametrize(
    ("size", "first"),
    [(300.0, "input scale"), (10.1, "input scale"), (9.9, "learning rate too large")],
)
def test_inputs_come_before_the_nan_that_they_bring(run, size, first):
    def change(record):
        run.stuck(record)
        run.fill(input_std=size)(record)
        record["loss"][5:20] = 10.0 ** np.arange(15)
        record["loss"][20:] = np.nan
        record["update_ratio"][1] = 2.0

    found = run(change)
    assert found[0].kind == first
    assert found[0].severity == "fatal"
    assert run.of(found, "non-finite").because == first
