"""The matrix product's inner tile, written in LLVM vector instructions.

One tile computes `rows` x (`vectors` x lanes) elements of C = A B and keeps them in registers while
k runs. Here 12 rows x 2 vectors, the tile of a machine with 32 registers of 64 bytes::

                      B[k, j : j+16]   B[k, j+16 : j+32]          2 vector loads
                     +----------------+----------------+
      A[i,    k] --> | c[0][0]        | c[0][1]        |
      A[i+1,  k] --> | c[1][0]        | c[1][1]        |          each A element is one scalar,
        ...          |   ...          |   ...          |          broadcast to all lanes;
      A[i+11, k] --> | c[11][0]       | c[11][1]       |          24 fused multiply-adds per k
                     +----------------+----------------+

A is reached through strides: as it is stored, as its transpose, or copied with the rows of a tile
side by side. The columns that are left over at the right edge use a mask on the loads and stores:
nothing outside the array is read or written, and no array needs padding.

Every element is `c = fma(a[i, k], b[k, j], c)` for k = 0, 1, 2, ... whatever the tile around it, so
neither the tiling, the blocking over k (a partial sum stored and loaded again is the same number)
nor the number of threads changes a bit of the result.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from nnscratch_kernels.vector.vectors import (
    I64,
    Vector,
    advance,
    constant,
    not_unrolled,
    own_function,
    step,
    types,
)

__all__ = ["advance", "strip"]

# Heights of the smaller tiles for the rows that are left over at the bottom.
TAILS = (8, 4, 2, 1)


def _emit_tile(
    vector: Vector,
    rows: int,
    masks: list[Any],
    depth: Any,
    strides: list[Any],
    pointers: list[Any],
    fused: bool,
) -> None:
    """Emit C = start + A B for one tile of `rows` x `len(masks)` vectors; see `strip`."""
    builder, element = vector.builder, vector.element
    a_row, a_column, _, b_row, c_row, start_row = strides
    a, b, c, start = pointers
    offsets = [constant(j * vector.lanes) for j in range(len(masks))]
    places = [(i, j) for i in range(rows) for j in range(len(masks))]

    def at(origin: Any, stride: Any, i: int, j: int) -> Any:
        row = step(builder, origin, builder.mul(stride, constant(i)), element)
        return step(builder, row, offsets[j], element)

    a_rows = [builder.mul(a_row, constant(i)) for i in range(rows)]
    initial = [vector.load(at(start, start_row, i, j), masks[j]) for i, j in places]
    for i, j in places:  # the tile below this one, before its sums are needed
        vector.prefetch(at(c, c_row, rows + i, j))
    before = builder.block
    loop, done = builder.append_basic_block("tile_loop"), builder.append_basic_block("tile_done")
    builder.branch(loop)

    builder.position_at_end(loop)
    k = builder.phi(I64)
    sums = [builder.phi(vector.type) for _ in places]
    a_k = step(builder, a, builder.mul(k, a_column), element)
    b_k = step(builder, b, builder.mul(k, b_row), element)
    b_vectors = [
        vector.load(step(builder, b_k, offset, element), mask)
        for offset, mask in zip(offsets, masks, strict=True)
    ]
    products: list[Any] = []
    for i in range(rows):
        scalar = vector.load_scalar(step(builder, a_k, a_rows[i], element))
        for b_vector in b_vectors:
            products.append(vector.multiply_add(scalar, b_vector, sums[len(products)], fused))
    following = builder.add(k, constant(1))
    for phi, first, value in [
        (k, constant(0), following),
        *zip(sums, initial, products, strict=True),
    ]:
        phi.add_incoming(first, before)
        phi.add_incoming(value, loop)
    again = builder.cbranch(builder.icmp_signed("<", following, depth), loop, done)
    again.set_metadata("llvm.loop", not_unrolled(builder.module))

    builder.position_at_end(done)
    for value, (i, j) in zip(products, places, strict=True):
        vector.store(value, at(c, c_row, i, j), masks[j])


def _emit_strip(
    vector: Vector, rows: int, vectors: int, masked: bool, fused: bool, arguments: Any
) -> None:
    """Emit the body of the function that `strip` calls."""
    builder = vector.builder
    columns, m, depth, *strides, a, b, c, start = arguments
    masks = [None] * (vectors - 1) + [vector.mask(columns) if masked else None]
    i, origin_a, along = constant(0), a, strides[2]
    for count in [rows, *(tail for tail in TAILS if tail < rows)]:
        before = builder.block
        check, body, after = (
            builder.append_basic_block(f"strip_{name}") for name in ("check", "body", "after")
        )
        builder.branch(check)
        builder.position_at_end(check)
        row = builder.phi(I64)
        row.add_incoming(i, before)
        following = builder.add(row, constant(count))
        builder.cbranch(builder.icmp_signed("<=", following, m), body, after)
        builder.position_at_end(body)
        a_i, c_i, start_i = (
            step(builder, origin, builder.mul(row, stride), vector.element)
            for origin, stride in ((origin_a, along), (c, strides[4]), (start, strides[5]))
        )
        _emit_tile(vector, count, masks, depth, strides, [a_i, b, c_i, start_i], fused)
        row.add_incoming(following, builder.block)
        builder.branch(check)
        builder.position_at_end(after)
        i = row
        if count == rows:  # the smaller tiles lie within the one that is not whole
            within = builder.mul(row, builder.sub(strides[2], strides[0]))
            origin_a, along = step(builder, a, within, vector.element), strides[0]
    builder.ret_void()


@intrinsic(prefer_literal=True)
def strip(
    typingctx: Any,
    shape: Any,
    masked: Any,
    columns: Any,
    m: Any,
    depth: Any,
    strides: Any,
    a: Any,
    b: Any,
    c: Any,
    start: Any,
) -> Any:
    """C = start + A B for one column of tiles, `m` rows high: whole tiles first, then smaller ones.

    `shape` is (vector bytes, rows of a tile, vectors, fused?), all constants. `a`, `b`, `c`,
    `start` point to first elements. `strides`, in elements, are those of A's rows in a tile, A's
    columns, A's rows from tile to tile, B's rows, C's rows and start's rows (0: one row serves
    all). `depth` is at least 1. With
    `masked`, a constant too, only the first `columns` columns of the last vector exist.
    """
    width, rows, vectors, fused = (int(part.literal_value) for part in shape.types)
    use_mask = bool(masked.literal_value)
    size = types.intp
    signature = types.void(shape, masked, size, size, size, types.UniTuple(size, 6), a, a, a, a)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, _, columns, m, depth, strides, *pointers = args
        arguments = [columns, m, depth, *cgutils.unpack_tuple(builder, strides), *pointers]
        dtype = signature.args[6].dtype
        name = f"nnscratch_strip_{dtype}_{width}_{rows}x{vectors}_{fused}_{use_mask}"
        function, new = own_function(builder, name, [argument.type for argument in arguments])
        if new:
            inside = ir.IRBuilder(function.append_basic_block("entry"))
            _emit_strip(
                Vector(inside, dtype, width), rows, vectors, use_mask, bool(fused), function.args
            )
        builder.call(function, arguments)
        return context.get_dummy_value()

    return signature, codegen
