"""One optimizer step each, in place on flat arrays of one length, plain NumPy.

Scalars are computed in float64 and rounded once to the arrays' dtype; NaN and infinity propagate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def gradient_descent_update(params: Array, grads: Array, lr: float) -> None:
    """p -= lr * g"""
    number = params.dtype.type
    params -= number(lr) * grads


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def momentum_update(
    params: Array, velocity: Array, grads: Array, lr: float, momentum: float
) -> None:
    """v = momentum * v + g ; p -= lr * v (Polyak 1964)"""
    number = params.dtype.type
    velocity *= number(momentum)
    velocity += grads
    params -= number(lr) * velocity


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def nesterov_update(
    params: Array, velocity: Array, grads: Array, lr: float, momentum: float
) -> None:
    """v = momentum * v + g ; p -= lr * (g + momentum * v) (Nesterov 1983, in PyTorch's form)"""
    number = params.dtype.type
    velocity *= number(momentum)
    velocity += grads
    params -= number(lr) * (grads + number(momentum) * velocity)


@np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore")
def rmsprop_update(
    params: Array, square_average: Array, grads: Array, lr: float, decay: float, epsilon: float
) -> None:
    """RMSProp (Tieleman and Hinton 2012).

    s = decay * s + (1 - decay) * g^2 ; p -= lr * g / (sqrt(s) + epsilon)
    """
    number = params.dtype.type
    square_average *= number(decay)
    square_average += number(1.0 - decay) * grads * grads
    params -= number(lr) * grads / (np.sqrt(square_average) + number(epsilon))


@np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore")
def adagrad_update(
    params: Array, square_sum: Array, grads: Array, lr: float, initial: float, epsilon: float
) -> None:
    """Adagrad (Duchi, Hazan and Singer 2011).

    s += g^2 ; p -= lr * g / (sqrt(initial + s) + epsilon)
    """
    number = params.dtype.type
    square_sum += grads * grads
    params -= number(lr) * grads / (np.sqrt(number(initial) + square_sum) + number(epsilon))


@np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore")
def adadelta_update(
    params: Array,
    square_average: Array,
    step_average: Array,
    grads: Array,
    lr: float,
    decay: float,
    epsilon: float,
) -> None:
    """Adadelta (Zeiler 2012).

    s = decay * s + (1 - decay) * g^2 ; d = sqrt(u + epsilon) / sqrt(s + epsilon) * g ;
    u = decay * u + (1 - decay) * d^2 ; p -= lr * d
    """
    number = params.dtype.type
    square_average *= number(decay)
    square_average += number(1.0 - decay) * grads * grads
    small = number(epsilon)
    step = np.sqrt(step_average + small) / np.sqrt(square_average + small) * grads
    step_average *= number(decay)
    step_average += number(1.0 - decay) * step * step
    params -= number(lr) * step


@np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore")
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
    """Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019).

    p *= 1 - lr * weight_decay ;
    m = beta1 * m + (1 - beta1) * g ; v = beta2 * v + (1 - beta2) * g^2 ;
    p -= lr / (1 - beta1^step) * m / (sqrt(v / (1 - beta2^step)) + epsilon). `step` counts from 1.
    """
    number = params.dtype.type
    first_moment *= number(beta1)
    first_moment += number(1.0 - beta1) * grads
    second_moment *= number(beta2)
    second_moment += number(1.0 - beta2) * grads * grads
    rate = number(lr / (1.0 - beta1**step))
    correction = number(1.0 / np.sqrt(1.0 - beta2**step))
    params *= number(1.0 - lr * weight_decay)
    params -= rate * first_moment / (np.sqrt(second_moment) * correction + number(epsilon))


@np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore")
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
    """Adamax (Kingma and Ba 2015, section 7.1).

    m = beta1 * m + (1 - beta1) * g ; u = max(beta2 * u, |g| + epsilon) ;
    p -= lr / (1 - beta1^step) * m / u. `step` counts from 1.
    """
    number = params.dtype.type
    first_moment *= number(beta1)
    first_moment += number(1.0 - beta1) * grads
    np.maximum(number(beta2) * largest, np.abs(grads) + number(epsilon), out=largest)
    params -= number(lr / (1.0 - beta1**step)) * first_moment / largest


@np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore")
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
    """Nadam (Dozat 2016). `mu_product` is that of all mu so far; `step` counts from 1.

    m = beta1 * m + (1 - beta1) * g ; v = beta2 * v + (1 - beta2) * g^2 ;
    p -= lr * ((1 - mu) / (1 - mu_product) * g + next_mu / (1 - mu_product * next_mu) * m)
         / (sqrt(v / (1 - beta2^step)) + epsilon)
    """
    number = params.dtype.type
    first_moment *= number(beta1)
    first_moment += number(1.0 - beta1) * grads
    second_moment *= number(beta2)
    second_moment += number(1.0 - beta2) * grads * grads
    of_gradient = number(lr * (1.0 - mu) / (1.0 - mu_product))
    of_moment = number(lr * next_mu / (1.0 - mu_product * next_mu))
    correction = number(1.0 / np.sqrt(1.0 - beta2**step))
    step_length = of_gradient * grads + of_moment * first_moment
    params -= step_length / (np.sqrt(second_moment) * correction + number(epsilon))
