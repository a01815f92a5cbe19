"""Steps that are too long or too short, too few of them, and learning by heart."""

import re

import numpy as np
import pytest

SIZES = "update_ratio"


def dead_later(record, step=30):
    record["output_zeros"][step:, 1] = 1.0
    record["output_dead"][step:, 1] = 1.0


@pytest.mark.parametrize(("size", "told"), [(0.31, True), (0.29, False)])
def test_one_violent_step(run, size, told):
    def change(record):
        dead_later(run.stuck(record))
        record[SIZES][20] = size

    found = run(change)
    rate = run.of(found, "learning rate too large")
    assert (rate is not None) == told
    if told:
        assert rate.step == 20
        assert "the update of step 20 changed the weights by 31 % of their norm" in rate.sentence
        assert rate.numbers["ratio"] == pytest.approx(0.31)
        assert run.of(found, "dead layer").because == "learning rate too large"


def test_what_was_so_before_the_step_is_no_consequence(run):
    def change(record):
        dead_later(run.stuck(record), 0)
        record[SIZES][20] = 0.5

    found = run(change, widths=(40, 40, 3))
    assert run.of(found, "dead layer").because == ""
    assert "dead layer" not in run.of(found, "learning rate too large").explains


def test_a_violent_step_of_a_run_that_learns_is_none(run):
    assert run(lambda r: r[SIZES].__setitem__(0, 0.9)).kinds == ()


@pytest.mark.parametrize(("size", "told"), [(1.1e-2, True), (0.9e-2, False)])
def test_steps_that_stay_long_while_nothing_is_learned(run, size, told):
    def change(record):
        run.stuck(record)[SIZES][...] = size

    assert run.of(run(change), "learning rate too large") is None  # at a rate one begins with
    found = run.of(run(change, lr=0.11), "learning rate too large")
    assert (found is not None) == told
    if told:
        assert "the updates are 1 % of the weights' norm in each step" in found.sentence
        assert "from the first step on" in found.sentence


@pytest.mark.parametrize(("steps", "told"), [(50, True), (49, False)])
def test_and_that_takes_fifty_steps_to_say(run, steps, told):
    def change(record):
        record["loss"][...] = 0.2
        record["loss"][steps // 2 :] = 0.9  # risen again
        record[SIZES][...] = 0.02

    kinds = run(change, steps=steps).kinds
    assert ("learning rate too large" in kinds) == told


@pytest.mark.parametrize(
    ("rate", "rise", "told"), [(0.102, 0.7, True), (0.098, 0.7, False), (0.102, 0.45, False)]
)
def test_a_first_step_that_is_too_far_along_its_own_direction(run, rate, rise, told):
    """Down with slope 4, up with curvature 80: 0.05 leads down best, beyond 0.1 the loss rises."""

    def change(record):
        run.stuck(record)
        dead_later(record)
        record["lr"][...] = rate
        record["param_gradient_norm"][0] = 0.0
        record["param_gradient_norm"][0, 0] = 2.0
        record["param_update_norm"][0] = 0.0
        record["param_update_norm"][0, 0] = rate * 2.0
        moved = -4 * rate + 80 * rate**2 / 2
        record["loss"][1] = record["loss"][0] + moved
        record["loss"][2] = record["loss"][0] + rise * record["loss_constant"][0]

    found = run.of(run(change), "learning rate too large")
    assert (found is not None) == told
    if told:
        assert "one of 0.05 would have led down best, and one of 0.1 not at all" in found.sentence
        assert found.numbers["best"] == pytest.approx(0.05)
        assert found.advice[0].line == "model, optimizer = nn.remake(model), nn.SGD(lr=0.01)"


def test_a_loss_that_ran_away(run):
    def change(record):
        record["loss"][...] = 1.1 * 1.2 ** np.arange(100)

    found = run(change)
    assert found.kinds[:2] == ("learning rate too large", "diverged")
    assert found[0].severity == "fatal"


@pytest.mark.parametrize(
    ("optimizer", "rate", "beyond"),
    [
        ("SGD(lr=0.51)", 0.51, True),
        ("SGD(lr=0.49)", 0.49, False),
        ("SGD(lr=0.06, momentum=0.9)", 0.06, True),
        ("SGD(lr=0.04, momentum=0.9)", 0.04, False),
        ("Adam(lr=0.021)", 0.021, True),
        ("Adam(lr=0.019)", 0.019, False),
        ("Adagrad(lr=0.11)", 0.11, True),
        ("Adadelta(lr=1.5)", 1.5, False),
        ("", 30.0, False),
    ],
)
def test_a_rate_beyond_the_usual_comes_first(run, optimizer, rate, beyond):
    def change(record):
        record["loss"][...] = 1.1 * 1.2 ** np.arange(100)
        record["input_std"][...] = 50.0

    found = run(change, optimizer=optimizer, lr=rate)
    assert (found[0].kind == "learning rate too large") == beyond
    assert (found[0].kind == "input scale") != beyond
    assert ("it is usually" in run.of(found, "learning rate too large").sentence) == beyond


@pytest.mark.parametrize(("size", "told"), [(2.9e-4, True), (3.1e-4, False)])
def test_short_steps_while_nothing_is_learned(run, size, told):
    def change(record):
        run.stuck(record)[SIZES][...] = size

    found = run(change)
    rate = run.of(found, "learning rate too small")
    assert (rate is not None) == told
    if told:
        assert found[0] == rate
        assert "the updates are 2.9e-4 of the weights' norm" in rate.sentence
        assert rate.advice[0].line == "optimizer = nn.SGD(lr=0.5)"
        assert run.of(found, "does not learn").because == "learning rate too small"


def smooth(**options):
    return {"kinds": "dense sigmoid dense", "widths": (20, 3), "scale": 1.0, **options}


@pytest.mark.parametrize(
    ("options", "level", "told"),
    [
        ({}, 1.0, True),
        ({"kinds": "dense tanh dense"}, 1.0, True),
        ({"kinds": "dense relu dense"}, 1.0, False),
        ({"lr": 0.49}, 1.0, True),
        ({"lr": 0.51}, 1.0, False),
        ({"optimizer": "Adam(lr=0.1)"}, 1.0, False),
        ({}, 0.96, True),
        ({}, 0.94, False),
    ],
)
def test_a_plateau_where_all_answers_are_the_same(run, options, level, told):
    def change(record):
        run.stuck(record, level * record["loss_constant"][0])

    found = run.of(run(change, **smooth(**options)), "learning rate too small")
    assert (found is not None) == told
    if told:
        assert "stands on a plateau" in found.sentence
        assert found.advice[0].line == "optimizer = nn.SGD(lr=0.5)"


def test_what_else_is_wrong_is_no_plateau(run):
    def saturates(record):
        run.stuck(record)["saturated_low"][:, 1] = 0.9

    assert "learning rate too small" not in run(saturates, **smooth()).kinds


def slope(record, quarters):
    """The loss falls by this share of what a constant gives in each quarter of the run."""
    record["loss"][...] = record["loss_constant"][0] * np.linspace(1.0, 1 - 4 * quarters, 100)


@pytest.mark.parametrize(
    ("fall", "size", "kind"),
    [
        (0.011, 0.9e-3, "learning rate too small"),  # 0.48 / 0.011 / 4: eleven times the steps
        (0.0135, 0.9e-3, "too few steps"),
        (0.011, 1.1e-3, "too few steps"),
        (0.15, 0.9e-3, "too few steps"),
    ],
)
def test_a_loss_that_falls_slowly(run, fall, size, kind):
    def change(record):
        slope(record, fall)
        record[SIZES][...] = size

    found = run(change)
    assert found.kinds[0] == kind
    assert found[0].severity == ("serious" if kind.startswith("learning") else "notice")


@pytest.mark.parametrize(
    ("share", "fall", "told"),
    [(0.8, 0.025, True), (0.9, 0.025, False), (0.9, 0.048, False), (0.9, 0.052, True)],
)
def test_more_steps_are_asked_for_until_85_percent_are_learned(run, share, fall, told):
    """Or while a twentieth is learned over a quarter of the steps."""

    def change(record):
        steps = np.repeat([1.0, 1 - share + fall, 1 - share + fall, 1 - share], 25)
        record["loss"][...] = record["loss_constant"][0] * steps

    found = run.of(run(change), "too few steps")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        steps = int(re.search(r"max_steps=(\d+)", found.advice[0].line)[1])
        assert steps == round(found.numbers["steps_left"])
        assert f"takes about {steps} more" in found.sentence


@pytest.mark.parametrize(("steps", "told"), [(50, True), (49, False)])
def test_of_fewer_steps_nothing_is_said(run, steps, told):
    def change(record):
        record["loss"][...] = np.linspace(1.1, 0.8, steps)

    assert ("too few steps" in run(change, steps=steps).kinds) == told


@pytest.mark.parametrize(
    "cause",
    [
        lambda r: r["param_copies"].__setitem__((slice(None), 0), 1.0),
        lambda r: r["target_values"].__setitem__(slice(None), 1.0),
    ],
)
def test_short_steps_are_not_told_where_something_else_makes_them_short(run, cause):
    def change(record):
        cause(run.stuck(record))
        record[SIZES][...] = 1e-5

    assert "learning rate too small" not in run(change).kinds


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


@pytest.mark.parametrize(
    ("last", "accuracy", "severity"),
    [
        (1.15, None, "serious"),  # worse than a constant answer
        (1.05, None, "notice"),
        (1.15, [0.5, 0.8, 0.8, 0.8, 0.76], "serious"),
        (1.15, [0.5, 0.8, 0.8, 0.8, 0.78], "notice"),
    ],
)
def test_how_bad_it_is(run, last, accuracy, severity):
    losses = [0.9, 0.5, 0.4, 0.8, last]
    found = run.of(run(lambda r: held_out(r, losses, accuracy)), "overfitting")
    assert found.severity == severity
