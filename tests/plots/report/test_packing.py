"""What the page holds of a record: the same values, fewer steps, a few megabytes."""

import base64

import numpy as np
import pytest

from nnscratch_plots.records import Run, read_runs
from nnscratch_plots.report import packing, report_html, thinning
from nnscratch_plots.report.glance import NEEDED
from nnscratch_records import upgraded


def decoded(packed):
    values = np.frombuffer(base64.b64decode(packed["data"]), dtype=f"<{packed['type']}")
    return values.reshape(-1, len(packed["columns"])) if "columns" in packed else values


def pack(record):
    return packing.pack_runs(read_runs(record, NEEDED))["runs"][0]


def test_a_short_run_is_held_whole(run):
    record = run()
    packed = pack(record)
    assert packed["steps"] == record["steps"].tolist()
    assert packed["layers"] == record["layers"].tolist()
    assert packing.pack_runs(read_runs(record))["notes"] == []
    for key in ("gradient_norm", "output_std", "output_zeros"):
        held = packed["quantities"][key]
        assert held["columns"] == list(range(11))
        np.testing.assert_allclose(decoded(held), record[key], rtol=1e-7)
    assert packed["series"]["steps"] == packed["steps"]
    assert packed["series"].keys() == {"steps", "loss"}
    np.testing.assert_allclose(decoded(packed["series"]["loss"]), record["loss"], rtol=1e-7)


def test_parameters_belong_to_the_layer_with_their_number(run):
    record = run()
    held = pack(record)["quantities"]["update_ratio"]
    assert held["columns"] == [0, 2, 4, 6, 8, 10]
    np.testing.assert_allclose(decoded(held), record["update_ratio"][:, ::2], rtol=1e-7)


def test_facts_of_layers_are_those_of_the_record_not_of_names(run, residual):
    packed = pack(residual(2))
    assert packed["roles"] == residual(2)["roles"].tolist()
    assert packed["blocks"] == ["", *["1"] * 6, *["2"] * 6, ""]
    assert packed["lanes"] == {
        "sum": [["1", "2"], [6, 12]],
        "branch": [["1", "2"], [1, 7]],
        "skip": [["1", "2"], [5, 11]],
    }
    assert packed["places"][0] == 1
    assert packed["places"][-1] == 4
    assert pack(run())["lanes"] == {}


def test_a_page_holds_the_same_whatever_layers_are_called(run, extras):
    record = extras(run())
    new = {name: f"encoder.fc{i}" for i, name in enumerate(record["layers"].tolist())}
    foreign = dict(record, params=np.array([f"{i}.bias.weight" for i in range(12)]))
    for key in ("layers", "batchnorm_layers", "census_layers"):
        foreign[key] = np.array([new[name] for name in record[key].tolist()])
    assert pack(foreign) == {**pack(record), "layers": list(new.values())}


def test_attribution_is_that_of_the_records_room(run):
    record = run(steps=12)
    record["gradient_norm"][3, 4] = 0.0
    held = pack(record)["attribution"]
    names, sums = Run(record).attribution.grouped()
    assert [record["layers"][i] for i in held["columns"]] == list(names)
    assert held["terms"] == ["weights", "derivative"]
    values = decoded({**held, "columns": range(2 * len(names))}).reshape(12, len(names), 2)
    np.testing.assert_allclose(values, sums[..., :2], rtol=1e-6)
    least = {key: record[key] for key in NEEDED}
    assert pack(least)["attribution"] is None


def test_what_a_layer_does_not_have_is_left_out(run):
    held = pack(run())["quantities"]["saturated_high"]
    assert held["columns"] == [1, 3, 5, 7, 9]
    record = run()
    record["saturated_low"][:] = np.nan
    del record["output_std"]
    quantities = pack(record)["quantities"]
    assert "saturated_low" not in quantities
    assert "output_std" not in quantities


def test_batch_norm_clip_and_census_where_a_record_has_them(run, extras):
    record = extras(run())
    packed = pack(record)
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
    assert pack(record)["series"].keys() == {"steps", "loss"}


def test_a_gradient_that_is_always_nan_is_not_left_out(run):
    record = run()
    record["gradient_norm"][:, 3] = np.nan
    held = pack(record)["quantities"]["gradient_norm"]
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
    one = Run(record)
    kept = thinning.kept_steps(one, 500)
    assert len(kept) <= 500
    assert {0, 1111, 3217, 4000, 4001, 5999} <= set(kept.tolist())
    assert np.diff(kept).max() <= 14
    losses = thinning.kept_losses(one, packing.series(one))
    assert len(losses) <= 1510
    assert {0, 3217, 5999} <= set(losses.tolist())
    packed = packing.pack_runs([one])
    (note,) = packed["notes"]
    assert f"holds {len(packed['runs'][0]['steps'])} of the 6,000 recorded steps, ev" in note


def test_notes_are_said_once_for_all_runs(run):
    records = [run(name, steps=600, blocks=1, histograms=False) for name in "abc"]
    records[1]["loss"][[7, 33, 50]] = 9.0, 8.0, np.nan
    records.append(run("short", blocks=1))
    for one in records[:2]:
        one["note"] = "one in 4 is kept"
    said = packing.pack_runs(read_runs(records))["notes"]
    assert said[0] == "a, b: one in 4 is kept"
    kept = [len(one["steps"]) for one in packing.pack_runs(read_runs(records))["runs"]]
    spans = f"{min(kept[:3])} to {max(kept[:3])} of the 600 recorded steps of 3 runs"
    assert spans in said[1]
    assert len(said) == 2


def test_a_run_of_as_many_steps_as_a_page_holds_is_held_whole(run):
    for steps, whole in ((20, True), (21, False)):
        some = Run(run(steps=steps))
        assert (len(thinning.kept_steps(some, 20)) == steps) == whole
        assert (len(thinning.kept_losses(some, {"loss": some.get("loss")}, 20)) == steps) == whole


def test_every_spike_of_the_loss_is_kept(run):
    record = run(steps=20_000, blocks=1, histograms=False)
    spikes = np.arange(37, 20_000, 400)
    record["loss"][spikes] += 5
    assert set(spikes) <= set(thinning.kept_losses(Run(record), {"loss": record["loss"]}).tolist())


def test_histograms_keep_their_counts_at_fewer_steps(run):
    record = run(steps=120)
    held = pack(record)["histograms"]
    rows = held["rows"]
    assert rows[0] == 0
    assert rows[-1] == 119
    assert 2 < len(rows) <= 60
    weight, at = held["param"], held["param"]["first"]
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
    held = pack(record)["histograms"]["output"]
    assert (held["type"], held["first"], len(held["edges"])) == ("u2", 7, 2)
    assert pack(run(histograms=False))["histograms"] is None


@pytest.mark.parametrize("highest", [200, 300])
def test_histograms_take_no_more_room_than_they_may(run, highest):
    record = run(steps=60)
    record["output_histogram"][0, 0, :2] = highest, 0
    held = packing._pack_histograms(Run(record), np.arange(60), 20_000)
    names = "output", "gradient", "param"
    taken = sum(len(base64.b64decode(held[name]["data"])) for name in names)
    assert 10_000 < taken <= 20_000


@pytest.mark.parametrize("key", NEEDED)
def test_what_a_page_cannot_do_without_is_named(run, key):
    record = {name: value for name, value in run().items() if name != key}
    with pytest.raises(ValueError, match=f"lacks.* {key}"):
        report_html(record)


def test_a_record_of_the_format_before_is_held_the_same(run):
    record = run()
    facts = [key for key in record if key.endswith("_initial") or key in ("kinds", "roles")]
    old = {key: value for key, value in record.items() if key not in facts} | {"format": 2}
    assert pack(old) == pack(upgraded(old)) == pack(record)


def test_the_loss_on_held_out_examples_stands_until_it_is_measured_again(run):
    record = run()
    held = np.full(len(record["steps"]), np.nan)
    held[[1, 3]] = 0.5, 0.25
    series = pack(record | {"validation_loss": held})["series"]
    assert decoded(series["validation_loss"])[1:4].tolist() == [0.5, 0.5, 0.25]
    assert np.isnan(decoded(series["validation_loss"])[0])
    assert "validation_loss" not in pack(record)["series"]
