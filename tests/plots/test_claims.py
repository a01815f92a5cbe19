"""Pictures of claims: what is drawn is what was given."""

from dataclasses import dataclass

import numpy as np
import pytest

from nnscratch_plots.claims import claim_figure, interval_rows, seed_lines


@dataclass
class Interval:
    mean: float
    low: float
    high: float


@dataclass
class Row:
    values: list
    interval: Interval
    expected: object = None


def row(values, expected=None):
    mean = float(np.mean(values))
    return Row(values, Interval(mean, mean - 1, mean + 1), expected)


def test_lines_are_means_with_bands():
    ax = seed_lines({"a": [[1, 2, 3], [3, 4, 5]], "b": [1.0, 1.0, 1.0]}, xlabel="x", ylabel="y")
    first, second = ax.get_lines()
    np.testing.assert_array_equal(first.get_ydata(), [2, 3, 4])
    np.testing.assert_array_equal(first.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(second.get_ydata(), [1, 1, 1])
    assert len(ax.collections) == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    ax.figure.draw_without_rendering()


def test_log_lines_are_geometric_means_and_leave_out_what_has_no_logarithm():
    ax = seed_lines({"a": [[1, 0, np.nan], [100, 4, 2]]}, log=True)
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), [10, np.nan, np.nan])
    assert ax.get_yscale() == "log"
    ax.figure.draw_without_rendering()


def test_expected_lines():
    ax = seed_lines({"a": [1, 2]}, x=[0, 5], expected={"a": [1.5, 2.5], "limit": 3.0})
    _, dashed, limit = ax.get_lines()
    np.testing.assert_array_equal(dashed.get_ydata(), [1.5, 2.5])
    np.testing.assert_array_equal(limit.get_ydata(), [3, 3])
    np.testing.assert_array_equal(limit.get_xdata(), [0, 5])
    assert dashed.get_color() == ax.get_lines()[0].get_color()


def test_lines_with_places_of_their_own():
    ax = seed_lines({"a": [1, 2, 3], "b": [1, 2]}, x={"b": [2, 3]})
    np.testing.assert_array_equal(ax.get_lines()[1].get_xdata(), [2, 3])


@pytest.mark.parametrize("expected", [None, 2.5, (2.0, 3.0)])
def test_rows(expected):
    ax = interval_rows({"one": row([1, 2, 3], expected), "two": row([4, 5, 6])}, xlabel="x")
    ticks, bar, dot = ax.get_lines()[-3:]
    np.testing.assert_array_equal(ticks.get_xdata(), [4, 5, 6])
    np.testing.assert_array_equal(bar.get_xdata(), [4, 6])
    np.testing.assert_array_equal(dot.get_xdata(), [5])
    assert len(ax.get_lines()) == 6 + (expected is not None)
    names = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert ("expected" in names) == (expected is not None)
    ax.figure.draw_without_rendering()


def test_rows_say_what_is_not_finite():
    lost = Row([1.0, np.nan, np.inf], Interval(np.nan, np.nan, np.nan))
    ax = interval_rows({"one": lost})
    assert [text.get_text() for text in ax.texts] == ["2 of 3 not finite"]
    ax.figure.draw_without_rendering()


def test_two_panels_share_one_legend():
    with claim_figure(2) as (figure, (left, right)):
        interval_rows({"one": row([1, 2])}, ax=left)
        interval_rows({"one": row([1, 2])}, ax=right)
    assert len(figure.legends) == 1
    assert figure.axes == [left, right]
