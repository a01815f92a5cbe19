"""Reading records: what is accepted, and what is refused in which words."""

import numpy as np
import pytest

import nnscratch_plots as plots
from nnscratch_plots.records import Run, read_losses, read_norms


def test_one_record_or_several(record):
    assert [one.label for one in read_norms(record("a"), "gradient_norm")] == ["a"]
    several = (record(name) for name in "ab")
    assert [one.label for one in read_norms(several, "gradient_norm")] == ["a", "b"]


def test_a_record_read_back_from_npz_is_read_the_same(record, tmp_path):
    given = record("kept")
    np.savez(tmp_path / "record.npz", **given)
    with np.load(tmp_path / "record.npz") as file:
        (read,) = read_norms(file, "gradient_norm")
    assert read.label == "kept"
    assert read.layers == tuple(given["layers"][::2])
    np.testing.assert_array_equal(read.values, given["gradient_norm"][:, ::2])


def test_lists_and_float32_are_accepted(record):
    given = record("listed", layers=2, steps=2)
    given["layers"] = list(given["layers"])
    given["steps"] = [3, 7]
    given["gradient_norm"] = given["gradient_norm"].astype(np.float32)
    (read,) = read_norms(given, "gradient_norm")
    assert read.values.dtype == np.float64
    assert read.row(7) == read.row("last") == read.row(np.int64(7)) == 1


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("format", 1, ["format 1", "expected 3"]),
        ("label", 3, ["label", "string"]),
        ("layers", np.array(["0.dense"]), ["gradient_norm", "(40, 11)", "(40, 1)"]),
        ("layers", np.array([], dtype=str), ["layers", "(0,)"]),
        ("layers", np.arange(6), ["layers", "int64"]),
        ("steps", np.arange(39), ["gradient_norm", "(40, 11)", "(39, 11)"]),
        ("steps", np.array([], dtype=np.int64), ["steps", "empty"]),
        ("steps", np.zeros(40, dtype=np.int64), ["steps", "increase"]),
        ("steps", np.arange(40.0), ["steps", "float64", "integers"]),
        ("gradient_norm", np.zeros(6), ["gradient_norm", "(6,)", "(40, 11)"]),
        ("gradient_norm", np.full((40, 11), -2.0), ["gradient_norm", "-2.0"]),
        ("gradient_norm", np.full((40, 6), "x"), ["gradient_norm", "real numbers"]),
        ("gradient_norm", np.zeros((40, 6), dtype=complex), ["complex128"]),
        ("gradient_norm", [[1.0], [1.0, 2.0]], ["gradient_norm", "not an array"]),
    ],
)
def test_a_wrong_value_is_refused_by_label_and_key(record, key, value, words):
    wrong = {**record("my run"), key: value}
    with pytest.raises(ValueError) as caught:
        read_norms([record("fine"), wrong], "gradient_norm")
    for word in [*words, "records[1]" if key == "label" else "'my run'"]:
        assert word in str(caught.value)


@pytest.mark.parametrize("key", ["label", "layers", "steps", "gradient_norm"])
def test_a_missing_key_is_named_with_the_keys_there_are(record, key):
    wrong = record("my run")
    del wrong[key]
    with pytest.raises(ValueError, match=rf"no key '{key}', got keys .*param_gradient_norm"):
        read_norms(wrong, "gradient_norm")


def test_a_record_of_the_first_version_is_refused_with_what_to_do(record):
    given = record("old")
    given["backprop_norm"] = given.pop("gradient_norm")
    with pytest.raises(ValueError, match="older version, record the run again"):
        plots.gradient_norms(given)


def test_a_record_of_layers_without_parameters_can_be_drawn(record):
    given = record("a", layers=2)
    del given["param_sizes"]
    given["params"] = np.array([], dtype=np.str_)
    for key in ("param_gradient_norm", "update_ratio"):
        given[key] = np.zeros((40, 0))
    assert "No parameters" in plots.update_ratios(given).texts[0].get_text()
    assert "No parameters" in plots.clip_shares(given).texts[0].get_text()
    titles = [ax.get_title("left") for ax in plots.overview_figure(given).axes]
    assert "Weight gradients" not in titles
    plots.update_ratio_figure(given)
    plots.comparison_figure([given, given])
    with pytest.raises(ValueError, match="'a' holds no parameters, so no 'update_ratio'"):
        plots.gradient_norms(given, quantity="update_ratio")


def test_the_last_finite_step(record):
    given = record("bursts", growth=50.0)
    bad = int(np.flatnonzero(~np.isfinite(given["gradient_norm"]).all(axis=1))[0])
    run = Run(given)
    assert run.row("finite") == bad - 1
    assert run.when("finite") == f"step {bad - 1}, the last finite one of 39"
    assert Run(record("a")).row("finite") == 39
    given["loss"][:] = np.nan
    assert Run(given).row("finite") == 39


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("census", np.zeros((4, 3), dtype=np.uint8), "'census' has shape"),
        ("census", np.full((4, 320), 4, dtype=np.uint8), "states 0 to 3"),
        ("output_histogram", np.zeros((40, 11, 63)), "'output_histogram' has shape"),
        ("params", np.zeros(3), "'params'"),
    ],
)
def test_wrong_counts_are_refused_by_key(record, key, value, words):
    run = Run({**record("a", histograms=True), key: value})
    read = {
        "census": run.census,
        "output_histogram": lambda: run.histograms("output"),
        "params": lambda: run.names("params"),
    }
    with pytest.raises(ValueError, match=words):
        read[key]()


def test_each_picture_needs_only_the_keys_it_draws(record):
    given = record("lean")
    only_loss = {key: given[key] for key in ("label", "steps", "loss")}
    assert read_losses(only_loss)[0].values.shape == (40,)
    with pytest.raises(ValueError, match=r"'lean'.*'loss'.*shape"):
        read_losses({**only_loss, "loss": given["loss"][:-1]})


@pytest.mark.parametrize("records", [[], (), 3, "record.npz", [[1, 2]], None])
def test_what_is_no_record_is_refused(records):
    with pytest.raises(ValueError, match="record"):
        plots.gradient_norms(records)


@pytest.mark.parametrize(
    "draw",
    [
        plots.gradient_norms,
        plots.gradient_norm_figure,
        plots.gradient_norm_heatmap,
        plots.heatmap_figure,
        plots.shared_limits,
    ],
)
def test_an_unknown_quantity_is_answered_with_the_known(record, draw):
    with pytest.raises(ValueError, match=r"'param_gradient_norm', .*got 'norm'"):
        draw(record("a"), quantity="norm")
