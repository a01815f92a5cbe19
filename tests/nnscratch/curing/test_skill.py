"""Skill: one scale for classes and numbers, whatever the loss."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing.conditions import conditions_of
from nnscratch.curing.skill import (
    Answers,
    is_truth_table,
    neighbours_skill,
    predictions,
    split,
)

RNG = np.random.default_rng(0)
LABELS = np.array([0, 1, 2, 1])
NUMBERS = np.array([[1.0], [2.0], [6.0], [3.0]])


def test_a_constant_has_no_skill_and_the_answers_have_all():
    for y, outputs, classes in ((LABELS, 3, True), (NUMBERS, 1, False)):
        answers = Answers.of(y, y, outputs, classes)
        assert answers.skill(answers.rows) == 1
        assert answers.skill(np.tile(answers.constant, (4, 1))) == 0
        assert answers.skill(answers.rows + 10) == -1
        assert answers.skill(np.full_like(answers.rows, np.nan)) == -1


def test_skill_by_hand():
    answers = Answers.of(NUMBERS, NUMBERS, 1, False)
    said = NUMBERS + np.array([[1.0], [0], [0], [-1]])
    assert answers.skill(said) == pytest.approx(1 - 2 / 14)
    held_out = Answers.of(NUMBERS, NUMBERS + 3, 1, False)  # the constant is that of training
    assert held_out.skill(np.full((4, 1), 6.0)) == 0


def test_answers_that_are_all_the_same_have_no_skill_to_show():
    assert Answers.of(NUMBERS * 0, NUMBERS * 0, 1, False).skill(NUMBERS * 0) == -1


def test_outputs_are_read_as_their_loss_means_them():
    logits = np.array([[3.0, 0, 0], [0, 9.0, 0], [0, 0, 4.0], [0, 5.0, 0]])
    answers = Answers.of(LABELS, LABELS, 3, True)
    softmax = nn.SoftmaxCrossEntropy().predictions(logits)
    own = predictions(lambda output, labels: None, logits - 1, True)
    for said in (predictions(nn.SoftmaxCrossEntropy(), logits, True), own):
        np.testing.assert_allclose(said, softmax)
    assert predictions(nn.MeanSquaredError(), logits, True) is logits
    assert predictions(lambda output, labels: None, logits, False) is logits
    assert 0.9 < answers.skill(softmax) < 1
    assert answers.accuracy(logits, nn.SoftmaxCrossEntropy()) == 1
    assert math.isnan(Answers.of(NUMBERS, NUMBERS, 1, False).accuracy(NUMBERS, None))


COLUMN = np.arange(20_000.0)[:, None]


def test_few_examples_are_not_split():
    training, judged = split(COLUMN[:59], 0)
    assert training is judged
    assert training.tolist() == list(range(59))
    training, judged = split(COLUMN[:60], 0)
    assert len(judged) == 12
    assert sorted([*training, *judged]) == list(range(60))
    assert np.array_equal(split(COLUMN[:60], 0)[1], judged)
    assert not np.array_equal(split(COLUMN[:60], 1)[1], judged)
    assert len(split(COLUMN, 0)[1]) == 2000


def test_of_every_class_as_large_a_part_is_held_out():
    y = np.zeros(200, int)
    y[RNG.choice(200, 40, replace=False)] = np.arange(40) % 2 + 1
    for seed in range(10):
        training, judged = split(COLUMN[:200], seed, y)
        assert np.bincount(y[judged]).tolist() == [32, 4, 4]
        assert np.bincount(y[training]).tolist() == [128, 16, 16]
        options = {"batch_size": 20, "steps": 20, "seed": seed}
        c = conditions_of(nn.Sequential(nn.Dense(1, 3)), COLUMN[:200], y, None, None, **options)
        assert np.bincount(c.answers.y).tolist() == [32, 4, 4]
        # Whoever takes the first few of them has not one class alone.
        assert len(set(y[judged[:20]])) > 1


def test_truth_tables_are_not_split():
    table = (np.arange(64)[:, None] >> np.arange(6) & 1).astype(float)
    for whole in (table, 2 * table - 1, RNG.permutation(table)):
        training, judged = split(whole, 0)
        assert training is judged
    twice = np.where(np.arange(64)[:, None] == 63, table[:1], table)
    middle = np.where(np.arange(64)[:, None] == 63, 0.5, table)
    for part in (twice, middle, table[:63], np.repeat(table, 2, axis=0), table[:, :5]):
        assert len(split(part, 0)[1]) == len(part) // 5
    assert not is_truth_table(np.zeros((1, 2**4, 4)))


def test_neighbours_tell_whether_the_data_do():
    x = RNG.standard_normal((400, 2)) * [1, 1000]
    y = (x[:, 0] > 0).astype(int)
    for labels, low, high in ((y, 0.5, 1), (RNG.permutation(y), -1, 0.0)):
        answers = Answers.of(labels[300:], labels[:300], 2, True)
        held = neighbours_skill(x[:300], labels[:300], x[300:], answers, False)
        everywhere = Answers.of(labels, labels, 2, True)
        seen = neighbours_skill(x, labels, x, everywhere, True)
        assert low < held < high
        assert low < seen < high
    assert math.isnan(
        neighbours_skill(x[:9], y[:9], x[:9], Answers.of(y[:9], y[:9], 2, True), True)
    )


def test_neighbours_are_asked_for_all_that_is_judged_of_all_that_is_known():
    """Of 40 examples those near 0 are 0 and others 1; of 90 that are judged the last 50 are not."""
    x = np.repeat([0.0, 1.0], 20)[:, None] + 0.01 * RNG.standard_normal((40, 1))
    held_x = np.resize([0.0, 1.0], 90)[:, None]
    held_y = np.where(np.arange(90) < 40, held_x[:, 0], 1 - held_x[:, 0]).astype(int)
    answers = Answers.of(held_y, np.repeat([0, 1], 20), 2, True)
    skill = neighbours_skill(x, np.repeat([0, 1], 20), held_x, answers, all_seen=False)
    assert skill < 0.2  # 40 of 90 are told


def test_neighbours_of_numbers_whose_squares_float32_does_not_hold():
    x = np.random.default_rng(0).standard_normal((40, 2))
    y = (x[:, 0] > 0).astype(int)
    answers = Answers.of(y, y, 2, True)
    same = [
        neighbours_skill(
            (size * x).astype(np.float32), y, (size * x).astype(np.float32), answers, True
        )
        for size in (1.0, 1e25)
    ]
    assert same[0] == pytest.approx(same[1])
    assert same[0] > 0.5
