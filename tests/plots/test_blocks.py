"""The gradient at every block: what arrives, and what its branch and its skip connection carry."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import nnscratch_plots as plots
from nnscratch_plots.records import Run
from nnscratch_plots.sentences import shows


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines() if line.get_gid() == "values"}


def at(given, lane, row):
    kinds = given["kinds"].tolist()
    columns = [i for i, kind in enumerate(kinds) if kind == lane]
    return given["gradient_norm"][row, columns]


@pytest.mark.parametrize(("step", "row"), [("first", 0), ("last", 3), (2, 2)])
def test_three_lines_with_the_norms_of_their_lanes(residual, step, row):
    given = residual(5)
    drawn = lines(plots.block_gradients(given, step=step))
    said = ["arrives at the block", "goes down its branch", "goes down its skip connection"]
    assert list(drawn) == said
    for line, lane in zip(drawn.values(), ("sum", "branch", "skip"), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), at(given, lane, row))
        assert line.get_xdata().tolist() == [1, 2, 3, 4, 5]


def test_blocks_are_called_by_their_names(residual):
    given = residual(3)
    given["blocks"] = np.array([f"stage{b}" if b else "" for b in given["blocks"]])
    ax = plots.block_gradients(given)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["stage1", "stage2", "stage3"]


def test_the_figure_has_both_ends_on_one_scale(residual):
    given = residual(4)
    given["gradient_norm"][3] = np.nan
    first, last = plots.block_gradient_figure(given).axes
    assert first.get_title("left") == "step 0"
    np.testing.assert_array_equal(
        lines(first)["goes down its branch"].get_ydata(), at(given, "branch", 0)
    )
    assert first.get_ylim() == last.get_ylim()
    assert last.get_title("left") == "step 2, the last finite one of 3"
    drawn = lines(last)["goes down its branch"]
    np.testing.assert_array_equal(drawn.get_ydata(), at(given, "branch", 2))


def test_zeros_are_marked_and_a_missing_lane_leaves_a_gap(residual):
    given = residual(3)
    branch = given["layers"].tolist().index("2.branch")
    given["gradient_norm"][:, branch] = 0.0
    ax = plots.block_gradients(given)
    (marks,) = [line for line in ax.get_lines() if line.get_gid() == "zero"]
    assert marks.get_xdata()[np.isfinite(marks.get_ydata())].tolist() == [2]
    given["kinds"][branch] = "identity"
    values = lines(plots.block_gradients(given))["goes down its branch"].get_ydata()
    assert np.isnan(values).tolist() == [False, True, False]


def test_a_chain_has_none_and_says_so(record):
    given = record("a")
    assert "no blocks" in plots.block_gradients(given).texts[0].get_text()
    assert "no blocks" in plots.block_gradient_figure(given).axes[0].texts[0].get_text()
    titles = [ax.get_title("left") for ax in plots.overview_figure(given).axes]
    assert "Gradient at each block" not in titles


def test_the_overview_has_them_and_says_how_much_the_branches_carry(residual):
    given = residual(4)
    figure = plots.overview_figure(given)
    assert "Gradient at each block" in [ax.get_title("left") for ax in figure.axes]
    given["gradient_norm"][3, given["layers"].tolist().index("2.branch")] *= 3
    text = shows(Run(given), "blocks")
    assert "of 4 blocks the branch carries 0.1 (block 1) to 0.3 times (block 2)" in text
    given["gradient_norm"][3, given["layers"].tolist().index("3.skip")] = 0.0
    assert "some have a norm that is 0" in shows(Run(given), "blocks")
    ax = Figure().subplots()
    assert plots.block_gradients(given, ax=ax) is ax
