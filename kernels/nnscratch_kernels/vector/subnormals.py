"""Arithmetic that takes subnormal numbers for zero.

Some processors need a hundred times as long for a product that has a subnormal number as a factor
or would be one: a vanished gradient is full of them. Measuring skips them where sums are too large
for them to count, or are made again if they are not. Training keeps them unless the thread that
calls has been told otherwise, by us or by whomever: it is a mode of the processor, each thread's
own, and a team takes over the mode of the thread it works for.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnscratch_kernels.jit import jit

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
CONTROLLED = platform.machine().lower() in {"x86_64", "amd64"}  # by the register MXCSR
INPUTS_AND_RESULTS = 0x8040  # its bits "denormals are zeros" and "flush to zero"
CONTROLS = 0xFFC0  # all of its bits but those that say what has happened


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


@intrinsic
def arithmetic_mode(typingctx: Any) -> Any:
    """This thread's mode of arithmetic; always 0 on processors that are not controlled."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if not CONTROLLED:
            return ir.Constant(I64, 0)
        place = cgutils.alloca_once(builder, I32)
        _control(builder, "stmxcsr", place)
        return builder.zext(builder.and_(builder.load(place), ir.Constant(I32, CONTROLS)), I64)

    return types.int64(), codegen


@intrinsic
def set_arithmetic_mode(typingctx: Any, mode: Any) -> Any:
    """Go on in a mode that `arithmetic_mode` returned."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if CONTROLLED:
            place = cgutils.alloca_once(builder, I32)
            builder.store(builder.trunc(args[0], I32), place)
            _control(builder, "ldmxcsr", place)
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@jit
def skip_subnormals():  # type: ignore[no-untyped-def]
    """Let this thread take subnormal numbers for zero; return the mode before."""
    mode = arithmetic_mode()
    set_arithmetic_mode(mode | INPUTS_AND_RESULTS)
    return mode


@jit
def go_on_in(mode):  # type: ignore[no-untyped-def]
    """Let this thread go on in a mode that `skip_subnormals` returned."""
    set_arithmetic_mode(mode)
