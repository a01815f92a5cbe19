"""What a kernel's declaration says, and the operation that is made from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnscratch_kernels.compiled.stepping.step import Step
from nnscratch_kernels.compiled.stepping.updating import UPDATES, update
from nnscratch_kernels.jit import elementwise
from nnscratch_kernels.runtime import team
from nnscratch_kernels.runtime.operation import encode
from nnscratch_kernels.runtime.program import Program
from nnscratch_kernels.runtime.schedule import OPERATIONS
from nnscratch_kernels.runtime.sharing import Array, Matrix, PerColumn, PerRow, shared


def says(name):
    return " ".join(f"{mode}:{touches}" for mode, touches in OPERATIONS[name].accesses)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tanh_backward", "w:rows r:rows r:rows r:rows"),
        ("layernorm_forward", "w:rows w:rows w:rows r:rows r:any r:any"),
        ("layernorm_backward_parameters", "w:columns w:columns r:columns r:any r:any r:any"),
        ("batchnorm_forward", " ".join(["w:columns"] * 4 + ["r:columns"] * 3)),
        ("dense_backward_parameters", "w:rows w:columns r:any r:any"),
        ("softmax_cross_entropy", "w:any r:any r:any"),
    ],
)
def test_a_declaration_says_what_a_part_touches(name, expected):
    assert says(name) == expected


@pytest.fixture
def _nothing_stays():
    names = set(OPERATIONS), set(UPDATES)
    yield
    for table, before in zip((OPERATIONS, UPDATES), names, strict=True):
        for name in set(table) - before:
            del table[name]


@pytest.mark.usefixtures("_nothing_stays")
def test_a_new_kernel_needs_its_declaration_alone():
    @shared(by="rows", writes=1)
    @elementwise
    def shifted(y: Matrix, x: Matrix, a: PerRow, b: PerColumn, c: float) -> None:
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                y[i, j] = x[i, j] + a[i] + b[j] + y.dtype.type(c)

    rng = np.random.default_rng(0)
    x, a, b = rng.standard_normal((37, 5)), rng.standard_normal(37), rng.standard_normal(5)
    y = np.empty_like(x)
    address = OPERATIONS["shifted"].address(x.dtype)
    rows = np.array([(address, 0, part, 3) for part in range(3)], np.int64)
    words = np.array(encode([y, x, a, b, 0.5]), np.int64)
    team.alone(Program(rows, np.array([0, 3]), words, 1, 1))
    np.testing.assert_allclose(y, x + a[:, None] + b + 0.5, rtol=1e-14)


@pytest.mark.usefixtures("_nothing_stays")
def test_a_new_update_needs_its_declaration_alone():
    @update()
    @elementwise
    def lion_update(
        params: Array, m: Array, n: Array, k: Array, grads: Array, lr: float, keep: float
    ) -> None:
        for i in range(len(params)):
            m[i] = keep * m[i] + grads[i]
            n[i] += 1
            k[i] -= 2
            params[i] -= lr * m[i]

    params, grads = np.random.default_rng(1).standard_normal((2, 9000))
    states = tuple(np.zeros((3, 9000)))
    expected = params - 0.1 * grads
    step = Step(grads, np.array([0, 9000]), params=params, update=("lion_update", states))
    step.run((0.1, 0.9))
    np.testing.assert_allclose(params, expected, rtol=1e-11)
    np.testing.assert_array_equal(states, [grads, 0 * grads + 1, 0 * grads - 2])


def test_compiled_code_is_kept_between_processes(tmp_path):
    """Also of operations, which stand in no file."""
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root / "kernels"), os.environ.get("PYTHONPATH", "")])
    program = (
        "import numpy as np; from nnscratch_kernels.runtime.schedule import OPERATIONS\n"
        "o = OPERATIONS['relu_forward']; o.address(np.dtype(np.float32))\n"
        "print(o.operation._callbacks[0].cache_hits)"
    )
    environment = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": str(tmp_path)}
    found = [
        subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True,
            timeout=300, check=True,
        ).stdout.strip()
        for _ in range(2)
    ]  # fmt: skip
    assert found == ["0", "1"]
