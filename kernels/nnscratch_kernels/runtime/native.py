"""Addresses, calls through addresses and atomic memory: what Numba has no words for.

`pointer`, `invoke` serve operations (`operation`), the rest the team of threads (`team`). Atomic
functions take an int64 array and an index, and are sequentially consistent.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

I1, I8, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(64)
ORDER = "seq_cst"


@intrinsic
def pointer(typingctx: Any, like: Any, address: Any) -> Any:
    """`address`, an integer, as a pointer of the type of `like`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[1], context.get_value_type(signature.return_type))

    return like(like, types.int64), codegen


def _typed(kind: Any) -> Any:
    """Return code that turns an address, an integer, into a pointer to `kind`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(kind)(types.int64), codegen


@intrinsic
def integers(typingctx: Any, address: Any) -> Any:
    """`address`, an integer, as a pointer to 64-bit integers."""
    return _typed(types.int64)


@intrinsic
def doubles(typingctx: Any, address: Any) -> Any:
    """`address`, an integer, as a pointer to float64."""
    return _typed(types.float64)


@intrinsic
def octets(typingctx: Any, address: Any) -> Any:
    """`address`, an integer, as a pointer to uint8."""
    return _typed(types.uint8)


@intrinsic(prefer_literal=True)
def stack_doubles(typingctx: Any, count: Any) -> Any:
    """Room for `count`, a constant, float64 on the stack of the calling function, as a pointer."""
    room = ir.ArrayType(ir.DoubleType(), int(count.literal_value))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = cgutils.alloca_once(builder, room)
        return builder.bitcast(place, context.get_value_type(signature.return_type))

    return types.CPointer(types.float64)(count), codegen


@intrinsic
def invoke(typingctx: Any, function: Any, like: Any, arguments: Any, part: Any, parts: Any) -> Any:
    """Call the operation at the address `function` with arguments at the address `arguments`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte = I8.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, I64.as_pointer(), I64, I64])
        address, like, arguments, part, parts = args
        target = builder.inttoptr(address, kind.as_pointer())
        builder.call(
            target,
            [
                builder.inttoptr(like, byte),
                builder.inttoptr(arguments, I64.as_pointer()),
                part,
                parts,
            ],
        )
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), codegen


@intrinsic
def call_integer(typingctx: Any, function: Any, argument: Any) -> Any:
    """Call the C function at the address `function`, which takes an unsigned int; 0: do nothing."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(32)])
        exists = builder.icmp_signed("!=", args[0], ir.Constant(I64, 0))
        with builder.if_then(exists):
            target = builder.inttoptr(args[0], kind.as_pointer())
            builder.call(target, [builder.trunc(args[1], ir.IntType(32))])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


def _place(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index], source_etype=I64)


@intrinsic
def atomic_load(typingctx: Any, array: Any, index: Any) -> Any:
    """array[index]"""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], *args)
        return builder.load_atomic(place, ORDER, 8, typ=I64)

    return types.int64(array, types.intp), codegen


@intrinsic
def atomic_exchange(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index] = value; return what was there."""
    return types.int64(array, types.intp, types.int64), _rmw("xchg")


@intrinsic
def atomic_add(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """array[index] += value; return what was there."""
    return types.int64(array, types.intp, types.int64), _rmw("add")


def _rmw(operation: str) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], args[0], args[1])
        return builder.atomic_rmw(operation, place, args[2], ORDER)

    return codegen


@intrinsic
def atomic_claim(typingctx: Any, array: Any, index: Any, expected: Any, value: Any) -> Any:
    """If array[index] == expected: array[index] = value. Return whether it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args[0], args[0], args[1])
        result = builder.cmpxchg(place, args[2], args[3], ORDER, ORDER)
        return builder.extract_value(result, 1)

    return types.boolean(array, types.intp, types.int64, types.int64), codegen


_PAUSES: dict[str, tuple[str, list[int]]] = {
    "x86_64": ("llvm.x86.sse2.pause", []),
    "amd64": ("llvm.x86.sse2.pause", []),
    "arm64": ("llvm.aarch64.hint", [1]),
    "aarch64": ("llvm.aarch64.hint", [1]),
}


@intrinsic
def pause(typingctx: Any) -> Any:
    """Tell the processor that this is a loop that waits, where it has an instruction for that."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        machine = platform.machine().lower()
        if machine in _PAUSES:
            name, hints = _PAUSES[machine]
            values = [ir.Constant(ir.IntType(32), hint) for hint in hints]
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            builder.call(function, values)
        return context.get_dummy_value()

    return types.void(), codegen
