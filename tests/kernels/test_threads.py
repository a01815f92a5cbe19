"""The number of threads, and products that are split over them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numba
import numpy as np
import pytest

from nnscratch_kernels.runtime import threads
from nnscratch_kernels.vector.vectors import WIDTH

matmul = importlib.import_module("nnscratch_kernels.compiled.matmul")


@pytest.fixture(autouse=True)
def _same_threads_after() -> Iterator[None]:
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def test_number_of_threads_is_what_was_set() -> None:
    threads.set_num_threads(1)
    assert threads.get_num_threads() == 1
    threads.set_num_threads(10_000)
    assert threads.get_num_threads() == threads.available()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", None, True])
def test_number_of_threads_must_be_a_whole_number(wrong: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        threads.set_num_threads(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "expected"), [("1", "1"), ("many", "NNSCRATCH_NUM_THREADS")])
def test_environment_variable_sets_the_number(value: str, expected: str) -> None:
    program = "from nnscratch_kernels.runtime import threads; print(threads.get_num_threads())"
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root / "kernels"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, threads.VARIABLE: value, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert expected in (done.stdout if value == "1" else done.stderr)


def test_many_cores_are_not_all_taken(monkeypatch) -> None:
    monkeypatch.delenv(threads.VARIABLE, raising=False)
    for cores, expected in ((64, 4), (4, 4), (2, 2)):
        monkeypatch.setattr(threads, "available", lambda cores=cores: cores)
        assert threads._default() == expected


def test_importing_changes_nothing_of_numba() -> None:
    assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS


@pytest.mark.parametrize("count", [2, 3])
def test_a_split_product_has_the_same_bits(monkeypatch, count) -> None:
    rng = np.random.default_rng(5)
    a, b = (rng.standard_normal((150, 150), np.float32) for _ in range(2))
    assert len(a) * b.size >= matmul.WORTH_THREADS
    products = []
    for number in (1, count):
        monkeypatch.setattr(threads, "_threads", number)  # also more than there are cores
        out = np.empty_like(a)
        matmul.matmul(out, a, b)
        products.append(out)
    np.testing.assert_array_equal(*products)


@pytest.mark.skipif(WIDTH == 0, reason="plain loops take arrays as they lie")
def test_what_does_not_fit_fails_with_any_number_of_threads(monkeypatch) -> None:
    a = np.ones((150, 150), np.float32)
    for number in (1, 2):
        monkeypatch.setattr(threads, "_threads", number)
        with pytest.raises(Exception, match="C-contiguous"):
            matmul.matmul(np.empty_like(a), a[:, ::-1], a)
