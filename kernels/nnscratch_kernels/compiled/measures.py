"""What a recorder measures of a tensor: one vectorised pass, as `reference.measures` defines it.

Sums run in the tensor's own precision over blocks short enough for it, and in float64 over blocks.
The mean and the standard deviation are therefore good to about 1e-6 of the root mean square.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.statistics import bit_view, count_nonfinite, flat_norm
from nnscratch_kernels.jit import inner, jit
from nnscratch_kernels.native import stack_shorts
from nnscratch_kernels.reference.measures import (
    BINS,
    MAGNITUDE_LEAST,
    SAMPLE_RUN,
    SIGNED_LEAST,
)

Array = npt.NDArray[Any]

BLOCK = 2048
# Between these, squares neither overflow nor underflow in float32, in any block.
SMALL, LARGE = 1e-15, 1e15


@jit
def _block(x: Array, low: Any, high: Any) -> Any:
    """Sum, sum of squares, bits of the largest |x|, zeros, at the low end, at the high end."""
    number = x.dtype.type
    zero, one = number(0), number(1)
    bits = bit_view(x)
    integer = bits.dtype.type
    mask, top = integer(np.iinfo(bits.dtype).max), integer(0)
    total, squares, zeros, lows, highs = zero, zero, zero, zero, zero
    for i in range(len(x)):
        v = x[i]
        total += v
        squares += v * v
        magnitude = integer(bits[i] & mask)
        top = magnitude if magnitude > top else top
        zeros += one if v == zero else zero
        lows += one if v <= low else zero
        highs += one if v >= high else zero
    return total, squares, top, zeros, lows, highs


@jit
def _plain_block(x: Array) -> Any:
    """The same without ends."""
    number = x.dtype.type
    zero, one = number(0), number(1)
    bits = bit_view(x)
    integer = bits.dtype.type
    mask, top = integer(np.iinfo(bits.dtype).max), integer(0)
    total, squares, zeros = zero, zero, zero
    for i in range(len(x)):
        v = x[i]
        total += v
        squares += v * v
        magnitude = integer(bits[i] & mask)
        top = magnitude if magnitude > top else top
        zeros += one if v == zero else zero
    return total, squares, top, zeros, zero, zero


@jit
def measure_run(sums: Array, flat: Array, low: float, high: float) -> None:
    """`measure_elements` of a 1-d array."""
    number = flat.dtype.type
    ends = low == low or high == high
    total, squares, zeros, lows, highs = 0.0, 0.0, 0.0, 0.0, 0.0
    bits = bit_view(flat[:0])
    top = bits.dtype.type(0)
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK]
        if ends:
            found = _block(block, number(low), number(high))
        else:
            found = _plain_block(block)
        total += found[0]
        squares += found[1]
        top = found[2] if found[2] > top else top
        zeros += found[3]
        lows += found[4]
        highs += found[5]
    largest = np.empty(1, flat.dtype)
    bit_view(largest)[0] = top
    magnitude = np.float64(largest[0])
    sums[0], sums[1], sums[2], sums[3] = total, math.sqrt(squares), magnitude, zeros
    sums[4] = 0.0
    sums[5] = lows if low == low else math.nan
    sums[6] = highs if high == high else math.nan
    if not (SMALL < magnitude < LARGE) and magnitude != 0.0:
        _measure_extremes(sums, flat)


@jit
def _measure_extremes(sums: Array, flat: Array) -> None:
    """Sum, norm and largest of values that are very small, very large or not finite."""
    total, largest = 0.0, 0.0
    for i in range(len(flat)):
        value = np.float64(flat[i])
        total += value
        magnitude = abs(value)
        if magnitude > largest and magnitude < math.inf:
            largest = magnitude
    sums[0], sums[1], sums[2] = total, flat_norm(flat), largest
    sums[4] = count_nonfinite(flat)


@jit
def measure_elements(sums: Array, x: Array, low: float, high: float, first: int, last: int) -> None:
    """Measure elements `first` to `last` - 1 of `x`: see `reference.measures`."""
    measure_run(sums, x.reshape(x.size)[first:last], low, high)


@jit(fastmath={"contract"})  # reordered, (norm / scale)^2 may become norm^2 / scale^2
def finish_measures(out: Array, sums: Array, starts: Array, sizes: Array) -> None:
    """Put runs of elements together: see `reference.measures`."""
    for i in range(len(sizes)):
        size = sizes[i]
        scale, total, largest = 0.0, 0.0, 0.0
        zeros, nonfinite, lows, highs = 0.0, 0.0, 0.0, 0.0
        for k in range(starts[i], starts[i + 1]):
            norm = sums[k, 1]
            scale = norm if norm > scale or norm != norm else scale
            total += sums[k, 0]
            largest = max(largest, sums[k, 2])
            zeros += sums[k, 3]
            nonfinite += sums[k, 4]
            lows += sums[k, 5]
            highs += sums[k, 6]
        out[i, 1] = total / size
        if starts[i + 1] - starts[i] == 1 and 1e-140 < scale < 1e140:
            mean = total / size
            out[i, 0], out[i, 2] = scale, math.sqrt(max(scale * scale / size - mean * mean, 0.0))
        elif scale > 0.0 and scale < math.inf:
            squares = 0.0
            for k in range(starts[i], starts[i + 1]):
                squares += (sums[k, 1] / scale) ** 2
            ratio = total / size / scale
            out[i, 0] = math.sqrt(squares) * scale
            out[i, 2] = math.sqrt(max(squares / size - ratio * ratio, 0.0)) * scale
        else:
            out[i, 0], out[i, 2] = scale, scale - scale
        out[i, 3], out[i, 4], out[i, 5] = largest, zeros / size, nonfinite
        out[i, 6], out[i, 7] = lows / size, highs / size


def _bin_finder(signed: bool) -> Any:
    """Return the loop that finds bins; Numba puts it into its callers, which it caches by name.

    In vectors, without branches, which could not be foreseen, and in integers no wider than the
    floats.
    """
    narrow = np.int32
    half, nan, zero_bin = narrow(BINS // 2), narrow(BINS), narrow(BINS // 2 if signed else 0)
    least = SIGNED_LEAST if signed else MAGNITUDE_LEAST
    zero, top = narrow(0), narrow(BINS // 2 - 1 if signed else BINS - 1)

    @jit(inline="always", cache=False)
    def find(places: Any, run: Array) -> None:
        integer = run.dtype.type
        mask = integer(np.iinfo(run.dtype).max)
        mantissa, bias, sign = (52, 1023, 63) if mask > 0x7FFFFFFF else (23, 127, 31)
        infinity = integer(np.int64(2 * bias + 1) << mantissa)
        for j in range(len(run)):
            word = run[j]
            magnitude = integer(word & mask)
            place = narrow((magnitude >> integer(mantissa)) - integer(bias + least))
            if signed:
                place = min(max(place, zero), top)
                # The complement, if it is negative: with `half` added, half - 1 - place.
                place = narrow((place ^ narrow(word >> integer(sign))) + half)
            else:
                place = min(max(narrow(place >> 1), zero), top)
            place = zero_bin if magnitude == 0 else place
            places[j] = nan if magnitude > infinity else place

    return find


_signed, _magnitudes = _bin_finder(True), _bin_finder(False)


@inner
def find_signed_bins(places: Any, run: Array) -> None:
    """Note the signed bin of up to 16 elements, given by their bits; 64 for NaN."""
    _signed(places, run)


@inner
def find_magnitude_bins(places: Any, run: Array) -> None:
    """Note their bin by magnitude."""
    _magnitudes(places, run)


def _counter(find: Any) -> Any:
    """Return the loop that counts the elements of a sample."""

    @jit(inline="always", cache=False)
    def count(counts: Array, flat: Array, stride: int) -> None:
        bits = bit_view(flat)
        places = stack_shorts(16)
        counts[:] = np.uint16(0)
        length, at = min(SAMPLE_RUN, len(flat)), 0
        while length > 0 and at + length <= len(flat):
            find(places, bits[at : at + length])
            for j in range(length):
                place = np.uint64(places[j])
                counts[place & np.uint64(BINS - 1)] += np.uint16(place < np.uint64(BINS))
            at += stride

    return count


_count_signed, _count_magnitudes = _counter(find_signed_bins), _counter(find_magnitude_bins)


@jit
def sample_signed(counts: Array, x: Array, stride: int) -> None:
    """Histogram by sign and factor 2: see `reference.measures`."""
    _count_signed(counts, x.reshape(x.size), stride)


@jit
def sample_magnitudes(counts: Array, x: Array, stride: int) -> None:
    """Histogram of |x| by factors of 4: see `reference.measures`."""
    _count_magnitudes(counts, x.reshape(x.size), stride)


@jit
def measure_batchnorm(
    out: Array,
    mean: Array,
    variance: Array,
    running_mean: Array,
    running_variance: Array,
    gamma: Array,
    epsilon: float,
) -> None:
    """Batch against running statistics, and gamma / sigma: see `reference.measures`."""
    gaps, scales, largest, logs, ratio = 0.0, 0.0, 0.0, 0.0, 1.0
    for i in range(len(mean)):
        batch, running = variance[i] + epsilon, running_variance[i] + epsilon
        difference = np.float64(mean[i]) - running_mean[i]
        gaps += difference * difference / running
        scale = gamma[i] * gamma[i] / batch
        scales += scale
        largest = scale if scale > largest or scale != scale else largest
        ratio *= batch / running
        if i % 4 == 3:  # one logarithm for four: the product of four stays in range
            logs += math.log(ratio)
            ratio = 1.0
    logs += math.log(ratio)
    n = len(mean)
    out[0], out[1] = math.sqrt(gaps / n), math.exp(logs / n)
    out[2], out[3] = math.sqrt(scales / n), math.sqrt(largest)
