"""What a signal handler raises at any moment of a pass, and forks at any moment of a thread."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

import nnscratch as nn

pytestmark = pytest.mark.skipif(
    nn.active_kernels() != "numba", reason="only compiled kernels have threads of their own"
)
alarms = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PRELUDE = """
import asyncio, copy, faulthandler, multiprocessing, os, random, signal, sys, threading, time
import numpy as np
import nnscratch as nn
from nnscratch_kernels.runtime import program, team, threads

COUNT, THREADS = int(sys.argv[1]), int(sys.argv[2])
faulthandler.dump_traceback_later(200, exit=True)
threads._threads = THREADS  # also more than there are cores
random.seed(0)
rng = np.random.default_rng(0)
x, y = rng.standard_normal((64, 128)).astype(np.float32), rng.integers(0, 10, 64)
x2 = np.ascontiguousarray(x[::-1])

class Stop(Exception):
    pass

def made(seed=0):
    parts = nn.Dense(128, 256), nn.Tanh(), nn.Dense(256, 256), nn.Tanh(), nn.Dense(256, 10)
    return nn.Sequential(*parts, seed=seed)

def once(model, x=x):
    value = model.training_pass(x, y, loss)
    return value, model.grads.flat.tobytes()

loss = nn.SoftmaxCrossEntropy()
expected, expected2 = once(made()), once(made(), x2)

def raising(*_):
    raise Stop

def after(seconds):
    signal.signal(signal.SIGALRM, raising)
    # Again if it is lost: Python swallows what is raised while a weak reference goes.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
"""


def run(body: str, count: int, threads: int = 2) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PRELUDE + textwrap.dedent(body),
         str(count), str(threads)],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


RAISED = """
    model = made()
    for i in range(COUNT):
        if i % 3 == 0:
            model = made()  # whose capture may be interrupted; the other one's memory is given back
        try:
            after(random.random() * 0.003 + 1e-5)
            while True:
                model.training_pass(x2, y, loss)
                model.training_pass(x, y, loss)
        except Stop:
            signal.setitimer(signal.ITIMER_REAL, 0)
        foreign = [np.full(n, 7, np.float32) for n in (256 * 256, 128 * 256, 64 * 256)]
        busy = team._team
        if busy is not None:
            assert not busy.state[program.OPEN] and not busy.state[program.TAKEN]
        # Another thread may go on at once: no lock is held.
        found = []
        other = threading.Thread(target=lambda: found.append((once(model), once(model, x2))))
        other.start()
        other.join()
        assert found == [(expected, expected2)], i
        assert all((array == 7).all() for array in foreign)
"""


@alarms
@pytest.mark.parametrize("threads", [1, 2])
def test_after_what_a_signal_handler_raised_the_next_pass_is_right(threads):
    run(RAISED, 40, threads)


@alarms
@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_after_500_interrupts_the_next_pass_is_right(threads):
    run(RAISED, 500, threads)


NOTED = """
    from nnscratch.backend import _lock, kernels
    kernels.norm  # they are loaded
    for i in range(COUNT):
        try:
            after(1e-5 + 2e-4 * random.random())
            while True:
                kernels.noted(lambda *_: 0.0, lambda: None)
        except Stop:
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert not _lock._is_owned(), i
        assert kernels.norm is vars(sys.modules[kernels.norm.__module__])[kernels.norm.__name__]
"""


@alarms
def test_what_is_raised_as_kernels_are_noted_leaves_no_lock_held():
    """Where only what begins and what ends is interrupted."""
    run(NOTED, 2000, 1)


STEPS = """
    for make in (lambda: nn.Adam(lr=0.01), lambda: nn.SGD(lr=0.01, momentum=0.9)):
        for i in range(COUNT // 2):
            model, optimizer = made(), make()
            once(model)
            try:
                after(random.random() * 0.002 + 1e-5)
                while True:
                    optimizer.step(model.params, model.grads)
            except Stop:
                signal.setitimer(signal.ITIMER_REAL, 0)
            copied = copy.deepcopy(model)
            twin = make()
            twin.load_state_dict(optimizer.state_dict())
            for each, by in ((model, optimizer), (copied, twin)):
                once(each)
                by.step(each.params, each.grads)
            assert model.params.flat.tobytes() == copied.params.flat.tobytes(), i
"""


@alarms
def test_after_an_interrupted_step_an_optimizer_is_as_its_state_says():
    run(STEPS, 40)


@alarms
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupted_optimizer_has_counted_the_updates_it_made(threads):
    body = """
        model = made()
        model.grads.flat[...] = 2.0**-10
        def optimizer():
            return nn.SGD(lr=1.0, clip=nn.ClipByValue(1.0))
        for i in range(COUNT):
            model.params.flat[...] = 0
            sgd = optimizer()
            try:
                after(random.random() * 0.002 + 1e-4)
                while True:
                    sgd.step(model.params, model.grads)
            except Stop:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert set(model.params.flat * 2.0**10) == {-sgd.steps}, i
    """
    run(body, 40, threads)


FORKED = """
    over = threading.Event()

    def busy():
        while not over.is_set():
            once(made(1))  # every one is captured

    worker = threading.Thread(target=busy)
    worker.start()
    for i in range(COUNT):
        time.sleep(0.002 * random.random())
        child = os.fork()
        if child == 0:
            os._exit(0 if once(made()) == expected else 7)
        limit = time.monotonic() + 30
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            if time.monotonic() > limit:
                os.kill(child, signal.SIGKILL)
                print(f"child {i} hangs")
                os._exit(1)
            time.sleep(0.002)
        assert status == 0, (i, status)
    over.set()
    worker.join()
"""


@forks
def test_a_child_forked_while_another_thread_captures_trains():
    run(FORKED, 30)


@forks
@pytest.mark.slow
def test_500_children_forked_while_another_thread_captures_train():
    run(FORKED, 500)


@forks
def test_a_child_forked_while_another_thread_loads_and_compiles_trains():
    run(
        """
        def first():
            with nn.use_kernels("reference"):
                pass
            for width in range(3, 40):
                nn.Sequential(nn.Dense(128, width), nn.Mish(), nn.Dense(width, 10)).training_pass(
                    x, y, loss)
        for _ in range(COUNT):
            worker = threading.Thread(target=first)
            worker.start()
            child = os.fork()
            if child == 0:
                os._exit(0 if once(made()) == expected else 7)
            assert os.waitpid(child, 0)[1] == 0
            worker.join()
        """,
        3,
    )


@pytest.mark.slow
def test_the_interpreter_ends_while_threads_train():
    body = """
        import atexit
        def train(seed):
            model = made(seed)
            while True:
                once(model)
        for seed in range(2):
            threading.Thread(target=train, args=(seed,), daemon=True).start()
        time.sleep(0.1 + 0.05 * COUNT)
        faulthandler.cancel_dump_traceback_later()
    """
    for count in range(4):
        run(body, count)


@pytest.mark.slow
def test_event_loops_and_processes_of_every_kind_train():
    body = """
        async def several():
            return await asyncio.gather(*(asyncio.to_thread(once, made()) for _ in range(COUNT)))
        assert set(asyncio.run(several())) == {expected}
        kinds = [k for k in multiprocessing.get_all_start_methods() if k == "fork"]
        for kind in kinds:
            with multiprocessing.get_context(kind).Pool(2) as pool:
                assert set(pool.map(once, [made() for _ in range(4)])) == {expected}
    """
    run(body, 6)
