"""Growth: what is fitted to the times of a family, and a step on more threads than there are."""

from __future__ import annotations

import numpy as np
import pytest

import nnscratch as nn
from benchmarks.growth import POWERS, fit, fitted, members
from benchmarks.more_threads import COUNTS, simulate
from benchmarks.results import StepResult, start_results
from benchmarks.tables import tables
from benchmarks.workloads import FAMILIES, GROWTH, TINY, WORKLOADS

compiled = pytest.mark.skipif(
    nn.active_kernels() != "numba", reason="only compiled kernels are captured"
)


def test_what_was_put_together_is_found_again():
    sizes = [16, 64, 256, 1024, 4096]
    found = fit(sizes, [30 + 0.5 * n + 0.002 * n * n for n in sizes], (0, 1, 2))
    assert found.coefficients == pytest.approx((30, 0.5, 0.002), rel=1e-6)
    assert found.off == pytest.approx(0, abs=1e-9)
    assert found(100) == pytest.approx(100)
    assert str(found) == "30 + 0.50 n + 0.0020 n² (within 0 %)"


def test_no_part_of_a_time_is_negative():
    """What grows faster than the powers would have a negative constant."""
    sizes = [1, 10, 100, 1000]
    found = fit(sizes, [n**1.3 for n in sizes], (0, 1))
    assert min(found.coefficients) == 0
    free = np.polyfit(sizes, [n**1.3 for n in sizes], 1)
    assert free[1] < 0  # plain least squares


def test_errors_are_relative_and_the_largest_is_told():
    """By absolute ones the first would not count: 2 for 1."""
    sizes, times = [1, 1000, 2000], [2.0, 1000.0, 2000.0]
    found = fit(sizes, times, (1,))
    (slope,) = found.coefficients
    ratios = np.array(sizes) / times
    assert slope == pytest.approx(ratios.sum() / (ratios**2).sum())
    assert found.off == pytest.approx(np.abs(slope * ratios - 1).max())
    assert "(within 44 %)" in str(found)


def test_too_few_sizes_are_not_fitted():
    assert fit([1, 2], [1.0, 2.0], (0, 1)) is None
    assert fitted([]) is None


def results(times):
    made = start_results(["nnscratch"], [1], quick=True)
    for name, us in times.items():
        made.steps.append(StepResult(name, 1, "nnscratch", us, us, None, 1.0, 3, True, 0.0, 0.1))
    return made


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_fitted_by_what_grows_in_it(family):
    workloads = [w for w in GROWTH if w.family == family]
    made = results({w.name: 7 + 3 * w.size for w in workloads})
    line = fitted(members(made, 1, family, "nnscratch"))
    assert line.powers == POWERS[family]
    assert line.coefficients[:2] == pytest.approx((7, 3), rel=1e-6)
    (table,) = [t for t in tables(made) if t.heading == "Growth fitted, 1 thread"]
    assert table.rows == [[f"n: {family}", "7.0 + 3.0 n (within 0 %)"]]


@compiled
def test_a_step_is_simulated_as_the_lists_of_its_segments(monkeypatch):
    """With times put in the place of the clock's: each list takes as long as it has rows."""
    import benchmarks.more_threads as module

    seen = []

    def lists(program):
        rows = np.diff(program.lists).astype(float).reshape(program.segments, program.parts)
        seen.append(rows)
        return rows

    monkeypatch.setattr(module, "_lists", lists)
    monkeypatch.setattr(module, "_meeting", lambda cores: 0.25)
    seconds = {"step": 5000.0, "update": 1000.0}
    monkeypatch.setattr(
        module, "_seconds", lambda work: seconds[getattr(work, "__name__", "update")]
    )
    workload = WORKLOADS["elu-8x128"]
    times = simulate(workload, (1, 4), rounds=1)
    one, four = seen
    assert (one.shape[1], four.shape[1]) == (1, 4)
    assert times[1] == pytest.approx(5e9)  # as measured
    apart = 5000 - 1000 - one.sum()
    expected = apart + four.max(axis=1).sum() + 1000 / 4 + 0.25 * 4 * len(four)
    assert times[4] == pytest.approx(1e6 * expected)


@compiled
def test_a_simulated_step_is_made_of_times():
    times = simulate(TINY, (1, 2), rounds=2)
    assert list(times) == [1, 2]
    assert all(0 < us < 1e6 for us in times.values())


@pytest.mark.skipif(nn.active_kernels() == "numba", reason="the compiled kernels have a list")
def test_without_a_list_of_calls_nothing_is_simulated():
    with pytest.raises(RuntimeError, match="leave NNSCRATCH_KERNELS away"):
        simulate(TINY, (1, 2), rounds=1)


def test_threads_are_doubled():
    """From what is measured here to what nobody has on a desk."""
    assert tuple(2**k for k in range(6)) == COUNTS
