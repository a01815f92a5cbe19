"""What a recorder measures of a recurrent layer, as `reference.time_measures` defines it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.statistics import SMALLEST_SAFE_SQUARES, norm
from nnscratch_kernels.jit import FASTMATH, inner, jit
from nnscratch_kernels.runtime.sharing import Doubles, Labels, Matrix, Vector, shared

Array = npt.NDArray[Any]


@inner(fastmath=set(FASTMATH))
def state_squares(
    h: Array, above: Array, c: Array, gates: Array, t: int, steps: int, forget: int
) -> tuple[float, float, float, float]:
    """Sums of squares over the batch at step t: of dL/dh, dL/dc, what is handed on to h and c."""
    units, cells = h.shape[1], len(c) > 0
    hidden, cell, carried, kept = 0.0, 0.0, 0.0, 0.0
    for row in range(t, len(h), steps):
        own, from_above = h[row], above[row]
        for j in range(units):
            value, rest = np.float64(own[j]), np.float64(own[j]) - np.float64(from_above[j])
            hidden += value * value
            carried += rest * rest
        if cells:
            own = c[row]
            for j in range(units):
                value = np.float64(own[j])
                cell += value * value
            if t + 1 < steps:
                later, gate = c[row + 1], gates[row + 1, forget : forget + units]
                for j in range(units):
                    value = np.float64(later[j]) * np.float64(gate[j])
                    kept += value * value
    return hidden, cell, carried, kept


@inner
def state_norms(
    h: Array, above: Array, c: Array, gates: Array, t: int, steps: int, forget: int
) -> tuple[float, float, float, float]:
    """The roots of `state_squares` where squares over- or underflow, or something is not finite."""
    units = h.shape[1]
    hidden = h[t::steps].astype(np.float64)
    carried = hidden - above[t::steps].astype(np.float64)
    cell, kept = 0.0, 0.0
    if len(c) > 0:
        cell = norm(c[t::steps].astype(np.float64))
        if t + 1 < steps:
            gate = gates[t + 1 :: steps, forget : forget + units]
            kept = norm(c[t + 1 :: steps].astype(np.float64) * gate)
    return norm(hidden), cell, norm(carried), kept


@shared(by="nothing", writes=1, deferred=True)
@jit
def measure_time(
    out: Doubles,
    norms: Doubles,
    lags: Labels,
    hidden_gradient: Matrix,
    upstream: Matrix,
    cell_gradient: Matrix,
    gates: Matrix,
    forget: int,
) -> None:
    """Measure the gradient at the state of every step: see `reference.time_measures`."""
    steps, cells = len(norms) // 4, len(cell_gradient) > 0
    for t in range(steps):
        hidden, cell, carried, kept = state_squares(
            hidden_gradient, upstream, cell_gradient, gates, t, steps, forget
        )
        if min(hidden, carried + kept) >= SMALLEST_SAFE_SQUARES and hidden + carried < math.inf:
            hidden, cell, carried, kept = (
                *(math.sqrt(hidden), math.sqrt(cell)),
                *(math.sqrt(carried), math.sqrt(kept)),
            )
        else:
            hidden, cell, carried, kept = state_norms(
                hidden_gradient, upstream, cell_gradient, gates, t, steps, forget
            )
        norms[t] = hidden
        norms[steps + t] = cell if cells else math.nan
        norms[2 * steps + t] = math.hypot(carried, kept)
        norms[3 * steps + t] = math.hypot(hidden, kept)
    logs, count = 0.0, 0
    for t in range(steps - 1):
        carried, state = norms[2 * steps + t], norms[3 * steps + t + 1]
        if 0.0 < carried < math.inf and 0.0 < state < math.inf:
            logs += math.log(carried) - math.log(state)
            count += 1
    out[0] = steps
    out[1] = math.exp(logs / count) if count else math.nan
    out[2] = norms[0]
    for k in range(len(lags)):
        at = steps - 1 - lags[k]
        out[3 + k] = norms[at] if at >= 0 else math.nan
        out[3 + len(lags) + k] = norms[steps + at] if at >= 0 else math.nan


@shared(by="nothing", writes=0, deferred=True)
@jit
def measure_gates(out: Doubles, gates: Matrix, ends: Vector) -> None:
    """Mean of gates and how much of them is at an end: see `reference.time_measures`."""
    count = len(ends) // 2
    units = gates.shape[1] // count
    for g in range(count):
        low, high = ends[2 * g], ends[2 * g + 1]
        total, lows, highs = 0.0, 0, 0
        for row in range(len(gates)):
            values = gates[row, g * units : (g + 1) * units]
            for j in range(units):
                total += values[j]
                lows += values[j] <= low
                highs += values[j] >= high
        size = len(gates) * units
        out[5 * g] = total / size
        out[5 * g + 1] = math.nan if math.isnan(low) else lows / size
        out[5 * g + 2] = math.nan if math.isnan(high) else highs / size


@inner(fastmath=set(FASTMATH))
def block_norm(block: Array) -> float:
    """Return the norm of some columns of a matrix."""
    squares = 0.0
    for row in range(len(block)):
        values = block[row]
        for j in range(len(values)):
            squares += np.float64(values[j]) * np.float64(values[j])
    if SMALLEST_SAFE_SQUARES <= squares < math.inf:
        return math.sqrt(squares)
    return norm(np.ascontiguousarray(block))


@shared(by="nothing", writes=0, deferred=True)
@jit
def measure_gate_weights(out: Doubles, weight: Matrix, gradient: Matrix) -> None:
    """Norms of recurrent weights and gradient of each gate: see `reference.time_measures`."""
    units = len(weight)
    for g in range(weight.shape[1] // units):
        out[5 * g + 3] = block_norm(weight[:, g * units : (g + 1) * units])
        out[5 * g + 4] = block_norm(gradient[:, g * units : (g + 1) * units])
