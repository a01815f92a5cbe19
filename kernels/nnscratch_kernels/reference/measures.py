"""What a recorder measures of a tensor, plain NumPy.

A tensor is measured in runs of its elements, in row-major order, so that large ones can be shared
among threads; `finish_measures` puts the runs together, in their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.reference.statistics import norm

Array = npt.NDArray[Any]

# The components of `sums`, and of a row of `finish_measures`' `out`.
SUMS = ("sum", "norm", "largest", "zeros", "nonfinite", "low", "high")
MEASURES = ("norm", "mean", "std", "max", "zeros", "nonfinite", "low", "high")

# Histograms. Signed: 32 bins for each sign, a factor 2 each, from 2^-19 to 2^12 and what lies
# beyond; magnitudes: 64 bins, a factor 4 each, from 2^-100 to 2^26 and what lies beyond.
BINS = 64
SAMPLE_RUN = 16
SIGNED_LEAST, MAGNITUDE_LEAST = -20, -102


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def measure_elements(sums: Array, x: Array, low: float, high: float, first: int, last: int) -> None:
    """Measure elements `first` to `last` - 1 of `x`, shape (batch, features), row by row.

    sums (7,), float64: sum; Euclidean norm; largest finite |x|; how many are zero; how many NaN or
    infinite; how many <= `low`; how many >= `high` (NaN where `low` or `high` is).
    """
    values = x.reshape(-1)[first:last]
    magnitudes = np.abs(values)
    finite = np.isfinite(values)
    sums[0] = np.sum(values, dtype=np.float64)
    sums[1] = norm(values)
    sums[2] = np.max(magnitudes, where=finite, initial=0.0)
    sums[3] = np.count_nonzero(values == 0)
    sums[4] = values.size - np.count_nonzero(finite)
    sums[5] = np.nan if np.isnan(low) else np.count_nonzero(values <= x.dtype.type(low))
    sums[6] = np.nan if np.isnan(high) else np.count_nonzero(values >= x.dtype.type(high))


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def finish_measures(out: Array, sums: Array, starts: Array, sizes: Array) -> None:
    """Put runs of elements together: out[i] measures the tensor of runs starts[i]:starts[i + 1].

    out (tensors, 8), float64: norm, mean, standard deviation, largest finite |x|, fraction of
    zeros, count of NaN and infinities, fraction at the low end and at the high end. sums (runs, 7)
    as `measure_elements` fills it; sizes (tensors,) elements, float64.
    """
    for i, size in enumerate(sizes):
        runs = sums[starts[i] : starts[i + 1]]
        # Scaled by the largest of the runs' norms, so that no square overflows or underflows.
        scale = np.max(runs[:, 1])
        root_mean_square = 0.0
        if scale > 0 and scale < np.inf:
            root_mean_square = np.sqrt(np.sum((runs[:, 1] / scale) ** 2) / size)
            ratio = np.sum(runs[:, 0]) / size / scale
            spread = max(root_mean_square**2 - ratio**2, 0.0)
            out[i, :3] = (
                root_mean_square * np.sqrt(size) * scale,
                np.sum(runs[:, 0]) / size,
                np.sqrt(spread) * scale,
            )
        else:  # 0, infinite or NaN
            out[i, :3] = scale, np.sum(runs[:, 0]) / size, scale - scale
        out[i, 3] = np.max(runs[:, 2])
        out[i, 4] = np.sum(runs[:, 3]) / size
        out[i, 5] = np.sum(runs[:, 4])
        out[i, 6:] = np.sum(runs[:, 5:], axis=0) / size


def sample_signed(counts: Array, x: Array, stride: int) -> None:
    """counts (64,), uint16: how many of a sample of `x` lie in each signed bin; NaN in none.

    The sample is runs of 16 elements, `stride` (at least 16) from one to the next, as far as they
    are whole; of a smaller `x` everything.
    """
    values = _sampled(x, stride)
    place = np.clip(_exponents(values) - SIGNED_LEAST, 0, BINS // 2 - 1)
    place = np.where(np.signbit(values) & (values != 0), BINS // 2 - 1 - place, BINS // 2 + place)
    counts[...] = np.bincount(place, minlength=BINS)


def sample_magnitudes(counts: Array, x: Array, stride: int) -> None:
    """The same for |x|, in bins of a factor 4."""
    place = np.clip((_exponents(_sampled(x, stride)) - MAGNITUDE_LEAST) // 2, 0, BINS - 1)
    counts[...] = np.bincount(place, minlength=BINS)


def _sampled(x: Array, stride: int) -> Array:
    flat = x.reshape(-1)
    length = min(SAMPLE_RUN, flat.size)
    starts = np.arange(0, flat.size - length + 1, stride)
    values = flat[starts[:, None] + np.arange(length)].ravel()
    return values[~np.isnan(values)]


def _exponents(values: Array) -> Array:
    """floor(log2 |v|); far below for zero, far above for infinity."""
    exponents = np.frexp(values)[1].astype(np.int64) - 1
    return np.where(values == 0, -5000, np.where(np.isinf(values), 5000, exponents))


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
