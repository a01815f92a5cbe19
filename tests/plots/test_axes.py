"""The log axis with its strips, and the ticks of layers and decades."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from nnscratch_plots.axes import HonestLogAxis, decade_ticks
from nnscratch_plots.layer_ticks import thinned_numbers

NAN, INF = np.nan, np.inf


def drawn(*series):
    ax = Figure().subplots()
    scale = HonestLogAxis([np.array(values) for values in series])
    scale.apply(ax)
    for index, values in enumerate(series):
        scale.draw(ax, index, np.arange(len(values)), np.array(values))
    return ax, scale


def lines(ax, gid):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def test_every_value_is_a_point_of_the_line_or_a_mark_in_its_strip():
    values = [1e-3, 0.0, 10.0, INF, NAN, 1e-300, 1e300]
    ax, scale = drawn(values)
    (line,) = lines(ax, "values")
    np.testing.assert_array_equal(line.get_ydata(), [1e-3, NAN, 10.0, NAN, NAN, NAN, NAN])
    for gid, place in {"zero": 1, "infinite": 3, "nan": 4, "tiny": 5, "huge": 6}.items():
        (marks,) = lines(ax, gid)
        heights = np.log10(marks.get_ydata())
        assert np.flatnonzero(np.isfinite(heights)).tolist() == [place]
        low, high = scale.strips[gid]
        assert low < heights[place] < high
        assert place in marks.get_markevery()


def test_strips_lie_outside_the_log_range_in_order_and_inside_the_limits():
    ax, scale = drawn([1e-300, 1e-3, 0.0, 10.0, INF, NAN, 1e300])
    heights = [np.mean(scale.strips[gid]) for gid in ("zero", "tiny", "huge", "infinite", "nan")]
    assert heights == sorted(heights)
    assert heights[1] < np.log10(1e-3) < np.log10(10.0) < heights[2]
    low, high = np.log10(ax.get_ylim())
    assert low < heights[0]
    assert heights[-1] < high
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels[-5:] == ["< 1e-250", "0", "> 1e250", "∞", "NaN"]


def test_lines_in_one_strip_do_not_cover_each_other():
    ax, _ = drawn([0.0, 1.0], [0.0, 2.0], [3.0, 4.0], [0.0, 5.0])
    heights = [float(line.get_ydata()[0]) for line in lines(ax, "zero")]
    assert len(set(heights)) == 3


def test_no_strips_where_all_is_finite():
    ax, scale = drawn([1.0, 2.0], [3.0, 4.0])
    assert scale.strips == {}
    assert not [line for line in ax.get_lines() if line.get_gid() in ("zero", "nan", "infinite")]


@pytest.mark.parametrize("value", [0.0, NAN, INF])
def test_nothing_finite_still_gives_an_axis(value):
    ax, _ = drawn([value] * 3)
    low, high = ax.get_ylim()
    assert 0 < low < high < np.inf


SLOW = pytest.mark.slow


@pytest.mark.parametrize("height", [0.4, *(pytest.param(n, marks=SLOW) for n in (1.0, 4.8))])
@pytest.mark.parametrize(
    "values",
    [
        [1e-250, 1e250],
        [1e250, INF, NAN],
        [1e-250, 0.0],
        [5e-324],
        [1.0, 1e250, 1e300, INF, NAN],
        [1.0, 1e-250, 1e-300, 0.0],
        [0.0, 1e-300, 1e-250, 1e250, 1e300, INF, NAN],
        [0.0, 1e-300, 1.0, 1e300, INF, NAN],
    ],
)
def test_the_limits_stay_within_float64(values, height):
    ax = Figure(figsize=(6, height)).add_axes((0.1, 0.1, 0.8, 0.8))
    scale = HonestLogAxis([np.array(values)])
    scale.apply(ax)
    scale.draw(ax, 0, np.arange(len(values)), np.array(values))
    low, high = ax.get_ylim()
    assert 0 < low < high < np.inf
    assert scale.bottom <= scale.low < scale.high <= scale.top
    assert all(0 < 10**lower < 10**upper < np.inf for lower, upper in scale.strips.values())
    ax.figure.savefig("/dev/null", format="png")


def test_a_narrow_range_is_not_blown_up():
    _, scale = drawn([1.0, 1.1])
    assert scale.high - scale.low >= 2


def test_a_line_drawn_exactly_over_another_lets_it_be_seen():
    ax, _ = drawn([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 9.0])
    under, over, other = lines(ax, "values")
    assert set(over.get_markevery()) < set(under.get_markevery())
    assert over.get_linewidth() < other.get_linewidth()


def test_a_lone_point_of_a_long_line_carries_a_marker():
    values = np.full(200, NAN)
    values[[77, 120, 121]] = 1.0
    ax, _ = drawn(values)
    (line,) = lines(ax, "values")
    assert 77 in line.get_markevery()


@pytest.mark.parametrize("count", [1, 2, 3, 11, 12, 50, 99, 200, 201, 1000, 5000])
@pytest.mark.parametrize("most", [6, 11, 14])
def test_layer_ticks_are_few_and_hold_both_ends(count, most):
    numbers = thinned_numbers(count, most)
    assert numbers[0] == 1
    assert numbers[-1] == count
    assert numbers == sorted(set(numbers))
    assert len(numbers) <= most + 1
    gaps = np.diff(numbers)
    assert not gaps.size or gaps.min() > 0.4 * np.median(gaps)


@pytest.mark.parametrize(
    ("low", "high", "major"),
    [
        (-2.5, 1.2, [-2, -1, 0, 1]),
        (-45.0, 38.0, [-40, -30, -20, -10, 0, 10, 20, 30]),
        (0.2, 0.9, []),
    ],
)
def test_decade_ticks(low, high, major):
    labelled, others = decade_ticks(low, high)
    assert labelled == major
    assert len(labelled) <= 9
    assert all(low <= tick <= high for tick in labelled + others)
    assert not set(labelled) & set(others)
