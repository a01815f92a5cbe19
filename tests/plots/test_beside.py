"""Predictions drawn beside what was measured at the first step."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

import nnscratch_plots as plots

NAMES = ["0.dense", "2.dense", "4.dense"]
EXPECTED = np.array([0.01, 0.1, 1.0])
SD = np.array([0.3, 0.2, 0.0])


def prediction(**changes):
    return {"layers": np.array(NAMES), "relative_gradient": EXPECTED, "sd": SD, **changes}


def lines(ax, gid="predicted"):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def bands(ax):
    return [child for child in ax.collections if isinstance(child, PolyCollection)]


def words(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def test_one_run_gets_a_line_and_a_band_at_the_first_step_alone(record):
    given = record("a", layers=3)
    figure = plots.gradient_norm_figure(given, predictions=prediction())
    left, right = figure.axes
    (line,) = lines(left)
    scale = given["gradient_norm"][0, -1]
    np.testing.assert_allclose(line.get_ydata(), scale * EXPECTED)
    assert line.get_xdata().tolist() == [1, 2, 3]
    (band,) = bands(left)
    heights = set(np.round(np.log(band.get_paths()[0].vertices[:, 1] / scale), 9))
    assert {round(np.log(0.01) + s * 0.6, 9) for s in (-1, 1)} <= heights
    assert lines(left, "values")[0].get_linestyle() == "None"  # or it would cover the prediction
    assert not lines(right)
    assert not bands(right)
    assert lines(right, "values")[0].get_linestyle() == "-"
    names = [text.get_text() for text in right.get_legend().get_texts()]
    assert names == ["a", "predicted before training"]
    assert "dashed line is what theory expects" in words(figure)
    low, high = left.get_ylim()
    assert low < scale * 0.01 * np.exp(-0.6)
    assert high > scale


def test_several_runs_get_thin_lines_in_their_colours_and_one_entry_in_the_legend(record):
    records = [record(name, layers=3) for name in "abc"]
    predictions = [prediction(), None, prediction(relative_gradient=np.array([9.0, 3.0, 1.0]))]
    ax = plots.gradient_norms(records, predictions=predictions)
    first, second = lines(ax)
    measured = lines(ax, "values")
    assert [first.get_color(), second.get_color()] == [measured[i].get_color() for i in (0, 2)]
    assert [line.get_linestyle() == "None" for line in measured] == [True, False, True]
    np.testing.assert_allclose(second.get_ydata()[0], 9 * records[2]["gradient_norm"][0, -1])
    assert not bands(ax)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["a", "b", "c", "predicted before training"]


def test_other_steps_quantities_and_layers_have_no_prediction(record):
    given = record("a", layers=3)
    later = {**given, "steps": given["steps"] + 5}
    for ax in (
        plots.gradient_norms(given, step="last", predictions=prediction()),
        plots.gradient_norms(later, predictions=prediction()),
        plots.gradient_norms(given, quantity="param_gradient_norm", predictions=prediction()),
        plots.gradient_norms(given, layers="activation", predictions=prediction()),
    ):
        assert not lines(ax)
        assert ax.get_legend() is None


def test_where_nothing_can_be_drawn_nothing_is(record):
    given = record("a", layers=3)
    hidden = prediction(relative_gradient=np.array([0.0, np.inf, 1.0]))
    ax = plots.gradient_norms(given, predictions=hidden)
    assert np.isfinite(lines(ax)[0].get_ydata()).tolist() == [False, False, True]
    assert "0" not in {t.get_text() for t in ax.get_yticklabels()}
    for bad in (0.0, np.nan, np.inf):
        given["gradient_norm"][0, -1] = bad
        assert not lines(plots.gradient_norms(given, predictions=prediction()))


def test_all_layers_keep_their_places(record):
    ax = plots.gradient_norms(record("a", layers=3), layers="all", predictions=prediction())
    assert lines(ax)[0].get_xdata().tolist() == [1, 3, 5]


def test_a_reason_is_told_and_nothing_drawn(record):
    figure = plots.gradient_norm_figure(record("a"), predictions="the weights were trained")
    assert "No prediction: the weights were trained." in words(figure)
    assert not lines(figure.axes[0])
    several = plots.gradient_norm_figure([record("a"), record("b")], predictions=["no", "no"])
    assert "No prediction" not in words(several)


def test_the_overview_tells_predicted_and_measured(record):
    given = record("a", layers=3)
    norms = given["gradient_norm"][0]
    norms[[0, -1]] = 0.02, 1.0
    text = words(plots.overview_figure(given, prediction=prediction()))
    assert "over that at 4.dense: predicted before training 0.01, measured at step 0 0.02." in text
    later = {**given, "steps": given["steps"] + 5}
    text = words(plots.overview_figure(later, prediction=prediction()))
    assert "predicted before training 0.01. " in text
    text = words(plots.overview_figure(given, prediction="theory is for other layers"))
    assert "No prediction: theory is for other layers." in text
    assert "redict" not in words(plots.overview_figure(given))


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        ([], "0 entries for 1 records"),
        ([None, None], "2 entries for 1 records"),
        ([{"layers": NAMES}], "'relative_gradient' is missing"),
        ([prediction(sd=SD[:2])], "'sd' has shape"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(record, predictions, said):
    with pytest.raises(ValueError, match=said):
        plots.gradient_norms(record("a", layers=3), predictions=predictions)
