"""Which rows or columns of a kernel's work a thread does: plain Python, compiled by `operation`."""

from __future__ import annotations

# Rows of the batch that make it worth giving a thread its own.
ROWS_PER_PART = 8


def row_share(rows: int, part: int, parts: int) -> tuple[int, int]:
    """First and last row (exclusive) of a part: whole fours, as evenly as that allows.

    An even number of parts halves the parts of half as many.
    """
    first, last = 0, rows
    while parts % 2 == 0:
        parts //= 2
        middle = first + (last - first + 7) // 8 * 4
        middle = min(middle, last)
        if part < parts:
            last = middle
        else:
            first, part = middle, part - parts
    if parts == 1:
        return first, last
    size = (last - first + 4 * parts - 1) // (4 * parts) * 4
    return min(last, first + part * size), min(last, first + (part + 1) * size)


def column_share(columns: int, part: int, parts: int) -> tuple[int, int]:
    """First and last column (exclusive) of a part: whole thirty-twos, two vectors of the tile."""
    size = (columns + 32 * parts - 1) // (32 * parts) * 32
    return min(columns, part * size), min(columns, (part + 1) * size)
