"""What a recorder measures of a tensor: one vectorised pass, as `reference.measures` defines it.

Sums run in the tensor's own precision over blocks short enough for it, and in float64 over blocks.
The mean is therefore good to about 1e-7 of the root mean square. Where it is large beside the
deviation, the squares are summed once more, around it, so that the deviation is as good.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.statistics import count_nonfinite
from nnscratch_kernels.compiled.sums import BLOCK, moments, of_nonfinite, rare_of, scaled_sums
from nnscratch_kernels.jit import inner, jit
from nnscratch_kernels.reference.measures import NOTHING, SAMPLE_RUN
from nnscratch_kernels.runtime.native import doubles, octets, stack_doubles
from nnscratch_kernels.runtime.operation import matrix, number, row_range
from nnscratch_kernels.runtime.sharing import Doubles, PerColumn, shared, shared_by_hand
from nnscratch_kernels.vector.bins import note_bins
from nnscratch_kernels.vector.vectors import address, advance

Array = npt.NDArray[Any]

# If the largest lies between these, squares do not overflow in float32, in any block, nor is
# anything lost with those that underflow.
SMALL, LARGE = 1e-13, 1e15


# Where the mean's square is so many times the variance, too little would be left of their sum.
LARGE_MEAN = 32.0


@inner
def around(x: Any, count: int, shift: Any, found: Any) -> None:
    """found[0], found[1] = sum(x - shift), sum((x - shift)^2), in eight chains each."""
    values = numba.carray(x, (count,))
    blocked = count - count % 8
    for k in range(16):
        found[k] = 0.0
    for j in range(0, blocked, 8):
        for k in range(8):
            d = np.float64(values[j + k] - shift)
            found[k] += d
            found[8 + k] += d * d
    for k in range(count - blocked):
        d = np.float64(values[blocked + k] - shift)
        found[k] += d
        found[8 + k] += d * d
    for half in (4, 2, 1):
        for k in range(half):
            found[k] += found[k + half]
            found[8 + k] += found[8 + k + half]
    found[1] = found[8]


@inner(forceinline=True)
def measure_run(
    sums: Array, k: int, tensor: int, x: Any, count: int, low: float, high: float
) -> None:
    """Write sums[k, :, tensor] of `count` elements, of which there is at least one."""
    found = stack_doubles(4)
    moments(x, min(BLOCK, count), found)
    total, squares, largest, least = found[0], found[1], found[2], found[3]
    for start in range(BLOCK, count, BLOCK):
        moments(advance(x, start), min(BLOCK, count - start), found)
        total += found[0]
        squares += found[1]
        largest = found[2] if found[2] > largest or found[2] != found[2] else largest
        least = min(least, found[3])
    # Zeros and ends are counted only where the magnitudes say that there may be some: what is at an
    # end, if that end is not around zero, would have been seen.
    real = numba.carray(x, (0,)).dtype.type
    below, above = real(low), real(high)
    is_below = below >= 0 or (below < 0 and not largest < -below)
    is_above = above <= 0 or (above > 0 and not largest < above)
    zeros = float(count) if largest == 0 else 0.0
    lows, highs = (0.0 if low == low else math.nan), (0.0 if high == high else math.nan)
    if (least == 0 and largest != 0) or is_below or is_above:
        nowhere = real(math.nan)
        found_zeros, some, others = rare_of(
            x,
            count,
            least == 0 and largest != 0,
            below if is_below else nowhere,
            above if is_above else nowhere,
        )
        zeros += found_zeros
        lows += some
        highs += others
    norm, nonfinite = math.sqrt(squares), 0.0
    if not (SMALL < largest < LARGE) and largest != 0.0:
        if largest < math.inf:
            total, norm = scaled_sums(x, count, largest)
        else:
            flat = numba.carray(x, (count,))
            total, norm, largest = of_nonfinite(flat)
            nonfinite = count_nonfinite(flat)
    of_mean = total / count * total
    spread = norm * norm - of_mean
    if of_mean > LARGE_MEAN * spread and nonfinite == 0 and of_mean < math.inf:
        closer = stack_doubles(16)
        shift = real(total / count)
        around(x, count, shift, closer)
        total = np.float64(shift) * count + closer[0]
        spread = closer[1] - closer[0] / count * closer[0]
    sums[k, 0, tensor], sums[k, 1, tensor], sums[k, 2, tensor] = total, norm, largest
    sums[k, 3, tensor], sums[k, 4, tensor] = zeros, nonfinite
    sums[k, 5, tensor], sums[k, 6, tensor] = lows, highs
    sums[k, 7, tensor], sums[k, 8, tensor] = spread, count


@inner
def sample(
    samples: Any, places: int, x: Any, count: int, signed: bool, start: int, stride: int
) -> None:
    """Note the bins of a sample in so many places: see `sample_bins`."""
    length = min(SAMPLE_RUN, count)
    at, place = start if start + length <= count else 0, 0
    while place < places and at + length <= count:
        if signed:
            note_bins(advance(samples, place), advance(x, at), length, True)
        else:
            note_bins(advance(samples, place), advance(x, at), length, False)
        place += SAMPLE_RUN
        at += stride
    for i in range(place, places):
        samples[i] = NOTHING


@inner(forceinline=True)
def measure_runs(
    sums: Array,
    samples: Any,
    places: int,
    x: Array,
    tensor: int,
    low: float,
    high: float,
    signed: bool,
    stride: int,
    runs: int,
    first: int,
    last: int,
) -> None:
    """Measure runs `first` to `last` - 1 of `runs`, which share so many `places`."""
    columns = x.shape[1]
    mine = places // runs if places > 0 else 0
    for k in range(first, last):
        i0, i1 = row_range(x.shape[0], k, runs)
        begin, count = address(x, i0 * columns), (i1 - i0) * columns
        measure_run(sums, k, tensor, begin, count, low, high)
        if mine > 0:
            start = k * (mine // SAMPLE_RUN) * stride % columns if k > 0 else 0
            sample(advance(samples, k * mine), mine, begin, count, signed, start, stride)


@jit
def measure_tensor(
    sums: Array,
    samples: Array,
    x: Array,
    tensor: int,
    low: float,
    high: float,
    signed: bool,
    stride: int,
    runs: int,
) -> None:
    """Measure a tensor in runs of its rows: see `reference.measures`."""
    there, places = octets(samples.ctypes.data), len(samples)
    measure_runs(sums, there, places, x, tensor, low, high, signed, stride, runs, 0, runs)


# Each measure has places of its own to write to, which nothing else in a schedule touches.
@shared_by_hand("-:any -:any r:rows", by="rows", deferred=True)
def measure_tensor_part(like, args, part, parts):  # type: ignore[no-untyped-def]
    sums = numba.carray(doubles(args[0]), (args[1], args[2], args[3]))
    signed, stride, runs = args[12] != 0, args[13], args[14]
    each = runs if parts == 1 else runs // parts
    measure_runs(
        *(sums, octets(args[4]), args[5], matrix(like, args, 6), args[9]),
        *(number(args, 10), number(args, 11), signed, stride, runs),
        *(part * each, (part + 1) * each),
    )


@jit
def sample_bins(places: Array, values: Array, signed: bool, start: int, stride: int) -> None:
    """Note the bins of a sample: see `reference.measures`."""
    flat = values.reshape(values.size)
    there, count = octets(places.ctypes.data), len(flat)
    sample(there, len(places), address(flat, 0), count, signed, start, stride)


@inner
def add_runs(row: Array, sums: Array, m: int) -> None:
    """row[i] = sum over the runs k of sums[k, m, i]."""
    for i in range(len(row)):
        row[i] = sums[0, m, i]
    for k in range(1, len(sums)):
        for i in range(len(row)):
            row[i] += sums[k, m, i]


@inner
def careful_finish(out: Array, sums: Array, i: int, size: float) -> None:
    """Norm and deviation of a tensor whose squares leave the range, or that is 0, inf or NaN."""
    scale = 0.0
    for k in range(len(sums)):
        norm = sums[k, 1, i]
        scale = norm if norm > scale or norm != norm else scale
    out[0, i], out[2, i] = scale, scale - scale
    if scale > 0.0 and scale < math.inf:
        squares = 0.0
        for k in range(len(sums)):
            squares += (sums[k, 1, i] / scale) ** 2
        ratio = out[1, i] / scale
        out[0, i] = math.sqrt(squares) * scale
        out[2, i] = math.sqrt(max(squares / size - ratio * ratio, 0.0)) * scale


@jit(fastmath={"contract"})  # reordered, (norm / scale)^2 may become norm^2 / scale^2
def finish_measures(out: Array, sums: Array, sizes: Array) -> None:
    """Put the runs of tensors together: see `reference.measures`."""
    runs, count = len(sums), len(sizes)
    for row, m in ((1, 0), (4, 3), (5, 4), (6, 5), (7, 6)):
        add_runs(out[row], sums, m)
    norms, largest = out[0], out[3]
    for i in range(count):
        norms[i] = sums[0, 1, i] * sums[0, 1, i]
        largest[i] = sums[0, 2, i]
    for k in range(1, runs):
        for i in range(count):
            norms[i] += sums[k, 1, i] * sums[k, 1, i]
            largest[i] = sums[k, 2, i] if sums[k, 2, i] > largest[i] else largest[i]
    unusual = 0
    for i in range(count):
        size, squares = sizes[i], norms[i]
        mean = out[1, i] / size
        norms[i] = math.sqrt(squares)
        out[1, i] = mean
        spread = 0.0
        for k in range(runs):
            number = sums[k, 8, i]
            apart = sums[k, 0, i] / number - mean if number > 0 else 0.0
            spread += sums[k, 7, i] + number * apart * apart
        out[2, i] = math.sqrt(spread / size if spread > 0.0 else 0.0)
        out[4, i] /= size
        out[6, i] /= size
        out[7, i] /= size
        unusual += 0 if 1e-280 < squares < 1e280 else 1
    if unusual > 0:
        for i in range(count):
            if not 1e-140 < norms[i] < 1e140:
                careful_finish(out, sums, i, sizes[i])


@shared(by="nothing", writes=0, deferred=True)
@jit
def measure_batchnorm(
    out: Doubles,
    mean: PerColumn,
    variance: PerColumn,
    running_mean: PerColumn,
    running_variance: PerColumn,
    gamma: PerColumn,
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
