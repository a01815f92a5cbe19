"""Learning by heart."""

import numpy as np
import pytest


def held_out(record, losses, accuracy=None):
    rows = np.linspace(9, 99, len(losses)).astype(int)
    record["validation_loss"][rows] = losses
    if accuracy is not None:
        record["validation_accuracy"][rows] = accuracy


FALL_AND_RISE = [0.9, 0.5, 0.4, 0.5, 0.6]


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        (FALL_AND_RISE, True),
        ([0.9, 0.6, 0.5, 0.45, 0.4], False),
        ([0.9, 0.4, 0.3, 0.32, 0.35], False),  # a twentieth of 1.0986 is 0.055
        ([0.9, 0.4, 0.3, 0.32, 0.36], True),
        ([0.9, 0.5, 0.37, 0.38, 0.37], True),  # 0.03 on its own, and no better: 0.33 apart
        ([0.9, 0.5, 0.35, 0.36, 0.35], False),
        ([0.9, 0.5, 0.46, 0.43, 0.40], False),  # it is still on its way
        (np.repeat([0.9, 0.5, 0.37, 0.38, 0.37], 2), True),
        (np.repeat([0.9, 0.52, 0.48, 0.44, 0.40], 2), False),
        ([0.5, 0.4], False),
        ([0.5, 0.4, 0.5], True),
    ],
)
def test_learning_by_heart(run, losses, told):
    found = run.of(run(lambda r: held_out(r, losses)), "overfitting")
    assert (found is not None) == told
    if told:
        rows = np.linspace(9, 99, len(losses)).astype(int)
        assert found.step == rows[np.argmin(losses)]
        assert f"was {min(losses)} at step {found.step}" in found.sentence
        assert found.severity == "notice"


@pytest.mark.parametrize(("level", "told"), [(0.14, True), (0.16, False)])
def test_what_is_learned_by_heart_is_learned(run, level, told):
    def change(record):
        run.stuck(record, level * record["loss_constant"][0])
        held_out(record, [0.9, 0.8, 0.8, 0.8])

    assert ("overfitting" in run(change).kinds) == told


def test_what_is_not_learned_is_not_learned_by_heart(run):
    def change(record):
        run.stuck(record, 0.58)
        held_out(record, FALL_AND_RISE)

    assert "overfitting" not in run(change).kinds


@pytest.mark.parametrize(("level", "told"), [(0.94, True), (0.96, False), (5.0, False)])
def test_a_run_that_has_learned_nothing_has_learned_nothing_by_heart(run, level, told):
    """However much worse held-out examples are judged, as where all are thrown about."""

    def change(record):
        run.stuck(record, level * record["loss_constant"][0])
        held_out(record, [900.0, 500.0, 400.0, 500.0, 600.0])

    assert ("overfitting" in run(change).kinds) == told


@pytest.mark.parametrize(
    ("last", "accuracy", "severity"),
    [
        (1.15, None, "serious"),  # worse than a constant answer
        (1.05, None, "notice"),
        (1.15, [0.5, 0.8, 0.8, 0.8, 0.76], "serious"),
        (1.15, [0.5, 0.8, 0.8, 0.8, 0.78], "notice"),
    ],
)
@pytest.mark.parametrize("looks", [1, 2])
def test_how_bad_it_is(run, last, accuracy, severity, looks):
    losses = np.repeat([0.9, 0.5, 0.4, 0.8, last], looks)
    accuracy = accuracy and np.repeat(accuracy, looks)
    found = run.of(run(lambda r: held_out(r, losses, accuracy)), "overfitting")
    assert found.severity == severity


@pytest.mark.parametrize(("losses", "told"), [(FALL_AND_RISE, True), ([0.9, 0.6, 0.5, 0.4], False)])
def test_more_steps_are_no_cure_for_learning_by_heart(run, losses, told):
    def change(record):
        record["loss"][...] = np.linspace(1.1, 0.2, 100)
        held_out(record, losses)

    found = run(change)
    few = run.of(found, "too few steps")
    assert few.because == ("overfitting" if told else "")
    assert found.kinds[0] == ("overfitting" if told else "too few steps")
