"""The one place that says how kernels are compiled.

* No ``nnan`` or ``ninf``: this project looks for NaN and infinity, so they must keep their meaning.
* ``reassoc`` lets a reduction run in vector lanes (the order is fixed at compile time, so the same
  input still gives the same bits); ``contract`` allows fused multiply-add; ``nsz`` and ``arcp``
  ignore the sign of zero and allow multiplication by a reciprocal.
* Where no sum runs along a loop, `elementwise` allows ``contract`` alone: with the others LLVM may
  round an element differently in a vector than in the rest of a loop, or after inlining, and the
  bits would depend on how work is cut and on who calls.
* With the environment variable NNSCRATCH_BOUNDSCHECK=1 every index of an array is checked, and
  before raw pointers are used the extents that they will reach (`check_extent`): slower, and an
  IndexError where otherwise other memory would be read. In a pass of several operations Python
  prints the error and goes on.
* Compiled code is kept between processes where a cache folder can be written (`cache`).
* Ctrl-C, or what else a signal's handler raises, waits until a kernel is compiled (`signals`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

from nnscratch_kernels.jit.cache import CHECKED, keep
from nnscratch_kernels.signals import postponing

if numba.config.DISABLE_JIT:
    raise ValueError(
        "the compiled kernels need Numba's compiler, which the environment variable "
        "NUMBA_DISABLE_JIT switches off: unset it, or set NNSCRATCH_KERNELS=reference for the "
        "readable ones"
    )

FASTMATH = frozenset({"contract", "reassoc", "nsz", "arcp"})


# To be handed from kernel to kernel: of a literal Numba compiles what it is handed to once more,
# for that value alone.
ZERO, ONE, NO, YES = np.int64(0), np.int64(1), np.bool_(False), np.bool_(True)

# Numba leaves out a branch on a constant that is False.
BOUNDS: bool = CHECKED

FLAGS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "boundscheck": BOUNDS,
    "fastmath": set(FASTMATH),
}


def jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile `function` with the project's flags; `options` go to `numba.njit`."""
    if function is None:
        return lambda f: jit(f, **options)
    dispatcher = numba.njit(**{**FLAGS, **options})(function)
    keep(dispatcher)
    # By this name Numba's own code asks for a variant that is not there yet.
    dispatcher._compile_for_args = partial(postponing, dispatcher._compile_for_args)
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


@inner
def check_extent(inside: bool) -> None:
    """Raise `IndexError` unless what pointers will reach lies inside; call it if `BOUNDS`."""
    if not inside:
        raise IndexError("a kernel was given arrays that do not fit each other")
