"""NNSCRATCH_BOUNDSCHECK=1: kernels given arrays that do not fit raise instead of reading on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SHORT = """
import importlib
import numpy as np

activations, matmul, batchnorm = (
    importlib.import_module(f"nnscratch_kernels.compiled.{name}")
    for name in ("activations", "matmul", "batchnorm")
)

def zeros(*shape):
    return np.zeros(shape, np.float32)

vectors = [zeros(5) for _ in range(3)]
for call in (
    lambda: activations.tanh_forward(zeros(3, 3), zeros(30, 30)),
    lambda: matmul.dense_forward(zeros(5, 5), zeros(5, 100), zeros(2, 2), zeros(5)),
    lambda: matmul.matmul_at_b(zeros(5, 5), zeros(3, 5), zeros(2, 5)),
    lambda: batchnorm.batchnorm_forward(
        zeros(5, 5), *vectors, zeros(5, 3), zeros(5), zeros(5), 1e-3
    ),
):
    try:
        call()
    except IndexError:
        print("refused")
y = zeros(2, 3)
matmul.dense_forward(y, zeros(2, 4) + 1, zeros(4, 3) + 2, zeros(3) + 1)
print(y.tolist())
"""


def run(*arguments):
    root = HERE.parents[1]
    path = os.pathsep.join([str(root), str(root / "kernels"), os.environ.get("PYTHONPATH", "")])
    checked = {"NNSCRATCH_BOUNDSCHECK": "1", "NNSCRATCH_KERNELS": "numba", "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **checked}, cwd=root,
        capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip


def test_what_does_not_fit_is_an_index_error():
    done = run("-c", SHORT)
    assert done.stdout == "refused\n" * 4 + f"{[[9.0] * 3] * 2}\n", done.stderr


@pytest.mark.slow
def test_no_kernel_leaves_its_arrays():
    own = [Path(__file__), HERE / "test_widths.py", HERE / "test_cache.py"]
    ignored = [word for path in own for word in ("--ignore", str(path))]
    found = run("-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", str(HERE), *ignored)
    assert found.returncode == 0, found.stdout[-5000:] + found.stderr[-5000:]
