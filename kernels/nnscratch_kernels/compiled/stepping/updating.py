"""Updates as operations on blocks (see `blocks`), declared beside their kernels::

    @update()
    @elementwise
    def momentum_update(
        params: Array, velocity: Array, grads: Array, lr: float, momentum: float
    ) -> None: ...

First the parameters, then what is remembered of each, then the gradient, then the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from nnscratch_kernels.compiled.stepping import blocks
from nnscratch_kernels.runtime.native import doubles, integers
from nnscratch_kernels.runtime.operation import Operation, operation
from nnscratch_kernels.runtime.sharing import stands_beside

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


class Update:
    """The operation that updates a block, and what makes its numbers of the kernel's."""

    def __init__(self, kernel: Any, through: Any, prepare: Any) -> None:
        self.kernel, self.through = kernel, through or kernel
        self.prepare: Callable[..., tuple[float, ...]] | None = prepare

    @cached_property
    def operation(self) -> Operation:
        kinds = [*getattr(self.through, "py_func", self.through).__annotations__.values()][:-1]
        states = kinds.count("Array") - 2
        if not 0 <= states <= blocks.MOST_STATES:
            raise TypeError(
                f"{self.kernel} keeps {states} states, expected 0 to {blocks.MOST_STATES}"
            )
        places = [blocks.PARAMS, *range(blocks.STATE, blocks.STATE + states), blocks.GRADS]
        values = [f"block_of(like, args, args[{place}], part)" for place in places]
        values += [f"n[{i + 1}]" for i in range(len(kinds) - states - 2)]
        text = f" n = doubles(args[{blocks.NUMBERS}])\n kernel({', '.join(values)})\n"
        scope = {"block_of": blocks.block_of, "doubles": doubles, "kernel": self.through}
        return Operation(stands_beside(self.kernel, "block", text, scope))


UPDATES: dict[str, Update] = {}


def update(
    through: Callable[..., None] | None = None,
    prepare: Callable[..., tuple[float, ...]] | None = None,
) -> Callable[[Kernel], Kernel]:
    """Declare a kernel an update.

    prepare : makes of the kernel's numbers those of `through`, once for a step
    through : what does a block, with those numbers; else the kernel itself
    """

    def declare(kernel: Kernel) -> Kernel:
        name = getattr(kernel, "py_func", kernel).__name__
        UPDATES[name] = Update(kernel, through, prepare)
        return kernel

    return declare


@operation
def count_update(like, args, part, parts):  # type: ignore[no-untyped-def]
    """Count this update."""
    integers(args[blocks.MADE])[0] += 1
