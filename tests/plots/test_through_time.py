"""Pictures of the way back through time show the numbers of the record, in the right places."""

import matplotlib.collections
import numpy as np
import pytest

from nnscratch_plots import (
    cliff_figure,
    criteria,
    gates_in_time,
    gradient_by_lag,
    through_time_figure,
    time_heatmap,
)
from nnscratch_records import LAGS

STEPS = 8


def recurrent(gates=("0.lstm i", "0.lstm f"), length=50, label="a run"):
    """What the pictures need of a record of one recurrent layer."""
    count, lags = len(gates), np.where(length > LAGS, 1.0, np.nan)
    rows = np.arange(STEPS, dtype=float)
    spectra = np.full((STEPS, count), np.nan)
    spectra[[0, 4]] = np.arange(1, count + 1) / 2
    return {
        "format": 3,
        "kinds": np.array(["lstm", "dense"]),
        "label": label,
        "steps": np.arange(STEPS) * 10,
        "layers": np.array(["0.lstm", "2.dense"]),
        "recurrent_layers": np.array(["0.lstm"]),
        "gates": np.array(gates),
        "gate_layers": np.zeros(count, int),
        "lags": LAGS,
        "time_steps": np.full((STEPS, 1), float(length)),
        "time_rate": 0.9 + 0.01 * rows[:, None],
        "time_first": np.ones((STEPS, 1)),
        "hidden_gradient_norm": (10.0 ** -(0.1 * LAGS) * (1 + rows)[:, None] * lags)[:, None],
        "cell_gradient_norm": np.full((STEPS, 1, 64), np.nan),
        "gate_mean": np.tile(np.arange(1, count + 1) / 4, (STEPS, 1)),
        "gate_low": np.full((STEPS, count), 0.1),
        "gate_high": np.full((STEPS, count), 0.2),
        "gate_weight_norm": np.ones((STEPS, count)),
        "gate_gradient_norm": np.ones((STEPS, count)),
        "spectral_radius": spectra,
        "spectral_norm": 2 * spectra,
    }


def mesh_of(ax):
    (mesh,) = [c for c in ax.collections if isinstance(c, matplotlib.collections.QuadMesh)]
    return mesh


def test_rows_are_steps_of_time_and_the_last_one_is_at_the_top():
    record = recurrent()
    ax = time_heatmap(record)
    reached = LAGS[LAGS < 50]
    values = mesh_of(ax).get_array().reshape(len(reached), STEPS)
    np.testing.assert_allclose(values[0], np.log10(record["hidden_gradient_norm"][:, 0, 0]))
    np.testing.assert_allclose(values[-1, 2], np.log10(3) - 0.1 * reached[-1])
    bottom, top = ax.get_ylim()
    assert bottom > reached[-1]
    assert top < 0


def test_a_layer_that_is_not_there_is_named_and_a_network_without_says_so():
    with pytest.raises(ValueError, match=r"'a run' has no recurrent layer 'x', it has 0\.lstm"):
        time_heatmap(recurrent(), layer="x")
    record = recurrent()
    record["hidden_gradient_norm"] = record["hidden_gradient_norm"] * np.nan
    (text,) = [t.get_text() for t in through_time_figure(record).axes[0].texts]
    assert "no recurrent layer" in text.replace("\n", " ")


def test_factor_weights_and_gates_are_drawn_over_the_steps():
    record = recurrent()
    axes = through_time_figure(record).axes
    lines = {line.get_label(): line for line in axes[1].lines + axes[2].lines}
    np.testing.assert_array_equal(lines["measured factor"].get_ydata(), record["time_rate"][:, 0])
    assert lines["spectral radius"].get_xdata().tolist() == [0, 40]
    assert lines["spectral radius"].get_ydata().tolist() == [1.0, 1.0]  # the largest gate's
    assert lines["largest singular value"].get_ydata().tolist() == [2.0, 2.0]
    assert lines["f, forget"].get_ydata().tolist() == [0.5] * STEPS


def test_of_a_layer_without_gates_the_states_at_an_end_are_drawn():
    axes = through_time_figure(recurrent(gates=["0.lstm h"])).axes
    assert axes[2].get_title("left") == "States at an end of the activation"
    lines = {line.get_label(): line.get_ydata()[0] for line in axes[2].lines}
    assert lines == {"at the low end": 0.1, "at the high end": 0.2}


def test_parts_by_lag_and_their_sum():
    norms = np.array([[3.0, 3.0], [1.0, 3.5], [0.0, 3.5]])
    lines = {line.get_label(): line.get_ydata() for line in gradient_by_lag(norms).lines}
    assert lines["from so many steps back"][:2].tolist() == [3.0, 1.0]
    assert lines["from all up to there"].tolist() == [3.0, 3.5, 3.5]
    with pytest.raises(ValueError, match=r"norms has shape \(3,\), expected \(lags, 2\)"):
        gradient_by_lag(norms[:, 0])


def test_gates_over_one_sequence():
    rng = np.random.default_rng(0)
    gates = {"f": rng.random((5, 7, 3)), "g": -rng.random((5, 7, 3))}
    ax = gates_in_time(gates)
    for name, line in zip(gates, ax.lines, strict=True):
        np.testing.assert_allclose(line.get_ydata(), gates[name].mean(axis=(0, 2)))
    assert [line.get_label() for line in ax.lines] == ["f, forget", "g, candidate"]
    with pytest.raises(ValueError, match=r"gate 'f' has shape \(5, 7\)"):
        gates_in_time({"f": gates["f"][..., 0]})


def test_criteria_of_the_first_step_side_by_side():
    ax = criteria([recurrent(label="one"), recurrent(label="two")], [0.8, None])
    marks = {line.get_label(): line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2}
    assert list(marks["spectral radius"]) == [1.0, 1.0]
    assert list(marks["largest singular value"]) == [2.0, 2.0]
    assert marks["theory"][0] == 0.8
    assert np.isnan(marks["theory"][1])
    assert list(marks["measured"]) == [0.9, 0.9]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["one", "two"]
    with pytest.raises(ValueError, match="predicted has 1 rates, expected 2"):
        criteria([recurrent(), recurrent()], [1.0])


def test_ways_over_the_cliff():
    w, b, loss = np.linspace(0, 1, 5), np.linspace(0, 2, 4), np.arange(20.0).reshape(4, 5)
    ways = {
        "thrown": {"w": [0.5, 9.0], "b": [1.0, 9.0], "loss": [1.0, 2.0]},
        "kept": {"w": [0.5, 0.6], "b": [1.0, 1.1], "loss": [1.0, 0.5]},
    }
    axes = cliff_figure(w, b, loss, ways).axes
    assert "thrown to w = 9, b = 9" in axes[0].texts[0].get_text()
    assert [line.get_ydata().tolist() for line in axes[1].lines] == [[1.0, 2.0], [1.0, 0.5]]
    with pytest.raises(ValueError, match=r"loss has shape \(5, 4\), expected \(4, 5\)"):
        cliff_figure(w, b, loss.T, ways)
    with pytest.raises(ValueError, match="ways has 0 entries"):
        cliff_figure(w, b, loss, {})


def test_steps_at_which_time_was_not_gone_through_are_left_out():
    """As of a PyTorch module, of which only some steps are: the lines join those."""
    record = recurrent()
    gone = [1, 2, 3]
    for name in ("hidden_gradient_norm", "time_rate", "gate_mean"):
        record[name] = record[name].copy()
        record[name][gone] = np.nan
    kept = np.delete(np.arange(STEPS), gone)
    axes = through_time_figure(record).axes
    lines = {line.get_label(): line for line in axes[1].lines + axes[2].lines}
    for label in ("measured factor", "f, forget"):
        assert lines[label].get_xdata().tolist() == np.asarray(record["steps"])[kept].tolist()
        assert np.isfinite(lines[label].get_ydata()).all()
    assert len(mesh_of(axes[0]).get_array().ravel()) == (LAGS < 50).sum() * len(kept)
