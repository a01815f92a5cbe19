"""The census of units."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import nnscratch_plots as plots


def bars(ax, gid):
    return [patch for patch in ax.patches if patch.get_gid() == gid]


@pytest.fixture
def counted(record):
    """Two layers of 4 units at three censuses."""
    given = record("a", layers=3)
    return {
        **given,
        "census_steps": np.array([0, 10, 20]),
        "census_layers": np.array(["1.tanh", "3.tanh"]),
        "census_units": np.array([0, 4, 8]),
        "census": np.array(
            [
                [0, 0, 0, 0, 0, 0, 0, 0],
                [1, 0, 0, 0, 2, 3, 0, 0],
                [1, 1, 0, 0, 0, 3, 3, 3],
            ],
            dtype=np.uint8,
        ),
    }


def test_units_are_stacked_by_state(counted):
    ax = plots.dead_units(counted)
    assert [bar.get_height() for bar in bars(ax, "alive")] == [0.5, 0.25]
    assert [bar.get_height() for bar in bars(ax, "dead")] == [0.5, 0.0]
    assert [bar.get_height() for bar in bars(ax, "saturated high")] == [0.0, 0.75]
    assert [bar.get_y() for bar in bars(ax, "saturated high")] == [1.0, 0.25]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["alive: 3", "dead: 2", "saturated high: 3"]
    earlier = plots.dead_units(counted, step=10)
    assert [bar.get_height() for bar in bars(earlier, "saturated low")] == [0.0, 0.25]


def test_births_and_revivals(counted):
    ax = plots.unit_turnover(counted)
    assert [bar.get_height() for bar in bars(ax, "stopped")] == [0, 3, 3]
    assert [bar.get_height() for bar in bars(ax, "revived")] == [0, 0, -1]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["stopped being alive: 6", "came back: 1"]


def test_many_censuses_share_bars(record):
    given = record("long", steps=1300)
    ax = plots.unit_turnover(given)
    assert len(bars(ax, "stopped")) == 44
    assert "in 3 censuses" in ax.get_ylabel()
    states = given["census"] == 0
    stopped = (states[:-1] & ~states[1:]).sum()
    assert sum(bar.get_height() for bar in bars(ax, "stopped")) == stopped


def test_from_one_state_to_another_is_neither(counted):
    counted["census"][2] = [2, 0, 0, 0, 3, 2, 0, 0]
    ax = plots.unit_turnover(counted)
    assert [bar.get_height() for bar in bars(ax, "stopped")] == [0, 3, 0]
    assert [bar.get_height() for bar in bars(ax, "revived")] == [0, 0, 0]


def test_without_a_census_it_is_said(record):
    none = np.zeros((0, 320), dtype=np.uint8)
    given = {**record("a"), "census_steps": np.array([], dtype=np.int64), "census": none}
    assert "probe batch" in plots.dead_units(given).texts[0].get_text()
    assert "two censuses" in plots.unit_turnover(given).texts[0].get_text()
    plots.dead_unit_figure(given)


def test_an_unmoved_network_says_so(counted):
    counted["census"][:] = 0
    assert "No unit stopped" in plots.unit_turnover(counted).texts[0].get_text()


def test_a_step_without_census_is_refused(counted):
    with pytest.raises(ValueError, match="step 5 was not recorded"):
        plots.dead_units(counted, step=5)


def test_figure_and_given_axes(record):
    assert len(plots.dead_unit_figure(record("deep", layers=200, steps=21)).axes) == 2
    left, right = Figure().subplots(1, 2)
    assert plots.dead_units(record("a"), ax=left) is left
    assert plots.unit_turnover(record("a"), ax=right) is right
