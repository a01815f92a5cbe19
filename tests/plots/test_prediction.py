"""Predictions over measurements."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

import nnscratch_plots as plots


def lines(ax, gid):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def prediction(**changes):
    made = {
        "label": "a network",
        "layers": np.array(["0.dense", "2.dense", "4.dense"]),
        "relative_gradient": np.array([0.01, 0.1, 1.0]),
        "sd": np.array([0.3, 0.2, 0.0]),
        "measured": np.array([[0.02, 0.2, 2.0], [0.03, 0.3, 2.5]]),
    }
    return {**made, **changes}


def test_prediction_with_band_over_measurement():
    ax = plots.predicted_gradient_norms(prediction())
    assert isinstance(ax, Axes)
    (line,) = lines(ax, "predicted")
    np.testing.assert_array_equal(line.get_ydata(), [0.01, 0.1, 1.0])
    marks = lines(ax, "measured")
    assert len(marks) == 2
    np.testing.assert_allclose(marks[0].get_ydata(), [0.01, 0.1, 1.0])
    np.testing.assert_allclose(marks[1].get_ydata(), [0.012, 0.12, 1.0])
    (band,) = [child for child in ax.collections if isinstance(child, PolyCollection)]
    heights = {round(float(y), 6) for y in band.get_paths()[0].vertices[:, 1]}
    assert {round(0.01 * np.exp(s * 0.6), 6) for s in (-1, 1)} <= heights
    assert ax.get_yscale() == "log"
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["theory", "± 2 sd over draws", "measured"]


def test_without_measurement():
    ax = plots.predicted_gradient_norms(prediction(measured=None))
    assert not lines(ax, "measured")
    assert len(ax.get_legend().get_texts()) == 2


def test_norms_without_logarithm_are_marked():
    measured = np.array([[0.0, np.inf, 1.0], [np.nan, 0.2, 2.0]])
    ax = plots.predicted_gradient_norms(prediction(measured=measured))
    for gid, at in {"zero": 1, "infinite": 2, "nan": 1}.items():
        (marks,) = lines(ax, gid)
        assert np.flatnonzero(np.isfinite(marks.get_ydata())).tolist() == [at - 1]


def test_a_predicted_norm_of_zero_is_left_out():
    expected = np.array([0.0, 0.1, 1.0])
    ax = plots.predicted_gradient_norms(prediction(relative_gradient=expected))
    (line,) = lines(ax, "predicted")
    assert np.isnan(line.get_ydata()[0])


@pytest.mark.parametrize("count", [1, 2, 4])
def test_figure_of_several(count):
    figure = plots.predicted_gradient_norm_figure(
        prediction(label=f"net {i}") for i in range(count)
    )
    assert isinstance(figure, Figure)
    titles = [ax.get_title("left") for ax in figure.axes]
    assert [title for title in titles if title] == [f"net {i}" for i in range(count)]
    assert any("How to read" in text.get_text() for text in figure.texts)


def test_draws_on_axes_that_are_given():
    for draw, data in ((plots.predicted_gradient_norms, prediction()),):
        ax = Figure().subplots()
        assert draw(data, ax=ax) is ax


@pytest.mark.parametrize(
    ("draw", "data", "words"),
    [
        (plots.predicted_gradient_norms, prediction(sd=np.zeros(2)), "'sd' has shape"),
        (plots.predicted_gradient_norms, prediction(layers="x"), "'layers'"),
        (plots.predicted_gradient_norms, prediction(measured=np.ones((2, 2))), "'measured'"),
        (plots.predicted_gradient_norms, {"label": "x"}, "'layers' is missing"),
        (plots.predicted_gradient_norms, [1], "expected a mapping"),
        (plots.predicted_gradient_norm_figure, [], "at least one"),
    ],
)
def test_bad_data_is_refused(draw, data, words):
    with pytest.raises(ValueError, match=words):
        draw(data)
