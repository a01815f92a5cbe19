"""Batch norm's statistics over the steps."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import nnscratch_plots as plots

QUANTITIES = [
    "batchnorm_mean_gap",
    "batchnorm_variance_ratio",
    "batchnorm_scale",
    "batchnorm_scale_max",
]


def lines(ax, gid="values"):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_line_per_layer_and_one_at_one(record, quantity):
    given = record("a", layers=4, batchnorm=True)
    ax = plots.batchnorm_statistics(given, quantity=quantity)
    assert [line.get_label() for line in lines(ax)] == list(given["batchnorm_layers"])
    for index, line in enumerate(lines(ax)):
        np.testing.assert_array_equal(line.get_ydata(), given[quantity][:, index])
    assert lines(ax, "one")[0].get_ydata()[0] == 1
    low, high = ax.get_ylim()
    assert low < 1 < high


def test_a_gap_of_zero_is_marked(record):
    given = record("a", batchnorm=True)
    given["batchnorm_mean_gap"][4, 1] = 0.0
    (marks,) = lines(plots.batchnorm_statistics(given), "zero")
    assert np.flatnonzero(np.isfinite(marks.get_ydata())).tolist() == [4]


def test_no_batch_norm_is_said(record):
    assert "no batch norm" in plots.batchnorm_statistics(record("a")).texts[0].get_text()
    plots.batchnorm_figure(record("a"))


def test_figure_given_axes_and_a_wrong_quantity(record):
    given = record("deep", layers=60, steps=3, batchnorm=True)
    assert len(plots.batchnorm_figure(given).axes) == 3
    ax = Figure().subplots()
    assert plots.batchnorm_statistics(given, ax=ax) is ax
    with pytest.raises(ValueError, match="'batchnorm_scale_max', got 'loss'"):
        plots.batchnorm_statistics(given, quantity="loss")
