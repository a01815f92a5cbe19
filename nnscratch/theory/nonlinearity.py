"""An activation function as theory needs it: its value, its slope, and the noise it may draw."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nnscratch_kernels
from nnscratch import layers
from nnscratch.arrays import Array
from nnscratch.errors import ConfigError
from nnscratch.layers import Activation, Layer

_POINTS = np.linspace(-4, 4, 24)  # not 0, where corners are


@dataclass(frozen=True)
class Nonlinearity:
    """``y = value(u)``, element by element, with derivative ``slope(u)``.

    Where the function draws noise of its own (the random slopes of RReLU), `value` and `slope` are
    averages over that noise, which is what two inputs share, and `square` and `slope_square` are
    the averages of the squares, which one input has.

    A corner, if there is one, is at 0. Two are equal if they have the same `name` and, where a
    layer is behind them, the same `values` at some points, or slopes: a class may be written anew
    under its old name.
    """

    name: str
    value: Callable[[Array], Array] = field(compare=False)
    slope: Callable[[Array], Array] = field(compare=False)
    square: Callable[[Array], Array] = field(compare=False)
    slope_square: Callable[[Array], Array] = field(compare=False)
    values: bytes = b""


def nonlinearity(activation: str | Layer | Nonlinearity) -> Nonlinearity:
    """Return the nonlinearity of an activation layer, or of the activation of that name.

    PReLU is taken at its initial slope, RReLU as in training. Raises `ConfigError` for an unknown
    name or a layer that is no activation.
    """
    if isinstance(activation, Nonlinearity):
        return activation
    layer = layers.activation(activation) if isinstance(activation, str) else activation
    if layer.role == "shape":
        return _leaky("Identity()", 1.0, 1.0)
    moments = layer.slope_moments()
    if moments is not None:
        return _leaky(repr(layer), *moments)
    if layer.role == "activation":
        return _from_layer(layer)
    raise ConfigError(
        f"theory needs an activation function applied element by element, got {layer!r}"
    )


def draws_noise(phi: Nonlinearity) -> bool:
    """Whether `phi` draws noise of its own."""
    return not np.array_equal(phi.square(_POINTS), phi.value(_POINTS) ** 2)


def composed(inner: Nonlinearity, outer: Nonlinearity) -> Nonlinearity:
    """Return ``outer(inner(u))`` of an `inner` that draws no noise."""

    def chained(of_outer: Callable[[Array], Array], power: int) -> Callable[[Array], Array]:
        return lambda u: of_outer(inner.value(u)) * inner.slope(u) ** power

    return Nonlinearity(
        f"{inner.name}, {outer.name}",
        chained(outer.value, 0),
        chained(outer.slope, 1),
        chained(outer.square, 0),
        chained(outer.slope_square, 2),
        inner.values + outer.values,
    )


def with_dropout(phi: Nonlinearity, factor: float) -> Nonlinearity:
    """Return `phi` followed by dropout, which multiplies mean squares by ``1 / (1 - rate)``.

    The mean stays, so that two inputs share nothing of the noise.
    """
    if factor == 1:
        return phi
    return Nonlinearity(
        f"{phi.name}, dropout {1 - 1 / factor:.6g}",
        phi.value,
        phi.slope,
        lambda u: factor * phi.square(u),
        lambda u: factor * phi.slope_square(u),
        phi.values,
    )


def _from_layer(layer: Layer) -> Nonlinearity:
    """The function that an activation applies to every element, whoever wrote it."""
    twin = copy.deepcopy(layer).initialize(0, np.float64)
    forward: Any = None
    if isinstance(layer, Activation):
        # The reference kernels: float64 to the last digit, and nothing to compile.
        reference = nnscratch_kernels.load("reference")
        forward, backward = (
            getattr(reference, f"{layer.kernel}_{way}") for way in ("forward", "backward")
        )
    constants = layer.constants if isinstance(layer, Activation) else ()

    def value(u: Array) -> Array:
        if forward is None:
            return twin.forward(u.reshape(-1, 1))[0].reshape(u.shape).copy()
        y = np.empty_like(u)
        forward(y, u, *constants)
        return y

    def slope(u: Array) -> Array:
        if forward is None:
            _, cache = twin.forward(u.reshape(-1, 1))
            return twin.backward(np.ones((u.size, 1)), cache).reshape(u.shape).copy()
        d = np.empty_like(u)
        backward(d, np.ones_like(u), u, value(u), *constants)
        return d

    def square(values: Array) -> Array:
        with np.errstate(over="ignore"):  # of e^x: what is infinite is infinite
            return values * values

    squares = (lambda u: square(value(u))), (lambda u: square(slope(u)))
    points = value(_POINTS).tobytes() + slope(_POINTS).tobytes()
    return Nonlinearity(repr(layer), value, slope, *squares, points)


@functools.cache
def _leaky(name: str, slope: float, mean_square: float) -> Nonlinearity:
    return Nonlinearity(
        name,
        lambda u: np.where(u > 0, u, slope * u),
        lambda u: np.where(u > 0, 1.0, slope),
        lambda u: np.where(u > 0, 1.0, mean_square) * u * u,
        lambda u: np.where(u > 0, 1.0, mean_square),
        np.array([slope, mean_square]).tobytes(),
    )
