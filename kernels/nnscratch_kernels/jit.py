"""The one place that says how kernels are compiled.

* No ``nnan`` or ``ninf``: this project looks for NaN and infinity, so they must keep their meaning.
* ``reassoc`` lets a reduction run in vector lanes (the order is fixed at compile time, so the same
  input still gives the same bits); ``contract`` allows fused multiply-add; ``nsz`` and ``arcp``
  ignore the sign of zero and allow multiplication by a reciprocal.
* Where no sum runs along a loop, `elementwise` allows ``contract`` alone: with the others LLVM may
  round an element differently in a vector than in the rest of a loop, or after inlining, and the
  bits would depend on how work is cut and on who calls.
* Compiled code is kept between processes where a cache folder can be written, and only there,
  until any source file of the kernels changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

FASTMATH = frozenset({"contract", "reassoc", "nsz", "arcp"})


FLAGS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "boundscheck": False,
    "fastmath": set(FASTMATH),
}


def jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile `function` with the project's flags; `options` go to `numba.njit`."""
    if function is None:
        return lambda f: jit(f, **options)
    dispatcher = numba.njit(**{**FLAGS, **options})(function)
    keep(dispatcher)
    return dispatcher


def elementwise(function: Callable[..., Any]) -> Any:
    """`jit` for loops whose passes have nothing to do with each other: see above."""
    return jit(function, fastmath={"contract"})


def inner(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """`elementwise` for functions that only jitted code calls: from Python they would crash.

    Without the code that Python needs to call them, they compile in two thirds of the time.
    """
    return jit(
        function,
        **{"fastmath": {"contract"}, **options},
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )


def keep(compiled: Any) -> None:
    """Keep the code of a Numba function between processes, if a cache folder can be written."""
    if numba.config.DISABLE_JIT:
        return
    try:
        compiled.enable_caching()
    except RuntimeError as error:  # slower to start, not fatal
        if "cache" not in str(error):
            raise
        return
    _stamp(compiled)


def _stamp(compiled: Any) -> None:
    """Tie cached code to all kernel sources, not only to its own file.

    A kernel contains the code of the functions it calls, wherever they are written. Numba compares
    only the caller's file, and would go on running a callee that has changed since.
    """
    index: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(index, "_source_stamp"):
        index._source_stamp = (index._source_stamp, _sources())


@cache
def _sources() -> tuple[tuple[str, int, int], ...]:
    """Name, time and size of every source file of this package."""
    found = []
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        state = path.stat()
        found.append((path.name, state.st_mtime_ns, state.st_size))
    return tuple(found)
