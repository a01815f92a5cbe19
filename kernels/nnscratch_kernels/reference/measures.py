"""What a recorder measures of a tensor, plain NumPy.

A tensor is measured in runs of its rows, so that each thread can measure the rows that it has just
computed; `finish_measures` puts the runs together, in their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.reference.statistics import norm
from nnscratch_kernels.runtime.shares import row_share

Array = npt.NDArray[Any]

# The components of `sums`, and those of `finish_measures`' `out`.
SUMS = ("sum", "norm", "largest", "zeros", "nonfinite", "low", "high", "spread", "count")
MEASURES = ("norm", "mean", "std", "max", "zeros", "nonfinite", "low", "high")

# Histograms. Signed: 32 bins for each sign, a factor 2 each, from 2^-19 to 2^12 and what lies
# beyond; magnitudes: 64 bins, a factor 4 each, from 2^-100 to 2^26 and what lies beyond.
BINS = 64
SIGNED_LEAST, MAGNITUDE_LEAST = -20, -102
# What is no bin: the sampled element is NaN; there is no element.
NAN, NOTHING = 64, 255
# Elements that lie side by side and are sampled together.
SAMPLE_RUN = 16


@np.errstate(over="ignore", invalid="ignore", under="ignore")
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
    """Measure `x`, shape (batch, features), in so many runs of rows (see `row_share`).

    sums[k, :, tensor], float64: of run k the sum; Euclidean norm; largest finite |x|; how many are
    zero; how many NaN or infinite; how many <= `low`; how many >= `high` (NaN where `low` or
    `high` is); the sum of the squares of the distances from the run's mean; how many elements.
    Shape (`runs` or more, 9, tensors or more).

    samples (n,), uint8: the bin that each element of a sample lies in, signed or of the magnitude.
    Each run has the next n / `runs` places. It is sampled 16 elements at a time, `stride` (16 or
    more) from one to the next, as far as they are whole; of a shorter run everything. What begins
    one run's sample goes on in the columns where the last one's ended.
    """
    places = len(samples) // runs
    for k in range(runs):
        first, last = row_share(len(x), k, runs)
        values = x[first:last].reshape(-1)
        magnitudes, finite = np.abs(values), np.isfinite(values)
        sums[k, :, tensor] = (
            np.sum(values, dtype=np.float64),
            norm(values),
            np.max(magnitudes, where=finite, initial=0.0),
            np.count_nonzero(values == 0),
            values.size - np.count_nonzero(finite),
            np.nan if np.isnan(low) else np.count_nonzero(values <= x.dtype.type(low)),
            np.nan if np.isnan(high) else np.count_nonzero(values >= x.dtype.type(high)),
            np.sum(np.square(values - np.mean(values, dtype=np.float64))),
            values.size,
        )
        start = k * (places // SAMPLE_RUN) * stride % x.shape[1]
        sample_bins(samples[k * places : (k + 1) * places], values, signed, start, stride)


def sample_bins(places: Array, values: Array, signed: bool, start: int, stride: int) -> None:
    """Note the bins of a sample of `values` (any shape) from `start` on: see `measure_tensor`."""
    values = values.reshape(-1)
    length = min(SAMPLE_RUN, values.size)
    start = start if start + length <= values.size else 0
    begins = np.arange(start, values.size - length + 1, stride)[: len(places) // SAMPLE_RUN]
    chosen = values[begins[:, None] + np.arange(length)].ravel()
    places[: chosen.size] = _bins(chosen, signed)
    places[chosen.size :] = NOTHING


def _bins(values: Array, signed: bool) -> Array:
    if signed:
        place = np.clip(_exponents(values) - SIGNED_LEAST, 0, BINS // 2 - 1)
        below = np.signbit(values) & (values != 0)
        place = np.where(below, BINS // 2 - 1 - place, BINS // 2 + place)
    else:
        place = np.clip((_exponents(values) - MAGNITUDE_LEAST) // 2, 0, BINS - 1)
    return np.where(np.isnan(values), NAN, place)


def _exponents(values: Array) -> Array:
    """floor(log2 |v|); far below for zero, far above for infinity."""
    exponents = np.frexp(values)[1].astype(np.int64) - 1
    return np.where(values == 0, -5000, np.where(np.isinf(values), 5000, exponents))


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def finish_measures(out: Array, sums: Array, sizes: Array) -> None:
    """Put the runs of tensors together: out[:, i] measures the tensor i, of sizes[i] elements.

    out (8, tensors), float64: norm, mean, standard deviation, largest finite |x|, fraction of
    zeros, count of NaN and infinities, fraction at the low end and at the high end. sums
    (runs, 9, tensors or more) as `measure_tensor` fills it, with zeros where a tensor has no such
    run. The deviation is that within the runs and that between their means (Chan, Golub & LeVeque
    1983): a mean far from 0 costs it no accuracy.
    """
    total, norms, largest, zeros, nonfinite, lows, highs, within, counts = np.moveaxis(sums, 1, 0)[
        ..., : len(sizes)
    ]
    # Scaled by the largest of the runs' norms, so that no square overflows or underflows.
    scale = np.max(norms, axis=0)
    usual = (scale > 0) & (scale < np.inf)
    unit = np.where(usual, scale, 1.0)
    root_mean_square = np.sqrt(np.sum((norms / unit) ** 2, axis=0) / sizes)
    mean = np.sum(total, axis=0) / sizes
    apart = total / np.maximum(counts, 1) - mean
    deviation = np.sqrt(np.sum(within + counts * apart**2, axis=0) / sizes)
    # Squares of very large or small numbers leave the range.
    scaled = np.sqrt(np.maximum(root_mean_square**2 - (mean / unit) ** 2, 0.0)) * unit
    in_range = (scale > 1e-140) & (scale < 1e140)
    # Else they are 0, infinite or NaN.
    out[0] = np.where(usual, root_mean_square * np.sqrt(sizes) * unit, scale)
    out[1] = mean
    out[2] = np.where(usual, np.where(in_range, deviation, scaled), scale - scale)
    out[3] = np.max(largest, axis=0)
    out[4] = np.sum(zeros, axis=0) / sizes
    out[5] = np.sum(nonfinite, axis=0)
    out[6], out[7] = np.sum(lows, axis=0) / sizes, np.sum(highs, axis=0) / sizes


@np.errstate(all="ignore")
def measure_batchnorm(
    out: Array,
    mean: Array,
    variance: Array,
    running_mean: Array,
    running_variance: Array,
    gamma: Array,
    epsilon: float,
) -> None:
    """How far a batch's statistics are from the running ones, and what the layer multiplies by.

    out (4,), float64: root mean square over units of (mean - running mean) / sqrt(running variance
    + epsilon); geometric mean of (variance + epsilon) / (running variance + epsilon); root mean
    square and largest value of |gamma| / sqrt(variance + epsilon).
    """
    batch = variance.astype(np.float64) + epsilon
    running = running_variance.astype(np.float64) + epsilon
    gap = (mean.astype(np.float64) - running_mean) / np.sqrt(running)
    scale = np.abs(gamma) / np.sqrt(batch)
    out[0] = np.sqrt(np.mean(gap**2))
    out[1] = np.exp(np.mean(np.log(batch / running)))
    out[2] = np.sqrt(np.mean(scale**2))
    out[3] = np.max(scale)
