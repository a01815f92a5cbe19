"""Who takes part: nnscratch and its peers, each a class in a module of its own.

A contender's module is imported in its own process only, so that none carries another's libraries.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.contenders.base import Contender
from benchmarks.contenders.clang import find_clang
from benchmarks.contenders.onednn import find_onednn
from benchmarks.workloads import Problem, Workload

__all__ = [
    "CONTENDERS",
    "OURS",
    "OURS_RECORDED",
    "RECORDERS",
    "STEPPERS",
    "Contender",
    "Entry",
    "load",
    "why_absent",
    "why_unable",
]

_DEEP = 60  # layers
OURS, OURS_RECORDED = "nnscratch", "nnscratch-recorded"


def _any(workload: Workload) -> str:
    return ""


def _no_batchnorm_no_elu(workload: Workload) -> str:
    if workload.cell:
        return "MLPClassifier has no recurrent layers"
    if workload.batchnorm:
        return "MLPClassifier has no batch norm"
    if workload.activation == "elu":
        return "MLPClassifier has no ELU"
    if workload.optimizer == "adam":
        return "MLPClassifier makes its arrays by a step, which Adam remembers"
    return ""


def _tinygrad(workload: Workload) -> str:
    if workload.cell:
        return "tinygrad has no recurrent layers: a loop over time is unrolled"
    if workload.grows or workload.depth > _DEEP:
        return "a deep network takes minutes to compile, so it takes part in the others only"
    return ""


def _no_clang() -> str:
    return "" if find_clang() else "clang is not installed, by which tinygrad compiles"


def _no_onednn() -> str:
    return "" if find_onednn() else "the system has no oneDNN (Debian: libdnnl2)"


@dataclass(frozen=True)
class Entry:
    """A contender in the registry.

    `package` must be installed for it to take part, and `lacks` says what else is missing here (an
    empty string: nothing); `unable` says why a workload is beyond it (likewise). A `slow` one takes
    part in the full run only. One that is `recorded` makes the steps of the contender of that name
    and records them. One that does not train multiplies matrices only.
    """

    label: str
    module: str
    package: str
    slow: bool = False
    unable: Callable[[Workload], str] = _any
    recorded: str = ""
    trains: bool = True
    lacks: Callable[[], str] = lambda: ""


CONTENDERS = {
    OURS: Entry("nnscratch", "nnscratch", "nnscratch"),
    "numpy": Entry("NumPy", "numpy_plain", "numpy"),
    "torch-eager": Entry("PyTorch", "torch_eager", "torch"),
    "torch-compile": Entry("torch.compile", "torch_compile", "torch", True),
    "jax-jit": Entry("JAX jit", "jax_jit", "jax"),
    "sklearn": Entry("scikit-learn", "sklearn_mlp", "sklearn", unable=_no_batchnorm_no_elu),
    "tinygrad-jit": Entry("tinygrad", "tinygrad_jit", "tinygrad", True, _tinygrad, lacks=_no_clang),
    "onednn": Entry("oneDNN", "onednn", "numpy", trains=False, lacks=_no_onednn),
    OURS_RECORDED: Entry("nnscratch, recorded", "nnscratch_recorded", "nnscratch", recorded=OURS),
    "torch-recorded": Entry(
        "PyTorch, hooks",
        "torch_recorded",
        "torch",
        recorded="torch-eager",
    ),
    "torch-watched": Entry("PyTorch, watch", "torch_watched", "torch", recorded="torch-eager"),
}

# Whose training step is timed, and who records what one of them does.
STEPPERS = [name for name, entry in CONTENDERS.items() if entry.trains and not entry.recorded]
RECORDERS = [name for name, entry in CONTENDERS.items() if entry.recorded]


def why_absent(name: str) -> str:
    """Return why the contender cannot take part here, or an empty string if it can."""
    entry = CONTENDERS[name]
    if not importlib.util.find_spec(entry.package):
        return f"{entry.package} is not installed"
    return entry.lacks()


def why_unable(name: str, workload: Workload) -> str:
    """Return why the contender cannot do the workload, or an empty string if it can."""
    if workload.made and not (name == "torch-eager" or CONTENDERS[name].recorded == "torch-eager"):
        return f"{workload.made} are made by PyTorch as it comes"
    if not CONTENDERS[name].trains:
        return "it multiplies matrices, and trains nothing"
    return CONTENDERS[name].unable(workload)


def version(name: str) -> str:
    """Return the version of the contender's library."""
    if name == "onednn":
        return find_onednn()  # with the version of its interface
    package = {"sklearn": "scikit-learn"}.get(CONTENDERS[name].package, CONTENDERS[name].package)
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "?"


def load(name: str) -> Callable[[Problem, int], Contender]:
    """Import the contender's library and return its class."""
    module = importlib.import_module(f"benchmarks.contenders.{CONTENDERS[name].module}")
    contender: Callable[[Problem, int], Contender] = module.CONTENDER
    return contender
