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
def add_squares(
    norms: Array,
    h: Array,
    above: Array,
    c: Array,
    gates: Array,
    mask: Array,
    steps: int,
    forget: int,
    reverse: bool,
) -> None:
    """Sums of squares over the batch, by step: of dL/dh, dL/dc, what is handed on to h and to c.

    One sequence after the other, as they lie in memory.
    """
    units, cells = h.shape[1], len(c) > 0
    norms[:] = 0.0
    for row in range(len(h)):
        sequence, t = row // steps, row % steps
        place = steps - 1 - t if reverse else t
        own, from_above = h[row], above[row]
        hidden, carried = 0.0, 0.0
        for j in range(units):
            value, rest = np.float64(own[j]), np.float64(own[j]) - np.float64(from_above[j])
            hidden += value * value
            carried += rest * rest
        norms[place] += hidden
        norms[2 * steps + place] += carried
        if cells:
            own, gate = c[row], gates[row, forget : forget + units]
            cell, kept = 0.0, 0.0
            for j in range(units):
                value = np.float64(own[j])
                handed = value * np.float64(gate[j])
                cell += value * value
                kept += handed * handed
            if mask.shape[1] and mask[sequence, t] == 0:
                kept = cell
            norms[steps + place] += cell
            if place:
                norms[3 * steps + place - 1] += kept


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
    """The roots of `add_squares` at step t where squares over- or underflow, or are not finite.

    later : the step after it, which may come before it in the arrays; out of range: there is none
    """
    units = h.shape[1]
    hidden, carried = h[t::steps].astype(np.float64), h[t::steps].astype(np.float64)
    for b in range(len(carried)):
        for j in range(units):
            carried[b, j] -= above[b * steps + t, j]
    cell, kept = 0.0, 0.0
    if len(c) > 0:
        cell = norm(c[t::steps].astype(np.float64))
        if 0 <= later < steps:
            handed = c[later::steps].astype(np.float64)
            for b in range(len(handed)):
                if not mask.shape[1] or mask[b, later] != 0:
                    for j in range(units):
                        handed[b, j] *= gates[b * steps + later, forget + j]
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
    add_squares(
        norms, hidden_gradient, upstream, cell_gradient, gates, mask, steps, forget, reverse
    )
    for place in range(steps):
        t, later = (steps - 1 - place, steps - 2 - place) if reverse else (place, place + 1)
        hidden, cell, carried, kept = (
            *(norms[place], norms[steps + place]),
            *(norms[2 * steps + place], norms[3 * steps + place]),
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
@jit(fastmath={"contract"})  # one order, however it is compiled
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
        for k in range(units):  # counts are exact in float32 up to 2^24 rows
            under[k], over[k] = zero, zero
        for start in range(0, rows, _ROWS):
            for k in range(units):
                some[k] = zero
            stop = min(rows, start + _ROWS)
            fours = stop - (stop - start) % 4
            for row in range(start, fours, 4):  # four at once: sums are fetched and put back less
                a = gates[row, g * units : (g + 1) * units]
                b = gates[row + 1, g * units : (g + 1) * units]
                c = gates[row + 2, g * units : (g + 1) * units]
                d = gates[row + 3, g * units : (g + 1) * units]
                for k in range(units):
                    some[k] += (a[k] + b[k]) + (c[k] + d[k])
                    under[k] += (one if a[k] <= low else zero) + (one if b[k] <= low else zero)
                    under[k] += (one if c[k] <= low else zero) + (one if d[k] <= low else zero)
                    over[k] += (one if a[k] >= high else zero) + (one if b[k] >= high else zero)
                    over[k] += (one if c[k] >= high else zero) + (one if d[k] >= high else zero)
            for row in range(fours, stop):
                values = gates[row, g * units : (g + 1) * units]
                for k in range(units):
                    some[k] += values[k]
                    under[k] += one if values[k] <= low else zero
                    over[k] += one if values[k] >= high else zero
            for k in range(units):
                total += some[k]
        for k in range(units):
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
