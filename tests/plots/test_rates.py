"""The picture of a range test."""

import numpy as np
import pytest

import nnscratch_plots as plots


@pytest.fixture
def found():
    rates = np.geomspace(1e-6, 1, 50)
    smooth = np.r_[np.linspace(2, 0.5, 40), np.geomspace(0.6, 300, 10)]
    losses = smooth + np.random.default_rng(0).normal(0, 0.01, 50)
    return {"rates": rates, "losses": losses, "smooth": smooth, "rate": 1e-3, "lowest": 1e-2}


def drawn(ax, gid):
    return [line for line in ax.lines if line.get_gid() == gid]


def test_losses_are_drawn_over_the_rates_with_both_marks(found):
    ax = plots.rate_test(found)
    for key in ("losses", "smooth"):
        (line,) = drawn(ax, key)
        np.testing.assert_array_equal(line.get_xdata(), found["rates"])
        np.testing.assert_array_equal(line.get_ydata(), found[key])
    assert ax.get_xscale() == "log"
    assert drawn(ax, "rate")[0].get_xdata()[0] == 1e-3
    assert drawn(ax, "lowest")[0].get_label() == "lowest: 0.01"


def test_what_explodes_does_not_flatten_the_rest(found):
    low, high = plots.rate_test(found).get_ylim()
    assert low < 0.5
    assert 2 < high < 4


def test_no_rate_no_mark(found):
    ax = plots.rate_test({**found, "rate": np.nan, "lowest": np.nan})
    assert not drawn(ax, "rate")
    assert not drawn(ax, "lowest")


def test_it_draws_on_axes_that_are_given(found):
    ax = plots.rate_test(found)
    assert plots.rate_test(found, ax=ax) is ax


@pytest.mark.parametrize(("key", "value"), [("smooth", np.ones(3)), ("losses", 1.0)])
def test_wrong_shapes_are_named(found, key, value):
    with pytest.raises(ValueError, match=f"'{key}' of a range test has shape"):
        plots.rate_test({**found, key: value})
    del found[key]
    with pytest.raises(ValueError, match=f"a range test needs '{key}'"):
        plots.rate_test(found)
