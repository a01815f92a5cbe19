"""Vectors of LLVM as building blocks for `tile` and `panels`, and which of them this machine has.

These three files hold all the LLVM code of the matrix product. Pointers are Numba's `CPointer`, and
pass between jitted functions like any number.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import config
from numba.core import cgutils
from numba.core import types as numba_types
from numba.core.codegen import get_host_cpu_features
from numba.core.errors import NumbaTypeError
from numba.extending import intrinsic

types: Any = numba_types  # its contents are made at run time, unseen by type checkers
I1, I32, I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)


def host_shape() -> tuple[int, int, bool]:
    """Return (vector bytes, tile rows, fused multiply-add?) that suit this processor.

    12 x 2 accumulators need 32 vector registers, 6 x 2 fit in 16. Zero bytes means that nothing
    is known about the machine: plain loops. What Numba has been told to compile for counts, so
    that NUMBA_CPU_FEATURES makes this a processor with fewer: tests/kernels/test_widths.py.
    """
    told = config.CPU_FEATURES
    features = set((get_host_cpu_features() if told is None else told).split(","))
    fused = {"+avx", "+fma"} <= features
    if told == "":
        return 0, 0, False
    if "+avx512f" in features:
        return 64, 12, True
    if "+avx2" in features and fused:
        return 32, 6, True
    machine = platform.machine().lower()
    if machine in {"arm64", "aarch64"}:
        return 16, 12, True
    if machine in {"x86_64", "amd64"}:
        return 16, 6, fused
    return 0, 0, False


WIDTH, ROWS, FUSED = host_shape()


def constant(value: int) -> ir.Constant:
    return ir.Constant(I64, value)


def step(builder: Any, pointer: Any, count: Any, element: Any) -> Any:
    """Return `pointer` moved by `count` elements."""
    return builder.gep(pointer, [count], source_etype=element)


class Vector:
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


def own_function(builder: Any, name: str, parameters: list[Any]) -> tuple[Any, bool]:
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


def not_unrolled(module: Any) -> Any:
    """Return a loop's metadata that forbids unrolling: tiles gain nothing from it, and grow."""
    option = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    # A loop's identity is a node that names itself first; this list differs for each loop.
    node = module.add_metadata([option, constant(len(module.metadata))])
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
        return step(builder, data, args[1], context.get_data_type(signature.args[0].dtype))

    return signature, codegen


@intrinsic
def advance(typingctx: Any, pointer: Any, count: Any) -> Any:
    """`pointer` moved by `count` elements."""
    signature = pointer(pointer, types.intp)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return step(builder, args[0], args[1], context.get_data_type(signature.args[0].dtype))

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


@intrinsic
def widest(typingctx: Any) -> Any:
    """Let LLVM use whole vectors of AVX-512 in the function that calls this.

    Left to itself it takes half of them. Long formulas gain up to a quarter.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if WIDTH == 64:  # past llvmlite's own `add`, which knows the names of few attributes
            set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), codegen
