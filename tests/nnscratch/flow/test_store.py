"""Rows in memory, and a layout that survives being written down."""

import json

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.layout import EDGES, LOOKS, Layout
from nnscratch.flow.store import Store
from nnscratch_records import AXES


@pytest.mark.parametrize("rows", [0, 1, 700, 2500])
def test_rows_come_back_as_they_were_put(layout, rows):
    rng = np.random.default_rng(0)
    memory = rng.integers(0, 99, (rows, layout.row_bytes)).astype(np.uint8)
    numbers, samples = layout.views(memory)
    numbers[...] = rng.standard_normal(numbers.shape)
    store = Store(layout, 1 << 24)
    for step in range(rows):
        store.append(3 * step, memory[step])
    assert len(store) == rows
    found = store.rows()
    np.testing.assert_array_equal(found[0], 3 * np.arange(rows))
    np.testing.assert_array_equal(found[1], numbers)
    np.testing.assert_array_equal(found[2], samples)


@pytest.mark.parametrize("most", [2, 3, 7, 64])
@pytest.mark.parametrize("rows", [1, 2, 3, 50, 1000])
def test_a_full_store_keeps_every_second_fourth_row(layout, most, rows):
    store = Store(layout, most * layout.row_bytes)
    for step in range(rows):
        row = np.zeros(layout.row_bytes, np.uint8)
        layout.views(row)[0][...] = step
        store.append(step, row)
        assert len(store) <= most
    steps, numbers, _ = store.rows()
    np.testing.assert_array_equal(steps, np.arange(0, rows, store.kept_every))
    np.testing.assert_array_equal(numbers[:, 0], steps)
    assert rows <= most * store.kept_every
    assert store.kept_every == 1 or rows > most * store.kept_every / 2


@pytest.mark.parametrize("rows", [3, 4, 6, 9, 12, 13])
def test_chunks_are_used_again_and_the_last_one_is_partly_full(layout, monkeypatch, rows):
    monkeypatch.setattr("nnscratch.flow.store.CHUNK_BYTES", 4 * layout.row_bytes)
    store = Store(layout, 12 * layout.row_bytes)
    row = np.zeros(layout.row_bytes, np.uint8)
    for step in range(rows):
        layout.views(row)[0][...] = step
        store.append(step, row)
    steps, numbers, samples = store.rows()
    np.testing.assert_array_equal(steps, np.arange(0, rows, 2 if rows > 12 else 1))
    np.testing.assert_array_equal(numbers[:, 0], steps)
    assert len(samples) == len(steps)


@pytest.mark.parametrize(("first", "after"), [(10, [10, 14, 18]), (12, [12, 16])])
def test_rows_from_a_step_on_are_given_up_and_the_next_follow(layout, first, after):
    store = Store(layout, 8 * layout.row_bytes)
    row = np.zeros(layout.row_bytes, np.uint8)
    for step in range(20):
        store.append(step, row)
    assert store.kept_every == 4
    store.truncate(first)
    assert store.rows()[0].tolist() == [0, 4, 8]
    for step in range(first, 20):
        store.append(step, row)
    assert store.rows()[0].tolist() == [0, 4, 8, *after]


def check_same(found, layout):
    np.testing.assert_equal(found.facts, layout.facts)
    assert found.histograms == layout.histograms
    assert (found.numbers, found.samples, found.codes) == (
        *(layout.numbers, layout.samples, layout.codes),
    )


def test_a_layout_survives_json(layout):
    check_same(Layout.from_description(json.loads(json.dumps(layout.describe()))), layout)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 4}, "format 4, expected 3 or 2"),
        ({"strange": 1}, "damaged: strange"),
        ({"histograms": 1}, "damaged"),
        ({"features": [6, 6, 6]}, "features has shape"),
        ({"params": 3}, "params holds int64, expected text"),
        ({"saturation": "wide"}, "saturation holds"),
        ({"param_norm_initial": ["a"] * 6}, "param_norm_initial"),
    ],
)
def test_another_layout_is_refused(layout, change, message):
    with pytest.raises(nn.DataError, match=message):
        Layout.from_description({**layout.describe(), **change})


@pytest.mark.parametrize("looks", [True, ["loss_gradient_high", "step"], "loss", [1], 2, None])
def test_what_rows_hold_now_and_then_is_listed_in_order(layout, looks):
    description = json.loads(json.dumps(layout.describe()))
    assert description["looks"] == list(LOOKS)
    if looks is not True:
        with pytest.raises(nn.DataError, match="description is damaged"):
            Layout.from_description({**description, "looks": looks})
        return
    # Before rates, pairs, order of classes, lost gradients, shares, masks ... were known:
    older = Layout.from_description({**description, "looks": True})
    assert older.numbers == layout.numbers - len(layout.params) - 28
    row = np.arange(older.numbers, dtype=float)[None]
    record = older.to_record([0], row, np.zeros((1, older.samples), np.uint8))
    assert np.isnan(record["param_rate"]).all()
    assert np.isnan(record["pair_told"]).all()
    assert np.isnan(record["repeated_told"]).all()
    np.testing.assert_array_equal(record["param_copies"], older.looks_of(row)["param_copies"])
    assert record["param_copies"].shape == (1, len(layout.params))


@pytest.mark.parametrize("description", [None, [1], "text", {}])
def test_what_describes_nothing_is_refused(description):
    with pytest.raises(nn.DataError, match="description is damaged"):
        Layout.from_description(description)


def test_edges():
    signed, magnitude = EDGES["histogram_edges_signed"], EDGES["histogram_edges_magnitude"]
    assert signed.shape == magnitude.shape == (AXES["bin_edges"],) == (AXES["bins"] + 1,)
    assert (np.diff(signed) > 0).all()
    assert (np.diff(magnitude) > 0).all()
    assert (signed[-1], signed[32], signed[33]) == (2.0**12, 0, 2.0**-19)
    assert (magnitude[1], magnitude[-1]) == (2.0**-100, 2.0**26)
