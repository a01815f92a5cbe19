"""What a recorder measures of a recurrent layer, plain NumPy.

Arrays are those that the layer has left, (batch, time, features), as rows: one for each example and
step of time, the steps of an example side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.reference.statistics import norm

Array = npt.NDArray[Any]


@np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore")
def measure_time(
    out: Array,
    norms: Array,
    lags: Array,
    hidden_gradient: Array,
    upstream: Array,
    cell_gradient: Array,
    gates: Array,
    mask: Array,
    through: Array,
    forget: int,
    reverse: bool,
) -> None:
    """Measure the gradient at the state (h, c) of every step of time.

    out (3 + 2 lags,), float64: how many steps; the geometric mean of the factor by which the norm
    of the gradient at the state changes from a step to the one before it, without what the loss
    adds there; |dL/dh| of the first step; then |dL/dh| and |dL/dc| so many `lags` (int64) before
    the last step, NaN where there is no such step.

    norms (4, steps), as one row: |dL/dh|; |dL/dc|; the norm of what the step after hands on to
    the state, which is dL/dh without `upstream`, that comes from above, and f dL/dc of the step
    after (dL/dc where `mask`, (batch, time) or without columns, is 0), times its `through`, (time,)
    in the order of going, or none; and the norm at the whole state, of dL/dh and what is handed on
    to the cell.

    hidden_gradient, upstream (rows, units); cell_gradient the same, or without rows where there is
    no cell; gates (rows, gates * units), of which those from the column `forget` on are f. With
    `reverse` the first step is the last one of the arrays.
    """
    steps, units = len(norms) // 4, hidden_gradient.shape[1]
    by_step = norms.reshape(4, steps)

    def apart(array: Array) -> Array:
        """The rows of each step of time: (steps, batch, units), float64."""
        whole = np.moveaxis(array.reshape(-1, steps, units).astype(np.float64), 1, 0)
        return whole[::-1] if reverse else whole

    hidden, above = apart(hidden_gradient), apart(upstream)
    kept = np.zeros_like(hidden)  # what the cell hands on to the step before
    cell = np.full_like(hidden, np.nan)
    if len(cell_gradient):
        cell = apart(cell_gradient)
        keeps = apart(gates[:, forget : forget + units])
        if mask.shape[1]:
            real = np.moveaxis(mask[:, ::-1] if reverse else mask, 1, 0)[:, :, None]
            keeps = np.where(real != 0, keeps, 1.0)
        if len(through):
            keeps = keeps * through[:, None, None]
        kept[:-1] = (keeps * cell)[1:]
    for t in range(steps):
        by_step[0, t] = norm(hidden[t])
        by_step[1, t] = norm(cell[t])
        by_step[2, t] = np.hypot(norm(hidden[t] - above[t]), norm(kept[t]))
        by_step[3, t] = np.hypot(norm(hidden[t]), norm(kept[t]))
    carried, whole = by_step[2, :-1], by_step[3, 1:]
    there = (carried > 0) & (carried < np.inf) & (whole > 0) & (whole < np.inf)
    logs = np.log(carried[there]) - np.log(whole[there])
    out[0] = steps
    out[1] = np.exp(np.mean(logs)) if len(logs) else np.nan
    out[2] = by_step[0, 0]
    reached = lags < steps
    for first, row in ((3, 0), (3 + len(lags), 1)):
        found = by_step[row, steps - 1 - lags[reached]]
        out[first : first + len(lags)] = np.concatenate(
            [found, np.full(len(lags) - len(found), np.nan)]
        )


def measure_gates(out: Array, gates: Array, ends: Array) -> None:
    """Measure gates (rows, gates * units): mean, and fractions at the low and at the high end.

    out, of five numbers for each gate: the first three; ends: low and high end of each gate, in
    the gates' precision; NaN where it has none.
    """
    count = len(ends) // 2
    units = gates.shape[1] // count
    for g in range(count):
        values = gates[:, g * units : (g + 1) * units]
        low, high = ends[2 * g : 2 * g + 2]
        out[5 * g] = np.mean(values, dtype=np.float64)
        out[5 * g + 1] = np.nan if np.isnan(low) else np.mean(values <= low)
        out[5 * g + 2] = np.nan if np.isnan(high) else np.mean(values >= high)


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def measure_gate_weights(out: Array, weight: Array, gradient: Array) -> None:
    """Measure the recurrent weights (units, gates * units) of each gate, and their gradient.

    out, of five numbers for each gate: the last two, which are their Euclidean norms.
    """
    units = len(weight)
    for g in range(weight.shape[1] // units):
        own = slice(g * units, (g + 1) * units)
        out[5 * g + 3] = norm(weight[:, own])
        out[5 * g + 4] = norm(gradient[:, own])
