"""Arithmetic that takes subnormal numbers for zero, for as long as that changes no result.

Some processors need a hundred times as long for a product that has a subnormal number as a factor
or would be one: a vanished gradient is full of them. Where sums are too large for such numbers to
count, or are made again if they are not, these are skipped. Training keeps them.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils

I8, I32 = ir.IntType(8), ir.IntType(32)
CONTROLLED = platform.machine().lower() in {"x86_64", "amd64"}  # by the register MXCSR
INPUTS_AND_RESULTS = 0x8040  # its bits "denormals are zeros" and "flush to zero"


@contextmanager
def skipped(builder: Any, condition: Any) -> Iterator[None]:
    """Take subnormal factors and results for zero in the code emitted here, if `condition`."""
    if not CONTROLLED:
        yield
        return
    before, during = (builder.alloca(I32) for _ in range(2))
    with builder.if_then(condition):
        _control(builder, "stmxcsr", before)
        mode = builder.or_(builder.load(before), ir.Constant(I32, INPUTS_AND_RESULTS))
        builder.store(mode, during)
        _control(builder, "ldmxcsr", during)
    yield
    with builder.if_then(condition):
        _control(builder, "ldmxcsr", before)


def _control(builder: Any, name: str, place: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer()])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{name}")
    builder.call(function, [builder.bitcast(place, I8.as_pointer())])
