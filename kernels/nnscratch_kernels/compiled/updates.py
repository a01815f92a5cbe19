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


@update()
@elementwise
def adagrad_update(
    params: Array, square_sum: Array, grads: Array, lr: float, initial: float, epsilon: float
) -> None:
    """s += g^2 ; p -= lr * g / (sqrt(initial + s) + epsilon)"""
    number = params.dtype.type
    rate, first, small = number(lr), number(initial), number(epsilon)
    for i in range(len(params)):
        g = grads[i]
        s = square_sum[i] + g * g
        square_sum[i] = s
        params[i] -= rate * g / (np.sqrt(first + s) + small)


@update()
@elementwise
def adadelta_update(
    params: Array,
    square_average: Array,
    step_average: Array,
    grads: Array,
    lr: float,
    decay: float,
    epsilon: float,
) -> None:
    """s = decay * s + (1 - decay) * g^2 ; d = sqrt(u + epsilon) / sqrt(s + epsilon) * g ;
    u = decay * u + (1 - decay) * d^2 ; p -= lr * d"""
    number = params.dtype.type
    rate, keep, take, small = number(lr), number(decay), number(1.0 - decay), number(epsilon)
    for i in range(len(params)):
        g = grads[i]
        s = keep * square_average[i] + take * g * g
        u = step_average[i]
        d = np.sqrt(u + small) / np.sqrt(s + small) * g
        square_average[i] = s
        step_average[i] = keep * u + take * d * d
        params[i] -= rate * d


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


def adamax_numbers(
    lr: float, beta1: float, beta2: float, epsilon: float, step: int
) -> tuple[float, ...]:
    """Return the scalars of one step of `adamax_loop`."""
    return lr / (1.0 - beta1**step), beta1, beta2, epsilon


@elementwise
def adamax_loop(
    params: Array,
    first_moment: Array,
    largest: Array,
    grads: Array,
    corrected_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    """One step of Adamax, given the scalars of that step."""
    number = params.dtype.type
    keep, take, fade = number(beta1), number(1.0 - beta1), number(beta2)
    rate, small = number(corrected_rate), number(epsilon)
    for i in range(len(params)):
        g = grads[i]
        m = keep * first_moment[i] + take * g
        faded, size = fade * largest[i], abs(g) + small
        u = faded if (faded > size) | (faded != faded) else size  # NaN if either is
        first_moment[i] = m
        largest[i] = u
        params[i] -= rate * m / u


@update(through=adamax_loop, prepare=adamax_numbers)
def adamax_update(
    params: Array,
    first_moment: Array,
    largest: Array,
    grads: Array,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    step: int,
) -> None:
    """m = beta1 * m + (1 - beta1) * g ; u = max(beta2 * u, |g| + epsilon) ;
    p -= lr / (1 - beta1^step) * m / u"""
    adamax_loop(
        params, first_moment, largest, grads, *adamax_numbers(lr, beta1, beta2, epsilon, step)
    )


def nadam_numbers(
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    step: int,
    mu: float,
    next_mu: float,
    mu_product: float,
) -> tuple[float, ...]:
    """Return the scalars of one step of `nadam_loop`."""
    of_gradient = lr * (1.0 - mu) / (1.0 - mu_product)
    of_moment = lr * next_mu / (1.0 - mu_product * next_mu)
    return of_gradient, of_moment, beta1, beta2, 1.0 / math.sqrt(1.0 - beta2**step), epsilon


@elementwise
def nadam_loop(
    params: Array,
    first_moment: Array,
    second_moment: Array,
    grads: Array,
    rate_of_gradient: float,
    rate_of_moment: float,
    beta1: float,
    beta2: float,
    root_correction: float,
    epsilon: float,
) -> None:
    """One step of Nadam, given the scalars of that step."""
    number = params.dtype.type
    of_gradient, of_moment = number(rate_of_gradient), number(rate_of_moment)
    keep1, take1 = number(beta1), number(1.0 - beta1)
    keep2, take2 = number(beta2), number(1.0 - beta2)
    correction, small = number(root_correction), number(epsilon)
    for i in range(len(params)):
        g = grads[i]
        m = keep1 * first_moment[i] + take1 * g
        v = keep2 * second_moment[i] + take2 * g * g
        first_moment[i] = m
        second_moment[i] = v
        params[i] -= (of_gradient * g + of_moment * m) / (np.sqrt(v) * correction + small)


@update(through=nadam_loop, prepare=nadam_numbers)
def nadam_update(
    params: Array,
    first_moment: Array,
    second_moment: Array,
    grads: Array,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    step: int,
    mu: float,
    next_mu: float,
    mu_product: float,
) -> None:
    """m = beta1 * m + (1 - beta1) * g ; v = beta2 * v + (1 - beta2) * g^2 ;
    p -= lr * ((1 - mu) / (1 - mu_product) * g + next_mu / (1 - mu_product * next_mu) * m)
         / (sqrt(v / (1 - beta2^step)) + epsilon)"""
    numbers = nadam_numbers(lr, beta1, beta2, epsilon, step, mu, next_mu, mu_product)
    nadam_loop(params, first_moment, second_moment, grads, *numbers)
