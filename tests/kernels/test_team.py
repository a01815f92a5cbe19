"""The team of threads. Whatever could hang runs in a process that is ended after a while."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

LIMIT = 120  # seconds

PRELUDE = """
import multiprocessing, os, threading, time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from nnscratch_kernels.runtime import program, team
from nnscratch_kernels.runtime.schedule import OPERATIONS
from nnscratch_kernels.runtime.operation import encode

def job(parts, segments=200, seed=0):
    '''tanh of tanh of ... of a matrix, split by rows in every segment, and its result.'''
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 65, 7), np.float32)
    forth, back = encode([b, a]), encode([a, b])
    function = OPERATIONS["tanh_forward"].address(a.dtype)
    rows = [
        (function, segment % 2 * len(forth), part, parts)
        for segment in range(segments) for part in range(parts)
    ]
    lists = np.arange(len(rows) + 1)
    words = np.array(forth + back, np.int64)
    return program.Program(np.array(rows, np.int64), lists, words, segments, parts), a, b

def result(parts, run=team.run, **options):
    made, a, b = job(parts, **options)
    assert run(made) is not False
    return b.tobytes() + a.tobytes()

expected = result(2, team.alone)
"""


def run(body: str) -> None:
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root / "kernels"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c",
         PRELUDE + textwrap.dedent(body)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_same_bits_in_any_number_of_parts_also_more_than_cores():
    run("""
        for parts in (1, 2, 3, 5):
            for _ in range(20):
                assert result(parts) == expected, parts
        assert result(2) == expected  # fewer parts than threads
    """)


def test_wakes_after_a_sleep():
    run("""
        for pause in (0, 1e-4, 1e-3, 0.02) * 5:
            time.sleep(pause)
            assert result(2) == expected
    """)


def test_a_second_caller_is_refused_and_runs_alone():
    run("""
        found = []
        def work():
            for _ in range(50):
                made, a, b = job(2)
                if not team.run(made):
                    team.alone(made)
                found.append(b.tobytes() + a.tobytes())
        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(found) == 150 and set(found) == {expected}
        team._team.state[program.TAKEN] = 1
        assert team.run(job(2)[0]) is False
    """)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_a_team_of_its_own():
    run("""
        assert result(2) == expected
        fork = multiprocessing.get_context("fork")
        def child(pipe):
            pipe.send((result(2), team._team.threads))
        for _ in range(3):
            ours, theirs = fork.Pipe()
            process = fork.Process(target=child, args=(theirs,))
            process.start()
            assert ours.poll(60), "the child hangs"
            assert ours.recv() == (expected, 2)
            process.join()
            assert process.exitcode == 0
        with ProcessPoolExecutor(2, mp_context=fork) as pool:
            for future in [pool.submit(result, 2) for _ in range(4)]:
                assert future.result() == expected
        assert result(2) == expected
    """)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_the_team_works():
    run("""
        assert result(2) == expected  # compiled: Numba itself does not survive a fork meanwhile
        going = threading.Event()
        def work():
            while not going.is_set():
                result(2)
        worker = threading.Thread(target=work)
        worker.start()
        for _ in range(5):
            child = os.fork()
            if child == 0:
                os._exit(0 if result(2) == expected else 1)
            assert os.waitpid(child, 0)[1] == 0
        going.set()
        worker.join()
    """)


def test_the_process_ends_while_threads_watch():
    run("result(3)")
    run("result(3); time.sleep(0.05)")


def test_a_busy_machine_holds_nothing_up():
    run("""
        context = multiprocessing.get_context("spawn" if not hasattr(os, "fork") else "fork")
        stop = time.monotonic() + 2
        def burn():
            while time.monotonic() < stop:
                pass
        others = [context.Process(target=burn) for _ in range(os.cpu_count() or 1)]
        for other in others:
            other.start()
        count = 0
        while time.monotonic() < stop - 0.5:
            assert result(2) == expected
            count += 1
        for other in others:
            other.join()
        assert count > 5, count
    """)
