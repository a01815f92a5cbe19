"""What signal handlers raise while Numba is loaded and compiles: it goes on compiling rightly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import nnscratch as nn
from nnscratch_kernels.signals import postponing

alarms = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
compiles = pytest.mark.skipif(nn.active_kernels() != "numba", reason="nothing is compiled")


class Stop(Exception):
    pass


@pytest.fixture
def called():
    """What raises is the handler of two signals; returns the signals for which it was called."""
    numbers = []

    def raising(number, frame):
        numbers.append(number)
        raise Stop

    before = {number: signal.signal(number, raising) for number in (signal.SIGINT, signal.SIGTERM)}
    yield numbers
    assert {signal.getsignal(number) for number in before} == {raising}
    for number, handler in before.items():
        signal.signal(number, handler)


def test_handlers_are_called_once_each_when_the_work_is_done(called):
    def work(what):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
        assert called == []
        return what

    with pytest.raises(Stop):
        postponing(work, "all")
    assert sorted(called) == [signal.SIGINT, signal.SIGTERM]


def test_what_the_work_returns_and_raises_comes_through(called):
    assert postponing(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        postponing(divmod, 7, 0)
    with pytest.raises(Stop):
        signal.raise_signal(signal.SIGINT)


ALARMS = """
import faulthandler, signal, sys, threading, time
import numpy as np

faulthandler.dump_traceback_later(200, exit=True)
armed, interrupts = False, 0

class Stop(Exception):
    pass

def raising(number, frame):
    if armed:
        raise Stop

def waited():
    while not found:
        time.sleep(0.001)
    return found[0]

def under_alarms(work, thread):
    global armed, interrupts
    if thread == "other":
        threading.Thread(target=lambda: found.append(work())).start()
        work = waited
    timers = {
        signal.ITIMER_REAL: (signal.SIGALRM, 0.01),
        signal.ITIMER_PROF: (signal.SIGPROF, 0.013),
    }
    for timer, (number, every) in timers.items():
        signal.signal(number, raising)
        signal.setitimer(timer, every, every)
    made = None
    while made is None:
        try:
            armed = True
            made = work()
            armed = False
        except Stop:
            armed = False
            interrupts += 1
    for timer, (number, every) in timers.items():
        signal.setitimer(timer, 0)
        signal.raise_signal(number)
        assert signal.getsignal(number) is raising
    assert interrupts > 2, interrupts
    return made

found = []
"""

PIECES = """
from nnscratch_kernels.jit import jit

def made(i):
    @jit
    def kernel(x):
        total = 0.0
        for j in range(len(x)):
            total += x[j] * i
        return total
    return kernel

kernels = [made(i) for i in range(3)]

def work():
    return [kernel(np.ones(3)) for kernel in kernels]

assert under_alarms(work, "main") == [0, 3, 6]
assert made(7)(np.ones(2)) == 14
"""

EVERYTHING = """
import nnscratch as nn
rng = np.random.default_rng(0)
x, y = rng.standard_normal((8, 5)), rng.integers(0, 3, 8)
loss = nn.SoftmaxCrossEntropy()

def trained():
    model = nn.Sequential(nn.Dense(5, 4), nn.Tanh(), nn.Dense(4, 3), dtype=np.float64)
    optimizer = nn.SGD(lr=0.1)
    for _ in range(3):
        value = model.training_pass(x, y, loss)
        optimizer.step(model.params, model.grads)
    return value, model.params.flat.tobytes()

made = under_alarms(trained, sys.argv[1])
again = trained()
with nn.use_kernels("reference"):
    value, params = trained()
assert made == again
np.testing.assert_allclose(made[0], value, 1e-12)
np.testing.assert_allclose(np.frombuffer(made[1]), np.frombuffer(params), 1e-10)
"""


def run(body, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALARMS + body, *arguments],
        capture_output=True, text=True, timeout=300, env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


@alarms
@compiles
def test_alarms_while_kernels_are_compiled_leave_the_compiler_whole():
    run(PIECES)


@alarms
@compiles
@pytest.mark.slow
@pytest.mark.parametrize("thread", ["main", "other"])
def test_after_alarms_while_everything_is_loaded_and_compiled_training_is_right(tmp_path, thread):
    run(EVERYTHING, thread, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_OPT="0")
