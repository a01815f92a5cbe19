"""Runs of more than fifty steps that are short all the same: noise hides it, or a line is ahead."""

import numpy as np
import pytest

FEW = "too few steps"


@pytest.mark.parametrize(
    ("steps", "share", "noise", "told"),
    [
        (199, 0.3, 0.2, True),
        (200, 0.3, 0.2, False),
        (199, 0.04, 0.01, False),  # next to nothing is learned
        (199, 0.3, 1.0, False),  # batches hide whether it falls at all
        (199, 0.9, 0.2, False),  # it has learned
    ],
)
def test_a_run_of_some_steps_that_batches_hide_is_short(run, steps, share, noise, told):
    """It fell in the first half; whether it falls now is within how batches differ."""

    def change(record):
        rng = np.random.default_rng(0)
        losses = np.where(np.arange(steps) < steps // 4, 1 - share / 2, 1 - share)
        losses = losses + noise * rng.standard_normal(steps)
        record["loss"] = record["loss_constant"][0] * losses
        run.fill(guess_linear=0.9, guess_neighbours=0.9)(record)

    found = run.of(run(change, steps=steps), FEW)
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        assert f"Only {steps} steps were made: the loss went from" in found.sentence


@pytest.mark.parametrize(
    ("end", "options", "fits"),
    [
        (0.93, {}, True),
        (0.91, {}, False),
        (0.93, {"steps": 199}, False),
        (0.93, {"optimizer": "Adam(lr=0.1)"}, False),  # it does already
    ],
)
def test_a_pace_at_which_nothing_was_learned_is_not_gone_on_with(run, end, options, fits):
    def change(record):
        record["loss"] = record["loss_constant"] * np.linspace(1.5, end, len(record["steps"]))

    found = run.of(run(change, **({"steps": 200} | options)), FEW)
    lines = [(one.what, one.line.partition("(")[0]) for one in found.advice]
    longer = [("or train longer" if fits else "train longer", "trainer.fit")]
    assert lines == [("let the step fit each weight", "optimizer = nn.Adam")] * fits + longer


@pytest.mark.parametrize(
    ("rate", "end", "began", "fits"),
    [
        (0.009, 0.64, 1.0, True),
        (0.01, 0.64, 1.0, False),  # no tenth of what one begins with
        (0.009, 0.56, 1.0, False),  # it is half way in fewer steps than were made
        (0.009, 0.64, 1.1, False),  # the rate came down from there, as it should
    ],
)
def test_a_pace_by_short_steps_is_not_gone_on_with(run, rate, end, began, fits):
    def change(record):
        record["loss"] = record["loss_constant"] * np.linspace(0.9, end, len(record["steps"]))
        record["lr"][0] *= began

    options = {"steps": 200, "lr": rate, "optimizer": f"SGD(lr={rate})"}
    found = run.of(run(change, **options), FEW)
    lines = [one.line.partition("(")[0] for one in found.advice]
    assert lines == ["optimizer = nn.Adam"] * fits + ["trainer.fit"]


def test_with_another_cause_it_is_not_told(run):
    def change(record):
        record["loss"] = record["loss_constant"][0] * np.repeat([0.9, 0.7], 50)
        record["loss"] += 0.1 * (-1.0) ** np.arange(100)
        record["input_std"][...] = 50.0

    assert run(change).kinds[0] == "input scale"


@pytest.mark.parametrize(
    ("share", "linear", "steps", "told"),
    [
        (0.5, 0.71, 200, True),
        (0.5, 0.69, 200, False),
        (0.5, 0.71, 198, False),  # so short that halves and quarters say little
        (0.06, 0.27, 200, True),
        (0.04, 0.27, 200, False),  # that is nothing, and told as such
    ],
)
def test_a_run_that_stands_behind_a_straight_line(run, share, linear, steps, told):
    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        run.fill(guess_linear=linear, guess_neighbours=0.0)(record)

    found = run(change, steps=steps, targets="numbers")
    behind = [one for one in found if "behind a straight line" in one.sentence]
    assert len(behind) == told
    if told:
        assert (behind[0].kind, behind[0].severity) == (FEW, "notice")
        assert f"tells {linear * 100:.0f} % on other examples, and {share * 100:.0f} % is" in (
            behind[0].sentence
        )
        assert "nn.SGD(lr=" in behind[0].advice[0].line
        assert "max_steps=200" in behind[0].advice[1].line


@pytest.mark.parametrize(
    ("near", "rate", "told"),
    [
        (0.71, 0.009, True),
        (0.69, 0.009, False),
        (0.71, 0.01, False),  # by usual steps what is left may be beyond the network
    ],
)
def test_a_run_by_short_steps_that_stands_behind_its_neighbours(run, near, rate, told):
    def change(record):
        run.stuck(record, 0.5 * record["loss_constant"][0])
        run.fill(guess_linear=0.5, guess_neighbours=near)(record)

    options = {"steps": 200, "targets": "numbers", "lr": rate, "optimizer": f"SGD(lr={rate})"}
    found = run.of(run(change, **options), FEW)
    assert (found is not None) == told
    if told:
        assert "behind its neighbours: of the answers' variance the nearest tell 71 % on other" in (
            found.sentence
        )
        assert found.severity == "notice"


def test_of_classes_no_line_says_how_far_a_loss_can_fall(run):
    def change(record):
        run.stuck(record, 0.5 * record["loss_constant"][0])
        run.fill(guess_linear=0.9, guess_neighbours=0.0)(record)

    assert FEW not in run(change, steps=200).kinds


def test_what_else_is_wrong_comes_before_the_line(run):
    def change(record):
        run.stuck(record, 0.5 * record["loss_constant"][0])
        run.fill(guess_linear=0.9, guess_neighbours=0.0)(record)
        record["input_std"][...] = 300.0

    found = run(change, steps=200, targets="numbers")
    assert found.kinds[0] == "input scale"
    assert not any("straight line" in one.sentence for one in found)
