"""Losses below 0 that fall faster and faster, and such as have a least value."""

import numpy as np
import pytest


def endless(run, quarters=(-1.0, -3.0, -6.0, -9.0), grown=10.0, steps=100):
    """Return what is found where the loss has these means, and outputs grow so many times."""

    def change(record):
        record["loss"][:] = np.repeat(quarters, len(record["loss"]) // 4)
        record["output_std"][:, -1] = np.r_[1.0, np.full(len(record["loss"]) - 1, grown)]

    return run.of(run(change, steps=steps), "loss")


def test_a_loss_without_a_least_value(run):
    found = endless(run)
    assert found.severity == "serious"
    assert "by 3 from the second to the third quarter" in found.sentence
    assert "10 times as large as at first" in found.sentence
    assert "max for min" in found.advice[0].what


@pytest.mark.parametrize(
    "changed",
    [
        {"grown": 9.9},
        {"quarters": (-1.0, -3.0, -6.0, -8.9)},  # slower and slower
        {"quarters": (2.0, 3.0, 3.0, -1.0)},
        {"quarters": (18.0, 9.0, 4.5, 0.0)},  # not below 0
        {"steps": 48},
    ],
)
def test_losses_below_zero_that_have_one(run, changed):
    assert endless(run, **changed) is None
