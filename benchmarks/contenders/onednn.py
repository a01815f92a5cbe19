"""oneDNN: its matrix products alone, as the ceiling of what libraries of kernels reach."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from typing import Any

from benchmarks.workloads import Array


def find_onednn() -> str:
    """Return the name of the system's oneDNN; empty if there is none."""
    return ctypes.util.find_library("dnnl") or ""


def make_product(left: Array, right: Array, out: Array) -> Callable[[], None]:
    """Return what computes ``out = left @ right``; operands may be transposed views."""
    library = ctypes.CDLL(find_onednn())
    (m, k), n = left.shape, right.shape[1]
    (ta, lda), (tb, ldb) = _stored(left), _stored(right)
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (left, right, out)]
    size, real = ctypes.c_int64, ctypes.c_float
    arguments: list[Any] = [
        *(ctypes.c_char(ta), ctypes.c_char(tb), size(m), size(n), size(k), real(1)),
        *(pointers[0], size(lda), pointers[1], size(ldb), real(0), pointers[2], size(n)),
    ]

    def run() -> None:
        if library.dnnl_sgemm(*arguments):
            raise RuntimeError("dnnl_sgemm failed")

    return run


def _stored(matrix: Array) -> tuple[bytes, int]:
    """Whether a matrix lies transposed, as BLAS says it, and how far its rows lie apart."""
    if matrix.flags.c_contiguous:
        return b"N", matrix.shape[1]
    return b"T", matrix.shape[0]


CONTENDER = None  # makes no training steps
