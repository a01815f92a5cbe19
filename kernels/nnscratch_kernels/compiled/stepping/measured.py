"""Updates that copy and measure on the way: where memory is what limits an update, this is free.

The same elements as in `compiled.updates`, so the same bits. Adam and RMSProp have enough to
compute, or too many arrays for one vectorised loop: they stand between two passes that measure.
"""

from __future__ import annotations

from typing import Any

from nnscratch_kernels.compiled.stepping.blocks import (
    GRADS,
    NUMBERS,
    PARAMS,
    STATE,
    block_of,
    scratch_of,
)
from nnscratch_kernels.compiled.stepping.parameters import is_tiny, note_after, note_before
from nnscratch_kernels.compiled.updates import descended, moved, moved_ahead
from nnscratch_kernels.jit import FLAGS, inner, jit
from nnscratch_kernels.runtime.native import doubles
from nnscratch_kernels.runtime.operation import operation

# mypy: disable-error-code="no-untyped-def"


@inner(forceinline=True)
def difference(new, old):
    """Not to be reordered: (p - step) - p is not always the step."""
    return new - old


@inner(fastmath=FLAGS["fastmath"])
def descend(p, g, kept, lr, tiny):
    """Update; return the sums of new, new^2, old^2, g^2 unless `tiny`, and (new - old)^2."""
    number = p.dtype.type
    rate, zero = number(lr), number(0)
    total, squares, old_squares, gradient_squares, change_squares = zero, zero, zero, zero, zero
    for i in range(len(p)):
        old, slope = p[i], g[i]
        new = descended(old, slope, rate)
        kept[i] = old
        p[i] = new
        change = difference(new, old)
        total += new
        squares += new * new
        old_squares += old * old
        seen = zero if tiny else slope
        gradient_squares += seen * seen
        change_squares += change * change
    return total, squares, old_squares, gradient_squares, change_squares


def _mover(element: Any) -> Any:
    """Return the same with a velocity; Numba puts it into its callers (see `_bin_finder`)."""

    @jit(inline="always", cache=False)
    def move(p, velocity, g, kept, lr, momentum, tiny):
        number = p.dtype.type
        rate, keep, zero = number(lr), number(momentum), number(0)
        total, squares, old_squares, gradient_squares, change_squares = zero, zero, zero, zero, zero
        for i in range(len(p)):
            old, slope = p[i], g[i]
            new, v = element(old, velocity[i], slope, rate, keep)
            kept[i] = old
            p[i] = new
            velocity[i] = v
            change = difference(new, old)
            total += new
            squares += new * new
            old_squares += old * old
            seen = zero if tiny else slope
            gradient_squares += seen * seen
            change_squares += change * change
        return total, squares, old_squares, gradient_squares, change_squares

    return move


_move, _look_ahead = _mover(moved), _mover(moved_ahead)


@operation
def gradient_descent_measured(like, args, part, parts):
    p, g = block_of(like, args, args[PARAMS], part), block_of(like, args, args[GRADS], part)
    kept, n = scratch_of(like, args, part, parts), doubles(args[NUMBERS])
    total, squares, old_squares, gradient_squares, changes = descend(p, g, kept, n[1], is_tiny(g))
    note_before(args, part, kept, g, old_squares, gradient_squares)
    note_after(args, part, p, kept, total, squares, changes)


@operation
def momentum_measured(like, args, part, parts):
    p, g = block_of(like, args, args[PARAMS], part), block_of(like, args, args[GRADS], part)
    v, n = block_of(like, args, args[STATE], part), doubles(args[NUMBERS])
    kept = scratch_of(like, args, part, parts)
    total, squares, old_squares, gradient_squares, changes = _move(
        p, v, g, kept, n[1], n[2], is_tiny(g)
    )
    note_before(args, part, kept, g, old_squares, gradient_squares)
    note_after(args, part, p, kept, total, squares, changes)


@operation
def nesterov_measured(like, args, part, parts):
    p, g = block_of(like, args, args[PARAMS], part), block_of(like, args, args[GRADS], part)
    v, n = block_of(like, args, args[STATE], part), doubles(args[NUMBERS])
    kept = scratch_of(like, args, part, parts)
    total, squares, old_squares, gradient_squares, changes = _look_ahead(
        p, v, g, kept, n[1], n[2], is_tiny(g)
    )
    note_before(args, part, kept, g, old_squares, gradient_squares)
    note_after(args, part, p, kept, total, squares, changes)
