"""Records that lack something or hold something else are refused by name; steps are selected."""

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow import load_record, save_record
from nnscratch.flow.quantities import AXES, HISTOGRAMS
from nnscratch.flow.stream import StreamWriter


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.npz"


@pytest.fixture
def record(recording):
    return recording.record(kept_every=2, note="thinned")


def test_whatever_is_missing_is_named(path, record):
    for key in record:
        save_record(path, {name: value for name, value in record.items() if name != key})
        with pytest.raises(nn.DataError, match=rf"a\.npz is no record of a run: it lacks {key}$"):
            load_record(path)


def test_whatever_has_another_shape_is_named(path, record):
    for key, value in record.items():
        # one more axis: no name's length changes with it
        save_record(path, {**record, key: np.asarray(value)[None]})
        with pytest.raises(nn.DataError, match=rf"no record of a run: {key} has shape \(1,"):
            load_record(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("loss", np.array(["a"] * 10)),
        ("output_norm", np.zeros((10, 4), complex)),
        ("layers", np.arange(4)),
        ("every", "often"),
        ("label", 3),
    ],
)
def test_texts_and_numbers_are_told_apart(path, record, key, value):
    save_record(path, {**record, key: value})
    with pytest.raises(nn.DataError, match=rf"{key} has shape .* expected .* of (text|numbers)"):
        load_record(path)


def test_an_array_that_lost_steps_is_named(path, record):
    save_record(path, {**record, "gradient_histogram": record["gradient_histogram"][:7]})
    with pytest.raises(
        nn.DataError, match=r"gradient_histogram has shape \(7, 4, 64\) .* expected \(10, 4, 64\)"
    ):
        load_record(path)


def test_a_record_without_steps_is_refused(path, record):
    for key in ("steps", *AXES, *HISTOGRAMS):
        record[key] = record[key][:0]
    save_record(path, record)
    with pytest.raises(nn.DataError, match="holds no step of a run"):
        load_record(path)


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
        codes=layout.census_units[-1],
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
