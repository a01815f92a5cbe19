"""C = start + op(A) B on one thread: the loops around the tile of `nnscratch_kernels.tile`.

A *family* is a pair of jitted functions for one vector width: `multiply`, and `pack_transposed`,
which prepares a product with B^T. `multiply` and `pack_transposed` of this module are the family
of this machine; the others exist to be tested, and the plain one for machines about whose vectors
nothing is known.

    multiply(c, a, b, start, transposed, packed, i0, i1, j0, j1)

fills c[i0:i1, j0:j1]. `transposed`: A is stored as (k, m) and read as its transpose. `start` says
where the sums begin, by its number of rows: none, at zero; one, at that row; as many as C, there
(`start` may be C itself). `packed`: B is what `pack_transposed` left for the same j0 and j1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from nnscratch_kernels.jit import jit
from nnscratch_kernels.tile import (
    FUSED,
    ROWS,
    WIDTH,
    address,
    advance,
    strip,
    transpose_tile,
    zeros,
)

# The depth of one sweep: so many rows of a two-vector panel of B stay in the nearest caches while
# all rows of A pass by.
DEPTH = 512


class Family(NamedTuple):
    """The two functions of one vector width."""

    multiply: Any
    pack_transposed: Any


def vector_family(width: int, rows: int, fused: bool) -> Family:
    """Make the family for vectors of `width` bytes and tiles of at most `rows` x 2 vectors."""

    @jit
    def multiply(c, a, b, start, transposed, packed, i0, i1, j0, j1):  # type: ignore[no-untyped-def]
        lanes = width // c.itemsize
        m, n = i1 - i0, c.shape[1]
        depth = a.shape[0] if transposed else a.shape[1]
        a_row, a_column = (1, a.shape[1]) if transposed else (a.shape[1], 1)
        unpacked, panel = (0, depth) if packed else (n, 1)
        a_0, b_0 = address(a, i0 * a_row), address(b, 0)
        if depth == 0:  # as if it were 1, with nothing but zeros in A and B
            depth, a_row, panel = 1, 0, 0
            a_0 = b_0 = zeros(a_0)
        # Where the first sweep over k finds `start`; later ones continue from C.
        start_row = n if start.shape[0] > 1 else 0
        start_column = 1 if start.shape[0] > 0 else 0
        origin = address(start, i0 * start_row) if start.shape[0] > 0 else zeros(a_0)
        k = 0
        while k < depth:
            block = min(DEPTH, depth - k)
            a_k = advance(a_0, k * a_column)
            j = j0
            while j < j1:
                columns = 2 * lanes if j1 - j >= 2 * lanes else min(lanes, j1 - j)
                b_row = max(unpacked, columns)
                b_k = advance(b_0, j * panel + k * b_row)
                c_j = address(c, i0 * n + j)
                start_j = advance(origin, j * start_column)
                strides = (a_row, a_column, b_row, n, start_row)
                if columns > lanes:
                    shape = (width, rows, 2, fused)
                    strip(shape, False, 0, m, block, strides, a_k, b_k, c_j, start_j)
                else:
                    shape = (width, rows, 1, fused)
                    strip(shape, True, columns, m, block, strides, a_k, b_k, c_j, start_j)
                j += columns
            k += block
            origin, start_row, start_column = address(c, i0 * n), n, 1

    @jit
    def pack_transposed(panels, b, j0, j1):  # type: ignore[no-untyped-def]
        lanes = width // b.itemsize
        depth = b.shape[1]
        j = j0
        while j < j1:
            columns = 2 * lanes if j1 - j >= 2 * lanes else min(lanes, j1 - j)
            for first in range(0, columns, lanes):
                r = min(lanes, columns - first)
                for k in range(0, depth, lanes):
                    source = address(b, (j + first) * depth + k)
                    target = address(panels, j * depth + k * columns + first)
                    if r == lanes and k + lanes <= depth:
                        transpose_tile(width, False, r, lanes, target, columns, source, depth)
                    else:
                        transpose_tile(
                            width, True, r, min(lanes, depth - k), target, columns, source, depth
                        )
            j += columns

    return Family(multiply, pack_transposed)


def plain_family() -> Family:
    """Make the family of plain loops, for the compiler to vectorise as it can."""

    @jit
    def multiply(c, a, b, start, transposed, packed, i0, i1, j0, j1):  # type: ignore[no-untyped-def]
        depth = a.shape[0] if transposed else a.shape[1]
        for i in range(i0, i1):
            for j in range(j0, j1):
                if start.shape[0] == 0:
                    c[i, j] = 0
                else:
                    c[i, j] = start[i if start.shape[0] > 1 else 0, j]
            for k in range(depth):
                scalar = a[k, i] if transposed else a[i, k]
                for j in range(j0, j1):
                    c[i, j] += scalar * b[k, j]

    @jit
    def pack_transposed(panels, b, j0, j1):  # type: ignore[no-untyped-def]
        for k in range(b.shape[1]):
            for j in range(j0, j1):
                panels[k, j] = b[j, k]

    return Family(multiply, pack_transposed)


multiply, pack_transposed = vector_family(WIDTH, ROWS, FUSED) if WIDTH else plain_family()
