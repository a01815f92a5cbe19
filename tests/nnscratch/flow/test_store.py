"""Rows in memory, and a layout that survives being written down."""

import json

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.layout import MAGNITUDE_EDGES, SIGNED_EDGES, Layout
from nnscratch.flow.store import Store

LAYOUT = Layout("a", ("0.dense", "1.tanh"), (3, 3), ("0.weight", "0.bias"), (6, 3), every=2)


@pytest.mark.parametrize("rows", [0, 1, 700, 2500])
def test_rows_come_back_as_they_were_put(rows):
    rng = np.random.default_rng(0)
    memory = rng.integers(0, 99, (rows, LAYOUT.row_bytes)).astype(np.uint8)
    numbers, samples = LAYOUT.views(memory)
    numbers[...] = rng.standard_normal(numbers.shape)
    store = Store(LAYOUT, 1 << 22)
    for step in range(rows):
        store.append(3 * step, memory[step])
    assert len(store) == rows
    found = store.rows()
    np.testing.assert_array_equal(found[0], 3 * np.arange(rows))
    np.testing.assert_array_equal(found[1], numbers)
    np.testing.assert_array_equal(found[2], samples)


@pytest.mark.parametrize("most", [2, 3, 7, 64])
@pytest.mark.parametrize("rows", [1, 2, 3, 50, 1000])
def test_a_full_store_keeps_every_second_fourth_row(most, rows):
    store = Store(LAYOUT, most * LAYOUT.row_bytes)
    for step in range(rows):
        row = np.zeros(LAYOUT.row_bytes, np.uint8)
        LAYOUT.views(row)[0][...] = step
        store.append(step, row)
        assert len(store) <= most
    steps, numbers, _ = store.rows()
    np.testing.assert_array_equal(steps, np.arange(0, rows, store.kept_every))
    np.testing.assert_array_equal(numbers[:, 0], steps)
    assert rows <= most * store.kept_every
    assert store.kept_every == 1 or rows > most * store.kept_every / 2


def test_a_layout_survives_json():
    assert Layout.from_description(json.loads(json.dumps(LAYOUT.describe()))) == LAYOUT


@pytest.mark.parametrize(
    ("change", "message"),
    [({"format": 3}, "format 3, expected 2"), ({"label": None, "strange": 1}, "damaged")],
)
def test_another_layout_is_refused(change, message):
    with pytest.raises(nn.DataError, match=message):
        Layout.from_description({**LAYOUT.describe(), **change})


def test_edges():
    assert SIGNED_EDGES.shape == MAGNITUDE_EDGES.shape == (65,)
    assert (np.diff(SIGNED_EDGES) > 0).all()
    assert (np.diff(MAGNITUDE_EDGES) > 0).all()
    assert (SIGNED_EDGES[-1], SIGNED_EDGES[32], SIGNED_EDGES[33]) == (2.0**12, 0, 2.0**-19)
    assert (MAGNITUDE_EDGES[1], MAGNITUDE_EDGES[-1]) == (2.0**-100, 2.0**26)
