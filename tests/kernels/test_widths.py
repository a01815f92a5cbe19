"""The kernels on machines with narrower vectors than this one's, and on one that nobody knows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.codegen import get_host_cpu_features

from nnscratch_kernels.vector import vectors
from nnscratch_kernels.vector.vectors import WIDTH

HERE = Path(__file__).parent
# What a processor lacks whose vectors have so many bytes, as beginnings of names of features.
LACKING = {32: ("avx512", "avx10"), 16: ("avx", "fma", "f16c", "vaes", "vpclmul", "xop", "amx")}


def machine(width):
    """Environment in which Numba compiles for a processor with vectors of `width` bytes."""
    environment = {**os.environ, "NNSCRATCH_KERNELS": "numba"}
    if width == 0:
        return {**environment, "NUMBA_CPU_NAME": "generic"}
    features = [feature[1:] for feature in get_host_cpu_features().split(",") if feature[0] == "+"]
    lacking = [name.startswith(LACKING[width]) for name in features]
    signs = ["-" if lacks else "+" for lacks in lacking]
    told = ",".join(map("".join, zip(signs, features, strict=True)))
    return {**environment, "NUMBA_CPU_FEATURES": told}


def run(width, *arguments):
    root = HERE.parents[1]
    path = os.pathsep.join([str(root), str(root / "kernels"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *arguments], env={**machine(width), "PYTHONPATH": path}, cwd=root,
        capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip


NARROWER = [width for width in LACKING if width < WIDTH] + [0]
SHOW = "from nnscratch_kernels.vector.vectors import WIDTH; print(WIDTH)"


@pytest.mark.parametrize("width", NARROWER)
def test_what_numba_is_told_to_compile_for_says_the_width(width):
    assert run(width, "-c", SHOW).stdout == f"{width}\n"


@pytest.mark.parametrize(
    ("told", "processor", "shape"),
    [
        ("", "x86_64", (0, 0, False)),
        ("+avx,+fma,+avx2,+avx512f", "x86_64", (64, 12, True)),
        ("+avx,+fma,+avx2,-avx512f", "AMD64", (32, 6, True)),
        ("+avx,+avx2", "x86_64", (16, 6, False)),
        ("+avx,+fma", "amd64", (16, 6, True)),
        ("+fma,-avx", "x86_64", (16, 6, False)),
        ("+neon", "aarch64", (16, 12, True)),
        ("+neon", "arm64", (16, 12, True)),
        ("+v", "riscv64", (0, 0, False)),
    ],
)
def test_bytes_and_rows_of_a_tile_are_those_that_its_registers_hold(
    told, processor, shape, monkeypatch
):
    monkeypatch.setattr(vectors.config, "CPU_FEATURES", told)
    monkeypatch.setattr(vectors.platform, "machine", lambda: processor)
    assert vectors.host_shape() == shape


def passes(width, *tests):
    found = run(width, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *map(str, tests))
    assert found.returncode == 0, found.stdout[-5000:] + found.stderr[-5000:]


@pytest.mark.slow
def test_what_is_measured_is_right_on_a_processor_that_nobody_knows():
    passes(0, HERE / "test_measures.py")


# What these try is the same whatever a processor can do.
ELSEWHERE = ("announce", "bounds", "cache", "sets", "sharing", "team", "threads", "widths")


@pytest.mark.slow
@pytest.mark.parametrize("width", NARROWER)
def test_every_kernel_is_right_at_every_width(width):
    passes(width, HERE, *(f"--ignore={HERE}/test_{name}.py" for name in ELSEWHERE))
