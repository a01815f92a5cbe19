"""Arrays that lie anywhere in memory, measured together: one native call, and no copies."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels, load_module
from nnscratch.flow.measuring import TENSOR_WORD, native_measure
from nnscratch_kernels.reference.measures import MEASURES, SUMS

_NO_END = math.nan
_UNKNOWN = math.nan


class Lying:
    """Measures arrays of one dtype by their addresses, as `kernels.measure_tensor` does.

    Parameters
    ----------
    sizes : sequence of int
        How many elements each has.
    dtype : dtype
    samples, strides : sequences
        Where the bins of a sample of each are put, and the distance from one 16 elements to the
        next; without them none is taken.

    Attributes
    ----------
    out : array, shape (8, arrays)
        What was measured last, in the order of `MEASURES`; NaN for what was not there.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        dtype: np.dtype[Any],
        samples: Sequence[Array] = (),
        strides: Sequence[int] = (),
    ) -> None:
        count = len(sizes)
        self.out: Array = np.full((len(MEASURES), count), _UNKNOWN)
        self._sizes, self._dtype = np.array(sizes, np.float64), dtype
        self._sums = np.zeros((1, len(SUMS), max(count, 1)))
        self._samples = samples or [np.empty(0, np.uint8)] * count
        self._strides = strides or [16] * count
        self._run: Any = None
        self._rows: Array = np.empty((0, 4), np.int64)
        self._words: Array = np.empty((0, 0), np.int64)

    def measure(self, addresses: Array) -> Array:
        """Measure what lies at these addresses, int64, row-major; 0: there is none."""
        if not len(addresses):
            return self.out
        there = (addresses != 0) & (self._sizes > 0)
        if kernels.name == "numba":
            self._natively(addresses, there)
        else:
            for i in np.flatnonzero(there).tolist():
                kernels.measure_tensor(*self._arguments(i, self._array(i, int(addresses[i]))))
        kernels.finish_measures(self.out, self._sums, self._sizes)
        if not there.all():
            self.out[:, ~there] = np.where(addresses[~there] != 0, 0.0, _UNKNOWN)
        return self.out

    def _natively(self, addresses: Array, there: Array) -> None:
        if len(self._words) != len(addresses):
            self._encode()
        self._words[:, TENSOR_WORD] = addresses
        rows = self._rows if there.all() else self._rows[there]
        self._run(rows, np.array([0, len(rows)]), self._words.reshape(-1))

    def _encode(self) -> None:
        """Write down the call for each array, but for its address."""
        self._run = load_module("nnscratch_kernels.runtime.program").run_alone
        like = np.empty(1, self._dtype)
        calls = [
            native_measure(
                self._arguments(i, np.lib.stride_tricks.as_strided(like, (1, int(size)), (0, 0))),
                self._dtype,
            )
            for i, size in enumerate(self._sizes)
        ]
        self._words = np.array([words for _, words in calls], np.int64)
        width = self._words.shape[-1]
        rows = [(address, i * width, 0, 1) for i, (address, _) in enumerate(calls)]
        self._rows = np.array(rows, np.int64).reshape(-1, 4)

    def _arguments(self, i: int, array: Array) -> tuple[Any, ...]:
        ends = _NO_END, _NO_END
        return self._sums, self._samples[i], array, i, *ends, True, self._strides[i], 1

    def _array(self, i: int, address: int) -> Array:
        count = int(self._sizes[i])
        memory: Any = (ctypes.c_char * (count * self._dtype.itemsize)).from_address(address)
        return np.frombuffer(memory, self._dtype, count).reshape(1, count)
