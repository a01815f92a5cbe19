"""The weights of a model as theory sees them: variances, and whether they are as drawn."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.errors import ConfigError
from nnscratch.initializers import (
    Constant,
    Initializer,
    Normal,
    TruncatedNormal,
    Uniform,
    fans,
)
from nnscratch.layers import Dense, Layer
from nnscratch.network.nodes import Node


def refuse_tied(node: Node) -> None:
    """Raise `ConfigError` for a node that shares its weights with another."""
    if node.tied:
        raise ConfigError(
            f"theory takes the weights of each layer as drawn by themselves, and {node.name!r} "
            f"shares its weights with another: nn.GradientFlow(model) measures the gradient of any "
            f"network"
        )


def dense_parameters(name: str, layer: Dense, notes: list[str]) -> tuple[float, float, bool]:
    """Return variance of the weights, mean square of the biases, and whether both are as drawn."""
    weight, bias = (np.asarray(layer.params[p], dtype=np.float64) for p in ("weight", "bias"))
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ConfigError(f"theory cannot say anything about {name!r}: its parameters hold NaN")
    fresh = True
    squares = []
    for what, values, init in (("weights", weight, layer.init), ("biases", bias, layer.bias_init)):
        expected = _mean_square(init, values.shape)
        measured = float(np.mean(values * values))
        if not as_drawn(measured, init, values.shape):
            fresh = False
            notes.append(
                f"{name}: the {what} have mean square {measured:.3g} where {init!r} gives "
                f"{expected:.3g}; theory uses the measured one"
            )
            expected = measured
        squares.append(expected)
    variance, sb2 = squares
    average = float(weight.mean())
    if abs(average) > 6 * math.sqrt(max(variance, 1e-300) / weight.size):
        notes.append(
            f"{name}: the weights have mean {average:.3g}; theory is for weights of mean 0"
        )
    if np.ptp(bias) == 0 and sb2 > 0:
        notes.append(
            f"{name}: all biases are {bias[0]:.3g}; theory takes them as random of that mean square"
        )
    return variance, sb2, fresh


def _mean(init: Initializer) -> float:
    """Return the mean of what `init` draws: 0 for all that scale with the fans."""
    if isinstance(init, Constant):
        return init.value
    if isinstance(init, Normal | TruncatedNormal):
        return init.mean
    return (init.low + init.high) / 2 if isinstance(init, Uniform) else 0.0


def _mean_square(init: Initializer, shape: tuple[int, ...]) -> float:
    return init.variance(*fans(shape)) + _mean(init) ** 2


def as_drawn(measured: float, init: Initializer, shape: tuple[int, ...]) -> bool:
    """Whether a mean square is within 6 standard errors of that of what `init` draws."""
    expected = _mean_square(init, shape)
    return abs(measured - expected) <= expected * (6 * math.sqrt(2 / math.prod(shape)) + 1e-5)


def is_fresh_norm(layer: Layer) -> bool:
    """Whether gain and shift of a norm are 1 and 0."""
    begun = {"gamma": 1, "beta": 0}
    return all(bool(np.all(value == begun[name])) for name, value in layer.params.items())
