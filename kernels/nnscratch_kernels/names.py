"""The kernels of a set: what its modules define."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

REFERENCE = "nnscratch_kernels.reference"


@cache
def kernels_of(package: str) -> dict[str, Callable[..., Any]]:
    """Return the kernels of a set by name.

    A kernel is a function in a module of the reference set whose name begins with a letter; in the
    module of the same name of another set stands its twin.
    """
    path = importlib.import_module(REFERENCE).__path__
    found = {}
    for module in pkgutil.iter_modules(path):
        definitions = vars(importlib.import_module(f"{REFERENCE}.{module.name}"))
        twins = vars(importlib.import_module(f"{package}.{module.name}"))
        for name, function in definitions.items():
            own = isinstance(function, FunctionType) and function.__module__.endswith(module.name)
            if own and not name.startswith("_"):
                found[name] = twins[name]
    return dict(sorted(found.items()))
