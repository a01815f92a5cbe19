"""The last activation and the loss: what they cannot see, and cannot give."""

import math

import numpy as np
import pytest

import nnscratch as nn

ONE = {"kinds": "dense relu dense", "widths": (20, 1), "targets": "numbers"}


def blind(record):
    record["gradient_zeros"][:, -1] = 1.0
    record["gradient_norm"][...] = 0.0
    record["target_classes"][...] = 1.0
    for name in ("constant", "free", "floor"):
        record[f"loss_{name}"][...] = 6.0
    record["loss"][...] = 6.0


def test_a_softmax_over_one_output_is_told_by_its_loss(run):
    found = run(blind, **ONE)
    assert found[0].kind == "softmax over one unit"
    assert found[0].severity == "fatal"
    assert found[0].advice[0].line == "loss = nn.SigmoidCrossEntropy()"
    assert "dL/dy is exactly 0" in found[0].sentence


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["gradient_zeros"].__setitem__((slice(None), -1), 0.99),
        lambda r: r["loss_free"].__setitem__(slice(None), 5.9),
        lambda r: r["target_values"].__setitem__(slice(None), 1.0),
    ],
)
def test_and_not_where_anything_of_it_is_missing(run, change):
    def both(record):
        blind(record)
        record["loss_floor"][...] = 0.0
        record["loss_free"][...] = 6.0
        change(record)

    assert "softmax over one unit" not in run(both, **ONE).kinds


@pytest.mark.parametrize(("left", "told"), [(0.9e-6, True), (1.1e-6, False)])
def test_how_little_such_a_loss_can_change(run, left, told):
    def change(record):
        blind(record)
        record["loss_floor"][...] = 0.0
        record["loss_free"][...] = 6.0 * (1 - left)

    assert ("softmax over one unit" in run(change, **ONE).kinds) == told


@pytest.mark.parametrize(
    ("classes", "loss"), [(1.0, "SigmoidCrossEntropy"), (0.0, "MeanSquaredError")]
)
def test_a_softmax_layer_over_one_unit_is_told_by_itself(run, classes, loss):
    options = {"kinds": "dense relu dense softmax", "widths": (20, 1), "targets": "numbers"}
    found = run(run.fill(target_classes=classes), **options)
    assert found[0].kind == "softmax over one unit"
    assert found[0].advice[0].line == (
        f'model, loss, optimizer = nn.remake(model, output="identity"), nn.{loss}(), nn.SGD(lr=0.1)'
    )
    found = run(kinds="dense relu dense softmax", widths=(20, 2))
    assert "softmax over one unit" not in found.kinds


def test_a_loss_that_sees_nothing_of_several_outputs(run):
    found = run(blind, kinds="dense relu dense", widths=(20, 4), targets="numbers")
    assert found[0].kind == "loss"
    assert found[0].severity == "fatal"


def test_softmax_twice_by_the_name_of_the_loss(run):
    def change(record):
        record["loss_kind"] = "SoftmaxCrossEntropy"
        record["loss_floor"][...] = math.log(1 + 2 / math.e)

    options = {"kinds": "dense relu dense softmax", "widths": (20, 3)}
    found = run.of(run(change, **options), "softmax twice")
    assert f"{math.log(1 + 2 / math.e):.2g}," in found.sentence
    assert 'output="identity"' in found.advice[0].line
    assert found.severity == "notice"
    assert (
        run.of(run(lambda r: change(run.stuck(r)), **options), "softmax twice").severity
        == "serious"
    )
    half = run.of(run(lambda r: change(run.stuck(r, 0.55)), **options), "softmax twice")
    assert half.severity == "serious"  # half of the way: nothing else is wrong

    def probabilities(record):
        record["loss_kind"] = "CategoricalCrossEntropy"

    assert "softmax twice" not in run(probabilities, **options).kinds


@pytest.mark.parametrize(
    ("loss", "kinds", "line"),
    [
        ("CategoricalCrossEntropy", "dense relu dense", "loss = nn.SoftmaxCrossEntropy()"),
        ("BinaryCrossEntropy", "dense relu dense", "loss = nn.SigmoidCrossEntropy()"),
        ("CategoricalCrossEntropy", "dense relu dense softmax", ""),
        ("CategoricalCrossEntropy", "dense relu dense softmax identity", ""),
        ("SigmoidCrossEntropy", "dense relu dense", ""),
    ],
)
def test_a_loss_of_probabilities_that_gets_any_number(run, loss, kinds, line):
    def change(record):
        record["loss_kind"] = loss

    def stuck(record):
        change(record)
        run.stuck(record)

    found = run(stuck, kinds=kinds)
    assert (found[0].kind == "output activation") == bool(line)
    if line:
        assert found[0].severity == "serious"
        assert found[0].advice[0].line == line
        assert run.of(run(change, kinds=kinds), "output activation").severity == "notice"

    def foreign(record):  # what lies between the last module and the loss is not known
        stuck(record)
        record["framework"] = "torch"

    assert "output activation" not in run(foreign, kinds=kinds).kinds


def test_losses_of_probabilities_by_real_runs():
    x, y, *_ = nn.datasets.digits()
    answers = {"CategoricalCrossEntropy": y, "BinaryCrossEntropy": np.eye(10, dtype="float32")[y]}
    for name, given in answers.items():
        model = nn.Sequential(nn.Dense(64, 20), nn.ReLU(), nn.Dense(20, 10), nn.Identity(), seed=0)
        flow = nn.GradientFlow(model)
        nn.Trainer(model, getattr(nn, name)(), nn.SGD(lr=0.1)).fit(
            x[:400], given[:400], epochs=8, batch_size=50, callbacks=[flow], progress=False
        )
        assert flow.findings()[0].kind == "output activation", name


@pytest.mark.parametrize(
    ("off", "told"), [(1.0, True), (1.009, True), (1.011, False), (0.5, False)]
)
def test_softmax_twice_by_what_the_loss_can_come_to(run, off, told):
    def change(record):
        record["loss_kind"] = "Mine"
        record["loss_free"][...] = off * math.log(1 + 9 / math.e)

    found = run.of(run(change, widths=(20, 20, 10)), "softmax twice")
    assert (found is not None) == told
    if told:
        assert found.advice[0].line == "loss = nn.SoftmaxCrossEntropy()"

    def soft(record):
        change(record)
        record["target_classes"][...] = 0.0  # rows of probabilities: their entropy is no fault

    assert "softmax twice" not in run(soft, widths=(20, 20, 10)).kinds


@pytest.mark.parametrize(("floor", "told"), [(0.019, False), (0.021, True)])
@pytest.mark.parametrize("kind", ["sigmoid", "relu", "tanh"])
def test_answers_out_of_reach(run, floor, told, kind):
    def change(record):
        record["loss_floor"][...] = floor
        record["target_min"][...], record["target_max"][...] = -4.0, 7.0

    options = {"kinds": f"dense relu dense {kind}", "widths": (20, 1), "targets": "numbers"}
    found = run.of(run(change, **options), "output activation")
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert "run from -4 to 7" in found.sentence
        assert f"cannot fall below {floor}" in found.sentence
        made = "Adam(lr=0.01)" if kind == "sigmoid" else "SGD(lr=0.1)"
        assert found.advice[0].line == run.remade('output="identity"', made)
    assert "output activation" not in run(change, **ONE).kinds


@pytest.mark.parametrize(("zeros", "severity"), [(0.29, "notice"), (0.31, "serious")])
def test_a_rectifier_at_the_output(run, zeros, severity):
    def change(record):
        run.stuck(record, 0.5)["output_zeros"][:, -1] = zeros

    options = {"kinds": "dense tanh dense relu", "widths": (20, 1), "targets": "numbers"}
    found = run.of(run(change, **options), "output activation")
    assert found.severity == severity
    assert f"{zeros:.0%}".replace("%", " %") in found.sentence
    learned = run(lambda r: r["output_zeros"].__setitem__((slice(None), -1), zeros), **options)
    assert "output activation" not in learned.kinds


@pytest.mark.parametrize(("zeros", "told"), [(0.0, False), (0.01, True)])
def test_a_rectifier_that_is_never_off_holds_nothing_up(run, zeros, told):
    options = {"kinds": "dense tanh dense relu", "widths": (20, 1), "targets": "numbers"}
    found = run(lambda r: run.stuck(r, 0.5)["output_zeros"][:, -1:].fill(zeros), **options)
    assert ("output activation" in found.kinds) == told


@pytest.mark.parametrize(("outputs", "told"), [(3, True), (2, False)])
def test_sigmoids_for_classes_that_exclude_each_other(run, outputs, told):
    def change(record):
        record["loss_kind"] = "CategoricalCrossEntropy"

    options = {"kinds": "dense relu dense sigmoid", "widths": (20, outputs)}
    found = run.of(run(change, **options), "output activation")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        assert "nn.SoftmaxCrossEntropy()" in found.advice[0].line
    assert (
        "output activation"
        not in run(kinds="dense relu dense softmax", widths=(20, 3), targets="numbers").kinds
    )


@pytest.mark.parametrize(
    ("kind", "classes", "line"),
    [
        ("MeanSquaredError", 2.0, "loss = nn.SoftmaxCrossEntropy()"),
        ("MeanSquaredError", 1.0, "loss = nn.SigmoidCrossEntropy()"),
        ("MeanAbsoluteError", 1.0, "loss = nn.SigmoidCrossEntropy()"),
        ("MeanSquaredError", 0.0, None),
        ("SoftmaxCrossEntropy", 2.0, None),
    ],
)
def test_a_loss_that_is_not_made_for_classes(run, kind, classes, line):
    def change(record):
        record["loss_kind"] = kind
        record["target_classes"][...] = classes

    found = run.of(run(change), "loss")
    assert (found is not None) == (line is not None)
    if line:
        assert found.severity == "notice"
        assert found.advice[0].line == line
        assert ("absolute" in found.sentence) == ("Absolute" in kind)


def test_without_a_look_at_the_answers_nothing_is_said(run):
    def change(record):
        run.stuck(record)
        for name in record:
            if name.startswith(("target_", "loss_c", "loss_f", "guess", "feature_")):
                record[name][...] = np.nan

    assert run(change).kinds == ("does not learn",)


def test_what_each_class_answers_for_itself_holds_nothing_up(run):
    def change(record):
        run.stuck(record)["loss_kind"] = "MeanSquaredError"
        record["output_zeros"][:, 1] = record["output_dead"][:, 1] = 1.0

    found = run(change, kinds="dense relu dense sigmoid", widths=(20, 3))
    assert run.of(found, "output activation").severity == "notice"
    assert run.of(found, "loss").because == "output activation"
    assert run.of(found, "dead layer").because != "output activation"
    assert run.of(found, "does not learn").because != "output activation"


@pytest.mark.parametrize(
    ("steps", "zeros", "known", "told"),
    [(5, 1.0, False, True), (4, 1.0, False, False), (9, 0.99, False, False), (9, 1.0, True, False)],
)
def test_a_loss_that_no_output_ever_changed(run, steps, zeros, known, told):
    """Also where nobody knows the answers: the gradient has been 0 from the first step on."""

    def change(record):
        record["loss"][...] = 0.0
        record["gradient_zeros"][:, -1] = zeros
        if not known:
            for name in ("loss_constant", "loss_free", "loss_floor", "target_values"):
                record[name][...] = math.nan

    found = run.of(run(change, steps=steps), "loss")
    assert (found is not None) == told
    if told:
        assert found.severity == "fatal"


def ones(run, common=0.99, share=0.0, steps=60, **known):
    """Ones among zeros, of which so much is learned."""
    known = {"target_classes": 1, "target_values": 400, "target_mean": 0.005} | known

    def change(record):
        record["target_common"] = np.full(steps, common)
        run.fill(**known)(record)
        run.stuck(record, (1 - share) * record["loss_constant"][0])

    found = run(change, targets="numbers", widths=(20, 20, 30), steps=steps)
    return run.of(found, "class weights")


@pytest.mark.parametrize(
    ("common", "share", "seen"),
    [(0.99, 0.0, True), (0.989, 0.0, False), (0.999, 0.049, True), (0.999, 0.051, False)],
)
def test_ones_drown_in_squares(run, common, share, seen):
    found = ones(run, common, share)
    assert (found is not None) == seen
    if seen:
        assert found.severity == "serious"  # as what it brings
        assert "are ones among zeros, and the loss is the squared error" in found.sentence


def test_rare_zeros_short_runs_and_numbers_do_not(run):
    assert not ones(run, target_mean=0.995)
    assert not ones(run, steps=49)
    assert not ones(run, target_classes=0)
