"""Which elements of a tensor a histogram counts: runs that lie side by side, evenly spread."""

from __future__ import annotations

import math

from nnscratch.arrays import Array
from nnscratch_kernels.reference.measures import SAMPLE_RUN as RUN

FEWEST, MOST, SHARE = 64, 512, 64  # elements counted: one in `SHARE`, but at least and at most


def run_stride(tensor: Array) -> int:
    """Return the distance between the runs that are counted of `tensor`.

    Whole runs, such that they come by all columns in turn.
    """
    samples = min(max(tensor.size // SHARE, FEWEST), MOST)
    stride = max(1, -(-tensor.size // samples))
    while math.gcd(stride, max(tensor.shape[-1] // RUN, 1)) > 1:
        stride += 1
    return stride * RUN
