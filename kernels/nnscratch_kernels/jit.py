"""The one place that says how kernels are compiled.

* No ``nnan`` or ``ninf``: this project looks for NaN and infinity, so they must keep their meaning.
* ``reassoc`` lets a reduction run in vector lanes (the order is fixed at compile time, so the same
  input still gives the same bits); ``contract`` allows fused multiply-add; ``nsz`` and ``arcp``
  ignore the sign of zero and allow multiplication by a reciprocal.
* Compiled code is kept between processes where a cache folder can be written, and only there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

FASTMATH = frozenset({"contract", "reassoc", "nsz", "arcp"})


def jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile `function` with the project's flags; `options` go to `numba.njit`."""
    if function is None:
        return lambda f: jit(f, **options)
    flags = {
        "nogil": True,
        "error_model": "numpy",
        "boundscheck": False,
        "fastmath": set(FASTMATH),
        **options,
    }
    try:
        return numba.njit(cache=True, **flags)(function)
    except RuntimeError as error:  # no cache folder can be written: slower to start, not fatal
        if "cache" not in str(error):
            raise
        return numba.njit(**flags)(function)
