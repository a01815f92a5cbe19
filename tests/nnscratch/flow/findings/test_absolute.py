"""Absolute errors of zeros and ones."""

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("kind", "severity"), [("MeanAbsoluteError", "serious"), ("MeanSquaredError", "notice")]
)
def test_the_absolute_error_is_serious_where_nothing_is_learned(run, kind, severity):
    def change(record):
        run.stuck(record)["loss_kind"] = kind
        run.fill(target_classes=1.0)(record)

    assert run.of(run(change), "loss").severity == severity


@pytest.mark.parametrize(
    ("kind", "grows", "classes", "told"),
    [
        ("Own", 1.0009, 1.0, True),
        ("Own", 1.0011, 1.0, False),
        ("Own", 0.9989, 1.0, False),
        ("Own", np.nan, 1.0, False),
        ("Own", 1.0, 0.0, False),  # of numbers it is as good as squares
        ("L1Loss", 1.0, 2.0, True),
    ],
)
def test_absolute_errors_are_known_by_how_their_gradient_grows(run, kind, grows, classes, told):
    def change(record):
        run.stuck(record)["loss_kind"] = kind
        run.fill(target_classes=classes, loss_grows=grows)(record)

    found = run.of(run(change), "loss")
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert "the loss is the absolute error" in found.sentence


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        ("MeanAbsoluteError", ("loss", "too few steps")),
        ("MeanSquaredError", ("too few steps", "loss")),
    ],
)
def test_while_it_still_falls_squares_take_more_steps_and_absolutes_lead_elsewhere(
    run, kind, kinds
):
    def change(record):
        record["loss_kind"] = kind
        record["loss"][...] = np.linspace(1.1, 0.5, 100)

    assert run(change).kinds == kinds


@pytest.mark.parametrize(("level", "severity"), [(0.82, "serious"), (0.78, "notice")])
def test_the_absolute_error_is_serious_until_a_fifth_is_learned(run, level, severity):
    def change(record):
        run.stuck(record, level * record["loss_constant"][0])
        record["loss_kind"] = "MeanAbsoluteError"

    found = run.of(run(change), "loss")
    assert found.severity == severity
    assert {"learning rate too small", "does not learn"} < found.explains
