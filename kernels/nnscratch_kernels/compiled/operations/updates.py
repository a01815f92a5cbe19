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
from nnscratch_kernels.native import doubles
from nnscratch_kernels.operation import operation

# mypy: disable-error-code="no-untyped-def"


@operation
def gradient_descent_update(like, args, part, parts):
    p, g = block_of(like, args, args[PARAMS], part), block_of(like, args, args[GRADS], part)
    updates.gradient_descent_update(p, g, doubles(args[NUMBERS])[1])


@operation
def momentum_update(like, args, part, parts):
    p, g = block_of(like, args, args[PARAMS], part), block_of(like, args, args[GRADS], part)
    velocity, n = block_of(like, args, args[STATE], part), doubles(args[NUMBERS])
    updates.momentum_update(p, velocity, g, n[1], n[2])


@operation
def nesterov_update(like, args, part, parts):
    p, g = block_of(like, args, args[PARAMS], part), block_of(like, args, args[GRADS], part)
    velocity, n = block_of(like, args, args[STATE], part), doubles(args[NUMBERS])
    updates.nesterov_update(p, velocity, g, n[1], n[2])


@operation
def rmsprop_update(like, args, part, parts):
    p, g = block_of(like, args, args[PARAMS], part), block_of(like, args, args[GRADS], part)
    average, n = block_of(like, args, args[STATE], part), doubles(args[NUMBERS])
    updates.rmsprop_update(p, average, g, n[1], n[2], n[3])


@operation
def adam_update(like, args, part, parts):
    p, g = block_of(like, args, args[PARAMS], part), block_of(like, args, args[GRADS], part)
    m, v = block_of(like, args, args[STATE], part), block_of(like, args, args[SECOND_STATE], part)
    n = doubles(args[NUMBERS])
    updates.adam_loop(p, m, v, g, n[1], n[2], n[3], n[4], n[5], n[6])
