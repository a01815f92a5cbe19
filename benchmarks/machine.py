"""The machine: what it is, which cores a contender is pinned to, and the environment it gets."""

from __future__ import annotations

import os
import platform
from importlib import import_module
from pathlib import Path

# Variables that tune a library for one machine or one program. The contenders run without them.
TUNING = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "OPENBLAS_MAIN_FREE",
    "OMP_WAIT_POLICY",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "GOMP_SPINCOUNT",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "MKL_DEBUG_CPU_TYPE",
    "NUMBA_CPU_NAME",
    "NUMBA_CPU_FEATURES",
    "NUMBA_DISABLE_JIT",
    "NNSCRATCH_KERNELS",
    "NPY_DISABLE_CPU_FEATURES",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
)
NATIVE, AVX2 = ISAS = ("native", "avx2")  # instructions: all that the host has, or AVX2 alone
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NNSCRATCH_NUM_THREADS",
    "NUM_CPU_THREADS",  # tinygrad's
)


def available_cores() -> list[int]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pick_cores(n: int) -> list[int]:
    """Return `n` cores to pin to: the last ones, and physical ones before hyper-threads."""
    first: list[int] = []
    second: list[int] = []
    seen: set[str] = set()
    for core in reversed(available_cores()):
        siblings = _read(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
        key = siblings or str(core)
        (second if key in seen else first).append(core)
        seen.add(key)
    return sorted((first + second)[:n])


def pin(cores: list[int]) -> None:
    """Keep this process, and all threads it starts later, on `cores`, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def environment(threads: int, isa: str = NATIVE) -> dict[str, str]:
    """Return the environment of a contender's process: its number of threads and instructions."""
    env = {name: value for name, value in os.environ.items() if name not in TUNING}
    env.update(dict.fromkeys(THREADS, str(threads)))
    eigen = "true" if threads > 1 else "false"
    env["XLA_FLAGS"] = (
        f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}"
    )
    env["JAX_PLATFORMS"] = "cpu"
    env["PYTHONUNBUFFERED"] = "1"
    if isa == AVX2:
        env["XLA_FLAGS"] += " --xla_cpu_max_isa=AVX2"
        env.update(_avx2())
    return env


def check_isa(isa: str) -> None:
    """Raise `ConfigError` where the host cannot execute `isa`."""
    from nnscratch.errors import ConfigError

    if isa == AVX2 and not _host_features().get("avx2"):
        raise ConfigError(f"--isa {isa} needs a processor with AVX2; {_processor()} has none")


def _avx2() -> dict[str, str]:
    """Return what makes NumPy, OpenBLAS, PyTorch, oneDNN, MKL and Numba do with AVX2."""
    dispatched = import_module("numpy._core._multiarray_umath").__cpu_dispatch__
    wider = [name for name in dispatched if name.startswith(("AVX512", "X86_V4"))]
    features = {
        name: has and not name.startswith(("avx512", "avx10", "amx"))
        for name, has in _host_features().items()
    }
    return {
        "NPY_DISABLE_CPU_FEATURES": " ".join(wider),
        "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "DEV": "CPU::x86_64,haswell",  # tinygrad's
        "NUMBA_CPU_FEATURES": ",".join(
            ("+" if has else "-") + name for name, has in sorted(features.items())
        ),
    }


def _host_features() -> dict[str, bool]:
    from llvmlite import binding

    return dict(binding.get_host_cpu_features())


def describe(isa: str = NATIVE) -> dict[str, str | int]:
    """Return what identifies the machine in a report; entries of a history compare by it."""
    return {
        **({} if isa == NATIVE else {"isa": isa}),
        "processor": _processor(),
        "cores": len(available_cores()),
        "memory_gib": round(_memory_bytes() / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def same_machine(a: dict[str, str | int], b: dict[str, str | int]) -> bool:
    """Return whether two descriptions are of the same machine, whatever the version of Python."""
    return all(
        a.get(key) == b.get(key) for key in ("processor", "isa", "cores", "memory_gib", "system")
    )


def _processor() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def in_threads(count: int) -> str:
    """Return ``1 thread``, ``2 threads``."""
    return f"{count} thread" if count == 1 else f"{count} threads"
