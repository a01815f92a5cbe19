"""Scores that are sure of classes before anything is learned: of large weights, or large inputs."""

import pytest

KIND = "initial weights"


def sure(run, began=3.1, now=1.1, last=3.3):
    """A cross-entropy that began so many times above a constant answer's, and falls."""

    def change(record):
        record["loss"] = record["loss_constant"][0] * run.falling(began, now, len(record["loss"]))
        run.scales(record, 2.0, 2.0, last)

    return change


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, True),
        ({"began": 2.9}, False),
        ({"now": 0.9}, False),  # it has come below
        ({"last": 3.1}, False),
        ({"began": 4.0, "now": 3.68}, True),
        ({"began": 4.0, "now": 3.72}, False),  # it stands: that is for the rate
    ],
)
def test_a_last_layer_that_is_sure(run, options, told):
    made = run(sure(run, **options), steps=200)
    found = run.of(made, KIND)
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert found.layers == ("4.dense",)
        assert made.kinds[0] == KIND
        assert "of the last layer, 4.dense, began too large" in found.sentence
        assert "n_in Var(w) = 3.3, where about 1 is usual" in found.sentence
        assert "one answer for all would still be better" in found.cause
        assert found.advice[0].line == run.remade('init="he_normal"')
        assert "too few steps" not in made.kinds


def test_without_hidden_layers_the_usual_weights_are_meant(run):
    found = run(sure(run, last=0), kinds="dense", widths=(3,), steps=200)
    assert KIND not in found.kinds

    def change(record):
        sure(run)(record)
        run.scales(record, 3.3)

    found = run.of(run(change, kinds="dense", widths=(3,), steps=200), KIND)
    assert found.advice[0].line == run.remade('init="lecun_normal"')


def test_of_numbers_only_hidden_layers_say_so(run):
    made = run(sure(run), targets="numbers", widths=(20, 20, 1), steps=200)
    assert KIND not in made.kinds


@pytest.mark.parametrize(
    ("size", "began", "told"), [(3.1, 3.1, True), (2.9, 3.1, False), (3.1, 2.9, False)]
)
def test_inputs_that_make_scores_sure_are_large(run, size, began, told):
    def change(record):
        sure(run, began=began, last=1.0)(record)
        record["input_std"][...] = size

    made = run(change, steps=200)
    assert (made.kinds[:1] == ("input scale",)) == told
    if told:
        assert run.of(made, "too few steps").because == "input scale"


@pytest.mark.parametrize(
    ("began", "rate", "told"), [(3.1, 0.5, False), (2.9, 0.5, True), (3.1, 0.9, True)]
)
def test_usual_dropout_makes_no_scores_sure(run, began, rate, told):
    """What takes most of each layer multiplies what is left, and may."""

    def change(record):
        sure(run, began=began)(record)
        record["output_zeros"][:, [2, 5, 8]] = 0.5 + 0.5 * rate

    options = {"kinds": "dense relu dropout " * 3 + "dense", "widths": (40, 40, 40, 3)}
    assert ("dropout" in run(change, steps=200, **options).kinds) == told


@pytest.mark.parametrize(
    ("targets", "outputs", "told"),
    [("classes", 3, True), ("numbers", 3, False)],
)
def test_scores_of_classes_through_a_rectifier_are_told_in_a_run_that_learns(
    run, targets, outputs, told
):
    """What is 0 for a class is so for good: some are never answered."""
    options = {"kinds": "dense tanh dense relu", "widths": (20, outputs), "targets": targets}
    found = run.of(run(lambda r: None, **options), "output activation")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
