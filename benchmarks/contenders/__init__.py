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
from benchmarks.workloads import Problem, Workload

__all__ = [
    "CONTENDERS",
    "OURS",
    "OURS_RECORDED",
    "Contender",
    "Entry",
    "load",
    "why_absent",
    "why_unable",
]

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


def _compile_one(workload: Workload) -> str:
    if workload.name in ("mnist-bn-elu", "tiny") or workload.family == "small":
        return ""
    return "takes long to compile, so it takes part in mnist-bn-elu and the small ones only"


@dataclass(frozen=True)
class Entry:
    """A contender in the registry.

    `package` must be installed for it to take part; `unable` says why a workload is beyond it (an
    empty string: it is not). A `slow` one takes part in the full run only. One that is `recorded`
    makes the steps of the contender of that name and records them.
    """

    label: str
    module: str
    package: str
    slow: bool = False
    unable: Callable[[Workload], str] = _any
    recorded: str = ""


CONTENDERS = {
    OURS: Entry("nnscratch", "nnscratch", "nnscratch"),
    "numpy": Entry("NumPy", "numpy_plain", "numpy"),
    "torch-eager": Entry("PyTorch", "torch_eager", "torch"),
    "torch-compile": Entry("torch.compile", "torch_compile", "torch", True, _compile_one),
    "jax-jit": Entry("JAX jit", "jax_jit", "jax"),
    "sklearn": Entry("scikit-learn", "sklearn_mlp", "sklearn", unable=_no_batchnorm_no_elu),
    OURS_RECORDED: Entry("nnscratch, recorded", "nnscratch_recorded", "nnscratch", recorded=OURS),
    "torch-recorded": Entry(
        "PyTorch, hooks",
        "torch_recorded",
        "torch",
        recorded="torch-eager",
    ),
    "torch-watched": Entry("PyTorch, watch", "torch_watched", "torch", recorded="torch-eager"),
}


def why_absent(name: str) -> str:
    """Return why the contender cannot take part here, or an empty string if it can."""
    package = CONTENDERS[name].package
    return "" if importlib.util.find_spec(package) else f"{package} is not installed"


def why_unable(name: str, workload: Workload) -> str:
    """Return why the contender cannot do the workload, or an empty string if it can."""
    if workload.made and not (name == "torch-eager" or CONTENDERS[name].recorded == "torch-eager"):
        return f"{workload.made} are made by PyTorch as it comes"
    return CONTENDERS[name].unable(workload)


def version(name: str) -> str:
    """Return the version of the contender's library."""
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
