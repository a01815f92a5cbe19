"""PReLU's slopes over the steps, by themselves and beside the saturation."""

import numpy as np
import pytest

import nnscratch_plots as plots


@pytest.fixture
def sloped(record):
    """A function of a number of PReLU to a record whose slopes drift from 0.25."""

    def sloped(count):
        given = record("a", layers=2)
        steps = len(given["steps"])
        drift = 0.25 + np.linspace(0, 0.1, steps)[:, None] * np.arange(1, count + 1)
        given["params"] = np.array([*given["params"], *(f"{i}.slope" for i in range(count))])
        wide = (steps, len(given["params"]))
        given = {key: value for key, value in given.items() if not key.endswith("_initial")}
        given["param_histogram"] = np.zeros((0, len(given["params"]), 64), dtype=np.uint16)
        facts = ("param_sizes", "param_layers", "param_roles", "param_fan_in")
        given = {key: value for key, value in given.items() if key not in facts} | {"format": 2}
        for key in [key for key in given if key.startswith("param_") and given[key].ndim == 2]:
            given[key] = np.resize(given[key], wide)
        given["update_ratio"] = np.resize(given["update_ratio"], wide)
        given["param_mean"][:, -count:] = drift
        return given, drift

    return sloped


def lines(ax):
    return [line for line in ax.lines if line.get_gid() != "reference"]


def test_each_slope_is_drawn_as_it_was_recorded(sloped):
    given, drift = sloped(3)
    drawn = lines(plots.prelu_slopes(given))
    assert [line.get_label() for line in drawn] == ["0.slope", "1.slope", "2.slope"]
    for line, expected in zip(drawn, drift.T, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), given["steps"])
        np.testing.assert_array_equal(line.get_ydata(), expected)


def test_many_slopes_are_a_band_and_six_lines(sloped):
    given, drift = sloped(20)
    ax = plots.prelu_slopes(given)
    assert len(lines(ax)) == 6
    (band,) = [found for found in ax.collections if found.get_gid() == "band"]
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((drift.min(), drift.max()))


def test_small_drift_is_seen_and_rounding_is_not(sloped):
    given, _ = sloped(1)
    low, high = plots.prelu_slopes(given).get_ylim()
    assert low < 0.25 < 0.35 < high < 0.4
    given["param_mean"][:, -1] = 0.25
    low, high = plots.prelu_slopes(given).get_ylim()
    assert (low, high) == pytest.approx((0.225, 0.275))


def test_a_slope_that_is_not_finite_ends_its_line(sloped):
    given, _ = sloped(2)
    given["param_mean"][5:, -1] = np.nan
    given["param_mean"][6:, -2] = np.inf
    ended = [np.isnan(line.get_ydata()).argmax() for line in lines(plots.prelu_slopes(given))]
    assert ended == [6, 5]
    given["param_mean"][:, -2:] = np.nan
    assert len(lines(plots.prelu_slopes(given))) == 2


def test_without_prelu_it_says_so(record):
    ax = plots.prelu_slopes(record("a"))
    assert "no PReLU" in " ".join(text.get_text() for text in ax.texts)


def test_the_saturation_has_a_panel_for_them(sloped, record):
    given, _ = sloped(2)
    titles = [ax.get_title(loc="left") for ax in plots.saturation_figure(given).axes]
    assert any(title.startswith("PReLU's slopes") for title in titles)
    whole = plots.saturation_figure(record("a"))
    assert not any("PReLU" in ax.get_title(loc="left") for ax in whole.axes)
    for end in ("low", "high"):
        given[f"saturated_{end}"][...] = np.nan  # nothing but PReLU
    (ax,) = plots.saturation_figure(given).axes
    assert len(lines(ax)) == 2
