"""Numbers that no training gives and a file may hold: findings say something, or nothing."""

import contextlib

import numpy as np
import pytest

from nnscratch_records import RecordError

VALUES = (0.0, np.nan, np.inf, -np.inf, 5e-324, 1e-45, 1e300, -1.0)
NETWORKS = (
    {},
    {"targets": "values"},
    {"kinds": "dense batchnorm relu dense", "widths": (20, 3), "optimizer": "Adam(lr=0.1)"},
    {"kinds": "lstm laststep dense", "widths": (12, 3)},
)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_numbers_are(run, network, seed):
    rng = np.random.default_rng(seed)

    def change(record):
        numbers = [key for key, value in record.items() if np.asarray(value).dtype.kind == "f"]
        for key in rng.choice(numbers, size=rng.integers(1, 6), replace=False):
            values = record[key] = np.array(record[key])
            places = rng.random(values.shape) < rng.choice([0.1, 0.5, 1.0])
            values[places] = VALUES[rng.integers(len(VALUES))]

    for _ in range(5):
        with contextlib.suppress(RecordError):  # of what cannot be, a loss below 0 or the like
            str(run(change, **network))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "numbers",
    [
        {"pair_told": 0.5, "pair_rows": 0.0},
        {"target_far_share": 0.9},
    ],
)
@pytest.mark.parametrize("network", NETWORKS[:2])
def test_numbers_that_contradict_each_other(run, network, numbers):
    assert not {"outliers", "labels"} & set(run(run.fill(**numbers), **network).kinds)
