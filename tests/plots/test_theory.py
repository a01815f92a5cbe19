"""Theory over measurement."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.figure import Figure

import nnscratch_plots as plots


def lines(ax, gid):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def prediction(**changes):
    made = {
        "label": "a network",
        "layers": np.array(["0.dense", "2.dense", "4.dense"]),
        "relative_gradient": np.array([0.01, 0.1, 1.0]),
        "sd": np.array([0.3, 0.2, 0.0]),
        "measured": np.array([[0.02, 0.2, 2.0], [0.03, 0.3, 2.5]]),
    }
    return {**made, **changes}


def diagram(**changes):
    sw2, sb2 = np.linspace(0.5, 4, 8), np.linspace(0, 0.5, 5)
    made = {"sw2": sw2, "sb2": sb2, "rate": np.broadcast_to(sw2 / 2, (5, 8))}
    return {**made, **changes}


def test_prediction_with_band_over_measurement():
    ax = plots.predicted_gradient_norms(prediction())
    assert isinstance(ax, Axes)
    (line,) = lines(ax, "predicted")
    np.testing.assert_array_equal(line.get_ydata(), [0.01, 0.1, 1.0])
    marks = lines(ax, "measured")
    assert len(marks) == 2
    np.testing.assert_allclose(marks[0].get_ydata(), [0.01, 0.1, 1.0])
    np.testing.assert_allclose(marks[1].get_ydata(), [0.012, 0.12, 1.0])
    (band,) = [child for child in ax.collections if isinstance(child, PolyCollection)]
    heights = {round(float(y), 6) for y in band.get_paths()[0].vertices[:, 1]}
    assert {round(0.01 * np.exp(s * 0.6), 6) for s in (-1, 1)} <= heights
    assert ax.get_yscale() == "log"
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["theory", "± 2 sd over draws", "measured"]


def test_without_measurement():
    ax = plots.predicted_gradient_norms(prediction(measured=None))
    assert not lines(ax, "measured")
    assert len(ax.get_legend().get_texts()) == 2


def test_norms_without_logarithm_are_marked():
    measured = np.array([[0.0, np.inf, 1.0], [np.nan, 0.2, 2.0]])
    ax = plots.predicted_gradient_norms(prediction(measured=measured))
    for gid, at in {"zero": 1, "infinite": 2, "nan": 1}.items():
        (marks,) = lines(ax, gid)
        assert np.flatnonzero(np.isfinite(marks.get_ydata())).tolist() == [at - 1]


def test_a_predicted_norm_of_zero_is_left_out():
    expected = np.array([0.0, 0.1, 1.0])
    ax = plots.predicted_gradient_norms(prediction(relative_gradient=expected))
    (line,) = lines(ax, "predicted")
    assert np.isnan(line.get_ydata()[0])


@pytest.mark.parametrize("count", [1, 2, 4])
def test_figure_of_several(count):
    figure = plots.predicted_gradient_norm_figure(
        prediction(label=f"net {i}") for i in range(count)
    )
    assert isinstance(figure, Figure)
    titles = [ax.get_title("left") for ax in figure.axes]
    assert [title for title in titles if title] == [f"net {i}" for i in range(count)]
    assert any("How to read" in text.get_text() for text in figure.texts)


def test_phase_diagram():
    critical = np.array([[2.0, 0.0], [2.0, 0.5]])
    ax = plots.phase_diagram(
        diagram(), critical=critical, points={"He": (2.0, 0.0), "big": (4.0, 0.1)}, label="relu"
    )
    (mesh,) = [child for child in ax.get_children() if isinstance(child, QuadMesh)]
    np.testing.assert_allclose(
        mesh.get_array().reshape(5, 8), np.log(np.broadcast_to(diagram()["sw2"] / 2, (5, 8)))
    )
    (line,) = lines(ax, "critical")
    np.testing.assert_array_equal(line.get_xdata(), [2, 2])
    assert [line.get_label() for line in lines(ax, "point")] == ["He", "big"]
    assert "relu" in ax.get_title("left")


def test_phase_diagram_takes_rates_of_zero_and_no_line():
    rate = np.zeros((5, 8))
    ax = plots.phase_diagram(diagram(rate=rate))
    assert ax.get_legend() is None
    ax = plots.phase_diagram(diagram(), critical=np.empty((0, 2)))
    assert not lines(ax, "critical")


def test_phase_diagram_figure():
    figure = plots.phase_diagram_figure(
        [diagram(label="relu", points={"He": (2.0, 0.0)}), diagram(label="tanh")]
    )
    assert [ax.get_title("left") for ax in figure.axes[:2]] == ["relu", "tanh"]
    assert figure.axes[-1].get_ylabel().startswith("rate")


def test_depth_scale():
    curve = {"sw2": np.array([1.0, 2.0, 3.0]), "depth": np.array([10.0, np.inf, 20.0])}
    ax = plots.depth_scale(curve, measured={"sw2": [1.0, 3.0], "depth": [8, 18]}, label="tanh")
    (line,) = lines(ax, "theory")
    np.testing.assert_array_equal(line.get_ydata(), [10, np.nan, 20])
    (marks,) = lines(ax, "measured")
    np.testing.assert_array_equal(marks.get_ydata(), [8, 18])
    assert ax.get_yscale() == "log"


def test_draws_on_axes_that_are_given():
    for draw, data in (
        (plots.predicted_gradient_norms, prediction()),
        (plots.phase_diagram, diagram()),
        (plots.depth_scale, {"sw2": [1.0, 2.0], "depth": [10.0, 20.0]}),
    ):
        ax = Figure().subplots()
        assert draw(data, ax=ax) is ax


@pytest.mark.parametrize(
    ("draw", "data", "words"),
    [
        (plots.predicted_gradient_norms, prediction(sd=np.zeros(2)), "'sd' has shape"),
        (plots.predicted_gradient_norms, prediction(layers="x"), "'layers'"),
        (plots.predicted_gradient_norms, prediction(measured=np.ones((2, 2))), "'measured'"),
        (plots.predicted_gradient_norms, {"label": "x"}, "'layers' is missing"),
        (plots.predicted_gradient_norms, [1], "expected a mapping"),
        (plots.predicted_gradient_norm_figure, [], "at least one"),
        (plots.phase_diagram, diagram(rate=np.ones((8, 5))), "'rate' has shape"),
        (plots.phase_diagram, diagram(rate=-np.ones((5, 8))), "below 0"),
        (plots.phase_diagram, diagram(sw2=np.ones(8)), "increasing"),
        (plots.phase_diagram_figure, [], "at least one"),
        (plots.phase_diagram_figure, [diagram(points={"a": (1, 2, 3)})], "point 'a'"),
        (plots.depth_scale, {"sw2": [1.0, 2.0]}, "'depth' is missing"),
    ],
)
def test_bad_data_is_refused(draw, data, words):
    with pytest.raises(ValueError, match=words):
        draw(data)
