"""How the work of a kernel is shared out among threads, said beside the kernel.

A declaration says by what a kernel is split, its annotations what each array is, and the naming law
(outputs first) what it writes::

    @shared(by="rows", writes=2)
    @elementwise
    def rmsnorm_forward(
        y: Matrix, inv_rms: PerRow, x: Matrix, gamma: PerColumn, epsilon: float
    ) -> None: ...

From that come the kernel's operation (see `operation`) and what a schedule must know: which part
of which array each part of the work reads and writes. `OPERATIONS` holds them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.runtime import operation as places
from nnscratch_kernels.runtime.operation import Operation

# What an array of a kernel is. Float32 or float64 but for the last two.
Matrix = npt.NDArray[Any]  # rows of the batch, by columns
PerRow = npt.NDArray[Any]  # a number for each row
PerColumn = npt.NDArray[Any]  # a number for each column
Vector = npt.NDArray[Any]  # what every part needs whole
Labels = npt.NDArray[Any]  # a vector of int64
Doubles = npt.NDArray[Any]  # a vector of float64

NUMBERS = {"float": "number(args, {k})", "int": "args[{k}]", "bool": "args[{k}] != 0"}
SPLIT = {"rows": {"Matrix", "PerRow"}, "columns": {"Matrix", "PerColumn"}, "nothing": set[str]()}

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
Array = npt.NDArray[Any]


class Access(NamedTuple):
    """What an operation does with one of its arrays."""

    mode: str  # "w": writes it; "r": reads it; "-": neither
    touches: str  # what a part of it touches: its own "rows" or "columns", or "any"


@dataclass
class Shared:
    """The operation of a kernel, how it is split and what its parts touch."""

    name: str
    by: str  # "rows", "columns" or "nothing"
    accesses: list[Access]
    make: Callable[[], Callable[..., None]]  # the operation as a Python function
    deferred: bool = False  # nothing waits for its results before the end of the pass
    returns: bool = False  # it stores a float64 at the address behind its arguments
    # Of a product: how many products an element of the output adds up, from the arrays. A product
    # may also be split by columns of its output, in a negative number of parts.
    depth: Callable[[list[Array]], int] | None = None

    @cached_property
    def operation(self) -> Operation:
        return Operation(self.make())

    def address(self, dtype: np.dtype[Any]) -> int:
        """Return the address of the native function for `dtype`."""
        return self.operation.address(dtype)


OPERATIONS: dict[str, Shared] = {}


def encoded(values: Sequence[Any], dtype: np.dtype[Any]) -> list[int]:
    """Return the arguments of an operation as integers; of one that is a kernel's name, where its
    operation is."""
    return places.encode(
        [OPERATIONS[value].address(dtype) if isinstance(value, str) else value for value in values]
    )


def shared(
    *,
    by: str,
    writes: int,
    through: Callable[..., None] | None = None,
    reads_whole: tuple[str, ...] = (),
    deferred: bool = False,
) -> Callable[[Kernel], Kernel]:
    """Declare a kernel's operation.

    by : what each part of the work has for its own: "rows", "columns" or "nothing"
    writes : so many arrays, the first ones, are written
    through : what does some columns: the kernel with vectors of those only, and behind its
        arguments the first of them
    reads_whole : the matrices of which a part reads more than its own
    """

    def declare(kernel: Kernel) -> Kernel:
        function = getattr(kernel, "py_func", kernel)
        kinds: dict[str, str] = dict(function.__annotations__)
        returns = kinds.pop("return") == "float"
        arrays = [(name, kind) for name, kind in kinds.items() if kind not in NUMBERS]
        accesses = [
            Access(
                "w" if i < writes else "r",
                by if kind in SPLIT[by] and name not in reads_whole else "any",
            )
            for i, (name, kind) in enumerate(arrays)
        ]

        def make() -> Callable[..., None]:
            body = _body([*kinds.values()], by, returns)
            return stands_beside(
                kernel, "part", body, {**vars(places), "kernel": through or kernel}
            )

        name = function.__name__
        OPERATIONS[name] = Shared(name, by, accesses, make, deferred, returns)
        return kernel

    return declare


def shared_by_hand(
    access: str,
    *,
    by: str,
    deferred: bool = False,
    depth: Callable[[list[Array]], int] | None = None,
) -> Callable[[Callable[..., None]], Shared]:
    """Declare an operation that is written out, and named ``<kernel>_part``.

    access : for each array of the kernel, ``mode:touches`` (see `Access`)
    """

    def declare(function: Callable[..., None]) -> Shared:
        accesses = [Access(*each.split(":")) for each in access.split()]
        name = function.__name__.removesuffix("_part")
        OPERATIONS[name] = Shared(name, by, accesses, lambda: function, deferred, depth=depth)
        return OPERATIONS[name]

    return declare


def stands_beside(kernel: Any, what: str, body: str, scope: dict[str, Any]) -> Callable[..., None]:
    """Make the function ``<kernel>_<what>(like, args, part, parts)``.

    It is as if it stood where the kernel does: Numba keeps compiled code by place and name.
    """
    function = getattr(kernel, "py_func", kernel)
    name, code = f"{function.__name__}_{what}", function.__code__
    text = "\n" * (code.co_firstlineno - 1) + f"def {name}(like, args, part, parts):\n{body}"
    scope["__name__"] = function.__module__
    exec(compile(text, code.co_filename, "exec"), scope)
    made: Callable[..., None] = scope[name]
    return made


def _body(kinds: list[str], by: str, returns: bool) -> str:
    """The operation as text: reach for the part's share of every array, and call the kernel."""
    values, length, k = [], 0, 0
    for kind in kinds:
        values.append(_value(kind, by).format(k=k))
        if kind in SPLIT[by] and not length:
            length = k + (2 if (kind, by) == ("Matrix", "columns") else 1)
        k += 1 if kind in NUMBERS else 3 if kind == "Matrix" else 2
    if by == "columns" and "Matrix" in kinds:
        values.append("first")
    call = f"kernel({', '.join(values)})"
    call = f"store(args, {k}, {call})" if returns else call
    if by == "nothing":
        return f" {call}\n"
    share = f"{by[:-1]}_range(args[{length}], part, parts)"
    return f" first, last = {share}\n if first < last: {call}\n"


def _value(kind: str, by: str) -> str:
    """An argument of the kernel as text."""
    if kind == "Matrix":
        return (
            "some_rows(like, args, {k}, first, last)" if by == "rows" else "matrix(like, args, {k})"
        )
    if kind in SPLIT[by]:
        return "section(like, args, {k}, first, last)"
    special = {**NUMBERS, "Labels": "labels(args, {k})", "Doubles": "float64s(args, {k})"}
    return special.get(kind, "vector(like, args, {k})")
