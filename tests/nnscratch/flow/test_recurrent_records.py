"""A record of recurrent layers, built from arrays, holds what is measured of these."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import load_record
from nnscratch.flow.export import to_frame, to_json_lines
from nnscratch_records import LAGS, check_record

BATCH, UNITS = 4, 3
LAYERS = [
    nn.LayerInfo("rnn", "rnn", UNITS, (-0.97, 0.97), role="recurrent"),
    nn.LayerInfo("lstm", "lstm", UNITS, role="recurrent", gates="ifgo"),
    nn.LayerInfo("head", "dense", 2, role="weights"),
]
PARAMS = [
    nn.ParamInfo("lstm.recurrent_weight", "lstm", "recurrent_weight", (UNITS, 4 * UNITS)),
    nn.ParamInfo("head.weight", "head", "weight", (UNITS, 2)),
]
GATES = {"rnn": 1, "lstm": 4}
EVERY = ("hidden_gradient", "upstream", "gates", "weight", "weight_gradient", "cell_gradient")


def arrays(layer, steps, seed):
    rng = np.random.default_rng(seed)
    count = GATES[layer]
    made = {name: rng.standard_normal((BATCH, steps, UNITS)) for name in EVERY[:2]}
    made["gates"] = rng.uniform(-1, 1, (BATCH, steps, count * UNITS))
    for name in ("weight", "weight_gradient"):
        made[name] = rng.standard_normal((UNITS, count * UNITS))
    if layer == "lstm":
        made["cell_gradient"] = rng.standard_normal((BATCH, steps, UNITS))
    return made


def fill(recorder, steps, seed=0, skip=()):
    recorder.input(np.ones((BATCH, steps, 2)))
    for info in LAYERS:
        tensor = np.ones((BATCH, steps, info.features))
        state = info.name == "rnn"
        recorder.output(info.name, arrays("rnn", steps, seed)["gates"] if state else tensor)
        recorder.gradient(info.name, tensor)
    for param in PARAMS:
        recorder.param(param.name, np.ones(param.shape))
    for layer in GATES:
        if layer not in skip:
            given = arrays(layer, steps, seed)
            recorder.recurrent(layer, **given | ({"gates": None} if layer == "rnn" else {}))


LENGTHS = (6, 50, 1)


def recorded(**options):
    recorder = nn.Recorder(LAYERS, PARAMS, **options)
    for seed, steps in enumerate(LENGTHS):
        fill(recorder, steps, seed)
        recorder.end_step(loss=1.0)
    return recorder


@pytest.fixture(scope="module")
def record():
    return recorded().to_dict()


def test_the_lags_are_all_up_to_32_then_four_in_an_octave():
    assert LAGS[:33].tolist() == list(range(33))
    assert LAGS[33:38].tolist() == [38, 45, 54, 64, 76]
    assert len(LAGS) == 64
    assert LAGS[-1] == 6889
    assert (np.diff(LAGS) > 0).all()


def test_a_record_names_layers_and_gates(record):
    assert record["recurrent_layers"].tolist() == ["rnn", "lstm"]
    assert record["gates"].tolist() == ["rnn h", "lstm i", "lstm f", "lstm g", "lstm o"]
    assert record["gate_layers"].tolist() == [0, 1, 1, 1, 1]
    assert record["depths"].tolist() == [1, 2, 3]


def test_norms_of_every_lag_that_the_batch_has(record):
    for row, steps in enumerate(LENGTHS):
        assert record["time_steps"][row].tolist() == [steps, steps]
        for place, layer in enumerate(GATES):
            given = arrays(layer, steps, row)
            norms = np.linalg.norm(given["hidden_gradient"], axis=(0, 2))[::-1]
            found = record["hidden_gradient_norm"][row, place]
            there = steps > LAGS
            np.testing.assert_allclose(found[there], norms[LAGS[there]])
            assert np.isnan(found[~there]).all()
            assert record["time_first"][row, place] == pytest.approx(norms[-1])
        cells = np.linalg.norm(arrays("lstm", steps, row)["cell_gradient"], axis=(0, 2))[::-1]
        np.testing.assert_allclose(record["cell_gradient_norm"][row, 1][there], cells[LAGS[there]])
    assert np.isnan(record["cell_gradient_norm"][:, 0]).all()


def test_the_factor_per_step_leaves_out_what_comes_from_above(record):
    for row, steps in enumerate(LENGTHS[:2]):
        given = arrays("rnn", steps, row)
        whole = np.linalg.norm(given["hidden_gradient"], axis=(0, 2))
        handed = np.linalg.norm(given["hidden_gradient"] - given["upstream"], axis=(0, 2))
        logs = np.log(handed[:-1] / whole[1:])
        assert record["time_rate"][row, 0] == pytest.approx(np.exp(logs.mean()))
    assert np.isnan(record["time_rate"][2]).all()


def test_gates_their_weights_and_spectra(record):
    for row, steps in enumerate(LENGTHS):
        for layer, first in (("rnn", 0), ("lstm", 1)):
            given = arrays(layer, steps, row)
            for g in range(GATES[layer]):
                own = slice(g * UNITS, (g + 1) * UNITS)
                values, block = given["gates"][..., own], given["weight"][:, own]
                tanh = layer == "rnn" or g == 2
                low, high = (-0.97, 0.97) if tanh else (0.015, 0.985)
                expected = {
                    "gate_mean": values.mean(),
                    "gate_low": (values <= low).mean(),
                    "gate_high": (values >= high).mean(),
                    "gate_weight_norm": np.linalg.norm(block),
                    "gate_gradient_norm": np.linalg.norm(given["weight_gradient"][:, own]),
                    "spectral_radius": np.abs(np.linalg.eigvals(block)).max(),
                    "spectral_norm": np.linalg.svd(block)[1][0],
                }
                for name, value in expected.items():
                    assert record[name][row, first + g] == pytest.approx(value), name


def test_spectra_are_looked_at_ever_more_rarely():
    recorder = nn.Recorder(LAYERS, PARAMS)
    for seed in range(18):
        fill(recorder, 3, seed)
        recorder.end_step(loss=1.0)
    seen = np.isfinite(recorder.to_dict()["spectral_norm"]).all(axis=1)
    assert np.flatnonzero(seen).tolist() == [0, 1, 2, 4, 8, 16]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_files_hold_the_same(tmp_path, dtype):
    recorder = recorded(file=tmp_path / "a.flow")
    record = recorder.to_dict()
    recorder.close()
    recorder.save(tmp_path / "a.npz")
    for name in ("a.flow", "a.npz"):
        np.testing.assert_equal(load_record(tmp_path / name), record)


def test_tables_have_the_lags_that_any_batch_reaches(record, tmp_path):
    pytest.importorskip("pandas", reason="pandas is not installed")
    frame = to_frame(record)
    reached = LAGS[LAGS < 50].tolist()
    of_lstm = [f"lstm {lag}" for lag in reached]
    assert frame["hidden_gradient_norm"].columns.tolist()[len(reached) :] == of_lstm
    np.testing.assert_array_equal(
        frame["hidden_gradient_norm", "rnn 4"], record["hidden_gradient_norm"][:, 0, 4]
    )
    assert frame["gate_mean", "lstm f"].tolist() == record["gate_mean"][:, 2].tolist()
    lines = to_json_lines(record, tmp_path / "a.jsonl").read_text().splitlines()
    assert '"rnn 5": ' in lines[0]
    assert '"spectral_radius"' not in lines[0]  # at some steps only


def test_a_record_without_recurrent_layers_may_leave_their_fields_out(record):
    kept = {name: value for name, value in record.items() if "recurrent" not in name}
    for name in ("gates", "gate_layers", "lags", "time_steps", "time_rate", "gate_mean"):
        del kept[name]
    for name in [
        n for n in kept if n.startswith(("gate_", "hidden_", "cell_", "time_", "spectral"))
    ]:
        del kept[name]
    checked = check_record(kept)
    assert len(checked["recurrent_layers"]) == 0
    assert checked["hidden_gradient_norm"].shape == (3, 0, 64)
    assert checked["gate_mean"].shape == (3, 0)


def test_what_is_wrong_is_named(record):
    with pytest.raises(ValueError, match="gate_layers holds 7, expected places of 2 recurrent"):
        check_record(record | {"gate_layers": [0, 1, 1, 1, 7]})
    with pytest.raises(ValueError, match=r"hidden_gradient_norm has shape \(3, 2, 63\)"):
        check_record(record | {"hidden_gradient_norm": record["hidden_gradient_norm"][..., :63]})
    recorder = nn.Recorder(LAYERS, PARAMS)
    given = arrays("lstm", 5, 0)
    with pytest.raises(ValueError, match=r"gates of layer 'lstm' has shape \(4, 5, 3\), expected"):
        recorder.recurrent("lstm", **given | {"gates": given["upstream"]})
    with pytest.raises(ValueError, match="unknown layer whose role is 'recurrent' 'head'"):
        recorder.recurrent("head", **given)
    fill(recorder, 5, skip=["lstm"])
    with pytest.raises(
        ValueError, match=r"no recurrence of 'lstm': call recorder.recurrent\('lstm'"
    ):
        recorder.end_step(loss=1.0)
