"""The matrix product's inner tile, written in LLVM vector instructions: all LLVM code lives here.

One tile computes `rows` x (`vectors` x lanes) elements of C = A B and keeps them in registers while
k runs. Here 12 rows x 2 vectors, the tile of a machine with 32 registers of 64 bytes::

                      B[k, j : j+16]   B[k, j+16 : j+32]          2 vector loads
                     +----------------+----------------+
      A[i,    k] --> | c[0][0]        | c[0][1]        |
      A[i+1,  k] --> | c[1][0]        | c[1][1]        |          each A element is one scalar,
        ...          |   ...          |   ...          |          broadcast to all lanes;
      A[i+11, k] --> | c[11][0]       | c[11][1]       |          24 fused multiply-adds per k
                     +----------------+----------------+

A is reached through two strides, so A and its transpose cost the same and neither is copied. The
columns that are left over at the right edge use a mask on the loads and stores: nothing outside the
array is read or written, and no array needs padding.

Every element is `c = fma(a[i, k], b[k, j], c)` for k = 0, 1, 2, ... whatever the tile around it, so
neither the tiling, the blocking over k (a partial sum stored and loaded again is the same number)
nor the number of threads changes a bit of the result.
"""

from __future__ import annotations

import platform
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils
from numba.core import types as numba_types
from numba.core.errors import NumbaTypeError
from numba.extending import intrinsic

types: Any = numba_types  # its contents are made at run time, unseen by type checkers
I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)


def host_shape() -> tuple[int, int, bool]:
    """Return (vector bytes, tile rows, fused multiply-add?) that suit this processor.

    12 x 2 accumulators need 32 vector registers, 6 x 2 fit in 16. Zero bytes means that nothing
    is known about the machine: plain loops.
    """
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 12, True
    if features.get("avx2") and features.get("fma"):
        return 32, 6, True
    machine = platform.machine().lower()
    if machine in {"arm64", "aarch64"}:
        return 16, 12, True
    if machine in {"x86_64", "amd64"}:
        return 16, 6, bool(features.get("fma"))
    return 0, 0, False


WIDTH, ROWS, FUSED = host_shape()

# Heights of the smaller tiles for the rows that are left over at the bottom.
TAILS = (8, 4, 2, 1)


def _constant(value: int) -> ir.Constant:
    return ir.Constant(I64, value)


def _step(builder: Any, pointer: Any, count: Any, element: Any) -> Any:
    """Return `pointer` moved by `count` elements."""
    return builder.gep(pointer, [count], source_etype=element)


class _Vector:
    """Loads, stores and arithmetic on vectors of one element type and one number of lanes."""

    def __init__(self, builder: Any, element: Any, width: int) -> None:
        self.builder = builder
        self.size = element.bitwidth // 8
        self.lanes = width // self.size
        self.element = ir.FloatType() if element.bitwidth == 32 else ir.DoubleType()
        self.type = ir.VectorType(self.element, self.lanes)
        self.masks = ir.VectorType(I1, self.lanes)
        self.name = f"v{self.lanes}f{element.bitwidth}"

    def _function(self, name: str, result: Any, *arguments: Any) -> Any:
        signature = ir.FunctionType(result, arguments)
        return cgutils.get_or_insert_function(self.builder.module, signature, name)

    def zero(self) -> Any:
        return ir.Constant(self.type, [0.0] * self.lanes)

    def spread(self, scalar: Any, vector: Any, count: int) -> Any:
        """Return a vector with `scalar` in every lane."""
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
        order = ir.Constant(ir.VectorType(I32, count), [0] * count)
        return self.builder.shuffle_vector(first, undefined, order)

    def shuffle(self, first: Any, second: Any, order: list[int]) -> Any:
        """Return the lanes `order` of `first` followed by `second`."""
        picks = ir.Constant(ir.VectorType(I32, self.lanes), order)
        return self.builder.shuffle_vector(first, second, picks)

    def mask(self, count: Any) -> Any:
        """Return the mask of the lanes below `count`."""
        integers = ir.VectorType(I64, self.lanes)
        lane = ir.Constant(integers, list(range(self.lanes)))
        return self.builder.icmp_signed("<", lane, self.spread(count, integers, self.lanes))

    def load(self, pointer: Any, mask: Any = None) -> Any:
        pointer = self.builder.bitcast(pointer, self.type.as_pointer())
        if mask is None:
            return self.builder.load(pointer, align=self.size, typ=self.type)
        name = f"llvm.masked.load.{self.name}.p0"
        function = self._function(name, self.type, pointer.type, I32, self.masks, self.type)
        align = ir.Constant(I32, self.size)
        return self.builder.call(function, [pointer, align, mask, self.zero()])

    def store(self, value: Any, pointer: Any, mask: Any = None) -> None:
        pointer = self.builder.bitcast(pointer, self.type.as_pointer())
        if mask is None:
            self.builder.store(value, pointer, align=self.size)
            return
        name = f"llvm.masked.store.{self.name}.p0"
        void = ir.VoidType()
        function = self._function(name, void, self.type, pointer.type, I32, self.masks)
        self.builder.call(function, [value, pointer, ir.Constant(I32, self.size), mask])

    def prefetch(self, pointer: Any) -> None:
        """Ask for the cache line at `pointer`, wherever that is: it never faults."""
        pointer = self.builder.bitcast(pointer, ir.IntType(8).as_pointer())
        function = self._function("llvm.prefetch.p0", ir.VoidType(), pointer.type, I32, I32, I32)
        write, nearest, data = (ir.Constant(I32, value) for value in (0, 3, 1))
        self.builder.call(function, [pointer, write, nearest, data])

    def load_scalar(self, pointer: Any) -> Any:
        """Return a vector with the number at `pointer` in every lane."""
        scalar = self.builder.load(pointer, align=self.size, typ=self.element)
        return self.spread(scalar, self.type, self.lanes)

    def multiply_add(self, a: Any, b: Any, c: Any, fused: bool) -> Any:
        """Return a * b + c. Without the instruction, `llvm.fma` would be a slow library call."""
        if not fused:
            return self.builder.fadd(self.builder.fmul(a, b), c)
        function = self._function(f"llvm.fma.{self.name}", self.type, *[self.type] * 3)
        return self.builder.call(function, [a, b, c])


def _function(builder: Any, name: str, parameters: list[Any]) -> tuple[Any, bool]:
    """Return the module's own function `name`, and whether it has yet to be written.

    Tiles live in functions of their own that LLVM neither inlines nor copies. Inlined, they would
    be compiled again, and their loops cloned again, in every function that calls one.
    """
    module = builder.module
    known = module.globals.get(name)
    if known is not None:
        return known, False
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), parameters), name)
    function.linkage = "linkonce_odr"
    for attribute in ("noinline", "noduplicate", "nounwind"):
        function.attributes.add(attribute)
    return function, True


def _not_unrolled(module: Any) -> Any:
    """Return a loop's metadata that forbids unrolling: tiles gain nothing from it, and grow."""
    option = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    # A loop's identity is a node that names itself first; this list differs for each loop.
    node = module.add_metadata([option, _constant(len(module.metadata))])
    node.operands = (node, option)
    return node


def _element_of(array: Any) -> Any:
    if not isinstance(array, types.Array) or array.layout != "C":
        raise NumbaTypeError(f"got {array}, expected a C-contiguous array")
    if array.dtype not in (types.float32, types.float64):
        raise NumbaTypeError(f"got elements of {array.dtype}, expected float32 or float64")
    return array.dtype


@intrinsic
def address(typingctx: Any, array: Any, offset: Any) -> Any:
    """Pointer to the element of a C-contiguous array that lies `offset` elements from the first."""
    signature = types.CPointer(_element_of(array))(array, types.intp)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return _step(builder, data, args[1], context.get_data_type(signature.args[0].dtype))

    return signature, codegen


@intrinsic
def advance(typingctx: Any, pointer: Any, count: Any) -> Any:
    """`pointer` moved by `count` elements."""
    signature = pointer(pointer, types.intp)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _step(builder, args[0], args[1], context.get_data_type(signature.args[0].dtype))

    return signature, codegen


@intrinsic
def zeros(typingctx: Any, pointer: Any) -> Any:
    """Pointer to a constant row of zeros as wide as the widest tile: a place for sums to start."""
    signature = pointer(pointer)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        name = "nnscratch_zeros"
        row = builder.module.globals.get(name)
        if row is None:
            kind = ir.ArrayType(ir.IntType(8), 2 * 64)
            row = ir.GlobalVariable(builder.module, kind, name)
            row.linkage, row.global_constant, row.align = "internal", True, 64
            row.initializer = ir.Constant(kind, None)
        return builder.bitcast(row, context.get_value_type(signature.return_type))

    return signature, codegen


def _emit_tile(
    vector: _Vector,
    rows: int,
    masks: list[Any],
    depth: Any,
    strides: list[Any],
    pointers: list[Any],
    fused: bool,
) -> None:
    """Emit C = start + A B for one tile of `rows` x `len(masks)` vectors; see `strip`."""
    builder, element = vector.builder, vector.element
    a_row, a_column, b_row, c_row, start_row = strides
    a, b, c, start = pointers
    offsets = [_constant(j * vector.lanes) for j in range(len(masks))]
    places = [(i, j) for i in range(rows) for j in range(len(masks))]

    def at(origin: Any, stride: Any, i: int, j: int) -> Any:
        row = _step(builder, origin, builder.mul(stride, _constant(i)), element)
        return _step(builder, row, offsets[j], element)

    a_rows = [builder.mul(a_row, _constant(i)) for i in range(rows)]
    initial = [vector.load(at(start, start_row, i, j), masks[j]) for i, j in places]
    for i, j in places:  # the tile below this one, before its sums are needed
        vector.prefetch(at(c, c_row, rows + i, j))
    before = builder.block
    loop, done = builder.append_basic_block("tile_loop"), builder.append_basic_block("tile_done")
    builder.branch(loop)

    builder.position_at_end(loop)
    k = builder.phi(I64)
    sums = [builder.phi(vector.type) for _ in places]
    a_k = _step(builder, a, builder.mul(k, a_column), element)
    b_k = _step(builder, b, builder.mul(k, b_row), element)
    b_vectors = [
        vector.load(_step(builder, b_k, offset, element), mask)
        for offset, mask in zip(offsets, masks, strict=True)
    ]
    products: list[Any] = []
    for i in range(rows):
        scalar = vector.load_scalar(_step(builder, a_k, a_rows[i], element))
        for b_vector in b_vectors:
            products.append(vector.multiply_add(scalar, b_vector, sums[len(products)], fused))
    following = builder.add(k, _constant(1))
    for phi, first, value in [
        (k, _constant(0), following),
        *zip(sums, initial, products, strict=True),
    ]:
        phi.add_incoming(first, before)
        phi.add_incoming(value, loop)
    again = builder.cbranch(builder.icmp_signed("<", following, depth), loop, done)
    again.set_metadata("llvm.loop", _not_unrolled(builder.module))

    builder.position_at_end(done)
    for value, (i, j) in zip(products, places, strict=True):
        vector.store(value, at(c, c_row, i, j), masks[j])


def _emit_strip(
    vector: _Vector, rows: int, vectors: int, masked: bool, fused: bool, arguments: Any
) -> None:
    """Emit the body of the function that `strip` calls."""
    builder = vector.builder
    columns, m, depth, *strides, a, b, c, start = arguments
    masks = [None] * (vectors - 1) + [vector.mask(columns) if masked else None]
    i = _constant(0)
    for count in [rows, *(tail for tail in TAILS if tail < rows)]:
        before = builder.block
        check, body, after = (
            builder.append_basic_block(f"strip_{name}") for name in ("check", "body", "after")
        )
        builder.branch(check)
        builder.position_at_end(check)
        row = builder.phi(I64)
        row.add_incoming(i, before)
        following = builder.add(row, _constant(count))
        builder.cbranch(builder.icmp_signed("<=", following, m), body, after)
        builder.position_at_end(body)
        a_i, c_i, start_i = (
            _step(builder, origin, builder.mul(row, stride), vector.element)
            for origin, stride in ((a, strides[0]), (c, strides[3]), (start, strides[4]))
        )
        _emit_tile(vector, count, masks, depth, strides, [a_i, b, c_i, start_i], fused)
        row.add_incoming(following, builder.block)
        builder.branch(check)
        builder.position_at_end(after)
        i = row
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
    `start` point to first elements. `strides`, in elements, are those of A's rows, A's columns,
    B's rows, C's rows and start's rows (0: one row serves all). `depth` is at least 1. With
    `masked`, a constant too, only the first `columns` columns of the last vector exist.
    """
    width, rows, vectors, fused = (int(part.literal_value) for part in shape.types)
    use_mask = bool(masked.literal_value)
    size = types.intp
    signature = types.void(shape, masked, size, size, size, types.UniTuple(size, 5), a, a, a, a)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, _, columns, m, depth, strides, *pointers = args
        arguments = [columns, m, depth, *cgutils.unpack_tuple(builder, strides), *pointers]
        dtype = signature.args[6].dtype
        name = f"nnscratch_strip_{dtype}_{width}_{rows}x{vectors}_{fused}_{use_mask}"
        function, new = _function(builder, name, [argument.type for argument in arguments])
        if new:
            inside = ir.IRBuilder(function.append_basic_block("entry"))
            _emit_strip(
                _Vector(inside, dtype, width), rows, vectors, use_mask, bool(fused), function.args
            )
        builder.call(function, arguments)
        return context.get_dummy_value()

    return signature, codegen


def _emit_copy(vector: _Vector, vectors: int, masked: bool, arguments: Any) -> None:
    """Emit the body of the function that `copy_panel` calls."""
    builder = vector.builder
    columns, depth, target, source, source_row = arguments
    masks = [None] * (vectors - 1) + [vector.mask(columns) if masked else None]
    before = builder.block
    loop, done = builder.append_basic_block("copy_loop"), builder.append_basic_block("copy_done")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(I64)
    following = builder.add(k, _constant(1))
    k.add_incoming(_constant(0), before)
    k.add_incoming(following, loop)
    source = _step(builder, source, builder.mul(k, source_row), vector.element)
    target = _step(builder, target, builder.mul(k, columns), vector.element)
    for j, mask in enumerate(masks):
        offset = _constant(j * vector.lanes)
        value = vector.load(_step(builder, source, offset, vector.element), mask)
        vector.store(value, _step(builder, target, offset, vector.element), mask)
    again = builder.cbranch(builder.icmp_signed("<", following, depth), loop, done)
    again.set_metadata("llvm.loop", _not_unrolled(builder.module))
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
        function, new = _function(builder, name, [argument.type for argument in args[3:]])
        if new:
            inside = ir.IRBuilder(function.append_basic_block("entry"))
            _emit_copy(_Vector(inside, dtype, wide), count, bool(use_mask), function.args)
        builder.call(function, args[3:])
        return context.get_dummy_value()

    return signature, codegen


def _emit_transpose(vector: _Vector, masked: bool, arguments: Any) -> None:
    """Emit the body of the function that `transpose_tile` calls."""
    builder, lanes = vector.builder, vector.lanes
    rows, columns, target, target_row, source, source_row = arguments
    load_mask = vector.mask(columns) if masked else None
    block = []
    for i in range(lanes):
        row = _constant(i)
        if masked:  # rows that do not exist repeat the last one, and are never stored
            last = builder.sub(rows, _constant(1))
            row = builder.select(builder.icmp_signed("<", row, last), row, last)
        place = _step(builder, source, builder.mul(row, source_row), vector.element)
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
        place = _step(builder, target, builder.mul(_constant(i), target_row), vector.element)
        mask = store_mask
        if masked:
            exists = builder.icmp_signed("<", _constant(i), columns)
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
        function, new = _function(builder, name, [argument.type for argument in args[2:]])
        if new:
            inside = ir.IRBuilder(function.append_basic_block("entry"))
            _emit_transpose(_Vector(inside, dtype, wide), use_mask, function.args)
        builder.call(function, args[2:])
        return context.get_dummy_value()

    return signature, codegen
