"""What a recorder measures together: runs of a tensor's rows; and of its elements, for histograms.

Both depend on shapes alone, so the record does not depend on the number of threads.
"""

from __future__ import annotations

import functools

import numpy as np

from nnscratch.arrays import Array
from nnscratch_kernels.reference.measures import BINS
from nnscratch_kernels.reference.measures import SAMPLE_RUN as RUN
from nnscratch_kernels.runtime.shares import row_share

FEWEST, MOST = 64, 512  # elements that are sampled
SHARE = 64  # of a parameter, one element in so many
_CANDIDATES = 64


def sample_size(wanted: int) -> int:
    """Return how many elements to sample: a power of two, `wanted` or more unless that is many."""
    return min(max(FEWEST, 1 << max(wanted - 1, 0).bit_length()), MOST)


def tensor_sample(features: int) -> int:
    """Return how many elements are sampled of a layer's output, whatever the batch."""
    return sample_size(features)


def parameter_sample(size: int) -> int:
    """Return how many elements are sampled of a parameter."""
    return sample_size(-(-size // SHARE))


@functools.lru_cache(maxsize=4096)
def tensor_stride(rows: int, columns: int, runs: int) -> int:
    """Return the distance between the 16s of elements that are sampled of a tensor.

    Whole rows, and so many columns that all columns, or as many as there are samples, evenly
    spread, are sampled equally often, give or take one.
    """
    places = tensor_sample(columns) // runs // RUN
    shift = max(RUN, columns // (places * runs))
    shares = (row_share(rows, part, runs) for part in range(runs))
    shortest = min(last - first for first, last in shares) * columns
    # A run of rows begins in the column where the one before it ended.
    room = shortest - RUN - (columns - 1 if runs > 1 else 0)
    return shift + max(0, (room // max(places - 1, 1) - shift) // columns) * columns


@functools.lru_cache(maxsize=4096)
def parameter_stride(size: int, columns: int) -> int:
    """Return the same for a parameter: a multiple of 16, since it is sampled block by block.

    Of the distances between half of the longest that fits and that one, it is the one by which the
    columns (of a vector 1) are sampled most evenly.
    """
    places = parameter_sample(size) // RUN
    longest = max(1, (size - RUN) // (RUN * max(places - 1, 1)))
    begins = np.arange(places)[:, None] * RUN
    best, least = longest, size
    for units in range(longest, max(longest // 2, longest - _CANDIDATES, 0), -1):
        sampled = (begins * units + np.arange(RUN)) % columns
        counts = np.bincount(sampled.ravel(), minlength=columns)
        if np.ptp(counts) < least:
            best, least = units, int(np.ptp(counts))
        if least <= 1:
            break
    return best * RUN


def sampled_places(size: int, start: int, stride: int, most: int) -> Array:
    """Return which of `size` elements `kernels.sample_bins` samples, `most` or fewer."""
    length = min(RUN, size)
    begins = np.arange(start if start + length <= size else 0, size - length + 1, stride)
    return (begins[: most // RUN, None] + np.arange(length)).ravel()


def count_samples(samples: Array, starts: Array) -> Array:
    """Return how many of samples[s, starts[i] : starts[i + 1]] lie in each bin: (S, H, 64), uint16.

    samples : uint8 of shape (S, n), as `measure_tensor` leaves them; starts (H + 1,)
    """
    width = BINS + 1  # one for all that is no bin
    histograms = len(starts) - 1
    first = np.repeat(np.arange(histograms) * width, np.diff(starts))
    counts = np.empty((len(samples), histograms, BINS), np.uint16)
    for row, places in zip(counts, samples[:, starts[0] : starts[-1]], strict=True):
        found = np.bincount(first + np.minimum(places, BINS), minlength=histograms * width)
        row[...] = found.reshape(histograms, width)[:, :BINS]
    return counts


# Two threads always find half of a tensor each; more runs of rows need so many elements each.
FEWEST_ROWS, WORTH_RUN, MOST_RUNS = 8, 2048, 8


@functools.lru_cache(maxsize=4096)
def measured_runs(rows: int, columns: int) -> int:
    """Return in how many runs of its rows a tensor is measured: 1, 2, 4 or 8."""
    most = min(rows // FEWEST_ROWS, tensor_sample(columns) // RUN, MOST_RUNS)
    runs = 1
    while 2 * runs <= most and (runs == 1 or rows * columns >= 2 * runs * WORTH_RUN):
        runs *= 2
    return runs
