"""What a recorder measures as operations, in one part each: nothing waits for them.

`sums`, `out` are float64 and `counts` uint16, whatever the dtype of the tensor.
"""

from __future__ import annotations

import numba

from nnscratch_kernels.compiled import measures
from nnscratch_kernels.native import doubles, shorts
from nnscratch_kernels.operation import matrix, number, operation, section, vector

# mypy: disable-error-code="no-untyped-def"


@operation
def measure_elements(like, args, part, parts):
    sums = numba.carray(doubles(args[0]), (args[1],))
    flat = section(like, args, 2, args[7], args[8])
    measures.measure_run(sums, flat, number(args, 5), number(args, 6))


@operation
def sample_signed(like, args, part, parts):
    counts = numba.carray(shorts(args[0]), (args[1],))
    measures.sample_signed(counts, matrix(like, args, 2), args[5])


@operation
def sample_magnitudes(like, args, part, parts):
    counts = numba.carray(shorts(args[0]), (args[1],))
    measures.sample_magnitudes(counts, matrix(like, args, 2), args[5])


@operation
def measure_batchnorm(like, args, part, parts):
    measures.measure_batchnorm(
        numba.carray(doubles(args[0]), (args[1],)),
        vector(like, args, 2),
        vector(like, args, 4),
        vector(like, args, 6),
        vector(like, args, 8),
        vector(like, args, 10),
        number(args, 12),
    )
