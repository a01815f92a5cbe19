"""Sum, sum of squares, largest and least magnitude of an array, in LLVM vector instructions.

Five instructions a vector, in several chains of accumulators that do not wait for each other. The
largest and the least |x| are found among the bits without their sign, as integers: they order like
|x|, infinity above every number and NaN above infinity.

Whatever the width of the vectors, `REACH` bytes of elements add up side by side and in one order:
the same bits everywhere, and sums no longer, thus no less exact, where vectors are narrow. Narrow
ones pass several times over the elements, each time over a strip of every `REACH` bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from nnscratch_kernels.vector.subnormals import skipped
from nnscratch_kernels.vector.vectors import (
    I64,
    Vector,
    constant,
    not_unrolled,
    own_function,
    step,
    types,
)

F64 = ir.DoubleType()
WIDEST = 64  # bytes of a vector
REACH = 4 * WIDEST
# By the bytes of an element: where the first lies below this, squares may be subnormal ...
FIRST_BELOW = {4: 1e-12, 8: 1e-150}
# ... and where elements are scaled by less than this, their largest is far from subnormal.
MOST_SCALE = {4: 2.0**90, 8: 2.0**900}


class _Chain(NamedTuple):
    """Accumulators, each a vector (or what is being added up of them)."""

    total: Any
    squares: Any
    top: Any
    least: Any


class _Moments:
    """Emits the body of the function that `vector_moments` calls; its `scale` may be None."""

    def __init__(self, vector: Vector, fused: bool, scale: Any) -> None:
        self.vector, self.builder, self.fused = vector, vector.builder, fused
        self.scale = None if scale is None else vector.spread(scale, vector.type, vector.lanes)
        bits, lanes = 8 * vector.size, vector.lanes
        self.integer = ir.IntType(bits)
        self.integers = ir.VectorType(self.integer, lanes)
        self.magnitude = ir.Constant(self.integer, 2 ** (bits - 1) - 1)
        self.unsigned = ir.Constant(self.integers, [self.magnitude.constant] * lanes)
        self.name = f"v{lanes}i{bits}"

    def _call(self, name: str, result: Any, *values: Any) -> Any:
        kind = ir.FunctionType(result, [value.type for value in values])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, values)

    def _larger(self, a: Any, b: Any) -> Any:
        return self._call(f"llvm.umax.{self.name}", self.integers, a, b)

    def _smaller(self, a: Any, b: Any) -> Any:
        return self._call(f"llvm.umin.{self.name}", self.integers, a, b)

    def _nothing(self) -> _Chain:
        zero = self.vector.zero()
        return _Chain(zero, zero, ir.Constant(self.integers, None), self.unsigned)

    def _add(self, chain: _Chain, x: Any, mask: Any = None) -> _Chain:
        """Return `chain` with a vector more, of which only the lanes in `mask` exist."""
        builder = self.builder
        magnitude = builder.and_(builder.bitcast(x, self.integers), self.unsigned)
        least = magnitude if mask is None else builder.select(mask, magnitude, self.unsigned)
        return _Chain(
            builder.fadd(chain.total, x),
            self.vector.multiply_add(x, x, chain.squares, self.fused),
            self._larger(chain.top, magnitude),
            self._smaller(chain.least, least),
        )

    def _join(self, a: _Chain, b: _Chain) -> _Chain:
        builder = self.builder
        return _Chain(
            builder.fadd(a.total, b.total),
            builder.fadd(a.squares, b.squares),
            self._larger(a.top, b.top),
            self._smaller(a.least, b.least),
        )

    def _loop(
        self,
        start: Any,
        chains: list[_Chain],
        advance: int,
        goes_on: Callable[[Any], Any],
        body: Callable[[Any, list[_Chain]], list[_Chain]],
    ) -> list[_Chain]:
        """Emit ``while goes_on(i): chains = body(i, chains); i += advance``."""
        builder, before = self.builder, self.builder.block
        check, inside, after = (
            builder.append_basic_block(f"moments_{name}") for name in ("check", "body", "after")
        )
        builder.branch(check)
        builder.position_at_end(check)
        i = builder.phi(I64)
        i.add_incoming(start, before)
        running = [_Chain(*(builder.phi(value.type) for value in chain)) for chain in chains]
        builder.cbranch(goes_on(i), inside, after)
        builder.position_at_end(inside)
        following = body(i, running)
        i.add_incoming(builder.add(i, constant(advance)), builder.block)
        for phis, first, value in zip(running, chains, following, strict=True):
            for phi, begin, again in zip(phis, first, value, strict=True):
                phi.add_incoming(begin, before)
                phi.add_incoming(again, builder.block)
        builder.branch(check).set_metadata("llvm.loop", not_unrolled(builder.module))
        builder.position_at_end(after)
        return running

    def can_skip(self, flat: Any, scale: Any) -> Any:
        """Whether there may be subnormal numbers or squares, and none that count.

        As they are, elements whose sums are taken for good have a largest that makes subnormal
        squares negligible; scaled, one that makes subnormal elements negligible.
        """
        builder, element = self.builder, self.vector.element
        if self.scale is not None:
            most = ir.Constant(element, MOST_SCALE[self.vector.size])
            return builder.fcmp_ordered("<", scale, most)
        first = builder.load(flat, align=self.vector.size, typ=self.integer)
        magnitude = builder.and_(first, self.magnitude)
        below = ir.Constant(element, FIRST_BELOW[self.vector.size]).bitcast(self.integer)
        return builder.icmp_unsigned("<", magnitude, below)

    def emit(self, chains: int, flat: Any, count: Any, out: Any) -> None:
        """Emit everything; `flat`, `count` and `out` are the function's arguments."""
        vector, builder = self.vector, self.builder
        lanes, reach = vector.lanes, REACH // vector.size

        def load(i: Any, mask: Any = None) -> Any:
            x = vector.load(step(builder, flat, i, vector.element), mask)
            return x if self.scale is None else builder.fmul(x, self.scale)

        def whole(i: Any, running: list[_Chain]) -> list[_Chain]:
            return [
                self._add(chain, load(builder.add(i, constant(c * lanes))))
                for c, chain in enumerate(running)
            ]

        def masked(i: Any, running: list[_Chain]) -> list[_Chain]:
            following = []
            for part, chain in enumerate(running):
                at = builder.add(i, constant(part * lanes))
                mask = vector.mask(builder.sub(count, at))
                following.append(self._add(chain, load(at, mask), mask))
            return following

        end = builder.and_(count, constant(-reach))
        found: list[_Chain] = []
        for strip in range(0, reach, chains * lanes):
            found += self._loop(
                constant(strip),
                [self._nothing()] * chains,
                reach,
                lambda i: builder.icmp_signed("<", i, end),
                whole,
            )
        parts = WIDEST // (lanes * vector.size)  # so many vectors make one of the widest
        last = builder.and_(count, constant(-parts * lanes))
        joined = self._loop(
            end, found[:parts], parts * lanes, lambda i: builder.icmp_signed("<", i, last), whole
        )
        joined = self._loop(
            last, joined, parts * lanes, lambda i: builder.icmp_signed("<", i, count), masked
        )
        for first in range(parts, len(found), parts):
            joined = [*map(self._join, joined, found[first : first + parts])]
        while len(joined) > 1:
            half = len(joined) // 2
            joined = [*map(self._join, joined[:half], joined[half:])]
        for k, value in enumerate(self._across(joined[0])):
            builder.store(value, step(builder, out, constant(k), F64))

    def _across(self, chain: _Chain) -> list[Any]:
        """Reduce each vector to a float64."""
        element = self.vector.element
        sums = [self._folded(chain.total), self._folded(chain.squares)]
        ends = [
            self._call(f"llvm.vector.reduce.{kind}.{self.name}", self.integer, value)
            for kind, value in (("umax", chain.top), ("umin", chain.least))
        ]
        if element == F64:
            return sums + [self.builder.bitcast(end, element) for end in ends]
        return [self.builder.fpext(total, F64) for total in sums] + list(map(self._widened, ends))

    def _folded(self, sums: Any) -> Any:
        """Add up the lanes: the upper half to the lower one, until one is left."""
        half = self.vector.lanes // 2
        while half:
            upper = self.vector.shuffle(
                sums, sums, [half + k % half for k in range(self.vector.lanes)]
            )
            sums = self.builder.fadd(sums, upper)
            half //= 2
        return self.builder.extract_element(sums, ir.Constant(ir.IntType(32), 0))

    def _widened(self, bits: Any) -> Any:
        """Return a float32 >= 0 as a float64, also where subnormal numbers are skipped."""
        builder = self.builder
        value = builder.fpext(builder.bitcast(bits, ir.FloatType()), F64)
        subnormal = builder.fmul(builder.uitofp(bits, F64), ir.Constant(F64, 2.0**-149))
        normal = builder.icmp_unsigned(">=", bits, ir.Constant(self.integer, 1 << 23))
        return builder.select(normal, value, subnormal)


@intrinsic(prefer_literal=True)
def vector_moments(typingctx: Any, shape: Any, flat: Any, count: Any, scale: Any, out: Any) -> Any:
    """Write sum, sum of squares, largest |x| and least |x| of `count` elements to `out`, float64.

    `shape` is (vector bytes, chains of accumulators, fused?, scaled?), all constants; `flat` points
    to the elements, `out` to four numbers. Sums run in the elements' own precision. The largest is
    NaN if any element is. If scaled, all is said of the elements times `scale`, of their type.
    """
    width, chains, fused, scaled = (int(part.literal_value) for part in shape.types)
    signature = types.void(shape, flat, types.intp, scale, out)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dtype = signature.args[1].dtype
        name = f"nnscratch_moments_{dtype}_{width}x{chains}_{fused}_{scaled}"
        function, new = own_function(builder, name, [argument.type for argument in args[1:]])
        if new:
            inside = ir.IRBuilder(function.append_basic_block("entry"))
            flat, count, scale, out = function.args
            moments = _Moments(Vector(inside, dtype, width), bool(fused), scale if scaled else None)
            with skipped(inside, moments.can_skip(flat, scale)):
                moments.emit(chains, flat, count, out)
            inside.ret_void()
        builder.call(function, args[1:])
        return context.get_dummy_value()

    return signature, codegen
