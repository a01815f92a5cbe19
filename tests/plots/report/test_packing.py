"""What the page holds of a record: the same values, fewer steps, a few megabytes."""

import base64

import numpy as np
import pytest

from nnscratch_plots.report import packing, thinning
from nnscratch_plots.report.reading import read_run, read_runs


def decoded(packed):
    values = np.frombuffer(base64.b64decode(packed["data"]), dtype=f"<{packed['type']}")
    return values.reshape(-1, len(packed["columns"])) if "columns" in packed else values


def test_a_short_run_is_held_whole(run):
    record = run()
    (packed,) = packing.pack_runs(read_runs(record))
    assert packed["steps"] == record["steps"].tolist()
    assert packed["layers"] == record["layers"].tolist()
    assert packed["notes"] == []
    for key in ("gradient_norm", "output_std", "output_zeros"):
        held = packed["quantities"][key]
        assert held["columns"] == list(range(11))
        np.testing.assert_allclose(decoded(held), record[key], rtol=1e-7)
    assert packed["series"]["steps"] == packed["steps"]
    assert packed["series"].keys() == {"steps", "loss"}
    np.testing.assert_allclose(decoded(packed["series"]["loss"]), record["loss"], rtol=1e-7)


def test_parameters_belong_to_the_layer_with_their_number(run):
    record = run()
    held = packing.pack_runs(read_runs(record))[0]["quantities"]["update_ratio"]
    assert held["columns"] == [0, 2, 4, 6, 8, 10]
    np.testing.assert_allclose(decoded(held), record["update_ratio"][:, ::2], rtol=1e-7)


def test_only_weights_are_drawn_as_weights_where_there_are_any(run):
    record = run()
    record["params"][2:4] = ["1.gamma", "1.beta"]  # of 12, in the place of the second layer's
    assert packing.pack_runs(read_runs(record))[0]["quantities"]["update_ratio"]["columns"] == [
        0, 4, 6, 8, 10,
    ]  # fmt: skip
    record["params"] = np.array([f"{i}.{name}" for i in range(6) for name in ("kernel", "b")])
    held = packing.pack_runs(read_runs(record))[0]["quantities"]["update_ratio"]
    assert held["columns"] == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(decoded(held), record["update_ratio"][:, ::2], rtol=1e-7)


def test_what_a_layer_does_not_have_is_left_out(run):
    held = packing.pack_runs(read_runs(run()))[0]["quantities"]["saturated_high"]
    assert held["columns"] == [1, 3, 5, 7, 9]
    record = run()
    record["saturated_low"][:] = np.nan
    del record["output_std"]
    quantities = packing.pack_runs(read_runs(record))[0]["quantities"]
    assert "saturated_low" not in quantities
    assert "output_std" not in quantities


def test_batch_norm_clip_and_census_where_a_record_has_them(run, extras):
    record = extras(run())
    (packed,) = packing.pack_runs(read_runs(record))
    for key in ("clip_before", "clip_after"):
        np.testing.assert_allclose(decoded(packed["series"][key]), record[key], rtol=1e-7)
    for key in ("batchnorm_mean_gap", "batchnorm_variance_ratio", "batchnorm_scale"):
        held = packed["quantities"][key]
        assert held["columns"] == [2, 6]
        np.testing.assert_allclose(decoded(held), record[key], rtol=1e-7)
    held = packed["quantities"]["dead_units"]
    assert held["columns"] == [1, 3]
    values = decoded(held)
    assert np.isnan(values[:5]).all()  # before the first census, at step 5
    for step, row in ((5, 0), (14, 0), (15, 1), (39, 3)):
        dead = [(record["census"][row, a : a + 8] == 1).mean() for a in (0, 8)]
        np.testing.assert_allclose(values[step], dead)


def test_a_record_without_a_clip_has_no_line_for_it(run, extras):
    record = extras(run())
    record["clip_before"] = record["clip_after"] = np.full(40, np.nan)
    assert packing.pack_runs(read_runs(record))[0]["series"].keys() == {"steps", "loss"}


def test_a_gradient_that_is_always_nan_is_not_left_out(run):
    record = run()
    record["gradient_norm"][:, 3] = np.nan
    held = packing.pack_runs(read_runs(record))[0]["quantities"]["gradient_norm"]
    assert held["columns"] == list(range(11))


@pytest.mark.parametrize(
    ("value", "kind"), [(1.0, "f4"), (1e-40, "f8"), (1e300, "f8"), (np.inf, "f4"), (0.0, "f4")]
)
def test_no_number_becomes_zero_or_infinite_by_packing(value, kind):
    packed = packing.encoded(np.array([value, np.nan, 0.5]))
    assert packed["type"] == kind
    np.testing.assert_allclose(decoded(packed), [value, np.nan, 0.5], rtol=1e-7)


def test_a_long_run_keeps_what_stands_out(run):
    record = run(steps=6000, blocks=2, histograms=False)
    record["loss"][3217] = 9.0
    record["gradient_norm"][1111, 2] = 77.0
    record["gradient_norm"][4001, 0] = np.nan
    one = read_run(record)
    kept = thinning.kept_steps(one, 500)
    assert len(kept) <= 500
    assert {0, 1111, 3217, 4000, 4001, 5999} <= set(kept.tolist())
    assert np.diff(kept).max() <= 14
    losses = thinning.kept_losses(one)
    assert len(losses) <= 1510
    assert {0, 3217, 5999} <= set(losses.tolist())
    (packed,) = packing.pack_runs([one])
    assert packed["notes"] == [packing.thinning_note(6000, len(packed["steps"]))]
    assert "of the 6,000 recorded steps" in packed["notes"][0]


def test_every_spike_of_the_loss_is_kept(run):
    record = run(steps=20_000, blocks=1, histograms=False)
    spikes = np.arange(37, 20_000, 400)
    record["loss"][spikes] += 5
    assert set(spikes) <= set(thinning.kept_losses(read_run(record)).tolist())


def test_histograms_keep_their_counts_at_fewer_steps(run):
    record = run(steps=120)
    held = packing.pack_runs(read_runs(record))[0]["histograms"]
    rows = held["rows"]
    assert rows[0] == 0
    assert rows[-1] == 119
    assert 2 < len(rows) <= 60
    weight, at = held["weight"], held["weight"]["first"]
    bins = len(weight["edges"]) - 1
    counts = np.frombuffer(base64.b64decode(weight["data"]), dtype=weight["type"])
    expected = record["param_histogram"][rows][:, ::2, at : at + bins]
    np.testing.assert_array_equal(counts.reshape(expected.shape), expected)
    assert weight["edges"] == record["histogram_edges_signed"][at : at + bins + 1].tolist()
    assert expected.sum() == record["param_histogram"][rows][:, ::2].sum()  # no used bin is cut off


def test_counts_beyond_255_and_no_histograms_at_all(run):
    record = run()
    record["output_histogram"][...] = 0
    record["output_histogram"][:, :, 7] = 300
    held = packing.pack_runs(read_runs(record))[0]["histograms"]["output"]
    assert (held["type"], held["first"], len(held["edges"])) == ("u2", 7, 2)
    assert packing.pack_runs(read_runs(run(histograms=False)))[0]["histograms"] is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gradient_norm": None}, "record has no key 'gradient_norm'"),
        ({"steps": np.array([0, 2, 1])}, "key 'steps' must increase"),
        ({"steps": np.array([], dtype=int)}, "holds 0 steps"),
        ({"loss": np.zeros(3)}, r"key 'loss' has shape \(3,\), expected \(40,\)"),
        ({"gradient_norm": np.zeros((40, 3))}, r"'gradient_norm' has shape \(40, 3\)"),
        ({"output_std": np.full((40, 11), "a")}, "key 'output_std' has dtype <U1"),
        ({"update_ratio": np.zeros((40, 11))}, r"expected \(40, 12\)"),
        ({"output_histogram": np.zeros((40, 11, 5))}, r"expected \(40, 11, 64\)"),
        ({"clip_before": np.zeros(4)}, r"key 'clip_before' has shape \(4,\)"),
    ],
)
def test_a_wrong_record_is_named(run, change, said):
    record = {key: value for key, value in {**run(), **change}.items() if value is not None}
    with pytest.raises(ValueError, match=said):
        read_runs(record)


def test_what_is_no_record_is_named(run):
    for given, said in (("run.npz", "got str"), ([], "is empty"), ([run(), 3], r"records\[1\] is")):
        with pytest.raises(ValueError, match=said):
            read_runs(given)
