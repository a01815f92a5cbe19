"""Phase diagrams and depth scales."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

import nnscratch_plots as plots


def lines(ax, gid):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def diagram(**changes):
    sw2, sb2 = np.linspace(0.5, 4, 8), np.linspace(0, 0.5, 5)
    made = {"sw2": sw2, "sb2": sb2, "rate": np.broadcast_to(sw2 / 2, (5, 8))}
    return {**made, **changes}


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
        (plots.phase_diagram, diagram()),
        (plots.depth_scale, {"sw2": [1.0, 2.0], "depth": [10.0, 20.0]}),
    ):
        ax = Figure().subplots()
        assert draw(data, ax=ax) is ax


@pytest.mark.parametrize(
    ("draw", "data", "words"),
    [
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


def test_trained_map_has_a_cell_for_every_network_and_theorys_line():
    accuracy = np.array([[0.9, 0.8, 0.9], [0.1, np.nan, 0.7]])
    measured = {"sw2": [0.5, 1, 2], "depth": [2, 8], "accuracy": accuracy}
    curve = {"sw2": [0.5, 1.0, 2.0], "depth": [4.0, np.inf, 8.0]}
    ax = plots.trained_map(measured, curve=curve, label="tanh")
    (mesh,) = [child for child in ax.get_children() if isinstance(child, QuadMesh)]
    np.testing.assert_array_equal(mesh.get_array().filled(np.nan).reshape(2, 3), accuracy)
    (line,) = lines(ax, "theory")
    np.testing.assert_allclose(line.get_xdata(), [0, 1, 2])
    np.testing.assert_allclose(line.get_ydata(), [0.5, 1.5, 1.0])  # half way from 2 to 8 is 4
    assert [text.get_text() for text in ax.get_yticklabels()] == ["2", "8"]
    with pytest.raises(ValueError, match="accuracy"):
        plots.trained_map({**measured, "accuracy": accuracy.T})


def test_trained_map_of_recurrent_networks():
    measured = {"forget_bias": [-1, 0, 2], "length": [10, 40], "accuracy": np.full((2, 3), 0.5)}
    ax = plots.trained_map(measured, curve={"forget_bias": [-1, 1, 2], "length": [5, 20, np.inf]})
    (line,) = lines(ax, "theory")
    np.testing.assert_allclose(line.get_xdata(), [0, 1.5, 2])
    np.testing.assert_allclose(line.get_ydata(), [-0.5, 0.5, 1.5])
    assert "LSTM" in ax.get_title("left")
    assert "forget" in ax.get_xlabel()
