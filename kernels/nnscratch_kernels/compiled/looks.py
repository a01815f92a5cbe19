"""What a recorder looks at now and then, compiled. Definitions: `reference`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.jit import elementwise, jit
from nnscratch_kernels.reference.looks import SAME

Array = npt.NDArray[Any]


@elementwise
def spread(y: Array) -> float:
    """Return the root mean square, over units, of the standard deviation over the examples."""
    examples, units = y.shape
    if examples < 2:
        return math.nan
    means, squares = np.zeros(units), np.zeros(units)
    for i in range(examples):
        for j in range(units):
            means[j] += y[i, j] / examples
    for i in range(examples):
        for j in range(units):
            squares[j] += (y[i, j] - means[j]) ** 2
    found = math.sqrt(squares.sum() / y.size)
    return found if math.isfinite(found) else math.nan


@jit
def dead(y: Array) -> float:
    """Return the fraction of units, columns of `y`, that are 0 or less for every example."""
    examples, units = y.shape
    count = 0
    for j in range(units):
        i = 0
        while i < examples and y[i, j] <= 0:
            i += 1
        count += i == examples
    return count / units


@jit
def copies(weight: Array) -> float:
    """Return the fraction of units, columns of `weight`, that equal another one."""
    inputs, units = weight.shape
    largest = 0.0
    for i in range(inputs):
        for j in range(units):
            size = abs(np.float64(weight[i, j]))
            largest = size if size > largest or size != size else largest
    if units < 2 or not math.isfinite(largest):
        return math.nan
    bound = SAME * largest
    same = np.zeros(units, np.uint8)
    for j in range(units):
        for k in range(j + 1, units):
            i = 0
            while i < inputs and abs(np.float64(weight[i, j]) - np.float64(weight[i, k])) <= bound:
                i += 1
            if i == inputs:
                same[j] = same[k] = 1
    return same.sum() / units
