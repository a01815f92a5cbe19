"""What a schedule does to the rate, and a last layer whose own rate is far behind the others."""

import numpy as np
import pytest

KIND = "learning rate too small"


def rises(run, stairs=10, times=10.0, share=0.3, framework="torch", start=0):
    """A rate that rises to so many times the first, in so many stairs, of a run of 100 steps."""

    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        heights = np.linspace(1e-3, times * 1e-3, stairs)
        record["lr"][...] = heights[(np.arange(start, start + 100) * stairs) // (start + 100)]
        record["framework"] = framework

    return change


def told(run, change):
    found = run.of(run(change, optimizer="SGD(lr=0.001)"), KIND)
    seen = found is not None and found.sentence.startswith("Its schedule has not let")
    return found if seen else None


@pytest.mark.parametrize(
    ("stairs", "times", "seen"),
    [(10, 5.1, True), (10, 4.9, False), (4, 10.0, True), (3, 10.0, False), (20, 9.0, True)],
)
def test_a_rise_that_is_as_long_as_the_run(run, stairs, times, seen):
    found = told(run, rises(run, stairs, times))
    assert (found is not None) == seen
    if seen:
        assert (
            f"in {stairs} stairs of {100 // stairs} steps each, to the last step" in found.sentence
        )
        assert "while 30 % of the way down is made" in found.sentence
        assert "call scheduler.step() after each batch" in found.advice[0].what


def test_a_rise_from_batch_to_batch_is_no_mistake(run):
    assert told(run, rises(run, 20))
    assert not told(run, rises(run, 25))  # of four steps each
    assert not told(run, rises(run, 100))


def test_a_rise_that_ends_before_the_run_or_one_that_does_its_work(run):
    def comes_down(record):
        rises(run)(record)
        record["lr"][-5:] /= 2

    assert not told(run, comes_down)
    assert not told(run, rises(run, share=0.9))


def test_in_this_engine_the_schedule_is_the_optimizers(run):
    found = told(run, rises(run, framework=""))
    assert found.advice[0].line == "optimizer = nn.SGD(lr=0.1)"


def test_what_has_ended_is_told_before_steps_that_are_short(run):
    """Also where all steps together were so short that nothing moved."""

    def change(record):
        run.stuck(record)
        record["lr"][40:] = 1e-9
        record["update_ratio"][...] = record["param_update_norm"][...] = 1e-9

    found = run.of(run(change, lr=1e-3, optimizer="SGD(lr=0.001)"), KIND)
    assert found.sentence.startswith("Its schedule has made the learning rate too small")


def behind(run, factor, size=1e-4, share=0.0):
    def change(record):
        run.stuck(record, (1 - share) * record["loss_constant"][0])
        record["framework"] = "torch"
        record["param_rate"] = np.ones((len(record["steps"]), len(record["params"])))
        record["param_rate"][:, -2:] = factor
        record["update_ratio"][:, -2:] = size

    return run.of(run(change), KIND)


@pytest.mark.parametrize(
    ("factor", "size", "seen"),
    [(0.01, 1e-4, True), (0.011, 1e-4, False), (0.01, 2.9e-4, True), (0.01, 3.1e-4, False)],
)
def test_a_last_layer_that_hardly_moves(run, factor, size, seen):
    found = behind(run, factor, size)
    assert (found is not None and "the last layer" in found.sentence) == seen
    if seen:
        assert found.sentence.startswith("The learning rate of 4.dense, the last layer, is 0.001,")
        assert "optimizer.param_groups" in found.advice[0].line


def test_one_that_is_frozen_or_a_run_that_learns_all_the_same(run):
    for found in (behind(run, 0.0), behind(run, 0.001, share=0.9)):
        assert found is None or "the last layer" not in found.sentence
