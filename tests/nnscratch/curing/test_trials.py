"""What is read off the runs of a trial: both sides of each limit."""

import math

import numpy as np
import pytest

from nnscratch.curing.trials import Run, Trial, objection


def run(losses=(1.0, 0.5), skill=0.5, accuracy=0.5, **options):
    return Run(list(losses), skill, accuracy, **options)


def trial(*runs):
    return Trial(None, None, None, runs, None, None, None)


@pytest.mark.parametrize(("end", "stalled"), [(0.949, False), (0.951, True), (np.nan, True)])
def test_a_loss_that_fell_by_less_than_5_percent_has_stalled(end, stalled):
    """The last tenth of the steps on average."""
    losses = [1.0] * 90 + [end - 0.02] * 5 + [end + 0.02] * 5
    assert run(losses).stalled == stalled
    assert trial(run(losses), run()).stalled == stalled  # of the recorded run


@pytest.mark.parametrize(("last", "unfinished"), [(0.949, True), (0.951, False)])
def test_a_loss_that_falls_by_5_percent_in_the_last_quarter_is_unfinished(last, unfinished):
    losses = [3.0] * 50 + [1.0] * 25 + [last] * 25
    assert trial(run(losses)).unfinished == unfinished


@pytest.mark.parametrize(
    ("seen", "skill", "by_heart"),
    [
        (0.91, 0.6, True),
        (0.89, 0.3, False),
        (0.95, 0.71, False),
        (0.95, 0.69, True),
        (math.nan, 0.0, False),
    ],
)
def test_what_is_known_by_heart(seen, skill, by_heart):
    assert trial(run(skill=skill, seen=seen)).by_heart == by_heart


def test_half_of_what_counts_is_the_worst_run():
    found = trial(run(skill=0.8), run(skill=0.2), run(skill=0.5))
    assert found.skill == pytest.approx(0.5)
    assert found.surety == pytest.approx(0.35)
    assert found.learns
    assert not trial(run(skill=0.8), run(skill=0.0)).learns


def test_what_is_kept():
    def tried(*skills, losses=(2.0, 1.0)):
        return trial(*(run(losses, skill) for skill in skills))

    sick = tried(0.1, 0.1, 0.1)
    assert objection(tried(0.13, 0.13, 0.13), sick) == ""
    assert objection(tried(0.11, 0.11, 0.11), sick) == "no more skill"
    assert objection(tried(0.9, 0.9, 0.01), sick) == "no better than a constant"
    assert objection(tried(0.9, 0.9, 0.03), sick) == ""
    assert objection(tried(-0.5, -0.5, -0.5), tried(-1, -1, -1)) == "no better than a constant"
    assert objection(tried(0.9, losses=(2.0, math.nan)), sick) == "diverges"
    # Compared by the seeds that both have run with.
    assert objection(tried(0.3), tried(0.2, 0.9, 0.9)) == ""
    assert objection(tried(0.3), tried(0.29, 0.1, 0.1)) == "no more skill"
