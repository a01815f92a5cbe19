"""The bins of a histogram that sixteen elements lie in, in LLVM vector instructions."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from nnscratch_kernels.reference.measures import (
    BINS,
    MAGNITUDE_LEAST,
    NAN,
    NOTHING,
    SAMPLE_RUN,
    SIGNED_LEAST,
)
from nnscratch_kernels.vector.vectors import I32, I64, types

BYTES = ir.VectorType(ir.IntType(8), SAMPLE_RUN)


def _emit(builder: Any, double: bool, signed: bool, places: Any, flat: Any, count: Any) -> None:
    """Emit `note_bins`: from the exponent of each element, as integers of its size."""
    mantissa, bias, size = (52, 1023, 64) if double else (23, 127, 32)
    kind = ir.VectorType(ir.IntType(size), SAMPLE_RUN)

    def all_of(value: int) -> Any:
        return ir.Constant(kind, [value] * SAMPLE_RUN)

    def call(name: str, result: Any, *values: Any) -> Any:
        function_type = ir.FunctionType(result, [value.type for value in values])
        function = cgutils.get_or_insert_function(builder.module, function_type, name)
        return builder.call(function, values)

    def clamp(value: Any, last: int) -> Any:
        value = call(f"llvm.smax.v{SAMPLE_RUN}i{size}", kind, value, all_of(0))
        return call(f"llvm.smin.v{SAMPLE_RUN}i{size}", kind, value, all_of(last))

    lanes = ir.VectorType(I64, SAMPLE_RUN)
    order = ir.Constant(ir.VectorType(I32, SAMPLE_RUN), [0] * SAMPLE_RUN)
    first = builder.insert_element(ir.Constant(lanes, None), count, ir.Constant(I32, 0))
    counts = builder.shuffle_vector(first, ir.Constant(lanes, None), order)
    exists = builder.icmp_signed("<", ir.Constant(lanes, list(range(SAMPLE_RUN))), counts)
    source = builder.bitcast(flat, kind.as_pointer())
    align = ir.Constant(I32, size // 8)
    load = f"llvm.masked.load.v{SAMPLE_RUN}i{size}.p0"
    word = call(load, kind, source, align, exists, all_of(0))

    magnitude = builder.and_(word, all_of(2 ** (size - 1) - 1))
    exponent = builder.lshr(magnitude, all_of(mantissa))
    if signed:
        place = clamp(builder.sub(exponent, all_of(bias + SIGNED_LEAST)), BINS // 2 - 1)
        # The complement, if it is negative: with half of the bins added, half - 1 - place.
        place = builder.xor(place, builder.ashr(word, all_of(size - 1)))
        place = builder.add(place, all_of(BINS // 2))
    else:
        place = builder.sub(exponent, all_of(bias + MAGNITUDE_LEAST))
        place = clamp(builder.ashr(place, all_of(1)), BINS - 1)
    is_zero = builder.icmp_unsigned("==", magnitude, all_of(0))
    place = builder.select(is_zero, all_of(BINS // 2 if signed else 0), place)
    infinity = (2 * bias + 1) << mantissa
    is_nan = builder.icmp_unsigned(">", magnitude, all_of(infinity))
    place = builder.select(is_nan, all_of(NAN), place)
    place = builder.select(exists, place, all_of(NOTHING))
    target = builder.bitcast(places, BYTES.as_pointer())
    builder.store(builder.trunc(place, BYTES), target, align=1)


@intrinsic(prefer_literal=True)
def note_bins(typingctx: Any, places: Any, flat: Any, count: Any, signed: Any) -> Any:
    """Fill 16 places, uint8, with the bins of up to 16 elements, signed (a constant) or not.

    See `reference.measures`: `NAN` for NaN, and `NOTHING` where there is no element.
    """
    is_signed = bool(signed.literal_value)
    signature = types.void(places, flat, types.intp, signed)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        places, flat, count, _ = args
        _emit(builder, signature.args[1].dtype.bitwidth == 64, is_signed, places, flat, count)
        return context.get_dummy_value()

    return signature, codegen
