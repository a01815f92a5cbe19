"""Reading records: what is accepted, and what is refused in which words."""

import numpy as np
import pytest

import nnscratch_plots as plots
from nnscratch_plots.records import read_losses, read_norms


def test_one_record_or_several(record):
    assert [one.label for one in read_norms(record("a"), "backprop_norm")] == ["a"]
    several = (record(name) for name in "ab")
    assert [one.label for one in read_norms(several, "backprop_norm")] == ["a", "b"]


def test_a_record_read_back_from_npz_is_read_the_same(record, tmp_path):
    given = record("kept")
    np.savez(tmp_path / "record.npz", **given)
    with np.load(tmp_path / "record.npz") as file:
        (read,) = read_norms(file, "backprop_norm")
    assert read.label == "kept"
    assert read.layers == tuple(given["layers"])
    np.testing.assert_array_equal(read.values, given["backprop_norm"])


def test_lists_and_float32_are_accepted(record):
    given = record("listed", layers=2, steps=2)
    given["layers"] = list(given["layers"])
    given["steps"] = [3, 7]
    given["backprop_norm"] = given["backprop_norm"].astype(np.float32)
    (read,) = read_norms(given, "backprop_norm")
    assert read.values.dtype == np.float64
    assert read.row(7) == read.row("last") == read.row(np.int64(7)) == 1


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("label", 3, ["label", "string"]),
        ("layers", np.array(["0.dense"]), ["backprop_norm", "(40, 6)", "(40, 1)"]),
        ("layers", np.array([], dtype=str), ["layers", "(0,)"]),
        ("layers", np.arange(6), ["layers", "int64"]),
        ("steps", np.arange(39), ["backprop_norm", "(40, 6)", "(39, 6)"]),
        ("steps", np.array([], dtype=np.int64), ["steps", "(0,)"]),
        ("steps", np.zeros(40, dtype=np.int64), ["steps", "increase"]),
        ("steps", np.arange(40.0), ["steps", "float64", "integers"]),
        ("backprop_norm", np.zeros(6), ["backprop_norm", "(6,)", "(40, 6)"]),
        ("backprop_norm", np.full((40, 6), -2.0), ["backprop_norm", "-2.0"]),
        ("backprop_norm", np.full((40, 6), "x"), ["backprop_norm", "real numbers"]),
        ("backprop_norm", np.zeros((40, 6), dtype=complex), ["complex128"]),
        ("backprop_norm", [[1.0], [1.0, 2.0]], ["backprop_norm", "not an array"]),
    ],
)
def test_a_wrong_value_is_refused_by_label_and_key(record, key, value, words):
    wrong = {**record("my run"), key: value}
    with pytest.raises(ValueError) as caught:
        read_norms([record("fine"), wrong], "backprop_norm")
    for word in [*words, "records[1]" if key == "label" else "'my run'"]:
        assert word in str(caught.value)


@pytest.mark.parametrize("key", ["label", "layers", "steps", "backprop_norm"])
def test_a_missing_key_is_named_with_the_keys_there_are(record, key):
    wrong = record("my run")
    del wrong[key]
    with pytest.raises(ValueError, match=rf"no key '{key}', got keys .*weight_gradient_norm"):
        read_norms(wrong, "backprop_norm")


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
    with pytest.raises(ValueError, match="'weight_gradient_norm', got 'norm'"):
        draw(record("a"), quantity="norm")
