import math
import re

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


def test_distances_by_hand():
    p, t = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 4.5]])
    value, dp = nn.MeanAbsoluteError()(p, t)
    assert value == (0 + 2 + 3 + 0.5) / 4
    assert dp.tolist() == [[0, 0.25], [0.25, -0.25]]
    value, dp = nn.Huber(delta=2.5)(p, t)
    assert value == (0 + 4 / 2 + 2.5 * (3 - 2.5 / 2) + 0.25 / 2) / 4
    assert dp.tolist() == [[0, 0.5], [2.5 / 4, -0.125]]


def test_losses_on_probabilities_by_hand():
    p = np.array([[0.25, 0.5, 0.25], [0.4, 0.4, 0.2]])
    value, dp = nn.CategoricalCrossEntropy()(p, np.array([1, 2]))
    assert value == pytest.approx((math.log(2) + math.log(5)) / 2, rel=1e-14)
    np.testing.assert_allclose(dp, np.array([[1, 1 - 2, 1], [1, 1, 1 - 5]]) / 2, rtol=1e-13)
    value, dp = nn.BinaryCrossEntropy()(np.array([[0.5, 0.75]]), np.array([[1.0, 0.0]]))
    assert value == pytest.approx((math.log(2) + math.log(4)) / 2, rel=1e-14)
    np.testing.assert_allclose(dp, [[-1, 2]], rtol=1e-14)


def test_losses_on_probabilities_are_those_on_logits_behind_softmax_and_sigmoid():
    layers = nn.Softmax().initialize(0, np.float64), nn.Sigmoid().initialize(0, np.float64)
    losses = (
        (nn.CategoricalCrossEntropy(), nn.SoftmaxCrossEntropy(), LABELS),
        (nn.BinaryCrossEntropy(), nn.SigmoidCrossEntropy(), BITS),
    )
    for layer, (on_p, on_logits, labels) in zip(layers, losses, strict=True):
        p, cache = layer.forward(LOGITS)
        value, dp = on_p(p, labels)
        expected, dlogits = on_logits(LOGITS, labels)
        assert value == pytest.approx(expected, rel=1e-9)
        np.testing.assert_allclose(layer.backward(dp, cache), dlogits, rtol=1e-8, atol=1e-12)


def test_outputs_that_are_no_probabilities_are_divided_by_their_sum():
    outputs = np.array([[2.0, 6.0, 0.0]])
    value, _ = nn.CategoricalCrossEntropy()(outputs, np.array([1]))
    assert value == pytest.approx(math.log(8 / 6))
    value, dp = nn.CategoricalCrossEntropy(epsilon=1e-3)(outputs, np.array([2]))
    assert value == pytest.approx(-math.log(1e-3))
    assert not dp.any()  # cut off: nothing passes


@pytest.mark.parametrize("kind", [nn.SoftmaxCrossEntropy, nn.CategoricalCrossEntropy])
def test_one_hot_rows_are_the_same_as_labels(kind):
    outputs = LOGITS if kind is nn.SoftmaxCrossEntropy else SOFT
    by_label, by_row = kind(), kind()
    a, da = by_label(outputs, LABELS)
    b, db = by_row(outputs, ONE_HOT)
    assert a == pytest.approx(b, rel=1e-14)
    np.testing.assert_allclose(da, db, rtol=1e-13, atol=1e-16)
    assert kind()(outputs, LABELS.tolist())[0] == a  # or as a list


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, ">i4"])
def test_labels_of_any_integer_type(dtype):
    assert (
        nn.SoftmaxCrossEntropy()(LOGITS, LABELS.astype(dtype))[0]
        == nn.SoftmaxCrossEntropy()(LOGITS, LABELS)[0]
    )


PROBABILITIES = {"categorical", "categorical, soft", "binary", "binary, weighted"}
CASES = {
    "softmax, labels": (nn.SoftmaxCrossEntropy, LABELS),
    "softmax, one-hot": (nn.SoftmaxCrossEntropy, ONE_HOT),
    "softmax, soft": (nn.SoftmaxCrossEntropy, SOFT),
    "sigmoid": (nn.SigmoidCrossEntropy, BITS),
    "sigmoid, hard": (nn.SigmoidCrossEntropy, ONE_HOT),
    "squared error": (nn.MeanSquaredError, SOFT),
    "absolute error": (nn.MeanAbsoluteError, SOFT),
    "huber": (nn.Huber, SOFT),
    "huber 0.1": (lambda: nn.Huber(0.1), SOFT),
    "categorical": (nn.CategoricalCrossEntropy, LABELS),
    "categorical, soft": (nn.CategoricalCrossEntropy, SOFT),
    "binary": (nn.BinaryCrossEntropy, BITS),
    "softmax, smoothed": (lambda: nn.SoftmaxCrossEntropy(label_smoothing=0.2), LABELS),
    "softmax, weighted": (lambda: nn.SoftmaxCrossEntropy(class_weights=[1, 0, 3, 0.5]), SOFT),
    "sigmoid, weighted": (lambda: nn.SigmoidCrossEntropy(0.1, {0: 0.5, 1: 4}), ONE_HOT),
    "binary, weighted": (lambda: nn.BinaryCrossEntropy(0.1, {0: 0.5, 1: 4}), ONE_HOT),
}


def outputs_for(case, scale=1.0):
    """Logits, or probabilities where the loss takes those."""
    return 1 / (1 + np.exp(-scale * LOGITS)) if case in PROBABILITIES else scale * LOGITS


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 5.0])
def test_gradient(case, scale):
    loss, labels = CASES[case]
    # The third derivative of a logarithm is too large for differences near 0.
    outputs = outputs_for(case, min(scale, 1) if case in PROBABILITIES else scale)
    assert check_gradients(loss(), x=outputs, labels=labels, tolerance=1e-7) < 1e-7


@pytest.mark.parametrize("case", CASES)
def test_inside_a_model(case):
    loss, labels = CASES[case]
    last = [nn.Sigmoid()] if case in PROBABILITIES else []
    model = nn.Sequential(nn.Dense(3, 5), nn.Tanh(), nn.Dense(5, 4), *last, dtype=np.float64)
    x = np.random.default_rng(1).standard_normal((6, 3))
    assert check_gradients(model, loss(), x, labels) < 1e-6


@pytest.mark.parametrize("case", CASES)
def test_float32_is_close_to_float64(case):
    loss, labels = CASES[case]
    value, gradient = loss()(outputs_for(case), labels)
    single = labels.astype(np.float32) if labels.dtype == np.float64 else labels
    value32, gradient32 = loss()(outputs_for(case).astype(np.float32), single)
    assert gradient32.dtype == np.float32
    assert value32 == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(gradient32, gradient, rtol=1e-4, atol=1e-6)


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
    logits = outputs_for(case)
    logits[2, 1] = np.nan
    value, dlogits = loss()(logits, labels)
    assert math.isnan(value)
    assert np.isnan(dlogits[2, 1])


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_is_that_of_the_mean_and_lives_in_a_reused_buffer(case):
    loss, labels = CASES[case]
    instance = loss()
    outputs = outputs_for(case)
    value, dlogits = instance(outputs, labels)
    once = dlogits.copy()
    value_twice, dlogits_twice = loss()(np.tile(outputs, (2, 1)), np.concatenate([labels, labels]))
    assert value_twice == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(dlogits_twice, np.tile(once, (2, 1)) / 2, rtol=1e-12, atol=1e-17)
    instance(outputs[::-1], labels)
    assert instance(outputs, labels)[1] is dlogits


@pytest.mark.parametrize("case", CASES)
def test_arrays_in_column_order_give_the_same(case):
    loss, labels = CASES[case]
    value, dlogits = loss()(outputs_for(case), labels)
    turned, dturned = loss()(np.asfortranarray(outputs_for(case)), np.asfortranarray(labels))
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
        (SIGMOID, Z, changed(BITS, (0, 0), -0.5), DATA, r"got -0\.5 in row 0, column 0"),
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


@pytest.mark.parametrize("place", [0, 1, -1])
@pytest.mark.parametrize(
    ("loss", "right", "wrong"),
    [
        (nn.SoftmaxCrossEntropy(), [0, 3, 2], [-1, 4]),
        (nn.CategoricalCrossEntropy(label_smoothing=0.1), [0, 3, 2], [-1, 4]),
        (nn.SigmoidCrossEntropy(), np.eye(3, 4), [-1e-9, 1 + 1e-9, np.nan]),
        (nn.BinaryCrossEntropy(), np.eye(3, 4), [-1e-9, 1 + 1e-9, np.nan]),
        (nn.MeanSquaredError(), np.eye(3, 4), [np.inf, -np.inf, np.nan]),
        (nn.Huber(), np.eye(3, 4), [np.inf, -np.inf, np.nan]),
    ],
)
def test_a_wrong_answer_is_found_wherever_it_stands(loss, right, wrong, place):
    output = np.full((3, 4), 0.25)
    loss(output, np.array(right))
    for value in wrong:
        answers = np.array(right)
        answers.flat[place] = value
        with pytest.raises(nn.DataError, match=re.escape(f"{value}")):
            loss(output, answers)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_made_in_float32_count_as_probabilities(dtype):
    rows = np.random.default_rng(0).dirichlet(np.ones(1000), 50).astype(np.float32).astype(dtype)
    nn.SoftmaxCrossEntropy()(np.zeros_like(rows), rows)


def test_rows_that_miss_one_by_more_than_rounding_are_refused():
    rows = np.full((3, 4), 0.25)
    rows[1, 2] += 1e-4
    with pytest.raises(nn.DataError, match=r"row 1 sums to 1\.0001"):
        nn.SoftmaxCrossEntropy()(np.zeros_like(rows), rows)


def test_the_place_of_a_wrong_row_is_said_by_example_and_position():
    rows = np.full((3, 3, 3), 1 / 3)
    rows[1, 2] = -0.4, 0.9, 0.5
    with pytest.raises(nn.DataError, match=r"row 1, position 2 sums to 1, .* is -0\.4"):
        nn.SoftmaxCrossEntropy()(np.zeros_like(rows), rows)


def test_representations_say_what_is_not_usual():
    assert [repr(loss) for loss in (SOFTMAX, SIGMOID, SQUARED, nn.Huber(), nn.Huber(2))] == [
        "SoftmaxCrossEntropy()",
        "SigmoidCrossEntropy()",
        "MeanSquaredError()",
        "Huber()",
        "Huber(delta=2.0)",
    ]
    made = nn.CategoricalCrossEntropy(0.1, {0: 1, 1: 2}, 1e-6)
    expected = (
        "CategoricalCrossEntropy(label_smoothing=0.1, class_weights=(1.0, 2.0), epsilon=1e-06)"
    )
    assert repr(made) == expected


def test_what_an_output_says_in_the_units_of_the_targets():
    e = np.exp(LOGITS)
    softmax, sigmoid = e / e.sum(axis=1, keepdims=True), e / (1 + e)
    np.testing.assert_allclose(SOFTMAX.predictions(LOGITS), softmax, rtol=1e-12)
    np.testing.assert_allclose(SIGMOID.predictions(LOGITS), sigmoid, rtol=1e-12)
    np.testing.assert_allclose(nn.CategoricalCrossEntropy().predictions(3 * softmax), softmax)
    for loss in (SQUARED, nn.Huber(), nn.BinaryCrossEntropy()):
        assert loss.predictions(LOGITS) is LOGITS
