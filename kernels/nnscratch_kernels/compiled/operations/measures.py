"""What a recorder measures as operations: a tensor in runs of rows, the rest in one part.

`sums`, `out` are float64 and `samples` uint8, whatever the dtype of the tensor.
"""

from __future__ import annotations

import numba

from nnscratch_kernels.compiled import measures
from nnscratch_kernels.native import doubles, octets
from nnscratch_kernels.operation import matrix, number, operation, vector

# mypy: disable-error-code="no-untyped-def"


@operation
def measure_tensor(like, args, part, parts):
    sums = numba.carray(doubles(args[0]), (args[1], args[2], args[3]))
    signed, stride, runs = args[12] != 0, args[13], args[14]
    each = runs if parts == 1 else runs // parts
    measures.measure_runs(
        *(sums, octets(args[4]), args[5], matrix(like, args, 6), args[9]),
        *(number(args, 10), number(args, 11), signed, stride, runs),
        *(part * each, (part + 1) * each),
    )


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
