"""Update-to-weight ratios."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

import nnscratch_plots as plots


def lines(ax, gid="values"):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def test_a_line_per_layer_with_the_usual_line_and_band(record):
    given = record("a", layers=4)
    ax = plots.update_ratios(given)
    assert isinstance(ax, Axes)
    for index, line in enumerate(lines(ax)):
        np.testing.assert_array_equal(line.get_ydata(), given["update_ratio"][:, index])
        np.testing.assert_array_equal(line.get_xdata(), given["steps"])
    assert [line.get_label() for line in lines(ax)] == list(given["params"])
    assert lines(ax, "line")[0].get_ydata()[0] == 1e-3
    (band,) = [patch for patch in ax.patches if patch.get_gid() == "usual"]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((1e-4, 1e-2))
    low, high = ax.get_ylim()
    assert low <= 1e-4 < 1e-2 <= high


def test_many_layers_get_six_lines_and_a_band_over_all(record):
    given = record("deep", layers=50, per_layer=0.9)
    ax = plots.update_ratios(given)
    names = [line.get_label() for line in lines(ax)]
    assert len(names) == 6
    assert (names[0], names[-1]) == (given["params"][0], given["params"][-1])
    (band,) = [child for child in ax.collections if isinstance(child, PolyCollection)]
    corners = band.get_paths()[0].vertices
    for step in (0, 7, 39):
        heights = corners[corners[:, 0] == step, 1]
        ratios = given["update_ratio"][step]
        assert (heights.min(), heights.max()) == pytest.approx((ratios.min(), ratios.max()))
    assert "all 50" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_layers_without_a_line_are_marked_too(record):
    given = record("deep", layers=50)
    given["update_ratio"][3, 7] = 0.0
    given["update_ratio"][5, 11] = np.nan
    given["update_ratio"][6, 0] = np.inf
    ax = plots.update_ratios(given)
    found = {
        gid: [x for mark in lines(ax, gid) for x in mark.get_xdata()[np.isfinite(mark.get_ydata())]]
        for gid in ("zero", "nan", "infinite")
    }
    assert found == {"zero": [3], "nan": [5], "infinite": [6]}


def test_one_step_over_the_layers(record):
    given = record("a", layers=5, per_layer=0.5)
    ax = plots.update_ratios(given, step=7)
    np.testing.assert_array_equal(lines(ax)[0].get_ydata(), given["update_ratio"][7])
    assert "step 7" in ax.get_title("left")


def test_long_runs_are_thinned_and_say_so(record):
    given = record("long", layers=2, steps=2500)
    ax = plots.update_ratios(given)
    expected = [given["update_ratio"][i : i + 3, 0].max() for i in range(0, 2500, 3)]
    np.testing.assert_array_equal(lines(ax)[0].get_ydata(), expected)
    assert "the largest ratio of 3 recorded steps" in ax.get_xlabel()


def test_figure_and_given_axes(record):
    figure = plots.update_ratio_figure(record("a"))
    assert len(figure.axes) == 2
    assert "0.001" in figure.texts[-1].get_text()
    ax = Figure().subplots()
    assert plots.update_ratios(record("a"), ax=ax) is ax
