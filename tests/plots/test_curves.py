"""Accuracy and loss curves."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

import nnscratch_plots as plots


def lines(ax, gid):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def test_one_seed_is_a_line_and_several_a_mean_with_a_band():
    seeds = np.array([[0.5, 0.7, 0.8], [0.6, 0.8, 0.9], [0.1, 0.6, 0.7]])
    ax = plots.accuracy_curves({"single": [0.2, 0.4, 0.5, 0.6], "several": seeds})
    single, several = lines(ax, "run")
    assert single.get_xdata().tolist() == [1, 2, 3, 4]
    assert single.get_ydata().tolist() == [0.2, 0.4, 0.5, 0.6]
    np.testing.assert_array_equal(several.get_ydata(), seeds.mean(axis=0))
    (band,) = [child for child in ax.collections if isinstance(child, PolyCollection)]
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.tolist()}
    expected = {(epoch + 1, at(seeds[:, epoch])) for epoch in range(3) for at in (np.min, np.max)}
    assert corners == expected
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["single", "several (3 seeds)"]
    assert "bands" in ax.get_title("left")


def test_published_points_take_the_colour_of_their_run():
    points = {"clipped": {20: 0.8957, 1: 0.6869}, "elsewhere": {2: 0.9}}
    runs = {"plain": [0.8] * 20, "clipped": [0.7] * 20}
    ax = plots.accuracy_curves(runs, published=points)
    clipped, elsewhere = lines(ax, "published")
    assert clipped.get_xdata().tolist() == [1, 20]
    assert clipped.get_ydata().tolist() == [0.6869, 0.8957]
    assert clipped.get_color() == lines(ax, "run")[1].get_color()
    assert elsewhere.get_color() not in {line.get_color() for line in lines(ax, "run")}
    assert clipped.get_marker() != elsewhere.get_marker()
    assert clipped.get_linestyle() == "None"
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names[2:] == ["published: clipped", "published: elsewhere"]
    assert ax.get_xticks().tolist() == [1, 5, 10, 15, 20]


def test_identical_runs_can_both_be_seen():
    ax = plots.accuracy_curves({"a": np.linspace(0.5, 0.9, 20), "b": np.linspace(0.5, 0.9, 20)})
    under, over = lines(ax, "run")
    assert over.get_linewidth() < 0.7 * under.get_linewidth()
    assert set(under.get_markevery()) - set(over.get_markevery())
    assert over.get_markevery()


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ({}, "at least one"),
        ([0.1], "at least one"),
        ({"a": []}, r"'a'.*\(0,\)"),
        ({"a": 0.5}, r"'a'.*\(\)"),
        ({"a": np.zeros((2, 2, 2))}, r"'a'.*\(2, 2, 2\)"),
        ({"a": [[0.1, 0.2], [0.3]]}, "'a'.*as many epochs"),
        ({"a": ["high"]}, "'a'.*numbers"),
        ({"a": [0.5, 97.0]}, "'a'.*97.0.*fractions"),
        ({"a": [0.5, np.nan]}, "'a'.*nan"),
        ({"a": [-0.1]}, "'a'.*-0.1"),
    ],
)
def test_wrong_runs_are_refused_by_label(runs, words):
    with pytest.raises(ValueError, match=words):
        plots.accuracy_curves(runs)


@pytest.mark.parametrize(
    ("published", "words"),
    [
        ([0.5], "map labels"),
        ({"p": [0.5]}, "'p'.*epoch: accuracy"),
        ({"p": {}}, "'p'.*epoch: accuracy"),
        ({"p": {1: 88.15}}, "'p'.*88.15"),
        ({"p": {0: 0.5}}, "'p'.*from 1, got 0"),
        ({"p": {"1": 0.5}}, "'p'.*from 1, got '1'"),
        ({"p": {True: 0.5}}, "'p'.*from 1, got True"),
    ],
)
def test_wrong_published_points_are_refused_by_label(published, words):
    with pytest.raises(ValueError, match=words):
        plots.accuracy_curves({"a": [0.5]}, published=published)


def test_losses_are_drawn_per_step_and_what_is_not_finite_is_marked(record):
    burst = record("bursts", growth=1e3)
    burst["loss"][0] = 0.0
    ax = plots.loss_curves([record("falls"), burst])
    falls, bursts = lines(ax, "values")
    np.testing.assert_array_equal(falls.get_ydata(), record("falls")["loss"])
    np.testing.assert_array_equal(falls.get_xdata(), np.arange(40))
    ended = int(np.flatnonzero(np.isinf(burst["loss"]))[0])
    np.testing.assert_array_equal(bursts.get_ydata()[1:ended], burst["loss"][1:ended])
    shown = {
        gid: np.flatnonzero(np.isfinite(lines(ax, gid)[0].get_ydata())).tolist()
        for gid in ("zero", "infinite", "nan")
    }
    assert shown == {"zero": [0], "infinite": [ended], "nan": list(range(ended + 1, 40))}


def test_long_losses_are_thinned_to_the_largest_and_say_so(record):
    given = record("long", steps=2500)
    ax = plots.loss_curves(given)
    (line,) = lines(ax, "values")
    expected = [given["loss"][i : i + 3].max() for i in range(0, 2500, 3)]
    np.testing.assert_array_equal(line.get_ydata(), expected)
    assert "the largest loss of 3 recorded steps" in ax.get_xlabel()


def test_given_axes_are_used_and_returned(record):
    left, right = Figure().subplots(1, 2)
    assert plots.accuracy_curves({"a": [0.5]}, ax=left) is left
    assert plots.loss_curves(record("a"), ax=right) is right


@pytest.mark.parametrize("bad", [0.0, np.inf])
@pytest.mark.parametrize("labels", [["one"], ["one", "without", "other"]])
def test_a_held_out_loss_that_no_log_axis_holds_is_marked_in_a_row_of_its_own(record, bad, labels):
    given = []
    for label in labels:
        given.append(record(label, steps=8))
        given[-1]["loss"][:] = np.linspace(2, 1, 8)
        given[-1]["loss"][3] = bad
        if label != "without":
            held = np.full(8, np.nan)
            held[[2, 5]] = 1.0, bad
            given[-1]["validation_loss"] = held
    ax = plots.loss_curves(given)
    marks = lines(ax, "zero" if bad == 0 else "infinite")
    heights = [float(np.nanmax(line.get_ydata())) for line in marks]
    assert len(set(heights)) == len(heights) == 2 * len(labels) - (len(labels) > 1)
    colors = [line.get_color() for line in lines(ax, "values")]
    held = [line.get_color() for line in lines(ax, "held out")]
    assert held == ([colors[0], colors[2]] if len(labels) > 1 else held)
