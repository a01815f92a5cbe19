"""One optimizer step each, in place on flat arrays: one vectorised pass over all of them.

Formulas: see `reference.updates`. Scalars are computed in float64 and rounded once to the dtype.
No element depends on its place, so an update is the same bits in however many parts it is made.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.stepping.updating import update
from nnscratch_kernels.jit import elementwise, inner

Array = npt.NDArray[Any]


@inner(forceinline=True)
def descended(p: Any, g: Any, rate: Any) -> Any:
    return p - rate * g


@inner(forceinline=True)
def moved(p: Any, v: Any, g: Any, rate: Any, keep: Any) -> Any:
    v = keep * v + g
    return p - rate * v, v


@inner(forceinline=True)
def moved_ahead(p: Any, v: Any, g: Any, rate: Any, keep: Any) -> Any:
    v = keep * v + g
    return p - rate * (g + keep * v), v


@update()
@elementwise
def gradient_descent_update(params: Array, grads: Array, lr: float) -> None:
    """p -= lr * g"""
    rate = params.dtype.type(lr)
    for i in range(len(params)):
        params[i] = descended(params[i], grads[i], rate)


@update()
@elementwise
def momentum_update(
    params: Array, velocity: Array, grads: Array, lr: float, momentum: float
) -> None:
    """v = momentum * v + g ; p -= lr * v"""
    number = params.dtype.type
    rate, keep = number(lr), number(momentum)
    for i in range(len(params)):
        params[i], velocity[i] = moved(params[i], velocity[i], grads[i], rate, keep)


@update()
@elementwise
def nesterov_update(
    params: Array, velocity: Array, grads: Array, lr: float, momentum: float
) -> None:
    """v = momentum * v + g ; p -= lr * (g + momentum * v)"""
    number = params.dtype.type
    rate, keep = number(lr), number(momentum)
    for i in range(len(params)):
        params[i], velocity[i] = moved_ahead(params[i], velocity[i], grads[i], rate, keep)


@update()
@elementwise
def rmsprop_update(
    params: Array, square_average: Array, grads: Array, lr: float, decay: float, epsilon: float
) -> None:
    """s = decay * s + (1 - decay) * g^2 ; p -= lr * g / (sqrt(s) + epsilon)"""
    number = params.dtype.type
    rate, keep, take, small = number(lr), number(decay), number(1.0 - decay), number(epsilon)
    for i in range(len(params)):
        g = grads[i]
        s = keep * square_average[i] + take * g * g
        square_average[i] = s
        params[i] -= rate * g / (np.sqrt(s) + small)


def adam_numbers(
    lr: float, beta1: float, beta2: float, epsilon: float, weight_decay: float, step: int
) -> tuple[float, ...]:
    """Return the scalars of one step of `adam_loop`."""
    rate = lr / (1.0 - beta1**step)
    correction = 1.0 / math.sqrt(1.0 - beta2**step)
    return beta1, beta2, rate, correction, epsilon, 1.0 - lr * weight_decay


@elementwise
def adam_loop(
    params: Array,
    first_moment: Array,
    second_moment: Array,
    grads: Array,
    beta1: float,
    beta2: float,
    corrected_rate: float,
    root_correction: float,
    epsilon: float,
    remain: float,
) -> None:
    """One step of Adam, given the scalars of that step."""
    number = params.dtype.type
    keep1, take1 = number(beta1), number(1.0 - beta1)
    keep2, take2 = number(beta2), number(1.0 - beta2)
    rate, correction = number(corrected_rate), number(root_correction)
    small, shrink = number(epsilon), number(remain)
    for i in range(len(params)):
        g = grads[i]
        m = keep1 * first_moment[i] + take1 * g
        v = keep2 * second_moment[i] + take2 * g * g
        first_moment[i] = m
        second_moment[i] = v
        params[i] = shrink * params[i] - rate * m / (np.sqrt(v) * correction + small)


@update(through=adam_loop, prepare=adam_numbers)
def adam_update(
    params: Array,
    first_moment: Array,
    second_moment: Array,
    grads: Array,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    step: int,
) -> None:
    """p *= 1 - lr * weight_decay ; m = beta1 * m + (1 - beta1) * g ;
    v = beta2 * v + (1 - beta2) * g^2 ;
    p -= lr / (1 - beta1^step) * m / (sqrt(v / (1 - beta2^step)) + epsilon)"""
    numbers = adam_numbers(lr, beta1, beta2, epsilon, weight_decay, step)
    adam_loop(params, first_moment, second_moment, grads, *numbers)
