"""The clip ledger."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

import nnscratch_plots as plots
from nnscratch_plots.clip import shares
from nnscratch_plots.records import Run


def lines(ax, gid="values"):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def test_norms_before_and_after_and_where_it_fired(record):
    given = record("a", clip=True, growth=1.1)
    ax = plots.clip_ledger(given)
    before, after = lines(ax)
    np.testing.assert_array_equal(before.get_ydata(), given["clip_before"])
    np.testing.assert_array_equal(after.get_ydata(), given["clip_after"])
    (marks,) = lines(ax, "fired")
    fired = np.flatnonzero(given["clip_before"] > 1)
    assert 0 < len(fired) < 40
    assert marks.get_xdata().tolist() == fired.tolist()
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["before", "after", f"fired at {100 * len(fired) / 40:.0f} % of the steps"]


def test_a_clip_that_never_fires_can_be_drawn(record):
    given = record("a", clip=True, per_layer=0.5)
    ax = plots.clip_ledger(given)
    assert not lines(ax, "fired")
    figure = plots.clip_figure(given)
    figure.draw_without_rendering()
    assert all(panel.get_window_extent().height > 50 for panel in figure.axes[:3])


def test_shares_by_layer_add_up(record):
    given = record("a", layers=3, batchnorm=True)
    names, values = shares(Run(given))
    assert names == ("0.dense", "1.batchnorm", "3.dense", "4.batchnorm", "6.dense")
    np.testing.assert_allclose(values.sum(axis=1), 1.0)
    squares = given["param_gradient_norm"] ** 2
    params = list(given["params"])
    both = squares[:, [params.index("1.gamma"), params.index("1.beta")]].sum(axis=1)
    np.testing.assert_allclose(values[:, 1], both / squares.sum(axis=1))
    ax = plots.clip_shares(given)
    (mesh,) = [child for child in ax.get_children() if isinstance(child, QuadMesh)]
    np.testing.assert_allclose(mesh.get_array(), values.T)


def test_shares_of_huge_gradients_are_finite(record):
    given = record("a", layers=3)
    expected = shares(Run(given))[1]
    given["param_gradient_norm"] = given["param_gradient_norm"] * 1e200
    np.testing.assert_allclose(shares(Run(given))[1], expected)


def test_the_angle_is_drawn_in_degrees_and_nan_marked(record):
    given = record("bursts", clip=True, growth=100.0)
    given["clip_cosine"][:3] = [1.0, 0.0, np.sqrt(0.5)]
    panel = plots.clip_figure(given).axes[2]
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("training step", "degrees")
    (angle,) = lines(panel, "angle")
    np.testing.assert_allclose(angle.get_ydata()[:3], [0, 90, 45], atol=1e-6)
    (marks,) = lines(panel, "nan")
    assert marks.get_xdata().tolist() == np.flatnonzero(np.isnan(given["clip_cosine"])).tolist()


def test_no_clip_is_said(record):
    assert "not clipped" in plots.clip_ledger(record("a")).texts[0].get_text()
    assert "not clipped" in plots.clip_figure(record("a")).axes[0].texts[0].get_text()


@pytest.mark.parametrize("draw", [plots.clip_ledger, plots.clip_shares])
def test_given_axes_are_used_and_returned(record, draw):
    ax = Figure().subplots()
    assert draw(record("a", clip=True), ax=ax) is ax
