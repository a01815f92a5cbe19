"""Which two classes other examples cannot tell from each other."""

import numpy as np
import pytest

from nnscratch.flow.answers import Answers
from nnscratch.flow.pairs import hardest


def classes(*counts):
    """Truth and guesses of a table of counts: rows are classes, columns what they are taken for."""
    table = np.array(counts)
    truth, guess = np.indices(table.shape)
    return truth.repeat(table.ravel()), guess.ravel().repeat(table.ravel())


def test_the_pair_between_which_guesses_are_worst():
    found = hardest(*classes([40, 0, 0], [0, 22, 18], [0, 19, 21]))
    assert found == {
        "pair_told": (22 / 40 + 21 / 40) / 2,
        "pair_rows": 80.0,
        "pair_one": 1.0,
        "pair_other": 2.0,
    }


@pytest.mark.parametrize(
    ("table", "stands_out"),
    [
        ([[40, 0, 0], [8, 16, 16], [8, 16, 16]], True),  # four of five are guessed to be of the two
        ([[40, 0, 0], [9, 16, 15], [8, 16, 16]], False),
        ([[24, 8, 8], [0, 20, 20], [0, 20, 20]], True),  # three of five others are guessed right
        ([[23, 9, 8], [0, 20, 20], [0, 20, 20]], False),
        ([[40, 0, 0], [0, 8, 7], [0, 20, 20]], True),  # fifteen examples of a class
        ([[40, 0, 0], [0, 7, 7], [0, 20, 20]], False),
    ],
)
def test_a_pair_stands_out_where_both_are_told_from_all_others(table, stands_out):
    found = hardest(*classes(*table))
    assert (found.get("pair_told", 1.0) < 0.6) == stands_out


def test_two_classes_alone_are_no_pair():
    assert hardest(*classes([20, 20], [20, 20])) == {}


@pytest.mark.parametrize("wrong", [True, False])
def test_half_of_two_labels_interchanged_are_seen_in_the_examples(wrong):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 500)
    x = (rng.standard_normal((500, 6)) + 3 * np.eye(6)[y]).astype(np.float32)
    if wrong:
        y = np.where((rng.random(500) < 0.5) & (y > 1), 5 - y, y)
    answers = Answers()
    answers.add(0, x, y, 4)
    found = answers.guess((4,))
    if wrong:
        assert (found["pair_one"], found["pair_other"]) == (2, 3)
        assert found["pair_told"] == pytest.approx(0.5, abs=0.08)
    else:
        assert found["pair_told"] > 0.9
