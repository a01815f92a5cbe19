"""Scores: accuracy, confusion, R^2."""

import math

import numpy as np
import pytest

import nnscratch as nn

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (6, 4))
LABELS = np.array([0, 3, 1, 1, 2, 0])
ONE_HOT = np.eye(4)[LABELS]


def test_accuracy_counts_the_rows_whose_largest_logit_is_right():
    logits = np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 5.0], [3.0, 2.0]])
    labels = np.array([1, 1, 1, 0])
    assert nn.accuracy(logits, labels) == 0.75
    assert nn.accuracy(logits, np.eye(2)[labels]) == 0.75
    assert nn.accuracy(np.full((4, 2), np.nan), np.zeros(4, int)) == 0


@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        (LOGITS, LABELS + 1, nn.DataError, "label 4 at index 1"),
        (LOGITS, LABELS[:2], nn.ShapeError, "2 labels for 6 examples"),
        (LOGITS, ONE_HOT[:2], nn.ShapeError, r"labels of shape \(2, 4\), outputs \(6, 4\)"),
        (LOGITS[:0], LABELS[:0], nn.ShapeError, r"got shape \(0, 4\)"),
        (LOGITS[0], LABELS, nn.ShapeError, r"got shape \(4,\)"),
    ],
)
def test_accuracy_refuses_what_does_not_fit(logits, labels, error, message):
    with pytest.raises(error, match=message):
        nn.accuracy(logits, labels)


def test_scores_at_every_position():
    logits, labels = RNG.normal(0, 1, (5, 7, 3)), RNG.integers(0, 3, (5, 7))
    flat = logits.reshape(-1, 3), labels.reshape(-1)
    assert nn.accuracy(logits, labels) == nn.accuracy(*flat)
    assert nn.accuracy(logits, np.eye(3)[labels]) == nn.accuracy(*flat)
    assert np.array_equal(nn.confusion(logits, labels), nn.confusion(*flat))


def test_confusion_counts_what_was_taken_for_what():
    outputs = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0, 1, 0], [0, 0.4, 0.6], [0.5, 0.1, 0.4]])
    counts = nn.confusion(outputs, np.array([0, 0, 1, 1, 2]))
    assert counts.tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 0]]
    assert nn.confusion(outputs, np.array([1] * 5)).sum() == 5


def test_r2_is_one_for_the_targets_and_zero_for_their_mean():
    t = np.array([[1.0, 10.0], [2.0, 20.0], [6.0, 0.0]])
    assert nn.r2(t, t) == 1
    assert nn.r2(np.tile(t.mean(axis=0), (3, 1)), t) == pytest.approx(0, abs=1e-15)
    half = t + np.array([[1.0, 0], [-1, 0], [1, 0]])
    assert nn.r2(half, t) == pytest.approx((1 - 3 / 14 + 1) / 2)
    assert nn.r2(t[::-1], t) < 0


def test_r2_of_targets_that_are_all_the_same():
    t = np.full((4, 1), 3.0)
    assert math.isnan(nn.r2(t + 1, t))
    assert nn.r2(t, t) == 1


@pytest.mark.parametrize(
    ("predictions", "targets"),
    [
        (np.zeros((3, 1)), np.zeros(3)),
        (np.zeros((3, 1)), np.zeros((4, 1))),
        (np.zeros((0, 1)), np.zeros((0, 1))),
    ],
)
def test_r2_refuses_what_does_not_fit(predictions, targets):
    with pytest.raises(nn.ShapeError, match="predictions and targets of one shape"):
        nn.r2(predictions, targets)


def test_one_output_chooses_yes_above_the_threshold():
    outputs, column = np.array([[0.2], [0.6], [0.5], [-3.0]]), np.array([[0], [1], [1], [0]])
    assert nn.accuracy(outputs, column) == 0.75
    assert nn.accuracy(outputs, column[:, 0], threshold=0.0) == 0.75
    assert nn.accuracy(outputs, column, threshold=0.4) == 1
    assert nn.confusion(outputs, column).tolist() == [[2, 0], [1, 1]]
    outputs[1] = np.nan
    assert nn.accuracy(outputs, column) == 0.5
    assert nn.confusion(outputs, column).sum() == 3


def test_probabilities_of_logits_of_any_size():
    logits = np.array([[1e4, 1e4 - 1, -1e4], [-1e4, -1e4, -1e4]])
    expected = [[1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1)), 0], [1 / 3] * 3]
    np.testing.assert_allclose(nn.SoftmaxCrossEntropy().predictions(logits), expected)


@pytest.mark.parametrize("score", [nn.accuracy, nn.confusion, nn.r2])
def test_masked_values_and_text_are_no_answers(score):
    outputs = np.eye(3)
    with pytest.raises(nn.DataError, match="masked"):
        score(np.ma.array(outputs, mask=outputs > 0), outputs)
    with pytest.raises(nn.DataError, match="masked"):
        score(outputs, np.ma.array(outputs, mask=outputs > 0))
    with pytest.raises(nn.DtypeError, match="must be numbers"):
        score(outputs, outputs.astype(str))


def test_a_confusion_of_too_many_classes_is_refused():
    with pytest.raises(MemoryError, match="a confusion matrix of 10,000,000 classes needs 800 TB"):
        nn.confusion(np.zeros((1, 10_000_000), np.float32), np.zeros(1, int))
