"""The overview on one page, and several runs on the same axes."""

import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

import nnscratch_plots as plots
from nnscratch_plots.records import Run
from nnscratch_plots.sentences import _SHOWS, shows
from nnscratch_records.words import number

RUNS = {
    "healthy": {"layers": 4, "activation": "relu", "batchnorm": True, "clip": True},
    "vanishing": {"layers": 20, "activation": "sigmoid", "per_layer": 0.1, "histograms": True},
    "exploding": {"layers": 10, "per_layer": 3.0, "growth": 100.0, "clip": True},
    "deep": {"layers": 200, "steps": 3, "per_layer": 0.97},
    "one layer": {"layers": 1, "steps": 1},
}
FINDINGS = [f"Finding {i}: a sentence of the usual length about what is wrong." for i in range(7)]


def said(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


@pytest.mark.parametrize("name", list(RUNS))
def test_one_page_of_panels_each_with_two_sentences(record, name):
    figure = plots.overview_figure(record(name, **RUNS[name]))
    assert isinstance(figure, Figure)
    assert figure.get_size_inches().tolist() == pytest.approx([8.27, 11.69])
    titles = [ax.get_title("left") for ax in figure.axes if ax.get_title("left")]
    assert 5 <= len(titles) <= 8
    assert said(figure).count("How to read: ") == said(figure).count("This run: ") == len(titles)


@pytest.mark.parametrize(
    ("name", "findings"),
    [
        *(pytest.param(name, 0, marks=pytest.mark.slow) for name in RUNS if name != "deep"),
        ("deep", 7),  # the fullest page
    ],
)
def test_nothing_is_cut_off_or_written_over(record, name, findings):
    check_apart(plots.overview_figure(record(name, **RUNS[name]), findings=FINDINGS[:findings]))


def test_long_names_of_parameters_do_not_push_the_title_into_the_row_above(record):
    given = record("deep", **RUNS["deep"])
    names = [f"transformer.layers.{i}.attention.weight" for i in range(len(given["params"]))]
    figure = plots.overview_figure({**given, "params": np.array(names)})
    check_apart(figure)
    (legend,) = [ax.get_legend() for ax in figure.axes if ax.get_title("left").startswith("Upd")]
    told = [text.get_text() for text in legend.get_texts()]
    assert sum("…" in text for text in told) >= 3
    assert len(set(told)) == len(told)
    assert all(text.endswith("attention.weight") for text in told if "…" in text)


def check_apart(figure):
    figure.draw_without_rendering()
    page = figure.bbox
    boxes = {text.get_text(): text.get_window_extent() for text in figure.texts}
    for index, ax in enumerate(figure.axes):
        boxes[f"axes {index} {ax.get_title('left')}"] = ax.get_tightbbox()
    for text, box in boxes.items():
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, text
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, text
    for (a, one), (b, other) in itertools.combinations(boxes.items(), 2):
        apart = (
            one.x1 <= other.x0 + 2
            or other.x1 <= one.x0 + 2
            or one.y1 <= other.y0 + 2
            or other.y1 <= one.y0 + 2
        )
        assert apart, (a, b)
    for ax in figure.axes:
        legend = ax.get_legend()
        if legend is not None:
            low = legend.get_window_extent()
            assert low.y0 >= ax.get_window_extent().y1 - 1


def test_findings_are_at_the_top_and_those_left_out_are_counted(record):
    text = said(plots.overview_figure(record("a"), findings=FINDINGS))
    assert "Finding 0: a sentence" in text
    assert "Finding 4" in text
    assert "Finding 5" not in text
    assert "and 2 more findings" in text


def test_a_long_finding_ends_where_the_next_one_begins(record):
    figure = plots.overview_figure(record("a"), findings=["A long sentence. " * 60, "Plain."])
    lines = [text.get_text() for text in figure.texts]
    first, last = lines.index(next(one for one in lines if one[0] == "•")), lines.index("• Plain.")
    assert last - first == 3
    assert lines[last - 1].endswith(" …")


def test_a_cause_has_its_first_cure_beside_it(record):
    finding = SimpleNamespace(
        sentence="It vanishes.", cause="The weights are small.", cures=("He", "more")
    )
    figure = plots.overview_figure(record("a"), findings=[finding, "Plain."])
    lines = [text.get_text() for text in figure.texts]
    at = lines.index("• It vanishes. The weights are small.")
    assert lines[at + 1 : at + 3] == ["What may help: He", "• Plain."]


@pytest.mark.parametrize(
    "dpi", [72, *(pytest.param(dpi, marks=pytest.mark.slow) for dpi in (90, 100, 150))]
)
def test_columns_of_text_keep_apart_at_any_resolution(record, dpi):
    figure = plots.overview_figure(record("deep", layers=20, histograms=True, batchnorm=True))
    figure.set_dpi(dpi)
    figure.draw_without_rendering()
    middle = figure.bbox.width / 2
    told = [one for one in figure.texts if one.get_text().startswith(("How to", "This run"))]
    assert len(told) == 16
    for text in told:
        box = text.get_window_extent()
        assert box.x1 < (middle + 0.1 * dpi if box.x0 < middle else figure.bbox.x1)


def test_a_long_note_is_wrapped(record):
    given = {**record("a"), "note": "One step in four was kept to stay within memory. " * 4}
    figure = plots.overview_figure(given)
    figure.draw_without_rendering()
    assert all(text.get_window_extent().x1 <= figure.bbox.x1 for text in figure.texts)
    assert "One step in four" in said(figure)


def test_the_sentences_have_this_runs_numbers(record):
    run = Run(record("a", layers=5, per_layer=0.1, clip=True, batchnorm=True))
    first, last = run.get("gradient_norm")[-1, [0, -1]]
    text = shows(run, "gradient_map")
    assert f"{number(last)} arrives at 12.dense and {number(first)} at 0.dense" in text
    assert f"median of the steps: {number(run.ratio_of_ends())}, vanishing." in text
    assert "powers of ten in all" in shows(run, "attribution")
    gaps = run.get("batchnorm_mean_gap")[-1]
    assert number(gaps.max()) in shows(run, "batchnorm")
    assert "fired at 0 % of the steps" in shows(run, "clip")
    assert "from 2.3 at step 0" in shows(run, "loss")


def test_the_sentences_say_where_it_broke(record):
    given = record("bursts", growth=100.0)
    bad = int(np.flatnonzero(~np.isfinite(given["loss"]))[0])
    assert f"not finite from step {bad} on" in shows(Run(given), "loss")
    assert f"Not finite from step {bad} on" in shows(Run(given), "gradient_map")


@pytest.mark.parametrize("growth", [1.0, 1e30])
@pytest.mark.parametrize("panel", list(_SHOWS))
def test_every_panel_has_its_sentences_for_every_run(record, panel, growth):
    for options in RUNS.values():
        given = record("a", **{**options, "steps": 3, "growth": growth})
        text = shows(Run(given), panel)
        assert text.endswith(".")
        assert "nan" not in text
        assert "-0.0 " not in text


def test_several_runs_share_their_axes(record):
    records = [record(name, **options) for name, options in RUNS.items()]
    figure = plots.comparison_figure(records)
    loss, gradient, _, _ = figure.axes
    lines = [line for line in gradient.get_lines() if line.get_gid() == "values"]
    assert [line.get_label() for line in lines] == list(RUNS)
    healthy = records[0]["gradient_norm"][:, ::3]
    np.testing.assert_allclose(lines[0].get_ydata(), np.median(healthy, axis=0))
    colors = {line.get_color() for line in loss.get_lines() if line.get_gid() == "values"}
    assert colors == {line.get_color() for line in lines}
    lowest = min(records, key=lambda one: np.nan_to_num(one["loss"][-1], nan=np.inf))["label"]
    ends = rf"the loss ends lowest, at \S+, for {lowest};"
    assert re.search(ends, figure.texts[-1].get_text().replace("\n", " "))
    assert "no number for exploding" in figure.texts[-1].get_text().replace("\n", " ")


def test_runs_of_one_depth_are_compared_by_layer_and_others_by_depth(record):
    same = plots.comparison_figure([record("a"), record("b", per_layer=0.5)]).axes[1]
    lines = [line for line in same.get_lines() if line.get_gid() == "values"]
    assert lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    other = plots.comparison_figure([record("a"), record("b", layers=3)]).axes[1]
    lines = [line for line in other.get_lines() if line.get_gid() == "values"]
    assert lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert lines[1].get_xdata().tolist() == [1, 2, 3]
    assert "depth" in other.get_xlabel()


def test_a_comparison_marks_what_was_never_finite(record):
    given = record("a")
    given["gradient_norm"][:] = np.nan
    figure = plots.comparison_figure([given, record("b")])
    marks = [line for line in figure.axes[1].get_lines() if line.get_gid() == "nan"]
    assert len(marks) == 1
    assert "not a number" in figure.axes[3].texts[0].get_text()


class Begun(list):
    """Findings that say what to do first."""

    first = "do it: line()"

    def begin_with(self):
        return "Do this first: do it", "line()", "It is told first because it explains: silence."

    def told(self):
        return ((one, [SimpleNamespace(kind="silence")], list(one.cures)) for one in self)


def test_what_to_do_first_stands_above_the_findings_and_is_not_told_twice(record):
    finding = SimpleNamespace(sentence="It vanishes.", cause="", cures=("do it: line()", "more"))
    lines = [
        one.get_text()
        for one in plots.overview_figure(record("a"), findings=Begun([finding])).texts
    ]
    at = lines.index("Do this first: do it:")
    assert lines[at + 1 : at + 5] == [
        "line()",
        "It is told first because it explains: silence.",
        "• It vanishes.",
        "It brings: silence. What may help: more",
    ]


def test_the_loss_on_held_out_examples_is_drawn_and_told(record):
    given = record("a", steps=40)
    held = np.full(40, np.nan)
    held[[10, 20, 30]] = 0.5, 0.25, 0.75
    given |= {"validation_loss": held, "validation_accuracy": held}
    figure = plots.overview_figure(given)
    line = next(line for line in figure.axes[0].get_lines() if line.get_gid() == "held out")
    assert line.get_xydata().tolist() == [[10, 0.5], [20, 0.25], [30, 0.75]]
    assert "ends at 0.75, lowest 0.25 at step 20; accuracy 0.75" in said(figure)
    assert Run(given).held("validation_loss")[[9, 10, 29, 39]].tolist()[1:] == [0.5, 0.25, 0.75]
    assert not [
        one
        for one in plots.overview_figure(record("a")).axes[0].get_lines()
        if one.get_gid() == "held out"
    ]


def test_the_loss_of_single_batches_is_told_beside_what_they_come_to(record):
    noisy = record("a", steps=40) | {"loss": np.tile([1.0, 3.0], 20)}
    assert "to 3 at step 39, lowest 1, 2 in the mean of the last quarter." in said(
        plots.overview_figure(noisy)
    )
    still = record("a", steps=40) | {"loss": np.r_[np.full(30, 9.0), np.full(10, 3.0)]}
    assert "to 3 at step 39, lowest 3." in said(plots.overview_figure(still))
