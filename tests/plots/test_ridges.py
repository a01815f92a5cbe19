"""Histograms as ridgelines."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

import nnscratch_plots as plots


def ridges(ax):
    return [patch for patch in ax.patches if isinstance(patch, StepPatch)]


def data(patch):
    heights, edges, baseline = patch.get_data()
    return heights, edges, float(np.ravel(baseline)[0])


def areas(ax):
    """Share of the values per row, from the drawn heights: their squares, up to one factor."""
    found = {}
    for patch in ridges(ax):
        heights, edges, base = data(patch)
        found[base] = found.get(base, 0.0) + ((heights - base) ** 2 * np.diff(edges)).sum()
    return found


def labels(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_a_ridge_per_activation_each_holding_all_its_values(record, activation):
    given = record("a", layers=4, activation=activation, histograms=True)
    ax = plots.histogram_ridges(given)
    assert isinstance(ax, Axes)
    assert labels(ax) == [f"1.{activation}", f"3.{activation}", f"5.{activation}"]
    found = list(areas(ax).values())
    assert len(found) == 3
    np.testing.assert_allclose(found, found[0], rtol=1e-9)
    assert max(data(patch)[0].max() - data(patch)[2] for patch in ridges(ax)) <= 1


def test_the_bins_stand_where_the_values_are(record):
    given = record("a", layers=2, histograms=True)
    given["output_histogram"][:] = 0
    edges = given["histogram_edges_signed"]
    given["output_histogram"][-1, 1, np.searchsorted(edges, 0.3) - 1] = 30
    given["output_histogram"][-1, 1, np.searchsorted(edges, -0.3) - 1] = 10
    given["output_histogram"][-1, 1, np.searchsorted(edges, 1e-9) - 1] = 60
    ax = plots.histogram_ridges(given)
    shares = {}
    for patch in ridges(ax):
        heights, ends, _ = patch.get_data()
        for height, low, high in zip(heights, ends[:-1], ends[1:], strict=True):
            shares[np.sign(low + high)] = height**2 * (high - low)
    total = sum(shares.values())
    assert {sign: share / total for sign, share in shares.items()} == pytest.approx(
        {1.0: 0.3, -1.0: 0.1, 0.0: 0.6}
    )
    ticks = dict(zip([t.get_text() for t in ax.get_xticklabels()], ax.get_xticks(), strict=True))
    assert ticks["0"] == 0


def test_gradients_move_along_a_log_axis(record):
    given = record("a", layers=5, per_layer=1e-4, histograms=True)
    ax = plots.histogram_ridges(given, quantity="gradient")
    centres = {}
    for patch in ridges(ax):
        heights, ends, base = data(patch)
        centres[base] = np.average((ends[:-1] + ends[1:]) / 2, weights=heights - base)
    moved = np.diff([centres[row] for row in sorted(centres)])
    # 4 powers of ten per layer, in bins of two octaves.
    np.testing.assert_allclose(moved, 4 / np.log10(4), atol=0.4)
    powers = [text.get_text() for text in ax.get_xticklabels()]
    assert 3 <= len(powers) <= 9


def test_two_hundred_layers_give_a_dozen_ridges(record):
    given = record("deep", layers=200, steps=2, histograms=True)
    names = labels(plots.histogram_ridges(given, quantity="param"))
    assert len(names) == 12
    assert (names[0], names[-1]) == ("0.weight", "398.weight")
    assert len(labels(plots.histogram_ridges(given, ridges=5))) == 5


def test_one_layer_over_the_steps(record):
    given = record("a", histograms=True)
    ax = plots.histogram_ridges(given, layer="2.dense", ridges=4)
    assert labels(ax) == ["step 0", "step 13", "step 26", "step 39"]
    assert "2.dense" in ax.get_title("left")


def test_the_last_finite_step_is_drawn_and_others_say_that_nothing_is_finite(record):
    given = record("bursts", growth=50.0, histograms=True)
    assert "the last finite one of 39" in plots.histogram_ridges(given).get_title("left")
    ax = plots.histogram_ridges(given, step="last")
    assert len([text for text in ax.texts if text.get_gid() == "nothing"]) == len(labels(ax))
    assert not any((patch.get_data()[0] > patch.get_data()[2]).any() for patch in ridges(ax))


def test_what_lies_beyond_the_bins_is_named(record):
    given = record("a", layers=2, histograms=True)
    given["output_histogram"][:, :, -1] = 50
    ax = plots.histogram_ridges(given)
    texts = [text.get_text() for text in ax.get_xticklabels()]
    end = max(patch.get_data()[1][-1] for patch in ridges(ax))
    assert ax.get_xticks()[texts.index("≥ 2,048")] == end - 0.5  # under the last bin


def test_a_record_without_histograms_says_so(record):
    given = record("a")
    ax = plots.histogram_ridges(given)
    assert "No histograms" in ax.texts[0].get_text()
    plots.histogram_figure(given)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quantity": "loss"}, "'output', 'gradient' or 'param', got 'loss'"),
        ({"ridges": 0}, "1 or more"),
        ({"layer": "9.dense"}, r"no layers \['9.dense'\], it has 0.dense"),
        ({"step": 77}, "step 77 was not recorded"),
    ],
)
def test_wrong_options_are_refused(record, options, words):
    with pytest.raises(ValueError, match=words):
        plots.histogram_ridges(record("a", histograms=True), **options)


def test_given_axes_are_used_and_returned(record):
    ax = Figure().subplots()
    assert plots.histogram_ridges(record("a", histograms=True), ax=ax) is ax


def test_zero_lies_between_values_of_both_signs_though_none_is_zero(record):
    given = record("a", layers=3, activation="tanh", histograms=True)
    edges = given["histogram_edges_signed"]
    zero = (edges[:-1] <= 0) & (edges[1:] >= 0)
    given["output_histogram"][..., zero] = 0
    ax = plots.histogram_ridges(given)
    assert "0" in [text.get_text() for text in ax.get_xticklabels()]
