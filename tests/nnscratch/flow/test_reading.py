import math

import numpy as np
import pytest

from nnscratch.flow import read_flow
from nnscratch.flow.readout import Readout
from nnscratch_records import limits
from nnscratch_records.limits import INCOMPARABLE


def record(first, last, loss=(2.3, 2.0, 1.5)):
    between = np.full(len(loss), 1e9)  # an activation's: only dense layers count
    norms = np.stack([np.asarray(first, float), between, np.asarray(last, float), between], 1)
    return {
        "layers": np.array(["0.dense", "1.tanh", "2.dense", "3.tanh"]),
        "gradient_norm": norms,
        "loss": np.asarray(loss),
        "steps": 10 * np.arange(len(loss)),
    }


@pytest.mark.parametrize(
    ("ratio", "word"),
    [
        (1.0, "healthy"),
        (0.011, "healthy"),
        (99.0, "healthy"),
        (0.0099, "vanishing"),
        (0.0, "vanishing"),
        (101.0, "exploding"),
    ],
)
def test_word_follows_the_ratio(ratio, word):
    reading = read_flow(record([2 * ratio] * 3, [2.0] * 3))
    assert reading.word == word
    assert reading.ratio == pytest.approx(ratio)
    assert (reading.first, reading.last) == pytest.approx((2 * ratio, 2.0))
    assert reading.diverged_at is None


def test_no_gradient_at_all_is_vanishing():
    assert read_flow(record([0] * 3, [0] * 3)).word == "vanishing"


def test_median_over_steps():
    assert read_flow(record([1e-9, 1, 1], [1, 1, 1])).word == "healthy"
    assert read_flow(record([1e-9, 1e-9, 1], [1, 1, 1])).word == "vanishing"
    reading = read_flow(record([3, 1, 100], [9, 2, 1]))  # the middle one of each
    assert (reading.first, reading.last) == (3, 2)


def test_nan_loss_is_diverged_and_the_finite_steps_are_read():
    reading = read_flow(record([4, np.inf, np.nan], [1, 1, np.nan], loss=(2.3, np.inf, np.nan)))
    assert reading.word == "diverged"
    assert reading.diverged_at == 10
    assert reading.ratio == pytest.approx(4)


def test_runaway_loss_is_diverged():
    assert read_flow(record([1] * 3, [1] * 3, loss=(2.3, 10, 24))).word == "diverged"


@pytest.mark.parametrize("kind", INCOMPARABLE)
def test_a_loss_of_which_one_step_says_nothing_of_another_does_not_run_away(kind):
    made = record([1] * 3, [1] * 3, loss=(2.3, 10, 24))
    assert read_flow({**made, "loss_kind": kind}).word == "healthy"
    assert read_flow({**made, "loss_kind": "Huber"}).word == "diverged"
    made = record([1] * 3, [1] * 3, loss=(2.3, 10, np.nan))
    assert read_flow({**made, "loss_kind": kind}).word == "diverged"
    assert read_flow(record([1] * 3, [1] * 3, loss=(2.3, 10, 22))).word == "healthy"


def test_nothing_finite():
    reading = read_flow(record([np.nan], [np.nan], loss=(np.nan,)))
    assert reading.word == "diverged"
    assert np.isnan(reading.ratio)


def test_layers_without_a_dense_one_are_read_all():
    made = record([3] * 3, [1] * 3)
    made["layers"] = np.array(["1.tanh", "3.tanh", "5.tanh", "7.tanh"])
    assert read_flow(made).last == 1e9


def test_what_keeps_nothing_has_no_steps():
    assert len(Readout()) == 0


def test_a_factor_at_its_limit_is_healthy():
    limit = 100.0
    ratios = 1 / limit / 1.001, 1 / limit, limit, 1.001 * limit, math.nan
    words = ["vanishing", "healthy", "healthy", "exploding", "vanishing"]
    assert [limits.verdict(ratio) for ratio in ratios] == words
