"""Threads: their number, and the two situations in which a kernel must not use any."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest

from nnscratch_kernels import threads

matmul = importlib.import_module("nnscratch_kernels.compiled.matmul")

# Large enough to be split over threads: 2.1 million multiply-adds.
SIZE = 128


@pytest.fixture(autouse=True)
def _same_threads_after() -> Iterator[None]:
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def _operands() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    shape = (SIZE, SIZE)
    return rng.standard_normal(shape, np.float32), rng.standard_normal(shape, np.float32)


def _product() -> np.ndarray:
    a, b = _operands()
    out = np.empty_like(a)
    matmul.matmul(out, a, b)
    return out


def _product_in_child() -> tuple[int, bytes]:
    return threads.get_num_threads(), _product().tobytes()


def _send_product(pipe: object) -> None:
    pipe.send(_product_in_child())  # type: ignore[attr-defined]


def _with_two_threads() -> bytes:
    threads.set_num_threads(2)
    return _product().tobytes()


def test_number_of_threads_is_what_was_set() -> None:
    threads.set_num_threads(1)
    assert threads.get_num_threads() == 1
    assert threads.enter() == 1  # and `leave` must not be called
    threads.set_num_threads(10_000)
    assert threads.get_num_threads() == numba.config.NUMBA_NUM_THREADS


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", None, True])
def test_number_of_threads_must_be_a_whole_number(wrong: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        threads.set_num_threads(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "expected"), [("1", "1"), ("many", "NNSCRATCH_NUM_THREADS")])
def test_environment_variable_sets_the_number(value: str, expected: str) -> None:
    program = "from nnscratch_kernels import threads; print(threads.get_num_threads())"
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root / "kernels"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, threads.VARIABLE: value, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert expected in (done.stdout if value == "1" else done.stderr)


def test_importing_changes_nothing_of_numba() -> None:
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS


def test_region_is_given_to_one_at_a_time() -> None:
    threads.set_num_threads(2)
    if threads.get_num_threads() < 2:
        pytest.skip("needs two cores")
    assert threads.enter() == 2
    try:
        assert threads.enter() == 1
    finally:
        threads.leave()
    assert threads.enter() == 2
    threads.leave()


def test_a_failing_kernel_gives_the_region_back() -> None:
    threads.set_num_threads(2)
    a, b = _operands()
    with pytest.raises(Exception, match="C-contiguous"):
        matmul.matmul(np.empty_like(a), a[:, ::-1], b)
    _product()
    if threads.get_num_threads() > 1:
        assert threads.enter() == 2
        threads.leave()
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
# Python 3.12 and later warn of any fork while other threads are alive, which is the point here.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_children_compute_alone_and_alike() -> None:
    expected = _with_two_threads()  # the parent's thread pool is running when it forks
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_send_product, args=(theirs,))
    child.start()
    assert ours.poll(60), "the child hangs"
    count, bits = ours.recv()
    child.join(10)
    assert (count, bits, child.exitcode) == (1, expected, 0)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        results = [pool.submit(_product_in_child).result(60) for _ in range(2)]
    assert results == [(1, expected)] * 2
    assert _with_two_threads() == expected  # and the parent goes on


def test_concurrent_python_threads_get_the_same_bits() -> None:
    expected = _with_two_threads()
    results: list[bytes] = []

    def work() -> None:
        results.extend(_product().tobytes() for _ in range(20))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(results) == 60
    assert set(results) == {expected}
