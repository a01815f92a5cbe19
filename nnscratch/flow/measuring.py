"""How a tensor is measured: which kernel, with which arguments; and tensors one by one."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels, load_module
from nnscratch.flow.infos import gates_of
from nnscratch.flow.layout import Layout
from nnscratch.layers import Sigmoid, Tanh
from nnscratch.optimizers.measures import PARAM_MEASURES
from nnscratch.sampling import (
    MOST_RUNS,
    measured_runs,
    parameter_stride,
    sampled_places,
    tensor_stride,
)
from nnscratch_kernels.reference.measures import MEASURES, NOTHING, SAMPLE_RUN, SUMS
from nnscratch_kernels.runtime.shares import row_share
from nnscratch_records import LAGS


def tensor_arguments(
    sums: Array,
    samples: Array,
    tensor: Array,
    place: int,
    ends: tuple[float, float],
    signed: bool,
    runs: int,
) -> tuple[Any, ...]:
    """Return the arguments of `kernels.measure_tensor` for a tensor, (rows, features)."""
    rows, columns = tensor.shape
    stride = tensor_stride(rows, columns, runs)
    return sums, samples, tensor, place, float(ends[0]), float(ends[1]), signed, stride, runs


def native_measure(arguments: tuple[Any, ...], dtype: np.dtype[Any]) -> tuple[int, list[int]]:
    """Return the address of the operation that measures a tensor, and its arguments as integers.

    Where the tensor lies is the one at `TENSOR_WORD`. For the compiled kernels.
    """
    sharing = load_module("nnscratch_kernels.runtime.sharing")
    measure_tensor = load_module("nnscratch_kernels.compiled.measures").measure_tensor_part
    return measure_tensor.address(dtype), sharing.encoded(arguments, dtype)


class Prepared:
    """Measures tensors of one shape and dtype, by address: no array is made around them."""

    def __init__(
        self, arguments: tuple[Any, ...], dtype: np.dtype[Any], column: int, sizes: Array
    ) -> None:
        address, words = native_measure(arguments, dtype)
        self._words = np.array(words, np.int64)
        self._kept = arguments[:2]  # the arrays to write to live as long as their addresses
        self._there = self._words.ctypes.data
        self._measure = _CALL(address)
        self._column, self._sizes, self._size = column, sizes, arguments[2].size

    def take(self, address: int) -> None:
        """Measure the tensor that lies there, row-major."""
        self._words[TENSOR_WORD] = address
        self._measure(None, self._there, 0, 1)
        self._sizes[self._column] = self._size


class Remote:
    """Takes what others measured of tensors of one shape, which lie where no kernel gets.

    Attributes
    ----------
    ends : (float, float)
        What counts as the low and as the high end; NaN: nothing does.
    places : array of int64
        Which elements, row-major, are sampled.
    size : int
        How many elements there are.
    """

    def __init__(self, measures: TensorMeasures, arguments: tuple[Any, ...]) -> None:
        _, samples, like, column, low, high, signed, stride, runs = arguments
        self._measures, self._column, self._signed = measures, column, signed
        self.ends, self.size = (low, high), like.size
        columns, most = like.shape[1], len(samples) // runs
        places, self._parts, first = [np.empty(0, np.int64)], [], 0
        for run in range(runs):
            begin, end = row_share(len(like), run, runs)
            start = run * (most // SAMPLE_RUN) * stride % columns
            of_run = sampled_places((end - begin) * columns, start, stride, most)
            places.append(begin * columns + of_run)
            into = samples[run * most : (run + 1) * most]
            self._parts.append((into, slice(first, first + len(of_run))))
            first += len(of_run)
        self.places: Array = np.concatenate(places)

    def take(self, sums: Array, sampled: Array) -> None:
        """Take the sums, as `kernels.measure_tensor` has them of one run, and the elements."""
        self._measures.put(self._column, sums)
        for into, part in self._parts:
            kernels.sample_bins(into, sampled[part], self._signed, 0, SAMPLE_RUN)


class Destination(NamedTuple):
    """Where the measures of tensors of one shape go: see `TensorMeasures.take`."""

    column: int
    samples: Array
    shape: tuple[int, int]
    ends: tuple[float, float]
    signed: bool


# An operation, and the word among its arguments that says where the tensor lies.
_CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
TENSOR_WORD = 6


class TensorMeasures:
    """Measures the tensors of a step one by one, as they come; all are put together at its end.

    Parameters
    ----------
    out : array, shape (8, tensors)
        What is measured, in the order of `MEASURES`; NaN for tensors that are not there.

    Attributes
    ----------
    sizes : array
        Elements of each tensor; NaN for those that are not there.
    """

    def __init__(self, out: Array) -> None:
        self._out = out
        self._most = 1  # runs of any tensor
        self._sums = np.zeros((MOST_RUNS, len(SUMS), out.shape[1]))
        self.sizes = np.full(out.shape[1], math.nan)

    def take(
        self, column: int, samples: Array, tensor: Array, ends: tuple[float, float], signed: bool
    ) -> None:
        """Measure a tensor, (rows, features), and a sample of it."""
        kernels.measure_tensor(*self._arguments(column, samples, tensor, ends, signed))
        self.sizes[column] = tensor.size

    def prepare(self, dtype: np.dtype[Any], to: Destination) -> Prepared | None:
        """Return what does so for tensors of a shape by their addresses; None: nothing does.

        It is good until another is made for the same column, or `take` is called for it.
        """
        if kernels.name != "numba":
            return None
        return Prepared(self._arguments_alike(dtype, to), dtype, to.column, self.sizes)

    def remote(self, dtype: np.dtype[Any], to: Destination) -> Remote:
        """Return what takes the measures of such tensors from others."""
        return Remote(self, self._arguments_alike(dtype, to))

    def put(self, column: int, sums: Array) -> None:
        """Note the sums of a tensor that somebody else measured as one run."""
        self._sums[0, :, column], self._sums[1:, :, column] = sums, 0
        self.sizes[column] = sums[-1]

    def _arguments_alike(self, dtype: np.dtype[Any], to: Destination) -> tuple[Any, ...]:
        like = np.lib.stride_tricks.as_strided(np.empty(1, dtype), to.shape, (0, 0))
        return self._arguments(to.column, to.samples, like, to.ends, to.signed)

    def _arguments(
        self, column: int, samples: Array, tensor: Array, ends: tuple[float, float], signed: bool
    ) -> tuple[Any, ...]:
        runs = measured_runs(*tensor.shape)
        self._sums[runs:, :, column] = 0
        self._most = max(self._most, runs)
        return tensor_arguments(self._sums, samples, tensor, column, ends, signed, runs)

    def miss(self, column: int) -> None:
        """Note that a tensor is not there."""
        self.sizes[column] = math.nan

    def finish(self) -> None:
        """Put together what was measured."""
        with np.errstate(invalid="ignore"):
            kernels.finish_measures(self._out, self._sums[: self._most], self.sizes)
        self._out[:, np.isnan(self.sizes)] = math.nan

    def forget(self) -> None:
        """Begin the next step."""
        self.sizes[...] = math.nan


def measure_parameter(
    out: Array, samples: Array, after: Array, gradient: Array | None, before: Array | None
) -> None:
    """Measure a parameter around an update: out (7,) in the order of `PARAM_MEASURES`."""
    found = dict.fromkeys(PARAM_MEASURES, math.nan)
    found["param_norm"] = _norm(after)
    found["param_mean"] = float(after.mean(dtype=np.float64)) if after.size else 0.0
    found["param_nonfinite"] = kernels.count_nonfinite(after.ravel())
    if gradient is not None:
        found["param_gradient_norm"] = _norm(gradient)
        found["param_gradient_nonfinite"] = kernels.count_nonfinite(gradient.ravel())
    if before is not None:
        found["param_norm_before"] = _norm(before)
        with np.errstate(all="ignore"):
            found["param_update_norm"] = _norm(after - before)
    out[...] = [found[name] for name in PARAM_MEASURES]
    samples[...] = NOTHING
    if len(samples) and after.size:
        stride = parameter_stride(after.size, after.shape[-1] if after.ndim > 1 else 1)
        kernels.sample_bins(samples, after.ravel(), True, 0, stride)


_OF_STATE = [MEASURES.index(name) for name in ("mean", "low", "high")]  # as `measure_gates` does


class Gated(Protocol):
    """What is to be known of a recurrent layer: of a `LayerInfo`, or of the layer itself."""

    @property
    def features(self) -> int: ...
    @property
    def gates(self) -> Sequence[str]: ...
    @property
    def reverse(self) -> bool: ...


def gate_ends(info: Gated, dtype: np.dtype[Any]) -> Array:
    """Return the low and the high end of each gate."""
    ends = {"g": Tanh.saturation, "n": Tanh.saturation}
    made = [ends.get(gate, Sigmoid.saturation) for gate in gates_of(info.gates)]
    return np.array(made, dtype).ravel()


def recurrent_calls(
    time: Array,
    gate_row: Array,
    info: Gated,
    hidden_gradient: Array,
    upstream: Array,
    cell_gradient: Array,
    gates: Array | None,
    weight: Array,
    weight_gradient: Array,
    mask: Array | None = None,
    through: Array | None = None,
) -> list[tuple[Array, str, tuple[Any, ...]]]:
    """Return the calls that measure a recurrent layer: what each waits for, kernel, arguments.

    time (131,) and gate_row (5 gates,): where to, see `layout.Blocks`; the rest as
    `Recorder.recurrent` has it, `cell_gradient` without rows where there is no cell
    mask, through : of sequences that are masked, and whose way back is cut
    """
    letters = gates_of(info.gates)
    forget = info.features * (letters.index("f") if "f" in letters else 0)
    norms, state = np.empty(4 * hidden_gradient.shape[1]), rows(hidden_gradient)
    of_time = (time, norms, LAGS, state, rows(upstream), rows(cell_gradient))
    given = state if gates is None else rows(gates)
    batch, dtype = len(hidden_gradient), hidden_gradient.dtype
    cuts = (
        np.ones((batch, 0), dtype) if mask is None else mask,
        np.ones(0, dtype) if through is None else through,
    )
    calls: list[tuple[Array, str, tuple[Any, ...]]] = [
        (hidden_gradient, "measure_time", (*of_time, given, *cuts, forget, info.reverse)),
        (weight_gradient, "measure_gate_weights", (gate_row, weight, weight_gradient)),
    ]
    if gates is not None:
        calls.append((gates, "measure_gates", (gate_row, given, gate_ends(info, gates.dtype))))
    return calls


def note_states(layout: Layout, tensors: Array, gates: Array) -> None:
    """Take over what was measured of the outputs of recurrent layers without gates: their states.

    tensors, gates : see `layout.Blocks`
    """
    for i, name in enumerate(layout.recurrent_layers):
        own = layout.gates_of(i)
        if layout.facts["gates"][own.start] == f"{name} h":
            gates[own.start, : len(_OF_STATE)] = tensors[_OF_STATE, 1 + layout.layers.index(name)]


def _norm(values: Array) -> float:
    norm = np.empty(1)
    kernels.segment_norms(norm, values.ravel(), np.array([0, values.size], np.int64))
    return float(norm[0])
