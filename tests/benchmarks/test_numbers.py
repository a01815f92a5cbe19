"""Statistics of timings, the roofline's arithmetic, kernels' cases, memory."""

import gc
import itertools
import math
import mmap
import os
import sys
import time

import numpy as np
import pytest

from benchmarks import kernels, machine, memory, roofline
from benchmarks.contenders import why_absent
from benchmarks.correctness import judge_product
from benchmarks.results import KernelResult, set_kernel_ratios
from benchmarks.roofline import Roofline
from benchmarks.tasks import make_task
from benchmarks.timing import Timing, Turn, geometric_mean, time_calls
from benchmarks.workloads import WORKLOADS


def test_minimum_median_and_spread_over_rounds():
    timing = Timing((Turn(10, 12, 5), Turn(8, 20, 5), Turn(9, 11, 5)))
    assert (timing.min_us, timing.median_us, timing.rounds) == (8, 12, 3)
    assert timing.spread == pytest.approx(0.25)
    with pytest.raises(ValueError, match="nothing was timed"):
        Timing(())


def test_one_timing_is_compared_with_another_turn_by_turn():
    plain = [Turn(1, us, 5) for us in (10.0, 40.0, 20.0, 10.0, 30.0)]
    recorded = [Turn(1, us, 5) for us in (11.0, 48.0, 28.0, 10.0, 39.0)]
    ratios = Timing(tuple(recorded)).times_as_long_as(Timing(tuple(plain)))
    assert ratios == pytest.approx((1.1, 1.2, 1.3))
    assert Timing(tuple(plain[:1])).times_as_long_as(Timing(tuple(plain[:1]))) == (1, 1, 1)
    with pytest.raises(ValueError, match="shorter"):
        Timing(tuple(recorded)).times_as_long_as(Timing(tuple(plain[:2])))


def test_time_calls_counts_what_it_calls():
    calls = []

    def run():
        calls.append(None)
        time.sleep(1e-3)

    turn = time_calls(run, 0.0, least=4)
    assert turn.samples == 4
    assert len(calls) == 5  # the first one warms up and tells how long one takes
    assert 1000 <= turn.min_us <= turn.median_us


def test_short_calls_are_timed_together():
    calls = []
    turn = time_calls(lambda: calls.append(None), 0.002)
    assert len(calls) > 5 * turn.samples
    assert 0 < turn.min_us < 20


def test_geometric_mean():
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)
    assert math.isnan(geometric_mean([]))


def test_step_flops_leave_out_the_first_input_gradient():
    # The limit in the design's table: 980 microseconds at 230 GFLOP/s.
    workload = WORKLOADS["mnist-bn-elu"]
    weights = [784 * 300, 300 * 100, 100 * 10]
    assert roofline.step_flops(workload) == 400 * (2 * weights[0] + 3 * weights[1] + 3 * weights[2])
    line = Roofline(peak_gflops={2: 230.0})
    assert line.limit_us(workload, 2) == pytest.approx(980, rel=1e-3)
    assert line.limit_us(workload, 1) is None


def test_limit_is_the_slower_of_operations_and_bytes():
    workload = WORKLOADS["batch-1"]
    line = Roofline(peak_gflops={1: 100.0})
    by_operations = line.limit_us(workload, 1)
    line.raise_bandwidth(1, 2**18, 10.0)
    assert line.limit_us(workload, 1) == pytest.approx(roofline.step_bytes(workload) / 10e3)
    assert line.limit_us(workload, 1) > by_operations


def test_bandwidth_is_that_of_the_largest_size_not_above_the_working_set():
    line = Roofline()
    assert line.bandwidth(1, 100) is None
    for size, rate in ((2**18, 90.0), (2**22, 40.0), (2**26, 10.0)):
        line.raise_bandwidth(1, size, rate)
    line.raise_bandwidth(1, 2**22, 30.0)  # slower than before: the best counts
    assert line.bandwidth(1, 2**23) == 40.0
    assert line.bandwidth(1, 1000) == 90.0
    line.raise_bandwidth(2, 2**22, 35.0)
    assert line.bandwidth(2, 2**22) == 40.0


@pytest.mark.parametrize("op", kernels.PRODUCT_OPS)
@pytest.mark.parametrize("contender", kernels.PRODUCT_CONTENDERS)
def test_products_are_right(op, contender):
    if why_absent(contender):
        pytest.skip(why_absent(contender))
    task = {"kind": "product", "group": "layer", "op": op, "shape": [40, 30, 20]}
    made = make_task(contender, task, 1)
    made.run()
    verdict = judge_product(kernels.expected(task), made.arrays()["rows"])
    assert verdict.correct, verdict


@pytest.mark.parametrize("contender", kernels.ACTIVATION_CONTENDERS)
def test_activations_are_right(contender):
    if why_absent(contender):
        pytest.skip(why_absent(contender))
    for task in kernels.activation_cases():
        small = {**task, "shape": [6, 5]}
        made = make_task(contender, small, 1)
        made.run()
        verdict = judge_product(kernels.expected(small), made.arrays()["out"])
        assert verdict.correct, (task, verdict)


def test_cases_cover_what_is_claimed():
    cases = kernels.product_cases(quick=False)
    layers = [case["shape"] for case in cases if case["group"] == "layer"]
    squares = {case["shape"][0] for case in cases if case["group"] == "square"}
    assert {shape[0] for shape in layers} == {16, 64, 256, 1024}
    assert min(min(s[1:]) for s in layers) == 10
    assert max(max(s[1:]) for s in layers) == 2048
    assert {1024, 2048, 4096} <= squares
    assert len(kernels.product_cases(quick=True)) < len(cases) / 4
    assert len({kernels.label(case) for case in cases}) == len(cases)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_memory_pass_moves_its_bytes(threads):
    make_task("nnscratch", {"kind": "memory", "bytes": 2**18}, threads).run()
    assert kernels.memory_pass_bytes(2**18) == 2**25 // 2 * 3
    assert roofline.gbs(2**18, 1000.0) == pytest.approx(2**25 * 1.5 / 1e6)


@pytest.mark.slow
@pytest.mark.skipif(not memory._status("VmHWM"), reason="needs /proc/self/status")
def test_memory_of_a_step_is_what_it_held_beyond_the_baseline():
    meter = memory.MemoryMeter()
    meter.set_baseline()
    meter.begin()
    if not meter.began:
        pytest.skip("the peak cannot be counted anew here")
    held = mmap.mmap(-1, 2**25)  # an array may be given memory that is held already
    np.frombuffer(held, np.uint8)[:] = 1
    told = meter.read()
    held.close()
    assert 30 * 2**20 < told["step_memory_bytes"] < 40 * 2**20
    assert told["peak_memory_bytes"] > told["step_memory_bytes"]


@pytest.mark.slow
def test_memory_where_the_system_keeps_no_status_file(monkeypatch, tmp_path):
    resource = pytest.importorskip("resource", reason="there is nothing else to ask")
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "_CLEAR", tmp_path / "none" / "clear_refs")
    meter = memory.MemoryMeter()
    meter.set_baseline()
    meter.begin()
    told = meter.read()
    assert told["step_memory_bytes"] is None
    unit = 1 if sys.platform == "darwin" else 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    assert told["peak_memory_bytes"] == pytest.approx(most, rel=0.01)


def test_a_machine_that_tells_little_about_itself(monkeypatch):
    for name in ("sched_getaffinity", "sched_setaffinity", "sysconf"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(machine, "_read", lambda path: "")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    machine.pin([0])  # which cannot be done, and is not needed
    assert machine.available_cores() == [0, 1, 2, 3]
    assert machine.pick_cores(2) == [2, 3]
    told = machine.describe()
    assert told["cores"] == 4
    assert told["memory_gib"] == 0
    assert told["processor"]


def test_files_of_the_system_that_are_not_there_say_nothing(tmp_path):
    assert machine._read(str(tmp_path / "none")) == ""


def test_a_product_has_a_multiplication_and_an_addition_for_every_term():
    assert kernels.product_flops({"shape": [3, 5, 7]}) == 2 * 3 * 5 * 7


def test_bytes_of_a_step_are_those_that_its_passes_touch():
    workload = WORKLOADS["mnist-bn-elu"]
    rows, widths = workload.batch, workload.widths
    moved = 0
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        weights = n_in * n_out
        moved += weights  # read forward
        moved += weights if layer else 0  # and for the input gradient
        moved += weights  # its gradient is written,
        moved += 3 * weights  # and read by the update, which reads and writes the weight
        moved += 3 * rows * n_out  # outputs: written, read by the next layer and its gradient
        moved += 3 * rows * n_out  # their gradients: written, read for both products
    moved += 2 * rows * widths[0]
    assert roofline.step_bytes(workload) == 4 * moved


def test_ratios_say_how_many_times_as_long_the_other_takes():
    def result(contender, us):
        return KernelResult("layer", "c", "forward", (1, 1, 1), 1, contender, us, us, 0.0, None)

    ours, theirs = result("nnscratch", 20.0), result("numpy", 50.0)
    set_kernel_ratios([theirs, ours])
    assert (ours.ratio, theirs.ratio) == (2.5, None)


@pytest.mark.parametrize("enabled", [True, False])
def test_time_calls_leaves_the_collector_as_it_was(enabled):
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        seen = []
        time_calls(lambda: seen.append(gc.isenabled()), 0.0)
        assert not any(seen)
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()
