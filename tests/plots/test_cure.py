"""Before and after a cure."""

import numpy as np
import pytest

import nnscratch_plots as plots


def drawn(ax):
    return {
        line.get_label(): np.asarray(line.get_ydata())
        for line in ax.get_lines()
        if line.get_gid() == "values"
    }


def test_both_runs_at_both_ends_and_their_losses(record):
    before, after = record("as it is", per_layer=0.01), record("ReLU")
    first, last, loss = plots.cure_figure(before, after).axes
    for one in (before, after):
        label = one["label"]
        np.testing.assert_array_equal(drawn(first)[label], one["gradient_norm"][0, ::2])
        np.testing.assert_array_equal(drawn(last)[label], one["gradient_norm"][-1, ::2])
        np.testing.assert_array_equal(drawn(loss)[label], one["loss"])
    assert first.get_ylim() == last.get_ylim()  # one scale: a level line stays one
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["as it is", "ReLU"]
    assert first.get_legend() is None
    assert last.get_legend() is None


def test_a_network_that_was_left_alone(record):
    figure = plots.cure_figure(record("as it is"))
    assert all(list(drawn(ax)) == ["as it is"] for ax in figure.axes)
    assert [ax.get_title("left") for ax in figure.axes] == [
        "Gradient at the first step",
        "Gradient at the end of the trial",
        "Training loss",
    ]


def test_predictions_are_drawn_at_the_first_step(record):
    before, after = record("a", layers=2), record("b", layers=2)
    expected = {"layers": ["0.dense", "2.dense"], "relative_gradient": [0.5, 1.0], "sd": [0.1, 0]}
    figure = plots.cure_figure(before, after, predictions=[expected, None])
    first, last, loss = figure.axes
    (line,) = [line for line in first.get_lines() if line.get_gid() == "predicted"]
    scale = before["gradient_norm"][0, -1]
    np.testing.assert_allclose(line.get_ydata(), [0.5 * scale, scale])
    assert not [line for line in last.get_lines() if line.get_gid() == "predicted"]
    assert "Dashed at the first step" in figure.texts[-1].get_text()
    assert first.get_legend() is None
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["a", "b"]


def test_a_run_that_ended_in_nan_is_drawn(record):
    figure = plots.cure_figure(record("exploding", growth=10.0, steps=80), record("after"))
    marked = {line.get_gid() for line in figure.axes[1].get_lines()}
    assert "nan" in marked


def test_wrong_records(record):
    given = {key: value for key, value in record("short").items() if key != "loss"}
    with pytest.raises(ValueError, match="'short' lacks loss"):
        plots.cure_figure(given)
