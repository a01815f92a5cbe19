"""Records that lack something or hold something else are refused by name; steps are selected."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.files import save_npz
from nnscratch.flow import load_record, save_record
from nnscratch.flow.stream import StreamWriter
from nnscratch_records import FIELDS


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.npz"


@pytest.fixture
def record(recording):
    return recording.record(kept_every=2, note="thinned")


def test_whatever_is_missing_is_named_with_the_file(path, record):
    may_be = {name for name, field in FIELDS.items() if field.looked} | {
        *("optimizer", "penalty", "loss_kind", "framework", "mistakes")
    }
    for key in set(record) - {"format"} - may_be:
        save_npz(path, {name: value for name, value in record.items() if name != key})
        with pytest.raises(nn.DataError, match=rf"a\.npz: record.* lacks {key}: "):
            load_record(path)


def test_whatever_has_another_shape_is_named_with_the_file(path, record):
    for key, value in record.items():
        # one more axis: no name's length changes with it
        save_npz(path, {**record, key: np.asarray(value)[None]})
        with pytest.raises(nn.DataError, match=rf"a\.npz: record.*{key}.* \(?\[?"):
            load_record(path)


def test_what_could_not_be_loaded_is_not_saved(path, record):
    save_record(path, record)
    kept = path.read_bytes()
    for damage in (
        {"loss": record["loss"][:-1]},
        {"roles": np.array(["x"] * 4)},
        {"edges": [(3, 1)] * 4},
    ):
        with pytest.raises(nn.DataError, match=f"record 'a run': {next(iter(damage))}"):
            save_record(path, {**record, **damage})
    with pytest.raises(nn.DataError, match=r"lacks .*, gradient_norm"):
        save_record(path, {"label": "a run", "steps": [1]})
    assert path.read_bytes() == kept


def test_what_is_saved_from_lists_is_loaded_as_arrays(path, record):
    lists = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in record.items()}
    np.testing.assert_equal(load_record(save_record(path, lists)), load_record(path))
    np.testing.assert_equal(load_record(path), record)


@pytest.mark.parametrize(
    "selection", [{"keep_every": 3}, {"last": 4}, {"keep_every": 2, "last": 3}]
)
def test_of_both_kinds_of_file_the_same_steps_are_selected(tmp_path, path, recording, selection):
    layout = recording.layout
    with StreamWriter(
        tmp_path / "a.flow",
        layout.describe(),
        scalars=layout.numbers,
        samples=layout.samples,
        codes=layout.codes,
    ) as writer:
        for i, step in enumerate(recording.steps):
            writer.row(step, recording.numbers[i], recording.samples[i])
        for step, codes in zip(recording.census_steps, recording.census, strict=True):
            writer.census(step, codes)
    save_record(path, recording.record())
    expected = load_record(tmp_path / "a.flow", **selection)
    np.testing.assert_equal(load_record(path, **selection), expected)
    assert len(expected["steps"]) < 10


def test_a_selection_adds_to_what_was_left_out_before(path, record):
    save_record(path, record)
    selected = load_record(path, keep_every=5)
    assert selected["kept_every"] == 10
    assert selected["note"] == "thinned; of 10 recorded steps one in 5 was read"
    assert load_record(path)["note"] == "thinned"
    for selection in ({"keep_every": 0}, {"last": 0}):
        with pytest.raises(nn.ConfigError, match="must be a whole number >= 1, got 0"):
            load_record(path, **selection)
