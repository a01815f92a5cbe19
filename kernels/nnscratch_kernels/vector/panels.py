"""Moving parts of B to compact panels, straight or transposed, in LLVM vector instructions.

A panel is a strip of B as wide as a tile, stored row by row without gaps.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.extending import intrinsic

from nnscratch_kernels.vector.vectors import (
    I64,
    Vector,
    constant,
    not_unrolled,
    own_function,
    step,
    types,
)


def _emit_copy(vector: Vector, vectors: int, masked: bool, arguments: Any) -> None:
    """Emit the body of the function that `copy_panel` calls."""
    builder = vector.builder
    columns, depth, target, source, source_row = arguments
    masks = [None] * (vectors - 1) + [vector.mask(columns) if masked else None]
    before = builder.block
    loop, done = builder.append_basic_block("copy_loop"), builder.append_basic_block("copy_done")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(I64)
    following = builder.add(k, constant(1))
    k.add_incoming(constant(0), before)
    k.add_incoming(following, loop)
    source = step(builder, source, builder.mul(k, source_row), vector.element)
    target = step(builder, target, builder.mul(k, columns), vector.element)
    for j, mask in enumerate(masks):
        offset = constant(j * vector.lanes)
        value = vector.load(step(builder, source, offset, vector.element), mask)
        vector.store(value, step(builder, target, offset, vector.element), mask)
    again = builder.cbranch(builder.icmp_signed("<", following, depth), loop, done)
    again.set_metadata("llvm.loop", not_unrolled(builder.module))
    builder.position_at_end(done)
    builder.ret_void()


@intrinsic(prefer_literal=True)
def copy_panel(
    typingctx: Any,
    width: Any,
    vectors: Any,
    masked: Any,
    columns: Any,
    depth: Any,
    target: Any,
    source: Any,
    source_row: Any,
) -> Any:
    """Copy `depth` (at least 1) rows of `columns` elements to one compact panel.

    `width` in bytes, `vectors` and `masked` are constants, with the meaning they have in `strip`.
    """
    wide, count, use_mask = (int(part.literal_value) for part in (width, vectors, masked))
    size = types.intp
    signature = types.void(width, vectors, masked, size, size, target, target, size)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[5].dtype
        name = f"nnscratch_copy_{dtype}_{wide}x{count}_{use_mask}"
        function, new = own_function(builder, name, [argument.type for argument in args[3:]])
        if new:
            inside = ir.IRBuilder(function.append_basic_block("entry"))
            _emit_copy(Vector(inside, dtype, wide), count, bool(use_mask), function.args)
        builder.call(function, args[3:])
        return context.get_dummy_value()

    return signature, codegen


def _emit_transpose(vector: Vector, masked: bool, arguments: Any) -> None:
    """Emit the body of the function that `transpose_tile` calls."""
    builder, lanes = vector.builder, vector.lanes
    rows, columns, target, target_row, source, source_row = arguments
    load_mask = vector.mask(columns) if masked else None
    block = []
    for i in range(lanes):
        row = constant(i)
        if masked:  # rows that do not exist repeat the last one, and are never stored
            last = builder.sub(rows, constant(1))
            row = builder.select(builder.icmp_signed("<", row, last), row, last)
        place = step(builder, source, builder.mul(row, source_row), vector.element)
        block.append(vector.load(place, load_mask))
    half = 1
    while half < lanes:
        upper = [x if not x & half else lanes + x - half for x in range(lanes)]
        lower = [x + half if not x & half else lanes + x for x in range(lanes)]
        for i in range(lanes):
            if not i & half:
                first, second = block[i], block[i + half]
                block[i] = vector.shuffle(first, second, upper)
                block[i + half] = vector.shuffle(first, second, lower)
        half *= 2
    store_mask = vector.mask(rows) if masked else None
    for i, value in enumerate(block):
        place = step(builder, target, builder.mul(constant(i), target_row), vector.element)
        mask = store_mask
        if masked:
            exists = builder.icmp_signed("<", constant(i), columns)
            mask = builder.select(exists, store_mask, ir.Constant(vector.masks, None))
        vector.store(value, place, mask)
    builder.ret_void()


@intrinsic(prefer_literal=True)
def transpose_tile(
    typingctx: Any,
    width: Any,
    masked: Any,
    rows: Any,
    columns: Any,
    target: Any,
    target_row: Any,
    source: Any,
    source_row: Any,
) -> Any:
    """target[c, r] = source[r, c] for a block of lanes x lanes, inside the registers.

    Swapping row index and lane index one bit at a time: with h = 1, 2, 4, ..., rows i and i + h
    exchange the halves that lie on the wrong side. With `masked` (a constant, like `width` in
    bytes) only `rows` x `columns` of the source exist.
    """
    wide, use_mask = int(width.literal_value), bool(masked.literal_value)
    size = types.intp
    signature = types.void(width, masked, size, size, target, size, target, size)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[4].dtype
        name = f"nnscratch_transpose_{dtype}_{wide}_{use_mask}"
        function, new = own_function(builder, name, [argument.type for argument in args[2:]])
        if new:
            inside = ir.IRBuilder(function.append_basic_block("entry"))
            _emit_transpose(Vector(inside, dtype, wide), use_mask, function.args)
        builder.call(function, args[2:])
        return context.get_dummy_value()

    return signature, codegen
