"""Predicted gradients by steps back."""

import numpy as np
import pytest

import nnscratch_plots as plots

CURVES = np.array([[1.0, 0.5, 0.25], [1.0, 0.1, 0.0]])


def given(**changed):
    return {
        "label": "net", "layers": ["0.lstm", "1.gru"], "relative_gradient": CURVES,
        "measured": 4 * CURVES, **changed,
    }  # fmt: skip


def test_a_line_for_each_layer_and_marks_for_what_was_measured():
    ax = plots.predicted_gradient_by_lag([given(), given(label="other", measured=None)])
    lines = [line for line in ax.get_lines() if line.get_gid() == "values"]
    assert [line.get_label() for line in lines] == [
        "net: 0.lstm", "net: 1.gru", "other: 0.lstm", "other: 1.gru",
    ]  # fmt: skip
    np.testing.assert_array_equal(lines[0].get_ydata(), CURVES[0])
    marks = [line for line in ax.get_lines() if line.get_gid() == "measured"]
    assert len(marks) == 2
    np.testing.assert_array_equal(marks[0].get_ydata(), CURVES[0])
    assert any(line.get_gid() == "zero" for line in ax.get_lines())


def test_one_layer_is_called_by_its_network():
    one = given(layers=["0.rnn"], relative_gradient=CURVES[:1], measured=None)
    ax = plots.predicted_gradient_by_lag([one, {**one, "label": ""}])
    labels = [line.get_label() for line in ax.get_lines() if line.get_gid() == "values"]
    assert labels == ["net", "0.rnn"]


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ([], "predictions is empty"),
        ([3], "a prediction is a int"),
        ([given(layers=["a"])], r"key 'relative_gradient' has shape \(2, 3\)"),
        ([given(measured=np.ones((2, 2)))], "key 'measured' has shape"),
        ([{"layers": ["a"]}], "key 'relative_gradient' is missing"),
    ],
)
def test_what_does_not_fit_is_named(predictions, message):
    with pytest.raises(ValueError, match=message):
        plots.predicted_gradient_by_lag(predictions)
