"""Operations: kernels behind one C signature, so that a list of them runs in one native call.

An operation is a function `f(like, args, part, parts)`: `args` points to 64-bit integers, which
hold the addresses and shapes of its arrays and the bits of its numbers; `like`, always null, is a
pointer whose type says in which dtype the operation was compiled. It does part `part` of `parts`
of the work, each part other rows or columns of the output, so that the bits are the same for any
number of parts.

The layout of `args`: three integers for a matrix (address, rows, columns), two for a vector
(address, length), one for a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import types
from numba.core.ccallback import CFunc

from nnscratch_kernels.jit import BOUNDS, FLAGS, check_extent, inner
from nnscratch_kernels.jit.cache import keep
from nnscratch_kernels.runtime.native import doubles, pointer
from nnscratch_kernels.runtime.shares import column_share, row_share
from nnscratch_kernels.signals import postponing
from nnscratch_kernels.vector.vectors import address, advance

Array = npt.NDArray[Any]

SIGNATURES = {
    np.dtype(real.name): types.void(
        types.CPointer(real), types.CPointer(types.int64), types.int64, types.int64
    )
    for real in (types.float32, types.float64)
}


class Operation:
    """A function with the signature above, compiled for a dtype when its address is asked for."""

    def __init__(self, function: Callable[..., None]) -> None:
        self.function = function
        self.name = function.__name__
        self._compiled: dict[Any, int] = {}
        self._callbacks: list[CFunc] = []  # the code lives as long as they do

    def address(self, dtype: np.dtype[Any]) -> int:
        """Return the address of the native function for `dtype`."""
        if dtype not in self._compiled:
            postponing(self._compile, dtype)
        return self._compiled[dtype]

    def _compile(self, dtype: np.dtype[Any]) -> None:
        signature = SIGNATURES[dtype]
        callback = CFunc(self.function, (signature.args, signature.return_type), {}, dict(FLAGS))
        keep(callback)
        callback.compile()
        self._callbacks.append(callback)
        self._compiled[dtype] = int(callback.address or 0)


def operation(function: Callable[..., None]) -> Operation:
    """Make `function` an `Operation`."""
    return Operation(function)


def encode(values: Sequence[Any]) -> list[int]:
    """Return the arguments of an operation as integers, in the layout described above."""
    words: list[int] = []
    for value in values:
        if isinstance(value, np.ndarray):
            words += (value.__array_interface__["data"][0], *value.shape)
        elif isinstance(value, float):
            words.append(int(np.float64(value).view(np.int64)))
        else:
            words.append(int(value))
    return words


@inner(forceinline=True)
def matrix(like, args, k):  # type: ignore[no-untyped-def]
    """The matrix that starts at `args[k]`."""
    return numba.carray(pointer(like, args[k]), (args[k + 1], args[k + 2]))


@inner(forceinline=True)
def vector(like, args, k):  # type: ignore[no-untyped-def]
    """The vector that starts at `args[k]`."""
    return numba.carray(pointer(like, args[k]), (args[k + 1],))


@inner(forceinline=True)
def section(like, args, k, first, last):  # type: ignore[no-untyped-def]
    """Elements first to last - 1 of the vector that starts at `args[k]`."""
    return numba.carray(advance(pointer(like, args[k]), first), (last - first,))


@inner(forceinline=True)
def row(x, i, first, count):  # type: ignore[no-untyped-def]
    """x[i, first : first + count], in a fraction of a slice's compile time."""
    if BOUNDS:
        inside = first >= 0 and first + count <= x.shape[1]
        check_extent(inside and 0 <= i < x.shape[0])
    return numba.carray(address(x, i * x.shape[1] + first), (count,))


@inner(forceinline=True)
def number(args, k):  # type: ignore[no-untyped-def]
    """The float64 at `args[k]`."""
    return numba.carray(args, (k + 1,)).view(np.float64)[k]


row_range, column_range = (inner(forceinline=True)(share) for share in (row_share, column_share))


@inner(forceinline=True)
def some_rows(like, args, k, first, last):  # type: ignore[no-untyped-def]
    """Rows first to last - 1 of the matrix at `args[k]`."""
    columns = args[k + 2]
    return numba.carray(advance(pointer(like, args[k]), first * columns), (last - first, columns))


@inner(forceinline=True)
def labels(args, k):  # type: ignore[no-untyped-def]
    """The vector of 64-bit integers that starts at `args[k]`."""
    return numba.carray(pointer(args, args[k]), (args[k + 1],))


@inner(forceinline=True)
def float64s(args, k):  # type: ignore[no-untyped-def]
    """The vector of float64 that starts at `args[k]`, whatever the dtype of the operation."""
    return numba.carray(doubles(args[k]), (args[k + 1],))


@inner(forceinline=True)
def store(args, k, value):  # type: ignore[no-untyped-def]
    """Store a float64 at the address in `args[k]`."""
    doubles(args[k])[0] = value
