"""Saturation by layer, and over the steps."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

import nnscratch_plots as plots


def bars(ax, gid):
    return [patch for patch in ax.patches if patch.get_gid() == gid]


def mesh(ax):
    (found,) = [child for child in ax.get_children() if isinstance(child, QuadMesh)]
    return found


def test_both_ends_are_stacked_by_layer(record):
    given = record("a", layers=4, spread=3.0)
    given["saturated_low"][7, 1::2] = [0.1, 0.2, 0.3]
    given["saturated_high"][7, 1::2] = [0.5, 0.4, 0.0]
    ax = plots.saturation(given, step=7)
    assert [bar.get_height() for bar in bars(ax, "low")] == [0.1, 0.2, 0.3]
    assert [bar.get_height() for bar in bars(ax, "high")] == [0.5, 0.4, 0.0]
    assert [bar.get_y() for bar in bars(ax, "high")] == [0.1, 0.2, 0.3]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1.tanh", "3.tanh", "5.tanh"]
    assert ax.get_ylim() == (0, 1)


def test_over_the_steps_the_ends_are_added(record):
    given = record("a", layers=4, spread=3.0)
    given["saturated_low"][3, 1] = 0.25
    given["saturated_high"][3, 1] = 0.5
    ax = plots.saturation(given)
    cells = mesh(ax).get_array()
    assert cells.shape == (3, 40)
    assert cells[0, 3] == 0.75
    assert mesh(ax).get_clim() == (0, 1)


def test_an_end_that_a_layer_lacks_counts_as_nothing(record):
    given = record("a", layers=3, activation="relu")
    assert np.isnan(given["saturated_high"]).all()
    cells = mesh(plots.saturation(given)).get_array()
    np.testing.assert_allclose(cells, 0.5)
    assert not cells.mask.any()


def test_what_is_no_number_is_hatched(record):
    given = record("bursts", growth=50.0, spread=3.0)
    ax = plots.saturation(given)
    assert mesh(ax).get_array().mask[:, -1].all()
    assert not mesh(ax).get_array().mask[:, 0].any()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["not a number (NaN)"]
    assert len(bars(plots.saturation(given, step="last"), "nan")) == 5
    assert not bars(plots.saturation(given, step="finite"), "nan")


def test_a_network_that_cannot_saturate_says_so(record):
    given = record("a")
    given["saturated_low"][:] = given["saturated_high"][:] = np.nan
    assert "No activation" in plots.saturation(given).texts[0].get_text()
    plots.saturation_figure(given)


def test_nothing_saturated_is_said(record):
    given = record("a")
    given["saturated_low"][:, 1::2] = given["saturated_high"][:, 1::2] = 0.0
    ax = plots.saturation(given, step="last")
    assert [text.get_text() for text in ax.texts] == ["nothing is saturated"]


@pytest.mark.parametrize("layers", [2, 200])
def test_figure_and_given_axes(record, layers):
    given = record("a", layers=layers, steps=3, spread=3.0)
    assert "How to read" in plots.saturation_figure(given).texts[-1].get_text()
    ax = Figure().subplots()
    assert plots.saturation(given, ax=ax) is ax
