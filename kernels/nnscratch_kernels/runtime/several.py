"""Several training steps in one native call: gather a batch, run the pass, look, update.

What Python takes for a step is as long as the step itself where the network is small. So as long as
nobody looks in between, it is called once for many.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.jit import jit
from nnscratch_kernels.runtime.program import Program, run_alone

Array = npt.NDArray[Any]


class Update(NamedTuple):
    """The program of an optimizer's step, where its numbers lie, and those of each step."""

    program: Program
    numbers: Array
    table: Array


class Pass(NamedTuple):
    """The program of a pass, the loss that it gives, and what tells whether all is well."""

    program: Program
    value: Array
    grads: Array
    statistics: Array


def train(
    passing: Pass, update: Update, data: list[Array], batch: list[Array], order: Array, large: float
) -> tuple[list[float], bool]:
    """Make a step for each row of `update.table`; return the losses, and whether all were made.

    data, batch : arrays of examples, and those where the pass reads a batch of them
    order : int64 array
        The examples of all the batches, one after the other.
    large : float
        Where the loss, or the sum over gradients and statistics of their sizes, is not below it,
        the update of that pass, whose loss is the last, is not made.
    """
    (x, y), (batch_x, batch_y) = map(_octets, data), map(_octets, batch)
    losses = np.empty(len(update.table))
    made = train_alone(
        *passing.program[:3],
        *update.program[:3],
        *(update.numbers, update.table),
        *(passing.value, passing.grads, passing.statistics),
        *(x, y, batch_x, batch_y, order),
        *(large, losses),
    )
    return losses[: made + 1].tolist(), bool(made == len(losses))


def _octets(array: Array) -> Array:
    """The rows of a contiguous array as bytes."""
    return array.reshape(len(array), -1).view(np.uint8)


@jit
def train_alone(  # type: ignore[no-untyped-def]
    rows,
    lists,
    arguments,
    update_rows,
    update_lists,
    update_arguments,
    numbers,
    table,
    value,
    grads,
    statistics,
    x,
    y,
    batch_x,
    batch_y,
    order,
    large,
    losses,
):
    """`train` on this thread; return how many updates were made."""
    size = len(batch_x)
    for step in range(len(table)):
        gather(batch_x, x, order, step * size)
        gather(batch_y, y, order, step * size)
        run_alone(rows, lists, arguments)
        losses[step] = value[0]
        if not (abs(value[0]) < large and total_size(grads) + total_size(statistics) < large):
            return step
        for i in range(table.shape[1]):
            numbers[i] = table[step, i]
        run_alone(update_rows, update_lists, update_arguments)
    return len(table)


@jit
def gather(batch, data, order, first):  # type: ignore[no-untyped-def]
    """Copy the rows order[first], order[first + 1], ... of `data` into `batch`."""
    for i in range(batch.shape[0]):
        row = order[first + i]
        for k in range(batch.shape[1]):
            batch[i, k] = data[row, k]


@jit
def total_size(values):  # type: ignore[no-untyped-def]
    """The sum of the sizes of all values."""
    total = values.dtype.type(0.0)
    for i in range(len(values)):
        total += abs(values[i])
    return total
