"""The checks of training data: what passes unchanged, and what each refusal says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnscratch.datasets.checks import check_inputs, check_labels
from nnscratch.errors import ConfigError, DataError, DtypeError, ShapeError


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_good_inputs_pass_without_a_copy(dtype):
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(dtype)
    assert check_inputs(x) is x


def test_inputs_become_contiguous():
    x = np.arange(12.0).reshape(3, 4).T
    checked = check_inputs(x)
    assert checked.flags.c_contiguous
    np.testing.assert_array_equal(checked, x)


def test_lists_are_taken():
    assert check_inputs([[1.0, 2.0]]).dtype == np.float64
    assert check_labels([1, 0], 2).dtype == np.int64


def test_large_finite_inputs_pass_although_their_sum_overflows():
    x = np.full((4, 4), np.finfo(np.float32).max, dtype=np.float32)
    assert check_inputs(x) is x


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    row=st.integers(0, 6),
    column=st.integers(0, 4),
    bad=st.sampled_from([np.nan, np.inf, -np.inf]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_value_that_is_not_finite_is_named(row, column, bad, dtype):
    x = np.ones((7, 5), dtype=dtype)
    x[row, column] = bad
    with pytest.raises(
        DataError, match=rf"pixels .* {bad} at row {row}, column {column} \(1 of 35"
    ):
        check_inputs(x, "pixels")


def test_the_first_of_several_is_named_even_if_they_cancel():
    x = np.zeros((3, 3))
    x[2, 0], x[1, 2] = np.inf, -np.inf
    with pytest.raises(DataError, match=r"-inf at row 1, column 2 \(2 of 9"):
        check_inputs(x)


@pytest.mark.parametrize("shape", [(), (4,)])
def test_inputs_of_another_dimension_are_refused(shape):
    with pytest.raises(ShapeError, match="two dimensions"):
        check_inputs(np.zeros(shape))


@pytest.mark.parametrize("shape", [(0, 4), (4, 0)])
def test_empty_inputs_are_refused(shape):
    with pytest.raises(ShapeError, match="empty"):
        check_inputs(np.zeros(shape))


def test_ragged_inputs_are_refused():
    with pytest.raises(ShapeError, match="different lengths"):
        check_inputs([[1.0], [1.0, 2.0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.complex128, ">f4", "U3"])
def test_inputs_of_another_type_are_refused(dtype):
    with pytest.raises(DtypeError, match="x must be float32 or float64, got"):
        check_inputs(np.zeros((2, 2)).astype(dtype))


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int32, np.uint64])
def test_good_labels_become_int64(dtype):
    labels = check_labels(np.array([0, 2, 1], dtype=dtype), 3, (3,))
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, [0, 2, 1])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3, 1, 7], r"label 3 at index 1, expected 0 \.\. 2 \(2 of 4"),
        ([0, 1, -1], r"label -1 at index 2"),
        (np.array([2**63], dtype=np.uint64), r"label 9223372036854775808 at index 0"),
    ],
)
def test_labels_out_of_range_are_named(labels, message):
    with pytest.raises(DataError, match=message):
        check_labels(labels, 3)


def test_labels_of_another_number_are_refused():
    with pytest.raises(ShapeError, match="y has 2 labels for 3 examples"):
        check_labels([0, 1], 2, (3,))


@pytest.mark.parametrize("labels", [[[0, 1], [1, 0]], 1])
def test_labels_of_another_dimension_are_refused(labels):
    with pytest.raises(ShapeError, match=r"y.argmax\(axis=-1\)"):
        check_labels(labels, 2)


def test_one_label_for_many_positions_is_told_how_a_sequence_gets_one_answer():
    with pytest.raises(ShapeError, match=r"one label per position, shape \(3, 6\), got .*LastStep"):
        check_labels([0, 1, 0], 2, (3, 6))
    with pytest.raises(ShapeError, match=r"one label per example, shape \(3,\), got .*argmax"):
        check_labels([[0, 1], [1, 0], [0, 1]], 2, (3,))


@pytest.mark.parametrize(
    ("shape", "missing"), [((0, 6, 3), "example"), ((2, 0, 3), "feature or position")]
)
def test_what_is_missing_of_inputs_without_values_is_named(shape, missing):
    with pytest.raises(ShapeError, match=f"expected at least one {missing}$"):
        check_inputs(np.zeros(shape, np.float32))


def test_empty_labels_are_refused():
    with pytest.raises(ShapeError, match="y is empty"):
        check_labels([], 2)


@pytest.mark.parametrize("labels", [[0.0, 1.0], [True, False], ["a", "b"], [None, 1]])
def test_labels_of_another_type_are_refused(labels):
    with pytest.raises(DtypeError, match=r"y must hold integers 0 \.\. 1"):
        check_labels(labels, 2)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.0, 1.0], r"convert it, for example with y.astype\(np.int64\)"),
        ([0.0, 0.5], r"0.5 at index 1 names no class. If y was scaled, take the labels from be"),
        ([0.0, np.nan], "nan at index 1 names no class"),
        (np.arange(10) / 255, r"make it a column, y.reshape\(-1, 1\), .* MeanSquaredError"),
        (["a", "b"], r"number the classes, for example with np.unique\(y, return_inverse=True\)"),
    ],
)
def test_the_advice_never_changes_what_the_labels_say(labels, message):
    with pytest.raises(DtypeError, match=message) as raised:
        check_labels(labels, 10)
    fractions = np.asarray(labels).dtype.kind == "f" and (np.asarray(labels) % 1 != 0).any()
    assert ("astype(np.int64)" in str(raised.value)) == ("convert" in message)
    assert not (fractions and "astype" in str(raised.value))


def test_positions_have_a_label_or_an_input_each():
    labels = np.array([[0, 2, 1], [1, 1, 0]])
    assert check_labels(labels, 3, (2, 3)).shape == (2, 3)
    with pytest.raises(DataError, match="label 2 at index 0, 1"):
        check_labels(labels, 2, (2, 3))
    with pytest.raises(ShapeError, match=r"y has shape \(2, 3\), expected \(3, 2\)"):
        check_labels(labels, 3, (3, 2))
    with pytest.raises(ShapeError, match=r"label per example, shape \(2,\), got shape \(2, 3\)"):
        check_labels(labels, 3, (2,))
    x = np.zeros((2, 3, 4))
    x[1, 2, 0] = np.inf
    with pytest.raises(DataError, match="inf at row 1, position 2, column 0"):
        check_inputs(x)


class Sparse:
    """What scikit-learn's encoders of words return, as far as it is asked."""

    def toarray(self):
        return np.zeros((2, 2))


@pytest.mark.parametrize("gap", ["", " NA ", "<NA>", None, "?", "NaT"])
def test_what_is_missing_is_no_text_to_be_made_numbers_of(gap):
    x = np.array([[1.0, 2.0], [3.0, gap]], object)
    with pytest.raises(DataError, match=r"x has no value at row 1, column 1, but .*fill it in"):
        check_inputs(x)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (
            (row for row in [[1.0]]),
            r"got a generator: make it one, for example np.array\(list\(x\)",
        ),
        ({"a": [1.0]}, "x must be an array of numbers, got a dict"),
        ([[1.0, "red"]], "got 'red' at row 0, column 1: turn text into numbers"),
        (Sparse(), r"got a Sparse: make it one, for example x\.toarray\(\)"),
        (
            np.zeros(3, [("a", "f4"), ("b", "f4")]),
            r"of its 2 fields, with numpy\.lib\.recfunctions\.structured_to_unstructured\(x, np",
        ),
        (np.array([[1.0]], object), "float32 or float64, got object: convert it"),
        ([["1.5"]], "float32 or float64, got <U3: convert it"),
    ],
)
def test_objects_and_text_are_told_what_they_hold(x, said):
    with pytest.raises(DtypeError, match=said):
        check_inputs(x)


@pytest.mark.parametrize("classes", [0, -1, 2.0, True, "3", None])
def test_how_many_classes_there_are_is_a_whole_number(classes):
    with pytest.raises(ConfigError, match="classes must be a whole number >= 1"):
        check_labels(np.array([0]), classes)


@pytest.mark.parametrize("shape", [-1, (2, -1), (2.0,), "2"])
def test_a_shape_is_made_of_whole_numbers(shape):
    with pytest.raises(ConfigError, match="shape"):
        check_labels(np.array([0, 1]), 2, shape)
