"""Rows with the same inputs and other answers: how many, and what can be told all the same."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.answers import Answers
from nnscratch.flow.repeats import repeats


def test_what_equal_inputs_tell_by_hand():
    x = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 2.0], [2.0, 2.0], [5.0, 5.0]])
    t = np.array([[1.0], [3.0], [10.0], [10.0], [100.0]])
    found = repeats(x, t)
    assert found["repeated_share"] == pytest.approx(2 / 5)
    within = 2 * 2 / 5  # two rows of variance 2, three that are told whole
    assert found["repeated_told"] == pytest.approx(1 - within / np.var(t, ddof=1))


def test_answers_by_chance_are_told_by_nothing():
    """Without a bias, however few rows are equal: here two at a time."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.standard_normal((2000, 3)), 2, axis=0)
    told = [repeats(x, rng.standard_normal((4000, 2)))["repeated_told"] for _ in range(20)]
    assert np.mean(told) == pytest.approx(0, abs=0.02)


def test_answers_that_follow_from_the_inputs_are_told_whole():
    x = np.arange(8.0)[np.arange(40) % 8, None]
    assert repeats(x, x**2) == {"repeated_share": 0, "repeated_told": 1}


@pytest.mark.parametrize(
    ("x", "t", "found"),
    [
        ([[1.0], [2.0]], [[0.0], [1.0]], {"repeated_share": 0, "repeated_told": 1}),
        ([[1.0], [1.0]], [[2.0], [2.0]], {"repeated_share": 0.0}),  # nothing to tell
        ([[0.0], [-0.0]], [[2.0], [3.0]], {"repeated_share": 1, "repeated_told": 0}),
        ([[0.0]], [[2.0]], {"repeated_share": 0}),
    ],
)
def test_few_rows(x, t, found):
    assert repeats(np.array(x), np.array(t)) == pytest.approx(found)


def test_labels_count_as_they_were_given_the_same_row_too():
    """Four inputs of 400 rows, whose labels are right in nine of ten: most of them are the same row
    again, and tell that the inputs tell much.
    """
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (400, 2)).astype(np.float32)
    y = (x.sum(axis=1) == 1) ^ (rng.random(400) < 0.1)
    answers = Answers()
    answers.add(0, x, y.astype(int), 2)
    found = answers.repeated((2,))
    assert found["repeated_share"] == 1
    assert found["repeated_told"] == pytest.approx(0.8**2, abs=0.1)  # correlation of 1 - 2 * 0.1


def test_a_run_whose_inputs_were_rounded_is_told_so_and_not_one_that_has_them_whole():
    rng = np.random.default_rng(0)
    x = 0.4 * rng.standard_normal((600, 3)).astype(np.float32)
    y = np.sin(3 * x.sum(axis=1, keepdims=True))
    kinds = []
    for given in (np.round(x), x):
        model = nn.Sequential(nn.Dense(3, 32), nn.Tanh(), nn.Dense(32, 1), seed=0)
        flow = nn.GradientFlow(model, histograms=False)
        trainer = nn.Trainer(model, nn.MeanSquaredError(), nn.Adam(lr=0.01))
        trainer.fit(given, y, epochs=20, batch_size=32, callbacks=[flow], progress=False)
        kinds.append(flow.findings().kinds)
    assert kinds[0][0] == "inputs alike"
    assert "inputs alike" not in kinds[1]
