"""Updates of a block of the parameters: the kernels of `compiled.updates`."""

from __future__ import annotations

from nnscratch_kernels.compiled import updates
from nnscratch_kernels.compiled.operations.blocks import (
    GRADS,
    NUMBERS,
    PARAMS,
    SECOND_STATE,
    STATE,
    block_of,
)
from nnscratch_kernels.operation import number, operation

# mypy: disable-error-code="no-untyped-def"


@operation
def gradient_descent_update(like, args, part, parts):
    p, g = block_of(like, args, PARAMS, part), block_of(like, args, GRADS, part)
    updates.gradient_descent_update(p, g, number(args, NUMBERS))


@operation
def momentum_update(like, args, part, parts):
    p, g = block_of(like, args, PARAMS, part), block_of(like, args, GRADS, part)
    velocity = block_of(like, args, STATE, part)
    updates.momentum_update(p, velocity, g, number(args, NUMBERS), number(args, NUMBERS + 1))


@operation
def nesterov_update(like, args, part, parts):
    p, g = block_of(like, args, PARAMS, part), block_of(like, args, GRADS, part)
    velocity = block_of(like, args, STATE, part)
    updates.nesterov_update(p, velocity, g, number(args, NUMBERS), number(args, NUMBERS + 1))


@operation
def rmsprop_update(like, args, part, parts):
    p, g = block_of(like, args, PARAMS, part), block_of(like, args, GRADS, part)
    average, k = block_of(like, args, STATE, part), NUMBERS
    updates.rmsprop_update(p, average, g, number(args, k), number(args, k + 1), number(args, k + 2))


@operation
def adam_update(like, args, part, parts):
    p, g = block_of(like, args, PARAMS, part), block_of(like, args, GRADS, part)
    m, v = block_of(like, args, STATE, part), block_of(like, args, SECOND_STATE, part)
    k = NUMBERS
    updates.adam_loop(
        p,
        m,
        v,
        g,
        number(args, k),
        number(args, k + 1),
        number(args, k + 2),
        number(args, k + 3),
        number(args, k + 4),
        number(args, k + 5),
    )
