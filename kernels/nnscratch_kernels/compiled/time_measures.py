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
    h: Array,
    above: Array,
    c: Array,
    gates: Array,
    mask: Array,
    t: int,
    later: int,
    steps: int,
    forget: int,
) -> tuple[float, float, float, float]:
    """Sums of squares over the batch at step t: of dL/dh, dL/dc, what is handed on to h and c.

    later : the step after it, which may come before it in the arrays; out of range: there is none
    """
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
            if 0 <= later < steps:
                after = row + later - t
                own, gate = c[after], gates[after, forget : forget + units]
                if mask.shape[1] and mask[row // steps, later] == 0:
                    for j in range(units):
                        kept += np.float64(own[j]) * np.float64(own[j])
                else:
                    for j in range(units):
                        value = np.float64(own[j]) * np.float64(gate[j])
                        kept += value * value
    return hidden, cell, carried, kept


@inner
def state_norms(
    h: Array,
    above: Array,
    c: Array,
    gates: Array,
    mask: Array,
    t: int,
    later: int,
    steps: int,
    forget: int,
) -> tuple[float, float, float, float]:
    """The roots of `state_squares` where squares over- or underflow, or something is not finite."""
    units = h.shape[1]
    hidden = h[t::steps].astype(np.float64)
    carried = hidden - above[t::steps].astype(np.float64)
    cell, kept = 0.0, 0.0
    if len(c) > 0:
        cell = norm(c[t::steps].astype(np.float64))
        if 0 <= later < steps:
            handed = c[later::steps].astype(np.float64)
            for b in range(len(handed)):
                if not mask.shape[1] or mask[b, later] != 0:
                    handed[b] *= gates[b * steps + later, forget : forget + units]
            kept = norm(handed)
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
    mask: Matrix,
    through: Vector,
    forget: int,
    reverse: bool,
) -> None:
    """Measure the gradient at the state of every step: see `reference.time_measures`."""
    steps, cells = len(norms) // 4, len(cell_gradient) > 0
    for place in range(steps):
        t, later = (steps - 1 - place, steps - 2 - place) if reverse else (place, place + 1)
        hidden, cell, carried, kept = state_squares(
            hidden_gradient, upstream, cell_gradient, gates, mask, t, later, steps, forget
        )
        if min(hidden, carried + kept) >= SMALLEST_SAFE_SQUARES and hidden + carried < math.inf:
            hidden, cell, carried, kept = (
                *(math.sqrt(hidden), math.sqrt(cell)),
                *(math.sqrt(carried), math.sqrt(kept)),
            )
        else:
            hidden, cell, carried, kept = state_norms(
                hidden_gradient, upstream, cell_gradient, gates, mask, t, later, steps, forget
            )
        if len(through) and place + 1 < steps:
            kept *= through[place + 1]
        norms[place] = hidden
        norms[steps + place] = cell if cells else math.nan
        norms[2 * steps + place] = math.hypot(carried, kept)
        norms[3 * steps + place] = math.hypot(hidden, kept)
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


_ROWS = 256  # whose sums are good enough in float32


@shared(by="nothing", writes=0, deferred=True)
@jit
def measure_gates(out: Doubles, gates: Matrix, ends: Vector) -> None:
    """Mean of gates and how much of them is at an end: see `reference.time_measures`."""
    count, columns = len(ends) // 2, gates.shape[1]
    units, rows = columns // count, len(gates)
    # One sum a column: no loop waits for the sum before.
    sums = np.empty((3, columns), gates.dtype)
    one, zero = gates.dtype.type(1), gates.dtype.type(0)
    for g in range(count):
        low, high = ends[2 * g], ends[2 * g + 1]
        total, lows, highs = 0.0, 0.0, 0.0
        some, under, over = sums[0, :units], sums[1, :units], sums[2, :units]
        for start in range(0, rows, _ROWS):
            for k in range(units):
                some[k], under[k], over[k] = zero, zero, zero
            for row in range(start, min(rows, start + _ROWS)):
                values = gates[row, g * units : (g + 1) * units]
                for k in range(units):
                    some[k] += values[k]
                    under[k] += one if values[k] <= low else zero
                    over[k] += one if values[k] >= high else zero
            for k in range(units):
                total += some[k]
                lows += under[k]
                highs += over[k]
        size = rows * units
        out[5 * g] = total / size
        out[5 * g + 1] = math.nan if math.isnan(low) else lows / size
        out[5 * g + 2] = math.nan if math.isnan(high) else highs / size


@inner(fastmath=set(FASTMATH))
def block_norm(matrix: Array, first: int, last: int) -> float:
    """Return the norm of some columns of a matrix."""
    total = 0.0
    for row in range(len(matrix)):
        values = matrix[row, first:last]
        for j in range(len(values)):
            total += np.float64(values[j]) * np.float64(values[j])
    if SMALLEST_SAFE_SQUARES <= total < math.inf:
        return math.sqrt(total)
    return norm(np.ascontiguousarray(matrix[:, first:last]))


@shared(by="nothing", writes=0, deferred=True)
@jit
def measure_gate_weights(out: Doubles, weight: Matrix, gradient: Matrix) -> None:
    """Norms of recurrent weights and gradient of each gate: see `reference.time_measures`."""
    units = len(weight)
    for g in range(weight.shape[1] // units):
        out[5 * g + 3] = block_norm(weight, g * units, (g + 1) * units)
        out[5 * g + 4] = block_norm(gradient, g * units, (g + 1) * units)
