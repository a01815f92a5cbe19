"""A way back that is cut: of a loss at every step, beside which no step lacks a gradient."""

import functools

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.flow.findings import find

LAG, STEPS = 10, 24


def run(truncate, lag=LAG, epochs=30):
    """Bits that are to be said again `lag` steps later, by a network that is told at every step."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (320, STEPS + lag))
    y, bits = bits[:, :STEPS], bits[:, lag:]
    model = nn.Sequential(nn.GRU(1, 20), nn.Dense(20, 2), seed=0)
    flow = nn.GradientFlow(model, histograms=False)
    trainer = nn.Trainer(model, nn.SoftmaxCrossEntropy(), nn.Adam(lr=0.01), truncate=truncate)
    x = (2.0 * bits - 1)[:, :, None].astype(np.float32)
    trainer.fit(x, y, epochs=epochs, batch_size=32, callbacks=[flow], progress=False)
    return flow


@functools.cache
def cut():
    return run(3).to_dict()


def test_a_cut_shorter_than_the_lag_is_the_cause():
    found = find(cut())
    first = found[0]
    assert (first.kind, first.severity) == ("truncation", "serious")
    assert (first.numbers["kept"], first.numbers["steps"]) == (3, STEPS)
    said = str(found)
    assert "is cut every 3 steps, where it has not faded, and the sequences have 24" in said
    assert "trainer.truncate = None" in said
    assert first.step == 0


@pytest.mark.parametrize(
    ("truncate", "noted"),
    [(None, False), (3, True), (STEPS, False), (nn.RandomTruncation(0.3), False)],
)
def test_where_it_is_cut_is_recorded(truncate, noted):
    noticed = run(truncate, epochs=1).to_dict()["cut_steps"][:4]
    np.testing.assert_array_equal(noticed, [3.0 if noted else np.nan] * 4)


def kinds(**changes):
    record = {name: np.array(values) for name, values in cut().items()}
    for name, change in changes.items():
        record[name] = change(record[name])
    return [one.kind for one in find(record)]


@pytest.mark.parametrize(
    ("steps", "rate", "told"),
    [
        (3, 0.11, True),  # a thousandth is left where it is cut
        (3, 0.09, False),
        (STEPS - 1, 1.0, True),
        (STEPS, 1.0, False),
    ],
)
def test_a_cut_is_told_where_something_is_left_to_go_on(steps, rate, told):
    found = kinds(cut_steps=lambda c: 0 * c + steps, time_rate=lambda r: 0 * r + rate)
    assert ("truncation" in found) == told


@pytest.mark.parametrize(("share", "told"), [(0.04, True), (0.06, False)])
def test_of_what_learns_it_is_no_matter(share, told):
    constant = np.nanmax(cut()["loss_constant"])
    found = kinds(loss=lambda loss: 0 * loss + constant * (1 - share))
    assert ("truncation" in found) == told
