"""Calls of kernels that are noted, to be made later."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.runtime.sharing import OPERATIONS

Array = npt.NDArray[Any]


class Call(NamedTuple):
    """A kernel with its arguments, and where a loss goes."""

    name: str
    arguments: tuple[Any, ...]
    result: Array | None = None

    @property
    def arrays(self) -> list[Array]:
        """The arrays among the arguments."""
        return [value for value in self.arguments if isinstance(value, np.ndarray)]

    @property
    def cost(self) -> float:
        """Nanoseconds, very roughly."""
        if self.products:
            return self.products / 50
        if self.name == "measure_tensor":
            return 50 + self.arrays[2].size / 25
        return sum(array.size for array in self.arrays) / 5

    @property
    def products(self) -> int:
        """Multiply-adds of a product; 0 of what is none."""
        depth = OPERATIONS[self.name].depth
        return 0 if depth is None else self.arrays[0].size * depth(self.arrays)


def written(call: Call) -> list[Array]:
    """Return the arrays that a call fills."""
    accesses = OPERATIONS[call.name].accesses
    return [a for a, (mode, _) in zip(call.arrays, accesses, strict=True) if mode == "w"]
