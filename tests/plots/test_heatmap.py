"""Layers-by-steps heatmaps."""

import itertools

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

import nnscratch_plots as plots


def mesh(ax):
    (found,) = [child for child in ax.get_children() if isinstance(child, QuadMesh)]
    return found


def shown(given, quantity="gradient_norm"):
    """What is drawn by default: dense layers (every second here), or their weights."""
    return given[quantity] if quantity.startswith("param") else given[quantity][:, ::2]


def patches(ax):
    return {patch.get_gid(): patch for patch in ax.patches}


@pytest.mark.parametrize("quantity", ["gradient_norm", "param_gradient_norm"])
@pytest.mark.parametrize(("layers", "steps"), [(3, 1), (11, 40), (200, 2)])
def test_the_cells_are_the_log_norms(record, quantity, layers, steps):
    given = record("my run", layers=layers, steps=steps, per_layer=0.8)
    ax = plots.gradient_norm_heatmap(given, quantity=quantity)
    assert isinstance(ax, Axes)
    np.testing.assert_allclose(mesh(ax).get_array(), np.log10(shown(given, quantity).T), rtol=1e-14)
    assert not mesh(ax).get_array().mask.any()
    assert ax.get_xlim() == (-0.5, steps - 0.5)
    assert ax.get_ylim() == (0.5, layers + 0.5)
    assert ax.get_legend() is None
    assert "my run" in ax.get_title("left")


def test_the_first_layer_is_at_the_bottom_and_named(record):
    ax = plots.gradient_norm_heatmap(record("a", layers=3))
    assert ax.get_yticks().tolist() == [1, 2, 3]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0.dense", "2.dense", "4.dense"]
    assert not ax.yaxis_inverted()


def test_zeros_infinities_and_nan_have_their_own_looks(record):
    given = record("broken", layers=3, steps=4)
    given["gradient_norm"][1, 0] = 0.0
    given["gradient_norm"][2, 2] = np.inf
    given["gradient_norm"][3, :] = np.nan
    ax = plots.gradient_norm_heatmap(given)
    cells = mesh(ax).get_array()
    assert np.argwhere(cells.mask).tolist() == [[0, 1], [0, 3], [1, 2], [1, 3], [2, 3]]
    found = patches(ax)
    corners = {
        kind: patch.get_path().get_extents().extents.tolist() for kind, patch in found.items()
    }
    assert corners == {
        "zero": [0.5, 0.5, 1.5, 1.5],
        "infinite": [1.5, 1.5, 2.5, 2.5],
        "nan": [2.5, 0.5, 3.5, 3.5],
    }
    assert len({patch.get_hatch() for patch in found.values()}) == 3
    assert len({patch.get_facecolor() for patch in found.values()}) == 3
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["exactly 0", "infinite", "not a number (NaN)"]


def test_one_infinite_norm_in_a_long_run_can_be_seen(record):
    given = record("long", steps=1000)
    given["gradient_norm"][500, 2] = np.inf
    box = patches(plots.gradient_norm_heatmap(given))["infinite"].get_path().get_extents()
    assert box.width == pytest.approx(1000 / 150)
    assert (box.x0 + box.x1) / 2 == pytest.approx(500)


def test_long_runs_are_thinned_to_the_largest_norm_and_say_so(record):
    given = record("long", layers=3, steps=4001)
    given["gradient_norm"][2503, 2] = 77.0
    given["gradient_norm"][1000, 0] = np.nan
    given["gradient_norm"][1001, 0] = np.inf
    given["gradient_norm"][3000:3005, 4] = [0.0, 0.0, 0.0, 0.0, 0.0]
    given["gradient_norm"][0, 4] = 0.0
    ax = plots.gradient_norm_heatmap(given)
    cells = mesh(ax).get_array()
    assert cells.shape == (3, 801)
    assert cells[1, 500] == pytest.approx(np.log10(77.0))
    assert np.argwhere(cells.mask).tolist() == [[0, 200], [2, 600]]
    assert set(patches(ax)) == {"nan", "zero"}
    assert "the largest norm of 5 recorded steps" in ax.get_xlabel()
    assert ax.get_xlim() == (-0.5, 4000.5)


def test_columns_stand_at_their_steps(record):
    given = record("sparse", steps=4)
    given["steps"] = np.array([0, 10, 20, 100])
    edges = mesh(plots.gradient_norm_heatmap(given)).get_coordinates()[0, :, 0]
    assert edges.tolist() == [-5.0, 5.0, 15.0, 60.0, 140.0]


def test_limits_are_used_and_shown(record):
    given = record("a", per_layer=0.01)
    ax = plots.gradient_norm_heatmap(given, limits=(1e-4, 1e2))
    assert mesh(ax).get_clim() == (-4.0, 2.0)
    bar = ax.figure.axes[1]
    assert bar.get_ylim() == (-4.0, 2.0)
    assert "back-propagated gradient" in bar.get_ylabel()


@pytest.mark.parametrize("limits", [(0, 1), (1, 1), (2, 1), (-1, 1), (1, np.inf), (np.nan, 1)])
def test_impossible_limits_are_refused(record, limits):
    with pytest.raises(ValueError, match="0 < low < high"):
        plots.gradient_norm_heatmap(record("a"), limits=limits)


def test_shared_limits_span_all_finite_norms_up_to_sixteen_decades(record):
    low, high = record("low", per_layer=0.1), record("high", per_layer=10.0)
    low["gradient_norm"][0, 0] = 0.0
    high["gradient_norm"][0, 0] = np.inf
    found = plots.shared_limits([low, high])
    norms = np.concatenate([low["gradient_norm"], high["gradient_norm"]])
    norms = norms[np.isfinite(norms) & (norms > 0)]
    assert found == pytest.approx((norms.min(), norms.max()))
    wide = plots.shared_limits([record("a", per_layer=1e-8), record("b", per_layer=1e6)])
    assert np.log10(wide[1] / wide[0]) == pytest.approx(16)
    assert wide[0] < 0.05 < wide[1]


def test_a_healthy_range_does_not_fill_the_scale(record):
    given = record("a", per_layer=13 ** (1 / 5))
    ax = plots.gradient_norm_heatmap(given)
    low, high = mesh(ax).get_clim()
    assert high - low == pytest.approx(6)
    shares = (mesh(ax).get_array() - low) / (high - low)
    assert 0.3 < shares.min() < shares.max() < 0.7
    assert plots.shared_limits(given) == pytest.approx((10**low, 10**high))


@pytest.mark.parametrize("value", [0.0, np.inf, np.nan])
def test_a_run_without_any_finite_norm_can_be_drawn(record, value):
    given = record("nothing")
    given["gradient_norm"][:] = value
    ax = plots.gradient_norm_heatmap(given)
    assert len(ax.patches) == 1
    ax.figure.draw_without_rendering()


def test_fractions_have_a_scale_of_their_own(record):
    given = record("a", layers=3, activation="relu")
    given["output_zeros"] = np.array(given["output_zeros"])
    given["output_zeros"][3, 1] = np.nan
    ax = plots.gradient_norm_heatmap(given, quantity="output_zeros", layers="all")
    assert mesh(ax).get_clim() == (0, 1)
    cells = mesh(ax).get_array()
    np.testing.assert_array_equal(cells[:, 0], given["output_zeros"][0])
    assert np.argwhere(cells.mask).tolist() == [[1, 3]]
    assert set(patches(ax)) == {"nan"}
    reading = plots.heatmap_figure(given, quantity="output_zeros").texts[-1].get_text()
    assert "at 1 nothing passes" in reading


def test_given_axes_are_used_and_returned(record):
    ax = Figure().subplots()
    assert plots.gradient_norm_heatmap(record("a"), ax=ax) is ax


@pytest.mark.parametrize("count", [1, 2, 4, 9])
def test_the_figure_has_a_panel_per_record_on_one_scale(record, count):
    records = [record(f"run {i}", per_layer=0.5 + i / 4, seed=i) for i in range(count)]
    figure = plots.heatmap_figure(records)
    assert isinstance(figure, Figure)
    panels = [ax for ax in figure.axes if ax.axison and ax.get_title("left")]
    assert [ax.get_title("left") for ax in panels] == [one["label"] for one in records]
    assert len({mesh(ax).get_clim() for ax in panels}) == 1
    for ax, given in zip(panels, records, strict=True):
        np.testing.assert_allclose(mesh(ax).get_array(), np.log10(shown(given).T))
    assert "factor of more than 100" in figure.texts[-1].get_text().replace("\n", " ")
    assert not figure.legends


def test_the_figure_says_what_was_thinned_what_ended_and_what_is_special(record):
    records = [
        record("whole", steps=1600),
        record("bursts", growth=3.0, steps=1600),
        record("short"),
    ]
    figure = plots.heatmap_figure(records)
    reading = figure.texts[-1].get_text().replace("\n", " ")
    assert "the largest norm of up to 5 recorded steps" in reading
    assert "the run had ended" in reading
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["infinite", "not a number (NaN)"]
    assert figure.axes[2].get_xlim() == figure.axes[0].get_xlim() == (-0.5, 1599.5)


@pytest.mark.parametrize(
    ("layers", "count"),
    [
        (3, 5),
        *(
            pytest.param(*n, marks=pytest.mark.slow)
            for n in itertools.product((1, 11, 200), (1, 5))
        ),
    ],
)
def test_nothing_is_cut_off_or_overlaps(record, layers, count):
    names = "a rather long name of a configuration that is compared"
    records = [record(names, layers=layers, growth=5.0, steps=60) for _ in range(count)]
    figure = plots.heatmap_figure(records)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.texts]
    boxes += [legend.get_window_extent() for legend in figure.legends]
    panels = [ax for ax in figure.axes if ax.axison]
    boxes += [ax.get_tightbbox() for ax in panels]
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1
    for index, box in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = (
                box.x1 <= other.x0 or other.x1 <= box.x0 or box.y1 <= other.y0 or other.y1 <= box.y0
            )
            assert apart
    for ax in panels:
        ticks = [label.get_window_extent() for label in ax.get_yticklabels() if label.get_text()]
        assert all(a.y1 < b.y0 for a, b in itertools.pairwise(ticks))


@pytest.mark.parametrize("value", [5e-324, 1e-305, 1e-300, 1e300, 1e308])
def test_norms_at_the_ends_of_float64_have_a_scale(record, value):
    given = record("far")
    given["gradient_norm"] = np.full(given["gradient_norm"].shape, value)
    low, high = plots.shared_limits(given)
    assert 0 < low < high < np.inf
    assert np.log10(high / low) == pytest.approx(6)
    plots.gradient_norm_heatmap(given)
