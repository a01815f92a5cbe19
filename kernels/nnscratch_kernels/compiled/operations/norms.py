"""Sums of branches, layer norm and RMS norm as operations: by rows, their parameters by columns."""

from __future__ import annotations

from nnscratch_kernels.compiled import joins, norms
from nnscratch_kernels.operation import (
    column_range,
    matrix,
    number,
    operation,
    row_range,
    rows,
    section,
    some_rows,
    vector,
)

# mypy: disable-error-code="no-untyped-def"


@operation
def add_scaled(like, args, part, parts):
    y, a, b = (
        rows(like, args, 0, part, parts),
        rows(like, args, 3, part, parts),
        rows(like, args, 6, part, parts),
    )
    joins.add_scaled(y, a, b, number(args, 9))


@operation
def scaled(like, args, part, parts):
    y, x = rows(like, args, 0, part, parts), rows(like, args, 3, part, parts)
    joins.scaled(y, x, number(args, 6))


@operation
def layernorm_forward(like, args, part, parts):
    first, last = row_range(args[1], part, parts)
    if first < last:
        norms.layernorm_forward(
            some_rows(like, args, 0, first, last),
            section(like, args, 3, first, last),
            section(like, args, 5, first, last),
            some_rows(like, args, 7, first, last),
            vector(like, args, 10),
            vector(like, args, 12),
            number(args, 14),
        )


@operation
def layernorm_backward_input(like, args, part, parts):
    first, last = row_range(args[1], part, parts)
    if first < last:
        norms.layernorm_backward_input(
            some_rows(like, args, 0, first, last),
            some_rows(like, args, 3, first, last),
            some_rows(like, args, 6, first, last),
            section(like, args, 9, first, last),
            section(like, args, 11, first, last),
            vector(like, args, 13),
        )


@operation
def layernorm_backward_parameters(like, args, part, parts):
    first, last = column_range(args[1], part, parts)
    if first < last:
        norms.layernorm_columns(
            section(like, args, 0, first, last),
            section(like, args, 2, first, last),
            matrix(like, args, 4),
            matrix(like, args, 7),
            vector(like, args, 10),
            vector(like, args, 12),
            args[14] != 0,
            first,
        )


@operation
def rmsnorm_forward(like, args, part, parts):
    first, last = row_range(args[1], part, parts)
    if first < last:
        norms.rmsnorm_forward(
            some_rows(like, args, 0, first, last),
            section(like, args, 3, first, last),
            some_rows(like, args, 5, first, last),
            vector(like, args, 8),
            number(args, 10),
        )


@operation
def rmsnorm_backward_input(like, args, part, parts):
    first, last = row_range(args[1], part, parts)
    if first < last:
        norms.rmsnorm_backward_input(
            some_rows(like, args, 0, first, last),
            some_rows(like, args, 3, first, last),
            some_rows(like, args, 6, first, last),
            section(like, args, 9, first, last),
            vector(like, args, 11),
        )


@operation
def rmsnorm_backward_parameters(like, args, part, parts):
    first, last = column_range(args[1], part, parts)
    if first < last:
        norms.rmsnorm_columns(
            section(like, args, 0, first, last),
            matrix(like, args, 2),
            matrix(like, args, 5),
            vector(like, args, 8),
            args[10] != 0,
            first,
        )
