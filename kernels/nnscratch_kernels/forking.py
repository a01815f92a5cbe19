"""Locks that a fork waits for, so that the child does not find one held by a thread it lacks.

Numba's lock is one of them as soon as Numba is loaded: a fork waits until a kernel is compiled.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

_locks: list[Any] = [threading.RLock()]  # in the order in which a thread may take them
_held: list[Any] = []


def lock() -> Any:
    """Return a lock, of the kind that a thread may take again, for which forks wait."""
    made = threading.RLock()
    _locks.append(made)
    return made


def _before() -> None:
    numba = sys.modules.get("numba.core.compiler_lock")
    compiling = getattr(numba, "global_compiler_lock", None)
    locks = [*_locks, *([] if compiling is None else [compiling])]
    for each in locks:
        each.acquire()
    _held[:] = locks


def _after() -> None:
    for each in reversed(_held.copy()):
        each.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
