"""C = start + op(A) B on one thread: the loops around the tile of `nnscratch_kernels.vector.tile`.

A *family* is a set of jitted functions for one vector width: `multiply`, and `pack_transposed`,
which prepares a product with B^T; `pack` and `add_product` for products with one B again and again,
as in every step of a recurrent layer. The functions of this module are the family of this machine;
the others exist to be tested, and the plain one for machines about whose vectors nothing is known.

    multiply(c, a, b, start, transposed, packed, i0, i1, j0, j1)

fills c[i0:i1, j0:j1]. `transposed`: A is stored as (k, m) and read as its transpose. `start` says
where the sums begin, by its number of rows: none, at zero; one, at that row; as many as C, there
(`start` may be C itself). `packed`: B is what `pack_transposed` left for the same j0 and j1.

    pack(panels, b, j0, j1)
    add_product(c, a, panels, i0, i1, j0, k0)

c[i0:i1, j0:] += a[i0:i1, k0:] B, where `panels` (depth, columns) holds those columns of B.

Panels: the columns of B are worked on two vectors at a time, then one, the last one masked. A
packed B stores panel after panel, each one row by row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.jit import BOUNDS, check_extent, jit
from nnscratch_kernels.vector.panels import copy_panel, transpose_tile
from nnscratch_kernels.vector.tile import strip
from nnscratch_kernels.vector.vectors import FUSED, ROWS, WIDTH, address, advance, zeros

Array = npt.NDArray[Any]

# Rows that lie a power of two apart fall into the same few places of every cache. So B is copied,
# panel by panel just before it is used, where at least PACK_TILES tiles below each other use it and
# it has more than PACK_BYTES; and an A that is read as its transpose, the rows of a tile side by
# side, where at least PACK_COLUMNS columns of B use it.
PACK_TILES, PACK_BYTES, PACK_COLUMNS = 8, 65_536, 200

# So many rows of a panel of B stay in the nearest cache while all rows of A pass by, so many bytes
# of A in the next one while all panels do, and so many columns of B wait for further rows of A.
DEPTH, BLOCK_BYTES, BLOCK_COLUMNS = 384, 262_144, 2048


class Family(NamedTuple):
    """The functions of one vector width."""

    multiply: Any
    pack_transposed: Any
    pack: Any
    add_product: Any


@jit(inline="always")
def _panel_columns(full: int, left: int) -> int:
    """Columns of the next panel when `left` are left: `full` (two vectors), or at most half."""
    return full if left >= full else min(full // 2, left)


def vector_family(width: int, rows: int, fused: bool) -> Family:
    """Make the family for vectors of `width` bytes and tiles of at most `rows` x 2 vectors."""

    @jit
    def sweep(
        c: Array,
        i0: int,
        i1: int,
        j0: int,
        j1: int,
        k: int,
        depth: int,
        a: Any,
        a_row: int,
        a_column: int,
        a_tile: int,
        b: Any,
        b_row: int,
        panel: int,
        fresh: bool,
        source: Any,
        start: Any,
        start_row: int,
        start_column: int,
    ) -> None:
        """Panel after panel of c[i0:i1, j0:j1]; the pointers are those of row i0, column j0.

        `fresh` panels are first copied from `source`, which has the rows of B.
        """
        lanes, n = width // c.itemsize, c.shape[1]
        if BOUNDS:
            check_extent(min(i0, j0) >= 0 and i1 <= c.shape[0] and j1 <= n)
        j = j0
        while j < j1:
            columns = _panel_columns(2 * lanes, j1 - j)
            row = max(b_row, columns)  # 0 where panels are stored: their width
            b_j = advance(b, (j - j0) * panel + k * row)
            c_j = address(c, i0 * n + j)
            start_j = advance(start, (j - j0) * start_column)
            strides = (a_row, a_column, a_tile, row, n, start_row)
            if fresh and columns > lanes:
                copy_panel(width, 2, False, columns, depth, b_j, advance(source, j - j0), n)
            elif fresh:
                copy_panel(width, 1, True, columns, depth, b_j, advance(source, j - j0), n)
            if columns > lanes:
                shape = (width, rows, 2, fused)
                strip(shape, False, 0, i1 - i0, depth, strides, a, b_j, c_j, start_j)
            elif width == 64 and columns <= lanes // 2:
                # Half a vector does: some processors run two of those in the time of a whole one.
                shape = (32, rows, 1, fused)
                strip(shape, True, columns, i1 - i0, depth, strides, a, b_j, c_j, start_j)
            else:
                shape = (width, rows, 1, fused)
                strip(shape, True, columns, i1 - i0, depth, strides, a, b_j, c_j, start_j)
            j += columns

    @jit
    def copy_panels(block: Array, b: Array, k0: int, k1: int, j0: int, j1: int) -> None:
        """Copy b[k0:k1, j0:j1] to `block`, panel after panel."""
        lanes, n = width // b.itemsize, b.shape[1]
        if BOUNDS:
            check_extent(min(k0, j0) >= 0 and k1 <= b.shape[0] and j1 <= n)
            check_extent((k1 - k0) * (j1 - j0) <= block.size)
        j = j0
        while j < j1:
            columns = _panel_columns(2 * lanes, j1 - j)
            target, source = address(block, (j - j0) * (k1 - k0)), address(b, k0 * n + j)
            if columns > lanes:
                copy_panel(width, 2, False, columns, k1 - k0, target, source, n)
            else:
                copy_panel(width, 1, True, columns, k1 - k0, target, source, n)
            j += columns

    @jit
    def pack_rows(block: Array, a: Array, i0: int, i1: int, k0: int, k1: int) -> None:
        """Copy a[k0:k1, i0:i1] to `block`: the rows of a tile of A^T side by side."""
        for i in range(i0, i1, rows):
            at, r = (i - i0) * (k1 - k0), min(rows, i1 - i)
            for k in range(k0, k1):
                if r == rows:
                    source, target = a[k, i : i + rows], block[at : at + rows]
                    for x in range(rows):
                        target[x] = source[x]
                else:
                    for x in range(r):
                        block[at + x] = a[k, i + x]
                at += rows

    @jit
    def multiply(
        c: Array,
        a: Array,
        b: Array,
        start: Array,
        transposed: bool,
        packed: bool,
        i0: int,
        i1: int,
        j0: int,
        j1: int,
    ) -> None:
        n = c.shape[1]
        depth = a.shape[0] if transposed else a.shape[1]
        a_row, a_column = (1, a.shape[1]) if transposed else (a.shape[1], 1)
        b_row, panel = (0, depth) if packed else (n, 1)
        if BOUNDS:
            check_extent(i1 <= (a.shape[1] if transposed else a.shape[0]))
            if packed:
                check_extent(b.size >= depth * j1)
            else:
                check_extent(b.shape[0] >= depth and b.shape[1] == n)
            if start.shape[0] > 0:
                check_extent(start.shape[1] == n and (start.shape[0] == 1 or start.shape[0] >= i1))
        a_0, b_0 = address(a, 0), address(b, 0)
        if depth == 0:  # as if it were 1, with nothing but zeros in A and B
            depth, a_row, panel = 1, 0, 0
            a_0 = b_0 = zeros(a_0)
        deep = -(-depth // -(-depth // DEPTH))  # blocks as even as can be
        copies_a = transposed and j1 - j0 >= PACK_COLUMNS and a.size > 0
        copies_b = i1 - i0 >= PACK_TILES * rows and not packed and b.size * c.itemsize > PACK_BYTES
        high = max(1, BLOCK_BYTES // (deep * c.itemsize * rows)) * rows
        again = i1 - i0 > high  # panels wait for further rows of A; else one place serves them all
        wide = BLOCK_COLUMNS if copies_b and again else max(1, j1 - j0)
        # Only pointers into the blocks are handed on; being used in the loops keeps them alive.
        a_block = b_block = c.reshape(c.size)
        if copies_a:
            a_block = np.empty((min(high, i1 - i0) + rows) * deep, c.dtype)
        if copies_b:
            stored = min(wide, j1 - j0) if again else 2 * (width // c.itemsize)
            b_block = np.empty(stored * deep, c.dtype)
        for j in range(j0, j1, wide):
            j_end = min(j + wide, j1)
            origin = address(start, 0) if start.shape[0] > 0 else zeros(a_0)
            start_row = n if start.shape[0] > 1 else 0
            start_column = 1 if start.shape[0] > 0 else 0
            for k in range(0, depth, deep):
                k_end = min(k + deep, depth)
                b_k, k_b = advance(b_0, j * panel), k
                source = advance(b_0, k * n + j)
                if copies_b:
                    b_k, k_b, b_row = address(b_block, 0), 0, 0
                    panel = k_end - k if again else 0
                for i in range(i0, i1, high):
                    i_end = min(i + high, i1)
                    a_i, a_tile = advance(a_0, i * a_row + k * a_column), a_row
                    if copies_a:
                        pack_rows(a_block, a, i, i_end, k, k_end)
                        a_i, a_row, a_column, a_tile = address(a_block, 0), 1, rows, k_end - k
                    start_i = advance(origin, i * start_row + j * start_column)
                    fresh = copies_b and i == i0
                    sweep(
                        *(c, i, i_end, j, j_end, k_b, k_end - k, a_i, a_row, a_column, a_tile),
                        *(b_k, b_row, panel, fresh, source),
                        *(start_i, start_row, start_column),
                    )
                # The sums so far are in C; the next part of k goes on from there.
                origin, start_row, start_column = address(c, 0), n, 1

    @jit
    def pack_transposed(panels: Array, b: Array, j0: int, j1: int) -> None:
        lanes = width // b.itemsize
        depth = b.shape[1]
        if BOUNDS:
            check_extent(j0 >= 0 and j1 <= b.shape[0] and panels.size >= j1 * depth)
        j = j0
        while j < j1:
            columns = _panel_columns(2 * lanes, j1 - j)
            for first in range(0, columns, lanes):
                r = min(lanes, columns - first)
                for k in range(0, depth, lanes):
                    source = address(b, (j + first) * depth + k)
                    target = address(panels, j * depth + k * columns + first)
                    if r == lanes and k + lanes <= depth:
                        transpose_tile(width, False, r, lanes, target, columns, source, depth)
                    else:
                        left = min(lanes, depth - k)
                        transpose_tile(width, True, r, left, target, columns, source, depth)
            j += columns

    @jit
    def pack(panels: Array, b: Array, j0: int, j1: int) -> None:
        copy_panels(panels, b, 0, b.shape[0], j0, j1)

    @jit
    def add_product(c: Array, a: Array, panels: Array, i0: int, i1: int, j0: int, k0: int) -> None:
        depth, columns = panels.shape
        n = c.shape[1]
        if BOUNDS:
            check_extent(i1 <= a.shape[0] and k0 >= 0 and k0 + depth <= a.shape[1])
        sweep(
            *(c, i0, i1, j0, j0 + columns, 0, depth),
            *(address(a, i0 * a.shape[1] + k0), a.shape[1], 1, a.shape[1]),
            *(address(panels, 0), 0, depth, False, address(panels, 0)),
            *(address(c, i0 * n + j0), n, 1),
        )

    return Family(multiply, pack_transposed, pack, add_product)


def plain_family() -> Family:
    """Make the family of plain loops, for the compiler to vectorise as it can."""

    @jit
    def multiply(
        c: Array,
        a: Array,
        b: Array,
        start: Array,
        transposed: bool,
        packed: bool,
        i0: int,
        i1: int,
        j0: int,
        j1: int,
    ) -> None:
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
    def pack_transposed(panels: Array, b: Array, j0: int, j1: int) -> None:
        for k in range(b.shape[1]):
            for j in range(j0, j1):
                panels[k, j] = b[j, k]

    @jit
    def pack(panels: Array, b: Array, j0: int, j1: int) -> None:
        for k in range(len(b)):
            for j in range(j0, j1):
                panels[k, j - j0] = b[k, j]

    @jit
    def add_product(c: Array, a: Array, panels: Array, i0: int, i1: int, j0: int, k0: int) -> None:
        for i in range(i0, i1):
            for k in range(panels.shape[0]):
                for j in range(panels.shape[1]):
                    c[i, j0 + j] += a[i, k0 + k] * panels[k, j]

    return Family(multiply, pack_transposed, pack, add_product)


multiply, pack_transposed, pack, add_product = (
    vector_family(WIDTH, ROWS, FUSED) if WIDTH else plain_family()
)
