"""What a loss can come to is found by asking it; what other examples tell, by guessing them."""

import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.answers import Answers, _linear

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 4)).astype(np.float32)
LABELS = (np.arange(300) % 4 == 0).astype(np.int64)  # a quarter of ones


def same(z):
    return z


def measured(y, loss, outputs, last=same, x=X):
    answers = Answers()
    answers.add(0, x[: len(y)], y, outputs)
    return answers.measure(loss, (outputs,), np.dtype(np.float32), last)


def column(values):
    return np.asarray(values, np.float32)[:, None]


def entropy(p):
    return -(p * math.log(p) + (1 - p) * math.log(1 - p))


def test_a_constant_gives_the_entropy_of_labels():
    found = measured(LABELS, nn.SoftmaxCrossEntropy(), 2)
    assert found["loss_constant"] == pytest.approx(entropy(0.25), rel=1e-5)
    assert found["loss_free"] == found["loss_floor"] == pytest.approx(0, abs=1e-9)
    assert found["target_values"] == 2
    assert found["target_classes"] == 2
    assert found["target_mean"] == 0.5
    assert found["target_std"] == pytest.approx(math.sqrt(0.25 * 0.75))


@pytest.mark.parametrize("loss", [nn.SigmoidCrossEntropy(), nn.BinaryCrossEntropy()])
def test_a_constant_gives_the_entropy_of_yes_and_no(loss):
    found = measured(column(LABELS), loss, 1)
    assert found["loss_constant"] == pytest.approx(entropy(0.25), rel=1e-5)
    assert found["loss_free"] == pytest.approx(0, abs=1e-6)
    assert found["target_classes"] == 1


def test_a_constant_gives_the_variance_of_targets():
    y = RNG.lognormal(0, 1, (300, 3)).astype(np.float32)
    found = measured(y, nn.MeanSquaredError(), 3)
    assert found["loss_constant"] == pytest.approx(y.var(axis=0).mean(), rel=1e-5)
    assert found["loss_free"] == 0
    assert found["target_classes"] == 0
    assert found["target_std"] ** 2 == pytest.approx(found["loss_constant"], rel=1e-5)
    assert (found["target_min"], found["target_max"]) == (y.min(), y.max())


def with_far(count, rows, away, columns=1):
    y = np.tile(np.linspace(-1, 1, rows)[:, None], columns)
    y[rows // 2 : rows // 2 + count, 0] = away
    return measured(y.astype(np.float32), nn.MeanSquaredError(), columns)


@pytest.mark.parametrize(
    ("count", "rows", "away", "far"),
    [
        (1, 300, 5.7, 1),  # of 95 % the root mean square is 0.95 / sqrt(3) = 0.548
        (1, 300, 5.3, 0),
        (3, 300, 5.8, 3),
        (3, 300, -5.8, 3),
        (3, 300, 90.0, 3),  # no more than 9.9 standard deviations of all
        (17, 300, 90.0, 17),  # one in twenty, and a few
        (18, 300, 90.0, 0),  # so many are not a few
        (1, 20, 30.0, 1),
        (1, 18, 30.0, 0),  # too few to say what is usual
    ],
)
def test_targets_far_from_nearly_all_others_are_counted(count, rows, away, far):
    found = with_far(count, rows, away)
    assert found["target_far"] == far
    of_all = count * away**2 / (count * away**2 + (rows - count) / 3)
    assert found["target_far_share"] == pytest.approx(of_all if far else 0.0, rel=0.1)


def test_what_is_far_in_one_column_counts_against_the_squares_of_all():
    one, two = with_far(3, 300, 30.0), with_far(3, 300, 30.0, columns=2)
    assert one["target_far"] == two["target_far"] == 3
    assert two["target_far_share"] < one["target_far_share"]


def test_numbers_that_are_nearly_always_the_same_have_none_that_are_far():
    assert (
        measured(column(np.arange(300) % 50 == 1.0) * 7, nn.MeanSquaredError(), 1)["target_far"]
        == 0
    )
    labels = measured(LABELS, nn.SoftmaxCrossEntropy(), 2)
    assert "target_far" not in labels  # zeros and ones are never far


@pytest.mark.parametrize(("spread", "most"), [(0.5, 0.1), (1.0, 0.5)])
def test_a_long_tail_is_not_a_few_far_targets(spread, most):
    y = column(np.random.default_rng(5).lognormal(0, spread, 300))
    assert measured(y, nn.MeanSquaredError(), 1)["target_far_share"] < most


def test_a_constant_gives_the_deviation_from_the_median():
    y = column(RNG.lognormal(0, 1, 300))
    found = measured(y, nn.MeanAbsoluteError(), 1)
    assert found["loss_constant"] == pytest.approx(np.abs(y - np.median(y)).mean(), rel=1e-5)


def test_a_loss_of_ones_own_is_asked_too():
    def fourth_power(outputs, targets):
        away = outputs.astype(np.float64) - targets
        return float((away**4).mean()), 4 * away**3 / away.size

    y = column(np.tile([-1.0, 1.0], 150))
    assert measured(y, fourth_power, 1)["loss_constant"] == pytest.approx(1)

    def broken(outputs, targets):
        raise RuntimeError("not these outputs")

    found = measured(y, broken, 1)
    assert math.isnan(found["loss_constant"])
    assert math.isnan(found["loss_floor"])
    assert found["target_count"] == 300


@pytest.mark.parametrize(
    ("kind", "targets", "floor"),
    [
        ("relu", [-2.0, 1.0, 3.0, 2.0], 1.0),  # (-2)^2 / 4
        ("sigmoid", [0.5, 0.5, 0.5, 2.0], 0.25),  # 1^2 / 4
        ("tanh", [-0.9, 0.5, 0.1, 0.9], 0.0),
        ("tanh", [-1.5, 0.5, 0.1, 1.5], 0.125),  # 2 0.5^2 / 4
        ("sigmoid", [0.0, 1.0, 1.0, 0.0], 0.0),
    ],
)
def test_the_last_activation_bounds_what_can_be_reached(kind, targets, floor):
    layer = nn.layers.activation(kind).initialize()
    found = measured(
        column(targets), nn.MeanSquaredError(), 1, last=lambda z: layer.forward(z)[0].copy()
    )
    assert found["loss_floor"] == pytest.approx(floor, abs=1e-3)
    assert found["loss_free"] == 0


def test_a_softmax_of_a_softmax_has_a_floor():
    layer = nn.Softmax().initialize()
    found = measured(
        np.arange(300) % 10, nn.SoftmaxCrossEntropy(), 10, last=lambda z: layer.forward(z)[0].copy()
    )
    assert found["loss_floor"] == pytest.approx(math.log(1 + 9 / math.e), rel=1e-4)
    assert found["loss_constant"] == pytest.approx(math.log(10), rel=1e-5)


def test_examples_that_come_again_count_once():
    answers = Answers()
    for at in range(5):
        answers.add(at, X[:30], LABELS[:30], 2)
    found = answers.measure(nn.SoftmaxCrossEntropy(), (2,), np.dtype(np.float32), same)
    assert answers.seen == 150
    assert found["target_count"] == 30
    answers.add(5, X[:1], 1 - LABELS[:1], 2)  # the same inputs, another answer
    again = answers.measure(nn.SoftmaxCrossEntropy(), (2,), np.dtype(np.float32), same)
    assert again["target_count"] == 31


def test_no_more_is_kept_than_memory_allows_and_batches_can_be_forgotten():
    answers = Answers()
    for at in range(3):
        answers.add(at, np.tile(X, (1, 1)), LABELS, 2)
    assert answers.seen == 512
    assert answers.full
    answers.truncate(1)
    assert answers.seen == 300
    assert not answers.full
    wide = Answers()
    wide.add(0, np.zeros((40, 2**16), np.float32), LABELS[:40], 2)
    assert wide.seen == 8


def test_the_scales_of_features():
    scales = np.array([1, 1, 100, 1], np.float32)
    found = measured(LABELS, nn.SoftmaxCrossEntropy(), 2, x=X * scales + np.float32(5))
    assert found["feature_ratio"] == pytest.approx(100, rel=0.1)
    assert found["feature_offset"] == pytest.approx(5, rel=0.1)
    flat = np.ones((300, 4), np.float32)
    assert "feature_ratio" not in measured(LABELS, nn.SoftmaxCrossEntropy(), 2, x=flat)


def guessed(y, outputs, x=X):
    answers = Answers()
    answers.add(0, x, y, outputs)
    return answers.guess((outputs,))


def test_what_other_examples_tell():
    linear = guessed(column(X @ [1, -2, 0.5, 0]), 1)
    assert linear["guess_linear"] > 0.95
    ring = guessed((np.square(X[:, :2]).sum(axis=1) > 1.4).astype(np.int64), 2, X[:, :2])
    assert ring["guess_linear"] < 0.1
    assert ring["guess_neighbours"] > 0.6
    noise = guessed(RNG.permutation(LABELS), 2)
    assert noise["guess_linear"] < 0.05
    assert noise["guess_neighbours"] < 0.05
    assert guessed(LABELS[:39], 2, X[:39]) == {}
    assert guessed(LABELS[:40], 2, X[:40]) != {}
    assert guessed(np.zeros(300, np.int64), 2) == {}


@pytest.mark.parametrize("features", [4, 30])  # fewer and more than the 20 examples of each half
def test_the_linear_guess_is_ridge_regression(features):
    x, y = RNG.standard_normal((20, features)), RNG.standard_normal((20, 2))
    asked = RNG.standard_normal((7, features))
    away, target = x - x.mean(axis=0), y - y.mean(axis=0)
    penalty = np.sqrt(1e-2 * np.square(away).sum()) * np.eye(features)
    weights = np.linalg.lstsq(np.vstack([away, penalty]), np.vstack([target, 0 * penalty[:, :2]]))
    expected = y.mean(axis=0) + (asked - x.mean(axis=0)) @ weights[0]
    np.testing.assert_allclose(_linear(x, y, asked), expected, rtol=1e-9, atol=1e-12)


def test_a_time_stamp_beside_the_others_hides_none_of_them():
    stamps = 1.5e12 + 1e10 * RNG.standard_normal((300, 1))
    x = np.hstack([X, stamps, np.zeros((300, 1))]).astype(np.float32)
    assert guessed(column(X @ [1, -2, 0.5, 0]), 1, x)["guess_linear"] > 0.95


def test_sequences_have_an_answer_each_or_at_each_position():
    x = RNG.standard_normal((50, 7, 3)).astype(np.float32)
    answers = Answers()
    answers.add(0, x, np.tile(LABELS[:50, None], (1, 7)), 14)
    found = answers.measure(nn.SoftmaxCrossEntropy(), (7, 2), np.dtype(np.float32), same)
    assert found["loss_constant"] == pytest.approx(entropy(13 / 50), rel=1e-4)
    assert answers.measure(nn.SoftmaxCrossEntropy(), (5,), np.dtype(np.float32), same) == {}


def between(labels, batch):
    answers = Answers()
    for step, at in enumerate(range(0, len(labels), batch)):
        answers.add(step, X[at : at + batch], labels[at : at + batch], 4)
    found = answers.measure(nn.SoftmaxCrossEntropy(), (4,), np.dtype(np.float32), same)
    return found.get("target_between")


def test_classes_that_come_one_after_the_other_lie_between_batches():
    y = np.repeat(np.arange(4), 75)
    assert between(y, 25) == 1
    assert 0.8 < between(y, 20) < 1  # some batches have two
    for batch in (2, 20):  # a sample of all: 0 but for chance, however small
        assert abs(between(np.random.default_rng(1).permutation(y), batch)) < 0.1
    assert between(y, 1) is None
    assert between(0 * y, 25) is None
    numbers = measured(column(np.arange(300.0)), nn.MeanSquaredError(), 1)
    assert "target_between" not in numbers


def test_a_constant_is_judged_by_the_weights_of_the_examples():
    """Those of a quarter three times as heavy: both classes then cost the same."""
    answers, weights = Answers(), np.where(LABELS == 1, 3.0, 1.0) / 1.5
    answers.add(0, X, LABELS, 2, weights)
    found = answers.measure(nn.SoftmaxCrossEntropy(), (2,), np.dtype(np.float32), same)
    assert found["loss_constant"] == pytest.approx(math.log(2), rel=1e-5)
    answers.truncate(0)
    answers.add(0, X, LABELS, 2)
    found = answers.measure(nn.SoftmaxCrossEntropy(), (2,), np.dtype(np.float32), same)
    assert found["loss_constant"] == pytest.approx(entropy(0.25), rel=1e-5)


def test_steps_that_are_not_there_are_no_answers():
    """A mask weighs them 0: what lies there is no constant that would do."""
    y = np.zeros((300, 6), np.int64)
    y[:, :2] = np.random.default_rng(2).integers(0, 2, (300, 2))
    there = np.zeros((300, 6))
    there[:, :2] = 3.0
    found = Answers()
    found.add(0, X, y, 12, there)
    told = found.measure(nn.SoftmaxCrossEntropy(), (6, 2), np.dtype(np.float32), same)
    assert told["loss_constant"] == pytest.approx(math.log(2), rel=1e-2)


def scattered(labels, classes):
    answers = Answers()
    answers.scatter(0, labels, classes)
    shape = (classes,)
    return answers, answers.measure(nn.SoftmaxCrossEntropy(), shape, np.dtype(np.float32), same)


@pytest.mark.parametrize(("count", "known"), [(29, False), (30, True)])
def test_of_labels_at_positions_ten_for_each_class_are_needed(count, known):
    _, found = scattered(np.arange(count) % 3, 3)
    assert ("loss_constant" in found) == known
    if known:
        assert found["loss_constant"] == pytest.approx(math.log(3), rel=1e-5)


@pytest.mark.parametrize(("classes", "kept"), [(100, 4096), (228, 2**19 // 228), (229, 0)])
def test_as_many_labels_at_positions_are_kept_as_there_is_room_for(classes, kept):
    answers = Answers()
    answers.scatter(0, np.arange(5000) % classes, classes)
    assert answers.seen == kept
    assert answers.full == (kept > 0)
