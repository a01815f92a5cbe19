"""Batch normalization as operations, split by columns."""

from __future__ import annotations

from nnscratch_kernels.compiled import batchnorm
from nnscratch_kernels.operation import column_range, matrix, number, operation, section

# mypy: disable-error-code="no-untyped-def"


@operation
def batchnorm_forward(like, args, part, parts):
    first, last = column_range(args[2], part, parts)
    if first < last:
        batchnorm.forward_columns(
            matrix(like, args, 0),
            section(like, args, 3, first, last),
            section(like, args, 5, first, last),
            section(like, args, 7, first, last),
            matrix(like, args, 9),
            section(like, args, 12, first, last),
            section(like, args, 14, first, last),
            number(args, 16),
            first,
        )


@operation
def batchnorm_backward(like, args, part, parts):
    first, last = column_range(args[2], part, parts)
    if first < last:
        batchnorm.backward_columns(
            matrix(like, args, 0),
            section(like, args, 3, first, last),
            section(like, args, 5, first, last),
            matrix(like, args, 7),
            matrix(like, args, 10),
            section(like, args, 13, first, last),
            section(like, args, 15, first, last),
            section(like, args, 17, first, last),
            args[19] != 0,
            first,
        )


@operation
def batchnorm_update_running(like, args, part, parts):
    first, last = column_range(args[1], part, parts)
    batchnorm.batchnorm_update_running(
        section(like, args, 0, first, last),
        section(like, args, 2, first, last),
        section(like, args, 4, first, last),
        section(like, args, 6, first, last),
        number(args, 8),
    )
