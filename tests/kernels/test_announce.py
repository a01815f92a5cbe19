"""A fresh cache says what is compiled, a warm one nothing; an unwritable one is no error."""

import io
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from nnscratch_kernels.jit.announce import CLEAR, HEADING, Announcer

STEP = """
import sys
import types
if "{module}":
    sys.modules["{module}"] = types.ModuleType("{module}")
import numpy as np
import nnscratch_kernels
kernels = nnscratch_kernels.load("numba")
grads = np.array([3.0, 4.0], np.float32)
kernels.gradient_descent_update(np.ones(2, np.float32), grads, 0.1)
"""


def run(folder, module=""):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", STEP.format(module=module)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=True
    )


def test_said_once_and_not_from_the_cache(tmp_path):
    assert run(tmp_path).stderr == f"{HEADING}\n"
    assert run(tmp_path).stderr == ""


def test_in_a_notebook_it_is_no_error(tmp_path):
    """What comes on standard error is shown there as an error."""
    made = run(tmp_path, "ipykernel")
    assert made.stderr == ""
    assert made.stdout.startswith(f"{HEADING}\n")
    assert "gradient_descent_update" in made.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="another place cannot be written there")
def test_a_cache_that_cannot_be_written_is_not_fatal():
    assert run("/proc/nowhere").returncode == 0


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_one_line_counts_and_goes_away_at_the_end(monkeypatch):
    said = Terminal()
    monkeypatch.setattr(sys, "stderr", said)
    monkeypatch.setattr("time.perf_counter", lambda: 7.0)
    own, others = (
        SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=function)})
        for function in (Announcer.on_start, run)
    )
    announcer = Announcer()
    announcer.on_start(others)
    announcer.on_end(others)
    assert said.getvalue() == ""
    announcer.on_start(own)
    announcer.on_start(own)
    announcer.on_end(own)
    lines = f"{CLEAR}  1, 0 s: on_start{CLEAR}  2, 0 s: on_start"
    assert said.getvalue() == f"{HEADING}\n{lines}"
    announcer.on_end(own)
    assert said.getvalue() == f"{HEADING}\n{lines}{CLEAR}"
