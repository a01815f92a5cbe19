import math

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.gradcheck import check_gradients

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (6, 4))
LABELS = np.array([0, 3, 1, 1, 2, 0])
ONE_HOT = np.eye(4)[LABELS]
SOFT = RNG.dirichlet(np.ones(4), 6)
BITS = RNG.uniform(0, 1, (6, 4))


def test_softmax_by_hand():
    value, dlogits = nn.SoftmaxCrossEntropy()(
        np.log([[1.0, 2.0, 1.0], [3.0, 1.0, 4.0]]), LABELS[:2] // 3
    )
    assert value == pytest.approx((-math.log(1 / 4) - math.log(1 / 8)) / 2, rel=1e-14)
    expected = np.array([[1 / 4 - 1, 2 / 4, 1 / 4], [3 / 8, 1 / 8 - 1, 4 / 8]]) / 2
    np.testing.assert_allclose(dlogits, expected, rtol=1e-14)


def test_sigmoid_by_hand():
    value, dlogits = nn.SigmoidCrossEntropy()(
        np.array([[0.0, math.log(3)]]), np.array([[1.0, 0.25]])
    )
    second = -0.25 * math.log(3 / 4) - 0.75 * math.log(1 / 4)
    assert value == pytest.approx((math.log(2) + second) / 2, rel=1e-14)
    np.testing.assert_allclose(dlogits, [[-0.25, 0.25]], rtol=1e-14)


def test_squared_error_by_hand():
    value, dp = nn.MeanSquaredError()(
        np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 5.0]])
    )
    assert value == (0 + 4 + 9 + 1) / 4
    assert dp.tolist() == [[0, 1], [1.5, -0.5]]


def test_one_hot_rows_are_the_same_as_labels():
    by_label, by_row = nn.SoftmaxCrossEntropy(), nn.SoftmaxCrossEntropy()
    a, da = by_label(LOGITS, LABELS)
    b, db = by_row(LOGITS, ONE_HOT)
    assert a == pytest.approx(b, rel=1e-14)
    np.testing.assert_allclose(da, db, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, ">i4"])
def test_labels_of_any_integer_type(dtype):
    assert (
        nn.SoftmaxCrossEntropy()(LOGITS, LABELS.astype(dtype))[0]
        == nn.SoftmaxCrossEntropy()(LOGITS, LABELS)[0]
    )


CASES = {
    "softmax, labels": (nn.SoftmaxCrossEntropy, LABELS),
    "softmax, one-hot": (nn.SoftmaxCrossEntropy, ONE_HOT),
    "softmax, soft": (nn.SoftmaxCrossEntropy, SOFT),
    "sigmoid": (nn.SigmoidCrossEntropy, BITS),
    "sigmoid, hard": (nn.SigmoidCrossEntropy, ONE_HOT),
    "squared error": (nn.MeanSquaredError, SOFT),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 5.0])
def test_gradient(case, scale):
    loss, labels = CASES[case]
    assert check_gradients(loss(), x=scale * LOGITS, labels=labels, tolerance=1e-7) < 1e-7


@pytest.mark.parametrize("case", CASES)
def test_inside_a_model(case):
    loss, labels = CASES[case]
    model = nn.Sequential(nn.Dense(3, 5), nn.Tanh(), nn.Dense(5, 4), dtype=np.float64)
    x = np.random.default_rng(1).standard_normal((6, 3))
    assert check_gradients(model, loss(), x, labels) < 1e-6


@pytest.mark.parametrize("case", CASES)
def test_float32_is_close_to_float64(case):
    loss, labels = CASES[case]
    value, gradient = loss()(LOGITS, labels)
    single = labels.astype(np.float32) if labels.dtype == np.float64 else labels
    value32, gradient32 = loss()(LOGITS.astype(np.float32), single)
    assert gradient32.dtype == np.float32
    assert value32 == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(gradient32, gradient, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_any_size_are_safe(dtype):
    big = np.finfo(dtype).max / 4
    logits = np.array([[big, -big], [-big, big]], dtype)
    right, wrong = np.array([0, 1]), np.array([1, 0])
    value, dlogits = nn.SoftmaxCrossEntropy()(logits, right)
    assert (value, dlogits.tolist()) == (0, [[0, 0], [0, 0]])
    value, dlogits = nn.SoftmaxCrossEntropy()(logits, wrong)
    assert value == pytest.approx(2.0 * big)
    assert dlogits.tolist() == [[0.5, -0.5], [-0.5, 0.5]]
    value, dlogits = nn.SigmoidCrossEntropy()(logits, np.eye(2, dtype=dtype))
    assert (value, dlogits.tolist()) == (0, [[0, 0], [0, 0]])
    value, _ = nn.SigmoidCrossEntropy()(logits, 1 - np.eye(2, dtype=dtype))
    assert value == pytest.approx(big)


@pytest.mark.parametrize("case", CASES)
def test_a_nan_shows(case):
    loss, labels = CASES[case]
    logits = LOGITS.copy()
    logits[2, 1] = np.nan
    value, dlogits = loss()(logits, labels)
    assert math.isnan(value)
    assert np.isnan(dlogits[2, 1])


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_the_mean_and_lives_in_a_reused_buffer(case):
    loss, labels = CASES[case]
    instance = loss()
    value, dlogits = instance(LOGITS, labels)
    once = dlogits.copy()
    value_twice, dlogits_twice = loss()(np.tile(LOGITS, (2, 1)), np.concatenate([labels, labels]))
    assert value_twice == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(dlogits_twice, np.tile(once, (2, 1)) / 2, rtol=1e-12, atol=1e-17)
    instance(-LOGITS, labels)
    assert instance(LOGITS, labels)[1] is dlogits


@pytest.mark.parametrize("case", CASES)
def test_arrays_in_column_order_give_the_same(case):
    loss, labels = CASES[case]
    value, dlogits = loss()(LOGITS, labels)
    turned, dturned = loss()(np.asfortranarray(LOGITS), np.asfortranarray(labels))
    assert turned == value
    assert np.array_equal(dturned, dlogits)


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


SOFTMAX, SIGMOID, SQUARED = (
    nn.SoftmaxCrossEntropy(),
    nn.SigmoidCrossEntropy(),
    nn.MeanSquaredError(),
)


Z, SHAPE, DTYPE, DATA = LOGITS, nn.ShapeError, nn.DtypeError, nn.DataError


@pytest.mark.parametrize(
    ("loss", "logits", "labels", "error", "message"),
    [
        (SOFTMAX, Z, changed(LABELS, 3, 4), DATA, r"label 4 at index 3, .* 0 \.\. 3"),
        (SOFTMAX, Z, changed(LABELS, 1, -1), DATA, "label -1 at index 1"),
        (SOFTMAX, Z, LABELS[:5], SHAPE, "5 labels for 6 examples"),
        (SOFTMAX, Z, LABELS.astype(float), DTYPE, "must hold integers"),
        (SOFTMAX, Z, ONE_HOT[:, :3], SHAPE, r"output's shape \(6, 4\), got shape \(6, 3\)"),
        (SOFTMAX, Z, ONE_HOT.astype(np.float32), DTYPE, r"astype\(np.float64\)"),
        (SOFTMAX, Z, ONE_HOT.astype(int), DTYPE, "targets of int64"),
        (SOFTMAX, Z, changed(SOFT, 2, 0.5), DATA, "row 2 sums to 2"),
        (SOFTMAX, Z, changed(ONE_HOT, 4, [-1, 1, 1, 0]), DATA, "row 4 .* entry is -1"),
        (SOFTMAX, Z, changed(SOFT, (1, 1), np.nan), DATA, "row 1 sums to nan"),
        (SOFTMAX, Z, changed(SOFT, (1, slice(0, 2)), [np.inf, -np.inf]), DATA, "row 1"),
        (SOFTMAX, Z[0], LABELS, SHAPE, r"\(batch, n\), got shape \(4,\)"),
        (SOFTMAX, Z[:0], LABELS[:0], SHAPE, "empty batch"),
        (SOFTMAX, Z.astype(np.float16), LABELS, DTYPE, "output of float16"),
        (SOFTMAX, Z.tolist(), LABELS, SHAPE, "got list"),
        (SIGMOID, Z, LABELS, SHAPE, r"got shape \(6,\)"),
        (SIGMOID, Z, changed(BITS, (4, 2), 1.5), DATA, r"got 1\.5 in row 4, column 2"),
        (SIGMOID, Z, changed(BITS, (4, 2), np.nan), DATA, "got nan in row 4, column 2"),
        (SIGMOID, Z, None, SHAPE, "got NoneType"),
        (SIGMOID, Z[:0], BITS[:0], SHAPE, "empty batch"),
        (SQUARED, Z, changed(SOFT, (5, 0), np.inf), DATA, "got inf in row 5, column 0"),
        (SQUARED, Z, changed(SOFT, (5, 0), np.nan), DATA, "must be finite, got nan"),
        (SQUARED, Z, SOFT.astype(np.float32), DTYPE, "got targets of float32"),
        (SQUARED, Z, SOFT[:3], SHAPE, r"got shape \(3, 4\)"),
    ],
)
def test_wrong_arguments_are_refused(loss, logits, labels, error, message):
    with pytest.raises(error, match=message):
        loss(logits, labels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_made_in_float32_count_as_probabilities(dtype):
    rows = np.random.default_rng(0).dirichlet(np.ones(1000), 50).astype(np.float32).astype(dtype)
    nn.SoftmaxCrossEntropy()(np.zeros_like(rows), rows)


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
        (LOGITS, ONE_HOT[:2], nn.ShapeError, r"labels of shape \(2, 4\), logits \(6, 4\)"),
        (LOGITS[:0], LABELS[:0], nn.ShapeError, r"got shape \(0, 4\)"),
        (LOGITS[0], LABELS, nn.ShapeError, r"got shape \(4,\)"),
    ],
)
def test_accuracy_refuses_what_does_not_fit(logits, labels, error, message):
    with pytest.raises(error, match=message):
        nn.accuracy(logits, labels)


def test_representations():
    assert [repr(loss) for loss in (SOFTMAX, SIGMOID, SQUARED)] == [
        "SoftmaxCrossEntropy()",
        "SigmoidCrossEntropy()",
        "MeanSquaredError()",
    ]
