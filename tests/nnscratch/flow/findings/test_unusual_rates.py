"""Rates beyond what is usual of an optimizer, and what they are to blame for."""

import numpy as np
import pytest

SIZES = "update_ratio"


@pytest.mark.parametrize(
    ("rate", "size", "share", "falls", "told"),
    [
        (0.101, 0.31, 0.5, 0.0, True),
        (0.099, 0.31, 0.5, 0.0, False),  # five times the largest usual rate, 0.02
        (0.101, 0.29, 0.5, 0.0, False),
        (0.101, 0.31, 0.76, 0.0, False),  # it has learned
        (0.101, 0.31, 0.5, 0.2, False),  # it goes on
    ],
)
def test_a_run_that_was_thrown_by_a_wild_rate_and_stands_halfway(
    run, rate, size, share, falls, told
):
    def change(record):
        level = (1 - share) * record["loss_constant"][0]
        record["loss"] = level * (1 + 0.002 * (-1.0) ** np.arange(100))
        record["loss"][:50] *= 1 + falls
        record["loss"][50:75] *= 1 + falls / 2
        record[SIZES][:5] = size

    options = {"optimizer": f"Adam(lr={rate})", "lr": rate}
    found = run.of(run(change, **options), "learning rate too large")
    assert (found is not None) == told
    if told:
        assert found.severity == "serious"
        assert "with Adam it is usually 0.02 at most" in found.sentence


@pytest.mark.parametrize(
    ("optimizer", "rate", "beyond", "first"),
    [
        ("SGD(lr=0.51)", 0.51, True, False),
        ("SGD(lr=0.49)", 0.49, False, False),
        ("SGD(lr=0.06, momentum=0.9)", 0.06, True, False),
        ("SGD(lr=0.04, momentum=0.9)", 0.04, False, False),
        ("Adam(lr=0.021)", 0.021, True, False),
        ("Adam(lr=0.019)", 0.019, False, False),
        ("Adagrad(lr=0.11)", 0.11, True, False),
        ("Adadelta(lr=1.5)", 1.5, False, False),
        (
            "SGD(lr=0.05, momentum=0.9)",
            0.05,
            False,
            False,
        ),  # in floats 0.5 (1 - 0.9) is a little less
        ("SGD(lr=0.0501, momentum=0.9)", 0.0501, True, False),
        ("", 30.0, False, False),
        ("SGD(lr=2.49)", 2.49, True, False),
        ("SGD(lr=2.51)", 2.51, True, True),
        ("Adam(lr=0.099)", 0.099, True, False),
        ("Adam(lr=0.101)", 0.101, True, True),
    ],
)
def test_a_rate_clearly_beyond_the_usual_comes_first(run, optimizer, rate, beyond, first):
    def change(record):
        record["update_ratio"][:, [0, 2, 4]] = 0.011
        record["loss"][...] = 1.1 * 1.2 ** np.arange(100)
        record["input_std"][...] = 50.0

    found = run(change, optimizer=optimizer, lr=rate)
    assert found[0].kind == ("learning rate too large" if first else "input scale")
    assert ("it is usually" in run.of(found, "learning rate too large").sentence) == beyond


def early(losses, size=0.02):
    """A short run: its losses, over a constant answer's, and the size of its updates."""

    def change(record):
        at = np.linspace(0, 1, len(record["steps"]))
        record["loss"][...] = record["loss_constant"][0] * np.interp(at, [0, 0.5, 1], losses)
        record[SIZES][...] = size

    return change


UNUSUAL, USUAL = (
    {"lr": 0.51, "optimizer": "SGD(lr=0.51)"},
    {"lr": 0.49, "optimizer": "SGD(lr=0.49)"},
)


@pytest.mark.parametrize(
    ("losses", "size", "options", "severity"),
    [
        ((1.0, 1.0, 1.0), 1.1e-2, UNUSUAL, "notice"),
        ((1.0, 1.0, 1.0), 0.9e-2, UNUSUAL, ""),
        ((1.0, 1.0, 1.0), 1.1e-2, USUAL, ""),
        ((1.0, 0.9, 0.8), 1.1e-2, UNUSUAL, ""),  # it falls
        ((1.06, 1.06, 1.06), 1.1e-2, UNUSUAL, "serious"),
        ((1.04, 1.04, 1.04), 1.1e-2, UNUSUAL, "notice"),
        ((1.0, 1.0, 1.24), 0.31, USUAL, "serious"),
        ((1.0, 1.0, 1.24), 0.29, USUAL, ""),
        ((1.0, 1.0, 1.04), 0.31, USUAL, ""),  # it does not rise so far
        ((0.5, 0.6, 0.7), 0.31, USUAL, ""),  # it is better than a constant answer
    ],
)
def test_long_steps_of_a_short_run(run, losses, size, options, severity):
    found = run.of(run(early(losses, size), steps=20, **options), "learning rate too large")
    assert (found.severity if found else "") == severity


@pytest.mark.parametrize(("steps", "told"), [(2, False), (3, True)])
def test_and_of_one_or_two_steps_no_word(run, steps, told):
    found = run(early((1.0, 1.0, 1.0), 0.5), steps=steps, **UNUSUAL)
    assert ("learning rate too large" in found.kinds) == told


@pytest.mark.parametrize(("times", "told"), [(20.5, True), (19.5, False)])
def test_a_rate_far_beyond_the_usual_is_to_blame_for_what_broke(run, times, told):
    """Momentum of 0.999 makes a rate a thousand times as large."""

    def change(record):
        run.dead(run.stuck(record, 0.7))

    rate = times * 0.5 * (1 - 0.999)
    optimizer = f"SGD(lr={rate}, momentum=0.999)"
    found = run.of(run(change, lr=rate, optimizer=optimizer), "learning rate too large")
    assert (found is not None) == told
    if told:
        assert "with SGD and momentum 0.999 it is usually 5.0e-4 at most" in found.sentence
    whole = run(lambda r: run.stuck(r, 0.7), lr=rate, optimizer=optimizer)
    assert "learning rate too large" not in whole.kinds  # nothing is broken


@pytest.mark.parametrize(
    ("rate", "size", "level", "told"),
    [
        (2.51, 0.011, 0.7, True),
        (2.49, 0.011, 0.7, False),
        (2.51, 0.009, 0.7, False),
        (2.51, 0.011, 0.2, False),  # it has learned
    ],
)
def test_a_rate_far_beyond_the_usual_holds_up_what_stands(run, rate, size, level, told):
    """A third of what there is to learn is learned, and then the steps are too long for more."""

    def change(record):
        run.stuck(record, level)[SIZES][...] = size

    found = run(change, lr=rate, optimizer=f"SGD(lr={rate})")
    assert ("learning rate too large" in found.kinds) == told


@pytest.mark.parametrize(
    ("rate", "died", "told"), [(1.01, 30, True), (0.99, 30, False), (1.01, 0, False)]
)
def test_a_rate_beyond_the_usual_is_to_blame_for_units_that_die_later(run, rate, died, told):
    def change(record):
        run.dead(run.stuck(record, 0.7), died)

    found = run(change, lr=rate, optimizer=f"SGD(lr={rate})")
    assert ("learning rate too large" in found.kinds) == told


@pytest.mark.parametrize(("size", "first"), [(0.011, True), (0.009, False)])
def test_a_rate_is_first_by_steps_that_are_long_indeed(run, size, first):
    """Of squares of sigmoids the gradient is small: a rate of three may be the right one."""

    def change(record):
        run.dead(run.stuck(record), 30)
        record[SIZES][...] = size

    found = run.of(run(change, lr=3.0, optimizer="SGD(lr=3.0)"), "learning rate too large")
    assert found.first == first
