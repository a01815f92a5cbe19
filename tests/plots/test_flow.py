"""Gradient norms by layer."""

import itertools

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import nnscratch_plots as plots


def shown(given, quantity):
    """What is drawn by default: dense layers (every second here), or their weights."""
    return given[quantity] if quantity.startswith("param") else given[quantity][:, ::2]


def lines(ax, gid="values"):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


@pytest.mark.parametrize("quantity", ["gradient_norm", "param_gradient_norm"])
@pytest.mark.parametrize(("step", "row"), [("first", 0), ("last", -1), (37, 37)])
def test_one_line_per_record_with_its_norms(record, quantity, step, row):
    records = [record("a", per_layer=0.5), record("b", per_layer=2.0, layers=3)]
    ax = plots.gradient_norms(records, quantity=quantity, step=step)
    assert isinstance(ax, Axes)
    assert [line.get_label() for line in lines(ax)] == ["a", "b"]
    for line, given in zip(lines(ax), records, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, len(given["params"]) + 1))
        np.testing.assert_array_equal(line.get_ydata(), shown(given, quantity)[row])
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_the_title_says_what_and_when(record):
    one = plots.gradient_norms(record("my run"), step="last")
    assert one.get_title("left") == (
        "Back-propagated gradient at each layer, end of training (step 39)\nmy run"
    )
    assert one.get_legend() is None
    several = [record("a", steps=5), record("b", steps=9)]
    title = plots.gradient_norms(several, step="last", quantity="param_gradient_norm")
    assert "end of training (steps 4 to 8)" in title.get_title("left")
    assert title.get_title("left").startswith("Weight gradient")


def test_other_layers_and_quantities_can_be_chosen(record):
    given = record("a", layers=3)
    everything = lines(plots.gradient_norms(given, layers="all"))[0]
    np.testing.assert_array_equal(everything.get_ydata(), given["gradient_norm"][0])
    activations = plots.gradient_norms(given, quantity="output_std", layers="activation")
    np.testing.assert_array_equal(lines(activations)[0].get_ydata(), given["output_std"][0, 1::2])
    named = plots.gradient_norms(given, layers=["4.dense", "1.tanh"])
    np.testing.assert_array_equal(lines(named)[0].get_ydata(), given["gradient_norm"][0, [4, 1]])
    means = lines(plots.gradient_norms(given, quantity="param_mean"))[0]
    np.testing.assert_array_equal(means.get_ydata(), np.abs(given["param_mean"][0]))


@pytest.mark.parametrize("layers", ["some", ["7.dense"], []])
def test_layers_that_are_not_there_are_refused(record, layers):
    with pytest.raises(ValueError, match=r"layers"):
        plots.gradient_norms(record("a"), layers=layers)


@pytest.mark.parametrize("step", ["middle", 1.5, True, None])
def test_a_step_of_another_kind_is_refused(record, step):
    with pytest.raises(ValueError, match="'first', 'last' or a step number"):
        plots.gradient_norms(record("a"), step=step)


def test_a_step_that_was_not_recorded_is_refused_with_the_nearest(record):
    with pytest.raises(ValueError, match=r"'a': step 50 .* from 0 to 39, the nearest is 39"):
        plots.gradient_norms(record("a"), step=50)


def test_zeros_infinities_and_nan_are_marked(record):
    given = record("broken")
    given["gradient_norm"][0, ::2] = [0.0, np.inf, np.nan, 1.0, 2.0, 0.0]
    ax = plots.gradient_norms(given)
    np.testing.assert_array_equal(lines(ax)[0].get_ydata()[3:5], [1.0, 2.0])
    for gid, layers in {"zero": [1, 6], "infinite": [2], "nan": [3]}.items():
        (marks,) = lines(ax, gid)
        places = np.isfinite(marks.get_ydata())
        assert marks.get_xdata()[places].tolist() == layers
    assert {"0", "∞", "NaN"} <= {text.get_text() for text in ax.get_yticklabels()}


def test_lines_can_be_told_apart_in_grayscale(record):
    ax = plots.gradient_norms([record(str(i), per_layer=1 + i / 10) for i in range(40)])
    looks = {(line.get_marker(), str(line._dash_pattern), line.get_color()) for line in lines(ax)}
    assert len(looks) == 40
    assert len({line.get_marker() for line in lines(ax)[:9]}) == 9


def test_layer_names_are_shown_where_runs_agree_and_they_fit(record):
    def labels(*records):
        ax = plots.gradient_norms(records)
        return [text.get_text() for text in ax.get_xticklabels()]

    short = record("a", layers=3)
    assert labels(short, record("b", layers=3)) == ["0.dense", "2.dense", "4.dense"]
    assert labels(short, record("b", layers=2)) == ["1", "2", "3"]
    assert labels(record("a", layers=50))[:3] == ["0.dense", "18.dense", "38.dense"]
    assert labels(record("a", layers=50), record("b", layers=49))[:3] == ["1", "5", "10"]


def test_given_axes_are_used_and_returned(record):
    figure = Figure(layout="constrained")
    left, right = figure.subplots(1, 2)
    assert plots.gradient_norms(record("a"), ax=left) is left
    assert plots.gradient_norms([record("a"), record("b")], ax=right) is right
    assert not right.get_legend().get_frame_on()
    inside = plots.gradient_norms([record("a"), record("b")], ax=Figure().subplots())
    assert inside.get_legend().get_frame_on()


def test_dark_axes_get_lines_that_can_be_seen(record):
    ax = Figure().subplots()
    ax.set_facecolor("black")
    plots.gradient_norms(record("a"), ax=ax)
    assert lines(ax)[0].get_color() == "#808080"


def test_the_figure_shows_start_and_end_on_one_scale(record):
    records = [record("falls", per_layer=0.1), record("bursts", per_layer=3.0, growth=50.0)]
    figure = plots.gradient_norm_figure(records)
    assert isinstance(figure, Figure)
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim()
    assert left.get_title("left") == "First step (step 0)"
    assert right.get_title("left") == "End of training (step 39)"
    for ax, row in ((left, 0), (right, -1)):
        falls = lines(ax)[0].get_ydata()
        np.testing.assert_array_equal(falls, shown(records[0], "gradient_norm")[row])
    assert not lines(left, "nan")
    assert np.isfinite(lines(right, "nan")[0].get_ydata()).all()
    reading = figure.texts[-1].get_text().replace("\n", " ")
    assert "vanishes where the first layer receives less than 1/100" in reading
    assert reading.endswith("Marks in a grey strip are norms that are not a number (NaN).")


def test_text_is_drawn_as_it_stands(record):
    ax = plots.gradient_norms([record("$5 and $6"), record("b")])
    assert ax.get_legend().get_texts()[0].get_text() == r"\$5 and \$6"


@pytest.mark.parametrize("layers", [1, 3, 11, 50, 200])
def test_nothing_is_cut_off_and_no_tick_labels_meet(record, layers):
    names = ["a rather long name of a configuration to compare", "b"]
    records = [record(name, layers=layers, per_layer=0.9, steps=2) for name in names]
    figure = plots.gradient_norm_figure(records)
    figure.draw_without_rendering()
    whole = figure.bbox
    texts = [*figure.texts]
    for ax in figure.axes:
        texts += [ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label]
        if ax.get_legend():
            texts += ax.get_legend().get_texts()
        ticks = [label.get_window_extent() for label in ax.get_xticklabels()]
        assert all(a.x1 < b.x0 for a, b in itertools.pairwise(ticks))
    for text in texts:
        box = text.get_window_extent()
        assert whole.x0 <= box.x0 <= box.x1 <= whole.x1, text
        assert whole.y0 <= box.y0 <= box.y1 <= whole.y1, text


def test_one_run_has_the_limits_of_what_is_healthy(record):
    given = record("a")
    ax = plots.gradient_norms(given, step="last")
    last = given["gradient_norm"][-1, -1]
    heights = sorted(line.get_ydata()[0] for line in lines(ax, "limit"))
    assert heights == pytest.approx([last / 100, last * 100])
    said = {text.get_text().strip() for text in ax.texts}
    assert said == {"1/100 of the last layer's", "100 times the last layer's"}
    low, high = ax.get_ylim()
    assert low < heights[0] < heights[1] < high
    assert not lines(plots.gradient_norms([given, given]), "limit")
    assert not lines(plots.gradient_norms(given, quantity="param_gradient_norm"), "limit")
    given["gradient_norm"][-1, -1] = 0.0
    assert not lines(plots.gradient_norms(given, step="last"), "limit")


def test_what_is_healthy_looks_level(record):
    records = [record("a", per_layer=8 ** (1 / 5)), record("b")]
    low, high = plots.gradient_norms(records).get_ylim()
    assert high / low > 1e4


def test_runs_with_other_layers_stand_by_their_depth(record):
    plain, normed = record("plain", layers=4), record("normed", layers=4, batchnorm=True)
    one, other = lines(plots.gradient_norms([plain, normed], layers="activation"))
    assert one.get_xdata().tolist() == [1.5, 2.5, 3.5]
    assert other.get_xdata().tolist() == pytest.approx([5 / 3, 8 / 3, 11 / 3])
    both = plots.gradient_norms([plain, normed])
    assert [line.get_xdata().tolist() for line in lines(both)] == [[1, 2, 3, 4]] * 2
    assert both.get_xlabel() == "depth, in layers with weights"


def test_layers_of_a_block_share_its_name_where_names_do_not_fit(residual):
    few = plots.gradient_norms(residual(1), layers=["0.stem", "1.sum", "head"])
    assert [text.get_text() for text in few.get_xticklabels()] == ["0.stem", "1.sum", "head"]
    ax = plots.gradient_norms(residual(8), layers="all")
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels[0] == "0.stem"
    assert labels[-1] == "head"
    assert set(labels[1:-1]) <= set("12345678")
    assert len(labels) > 2
    shaded = [patch for patch in ax.patches if patch.get_gid() == "block"]
    assert [patch.get_x() for patch in shaded] == [1.5, 13.5, 25.5, 37.5]
    ax = plots.gradient_norm_heatmap(residual(8), layers="all")
    assert ax.get_yticks()[1] == 4.5  # the middle of block 1: layers 2 to 7
    assert [text.get_text() for text in ax.get_yticklabels()][1] == "1"
