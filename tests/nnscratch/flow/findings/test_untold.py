"""Answers that are one, are few, or that nothing tells."""

import numpy as np
import pytest

from nnscratch.flow.findings import Finding
from nnscratch.flow.findings.data import labels


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"target_values": 1.0, "target_count": 8.0}, "have the same answer, one class"),
        ({"target_values": 1.0, "target_count": 7.0}, None),
        ({"target_values": 2.0, "target_count": 8.0}, None),
    ],
)
def test_one_answer_for_all(run, values, said):
    found = run.of(run(run.fill(**values)), "labels")
    assert (found is not None) == (said is not None)
    if said:
        assert said in found.sentence
        assert found.severity == "serious"


def test_one_number_for_all_is_named(run):
    found = run.of(
        run(run.fill(target_values=1.0, target_mean=4.25), targets="numbers", widths=(20, 20, 1)),
        "labels",
    )
    assert "the same answer, 4.2: whatever" in found.sentence


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"guess_linear": 0.04, "guess_neighbours": -0.2}, True),
        ({"guess_linear": -0.2, "guess_neighbours": 0.04}, True),
        ({"guess_linear": 0.06, "guess_neighbours": -0.2}, False),
        ({"guess_linear": 0.0, "guess_neighbours": 0.0, "target_count": 150}, True),
        ({"guess_linear": 0.0, "guess_neighbours": 0.0, "target_count": 149}, False),
        ({"guess_linear": np.nan, "guess_neighbours": np.nan}, False),
    ],
)
def test_answers_that_nothing_tells(run, values, told):
    def change(record):
        run.fill(**values)(run.stuck(record))

    found = run.of(run(change), "labels")
    assert (found is not None) == told
    if told:
        assert "nor does the network" in found.sentence
        assert "shuffled" in found.cause
        assert run(change).kinds == ("labels", "does not learn")


@pytest.mark.parametrize("through_time", [True, False])
def test_what_no_guess_tells_of_a_sequence_may_be_its_order(run, through_time):
    def change(record):
        run.fill(guess_linear=0.0, guess_neighbours=0.0)(run.stuck(record))
        if through_time:
            record["roles"] = ["recurrent", *record["roles"][1:]]

    assert ("labels" in run(change).kinds) != through_time


@pytest.mark.parametrize(
    ("share", "severity", "kept"),
    [(0.0, "serious", ("labels", "does not learn")), (0.2, "notice", ("labels",)), (0.31, "", ())],
)
def test_what_no_guess_tells_of_a_picture_may_lie_elsewhere_in_each(run, share, severity, kept):
    """Behind a convolution: neither guess, by each pixel, knows a thing that is shifted."""

    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        run.fill(guess_linear=-0.1, guess_neighbours=-0.2)(record)
        record["kinds"] = ["conv2d", *record["kinds"][1:]]

    found = run(change)
    assert found.kinds == kept
    if kept:
        assert found[0].severity == severity
        assert "Neither guess knows a thing that lies elsewhere" in found[0].sentence
        assert "is by heart" not in found[0].sentence

    def twice(record):
        change(record)
        record["loss_kind"] = "SoftmaxCrossEntropy"

    other = run(twice, kinds="dense relu dense relu dense softmax")
    if share == 0.0:
        assert (other.kinds[0], run.of(other, "labels").severity) == ("softmax twice", "notice")


@pytest.mark.parametrize(
    ("end", "steps", "told"), [(0.72, 50, True), (0.68, 50, False), (0.72, 49, False)]
)
def test_answers_learned_by_heart_are_told_while_they_are_few(run, end, steps, told):
    def change(record):
        run.fill(guess_linear=0.0, guess_neighbours=-0.1)(record)
        start = record["loss_constant"][0]
        record["loss"][...] = np.linspace(start, end * start, steps)
        record["loss"][-5:] = end * start

    found = run.of(run(change, steps=steps), "labels")
    assert (found is not None) == told
    if told:
        assert "is by heart" in found.sentence


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"target_values": 4.0, "target_count": 200}, True),
        ({"target_values": 5.0, "target_count": 200}, False),
        ({"target_values": 4.0, "target_count": 199}, False),
        ({"target_values": 4.0, "target_count": 200, "target_classes": 1.0}, False),
    ],
)
def test_few_of_the_classes(run, values, told):
    found = run.of(run(run.fill(**values), widths=(20, 20, 10)), "labels")
    assert (found is not None) == told
    if told:
        assert found.severity == "notice"
        assert "Only 4 of the 10 classes occur among the 200 examples" in found.sentence


def test_a_run_that_learns_has_good_labels(run):
    change = run.fill(guess_linear=0.0, guess_neighbours=0.0)
    assert run.of(run(change, loss=run.falling(1.1, 0.02, 100)), "labels") is None


@pytest.mark.parametrize(
    ("outputs", "classes", "std", "told"),
    [
        (1, 1.0, 0.28, True),  # 2 x 0.28^2 of 512: 80 pairs in 512 have unlike answers
        (1, 1.0, 0.26, False),
        (4, 2.0, 0.2, True),  # 4 x 0.2^2 of 512: 82
        (4, 2.0, 0.18, False),
        (1, 0.0, 0.1, True),  # numbers
    ],
)
def test_of_rare_answers_few_can_be_told_from_others(run, outputs, classes, std, told):
    def change(record):
        run.stuck(record)
        run.fill(target_count=512, target_values=2, target_classes=classes, target_std=std)(record)
        run.fill(guess_linear=0.04, guess_neighbours=-0.1)(record)

    of = "numbers" if outputs == 1 else "classes"
    found = run.of(run(change, widths=(20, 20, outputs), targets=of), "labels")
    assert (found is not None) == told


@pytest.mark.parametrize(
    ("early", "late", "told"),
    [
        (3.1e-4, 1e-5, True),
        (1e-5, 3.1e-4, True),
        (2.9e-4, 2.9e-4, False),  # by such steps nothing is learned of any labels
        (np.nan, np.nan, True),
    ],
)
def test_labels_are_judged_by_a_run_that_moves(run, early, late, told):
    def change(record):
        run.stuck(record)
        run.fill(guess_linear=0.0, guess_neighbours=0.0)(record)
        record["update_ratio"][...] = late
        record["update_ratio"][:10] = early

    assert ("labels" in run(change).kinds) == told


def cause(kind, severity="notice", explains=("too few steps",)):
    return Finding(kind, severity, (), 0, "", explains=frozenset(explains))


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([], True),
        ([cause("clip never", explains=())], True),  # holds nothing up
        ([cause("too few steps")], False),
        ([cause("batch norm statistics", "serious", ())], False),
    ],
)
def test_labels_that_are_not_sure_explain_what_nothing_else_does(others, told):
    found = labels.last_resort([cause("labels", explains=()), *others])
    assert (found[0].explains == {"does not learn"}) == told
    assert found[1:] == others
    sure = cause("labels", "serious", ("constant output",))
    assert labels.last_resort([sure]) == [sure]


@pytest.mark.parametrize(
    ("told", "share", "severity"),
    [
        (-0.01, 0.29, "serious"),
        (-0.01, 0.31, "notice"),  # learned by heart, as far as the guesses go
        (-0.01, 0.74, "notice"),
        (-0.01, 0.76, ""),
        (0.01, 0.29, "serious"),
        (0.01, 0.31, ""),
    ],
)
def test_what_no_guess_tells_may_be_learned_by_heart(run, told, share, severity):
    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        run.fill(guess_linear=told, guess_neighbours=-0.2)(record)

    found = run.of(run(change), "labels")
    assert (found.severity if found else "") == severity
    if found:
        assert "what it learns is by heart" in found.sentence
