"""A few targets that lie far from all others."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings.cures import WITHOUT_FAR

TARGETS = {"targets": "numbers", "widths": (20, 20, 1)}


def far(count=4, share=0.9, **values):
    def change(record):
        known = {"far": count, "far_share": share, "min": -5.0, "max": 20.0} | values
        for name, value in known.items():
            record[f"target_{name}"][...] = value

    return change


@pytest.mark.parametrize(("share", "told"), [(0.51, True), (0.49, False), (0.0, False)])
@pytest.mark.parametrize("count", [1, 4, 20])
def test_targets_far_from_all_others(run, share, told, count):
    """However few of how many, and however many standard deviations of all that is."""
    found = run.of(run(far(count, share), targets="numbers"), "outliers")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"  # it learns
        assert found.advice[0].line == "loss = nn.Huber()"
        assert f"of 400 examples {count}, as far as 20, make up 51 % of the squ" in found.sentence
        assert found.numbers == {"far": count, "share": share, "end": 20.0}


@pytest.mark.parametrize(
    ("std", "line"), [(0.11, "loss = nn.Huber()"), (0.09, "x, y = nn.only_near")]
)
def test_what_the_far_ones_have_shrunk_is_brought_back(run, std, line):
    """Of the others 0.011 or 0.009 is left, where all were standardised together."""
    found = run.of(run(far(share=0.99, std=std), targets="numbers"), "outliers")
    assert found.advice[0].line.startswith(line)
    rng = np.random.default_rng(0)
    y = rng.standard_normal((200, 1)) * 1e-4
    y[:3] = 12.0
    made = {"np": np, "nn": nn, "x": rng.standard_normal((200, 4)), "y": y}
    exec(WITHOUT_FAR.line, made)
    assert made["x"].shape == (197, 4)
    assert made["y"].std() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("low", "end"), [(-19.0, 20.0), (-21.0, -21.0)])
def test_the_one_that_is_farthest_is_named(run, low, end):
    found = run.of(run(far(min=low), targets="numbers"), "outliers")
    assert found.numbers["end"] == end


def test_what_is_far_is_a_fault_where_nothing_is_learned_and_squares_are_asked(run):
    def change(record):
        run.stuck(far()(record) or record)

    assert run.of(run(change, targets="numbers"), "outliers").severity == "serious"

    def half(record):
        run.stuck(far()(record) or record, 0.5)  # not what it should be, and on its way

    assert run.of(run(half, targets="numbers"), "outliers").severity == "notice"

    def absolute(record):
        change(record)
        record["loss_kind"] = "MeanAbsoluteError"

    assert "outliers" not in run(absolute, targets="numbers").kinds
    assert "outliers" not in run(far(), targets="classes").kinds


@pytest.mark.parametrize("loss", ["MeanSquaredError", "MeanAbsoluteError"])
@pytest.mark.parametrize(("share", "told"), [(0.51, False), (0.49, True)])
def test_a_few_far_targets_say_nothing_of_the_labels(run, share, told, loss):
    """The variance, of which other examples should tell a part, is theirs."""

    def change(record):
        run.stuck(far(share=share)(record) or record)
        record["guess_linear"][...] = record["guess_neighbours"][...] = 0.0
        record["loss_kind"] = loss

    assert ("labels" in run(change, targets="numbers").kinds) == told


@pytest.mark.parametrize(
    ("mean", "std", "told"),
    [
        (0.0, 31.0, False),  # of the others 31 sqrt(1 - 0.9) = 9.8
        (0.0, 33.0, True),
        (9.5, 20.0, False),  # four of 400 move the mean by 20 sqrt(0.9 / 100) = 1.9
        (9.8, 20.0, True),
        (-9.5, 20.0, False),
        (-9.8, 20.0, True),
    ],
)
def test_the_scale_of_targets_is_that_of_the_others(run, mean, std, told):
    def change(record):
        run.stuck(far(mean=mean, std=std)(record) or record)
        record["loss_kind"] = "MeanAbsoluteError"

    assert ("target scale" in run(change, **TARGETS).kinds) == told
