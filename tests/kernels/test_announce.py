"""A fresh cache says what is compiled, a warm one nothing; an unwritable one is no error."""

import os
import subprocess
import sys

import pytest

from nnscratch_kernels.jit.announce import HEADING

STEP = """
import numpy as np
import nnscratch_kernels
kernels = nnscratch_kernels.load("numba")
grads = np.array([3.0, 4.0], np.float32)
kernels.gradient_descent_update(np.ones(2, np.float32), grads, 0.1)
"""


def run(folder):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", STEP]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=True
    )


def test_said_once_and_not_from_the_cache(tmp_path):
    assert run(tmp_path).stderr == f"{HEADING}\n"
    assert run(tmp_path).stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="another place cannot be written there")
def test_a_cache_that_cannot_be_written_is_not_fatal():
    assert run("/proc/nowhere").returncode == 0
