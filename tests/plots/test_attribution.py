"""Attribution as stacked bars."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

import nnscratch_plots as plots
from nnscratch_plots.attribution import split_at
from nnscratch_plots.records import Run

NETWORKS = [
    {},
    {"activation": "relu", "batchnorm": True},
    {"layers": 2},
    {"layers": 60, "per_layer": 0.8},
]


def bars(ax, gid):
    return [patch for patch in ax.patches if patch.get_gid() == gid]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_bars_add_up_to_the_change_of_the_gradient(record, network):
    given = record("a", **network)
    dense = [i for i, name in enumerate(given["layers"]) if name.endswith("dense")]
    ax = plots.attribution_bars(given, step=7)
    norms = given["gradient_norm"][7]
    drawn = np.zeros(len(dense) - 1)
    for patch in ax.patches:
        drawn[round(patch.get_x() + patch.get_width() / 2) - 1] += patch.get_height()
    expected = [np.log10(norms[a] / norms[b]) for a, b in pairwise(dense)]
    np.testing.assert_allclose(drawn, expected, atol=1e-12)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_bars_add_up_to_the_change_of_the_signal(record, network):
    given = record("a", **network)
    split = split_at(Run(given), 7, "forward")
    size = np.hypot(given["output_mean"][7, -1], given["output_std"][7, -1])
    whole = np.log10(size / np.hypot(given["input_mean"][7], given["input_std"][7]))
    assert sum(split.totals().values()) == pytest.approx(whole, abs=1e-12)


def test_each_term_is_what_its_layer_does(record):
    given = record("a", layers=3, batchnorm=True)
    norms = given["gradient_norm"][0]  # 0.dense 1.batchnorm 2.tanh 3.dense 4.batchnorm 5.tanh 6
    scale = np.log10(given["batchnorm_scale"][0, 0])
    split = split_at(Run(given), 0, "backward")
    assert split.layers == ("0.dense", "3.dense")
    expected = {
        "weights": np.log10(norms[2] / norms[3]),
        "derivative": np.log10(norms[1] / norms[2]),
        "scale": scale,
        "projection": np.log10(norms[0] / norms[1]) - scale,
    }
    assert {term: values[0] for term, values in split.values.items()} == pytest.approx(expected)


def test_layers_before_the_first_dense_one_have_a_group(record, renamed):
    names = ["0.dropout", "1.dropout", "2.dense", "3.tanh", "4.dense"]
    given = renamed(record("a", layers=3), names)
    split = split_at(Run(given), 0, "backward")
    norms = given["gradient_norm"][0]
    assert split.layers == ("0.dropout", "2.dense")
    assert split.values["noise"][0] == pytest.approx(np.log10(norms[0] / norms[1]))
    assert split.values["weights"].tolist() == pytest.approx(
        [np.log10(norms[1] / norms[2]), np.log10(norms[3] / norms[4])]
    )


def test_layers_after_the_last_dense_one_lead_down_to_it(record, renamed):
    names = ["0.dense", "1.tanh", "2.dense", "3.batchnorm", "4.tanh"]
    given = renamed(record("a", layers=3), names)
    norms = given["gradient_norm"][0]
    split = split_at(Run(given), 0, "backward")
    assert split.layers == ("0.dense", "2.dense")
    total = sum(values[1] for values in split.values.values())
    assert total == pytest.approx(np.log10(norms[2] / norms[4]))


def test_what_was_not_recorded_between_has_no_other_name(record, renamed):
    given = renamed(record("a", layers=3), ["0.dense", "1.tanh", "4.dense", "5.tanh", "6.dense"])
    split = split_at(Run(given), 0, "backward")
    norms = given["gradient_norm"][0]
    assert split.values["unrecorded"][0] == pytest.approx(np.log10(norms[1] / norms[2]))


def test_norms_that_are_zero_or_not_finite_are_hatched(record):
    given = record("a", layers=5)
    given["gradient_norm"][-1, 2] = 0.0
    given["gradient_norm"][-1, 8] = np.inf
    ax = plots.attribution_bars(given, step="last")
    places = [bar.get_x() + bar.get_width() / 2 for bar in bars(ax, "broken")]
    assert places == pytest.approx([1, 2, 4])
    drawn = {}
    for bar in ax.patches:
        if bar.get_gid() != "broken":
            drawn.setdefault(round(bar.get_x() + bar.get_width() / 2), []).append(bar.get_height())
    assert [any(heights) for heights in drawn.values()] == [False, False, True, False]
    assert "a norm is 0 or not finite" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_the_legend_has_the_sums(record):
    given = record("a", per_layer=0.1)
    totals = split_at(Run(given), 39, "backward").totals()
    names = [text.get_text() for text in plots.attribution_bars(given).get_legend().get_texts()]
    assert names == [
        f"weights: {totals['weights']:+.2f}",
        f"activations: {totals['derivative']:+.2f}",
    ]


def test_one_layer_alone_says_so(record):
    assert "one layer" in plots.attribution_bars(record("a", layers=1)).texts[0].get_text()


def test_figure_given_axes_and_directions(record):
    assert len(plots.attribution_figure(record("bursts", growth=50.0)).axes) == 2
    ax = Figure().subplots()
    assert plots.attribution_bars(record("a"), direction="forward", ax=ax) is ax
    with pytest.raises(ValueError, match="'backward' or 'forward', got 'up'"):
        plots.attribution_bars(record("a"), direction="up")


def test_a_layer_of_unknown_kind_is_called_so(record, renamed):
    given = renamed(record("a", layers=3), ["0.dense", "1.mine", "2.dense", "3.mine", "4.dense"])
    norms = given["gradient_norm"][0]
    split = split_at(Run(given), 0, "backward")
    assert split.values["opaque"][0] == pytest.approx(np.log10(norms[0] / norms[1]))
    assert "derivative" not in split.values
    names = [text.get_text() for text in plots.attribution_bars(given).get_legend().get_texts()]
    assert any(name.startswith("layers of unknown kind: ") for name in names)


def test_names_do_not_matter(record):
    given = record("a", layers=4, batchnorm=True)
    foreign = dict(given, layers=np.array([f"net.part{i}" for i in range(10)]))
    foreign["batchnorm_layers"] = foreign["layers"][[1, 4, 7]]
    foreign["census_layers"] = foreign["layers"][[2, 5, 8]]
    here, there = (split_at(Run(one), 3, "backward") for one in (given, foreign))
    assert there.layers == ("net.part0", "net.part3", "net.part6")
    assert {term: v.tolist() for term, v in here.values.items()} == {
        term: v.tolist() for term, v in there.values.items()
    }


def test_blocks_are_passed_by_their_skip_connection(residual):
    given = residual(3)
    split = split_at(Run(given), 3, "backward")
    # From the head down: weights, then a block's surplus over what its skip lane carries.
    assert split.layers == ("0.stem", "1.sum", "2.sum", "3.sum")
    assert split.values["sum"].tolist() == pytest.approx([np.log10(1.5)] * 3 + [0], abs=1e-12)
    norms = given["gradient_norm"][3]
    assert sum(split.totals().values()) == pytest.approx(np.log10(norms[0] / norms[-1]))
    ax = plots.attribution_bars(residual(40))
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels[0] == "0.stem"
    assert labels[-1] == "40"
    assert "layer or block" in ax.get_xlabel()
