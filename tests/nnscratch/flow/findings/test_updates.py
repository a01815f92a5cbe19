"""A layer far behind the others."""

import numpy as np
import pytest


def slow(record, times, column=2):
    record["update_ratio"][:, column] = record["update_ratio"][0, 0] / times


@pytest.mark.parametrize(
    ("times", "steps", "told"), [(51, 20, True), (49, 20, False), (51, 19, False)]
)
def test_fifty_times_slower(run, times, steps, told):
    found = run.of(run(lambda r: slow(r, times), steps=steps), "slow layer")
    assert (found is not None) == told
    if told:
        assert found.layers == ("2.dense",)
        assert "2.dense learns 51 times slower than the other layers" in found.sentence
        assert found.severity == "notice"


def test_no_update_at_all(run):
    def change(record):
        record["update_ratio"][:, 2] = 0.0

    seen = run.of(run(change), "slow layer").sentence
    assert "2.dense stands beside the other layers: its updates are 0 of its" in seen
    assert "0.002 in the middle of the layers" in seen


@pytest.mark.parametrize(("larger", "told"), [(9.1, True), (8.9, False)])
def test_large_weights_are_why(run, larger, told):
    def change(record):
        slow(record, 60)
        record["param_norm"][:, 2] *= np.sqrt(larger)

    cause = run.of(run(change), "slow layer").cause
    assert ("Its weights are large" in cause) == told
    assert "batch norm" not in cause


def test_under_batch_norm_large_weights_learn_more_slowly_still(run):
    def change(record):
        slow(record, 60)
        record["param_norm"][:, 2] *= np.sqrt(9.5)

    normed = run(
        change, kinds="dense batchnorm relu dense batchnorm relu dense", widths=(20, 20, 3)
    )
    cause = run.of(normed, "slow layer").cause
    assert cause.endswith("in proportion, and under batch norm it is smaller besides.")


def test_most_layers_are_not_slow(run):
    def change(record):
        slow(record, 60, [0, 2])

    assert run.of(run(change), "slow layer") is None
    two = run(lambda r: slow(r, 60, 0), kinds="dense relu dense", widths=(20, 3))
    assert "slow layer" not in two.kinds


@pytest.mark.parametrize(("typical", "told"), [(1.1e-7, True), (0.9e-7, False)])
def test_where_nothing_moves_no_layer_is_slow(run, typical, told):
    """A schedule that has ended: whatever the digits of the updates are."""

    def change(record):
        record["update_ratio"][...] = typical
        slow(record, 60)

    assert ("slow layer" in run(change).kinds) == told
