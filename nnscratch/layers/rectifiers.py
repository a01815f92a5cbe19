"""Activation functions with a corner at zero: the ReLU family.

At exactly ``x = 0``, where they have no derivative, the slope is the one from the left: 0 for ReLU.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import require_count, require_number
from nnscratch.layers.activations import Activation
from nnscratch.layers.base import Layer, Shapes

__all__ = ["ELU", "SELU", "LeakyReLU", "PReLU", "ReLU"]


class ReLU(Activation):
    """``f(x) = max(x, 0)``, ``f'(x) = 1`` where ``x > 0``, else 0.

    A unit whose input is negative for every example gets no gradient: it is dead (Nair & Hinton
    2010; Glorot, Bordes & Bengio 2011).
    """

    kernel: ClassVar[str] = "relu"
    rectifies: ClassVar[bool] = True
    saturation = (0.0, math.nan)


class LeakyReLU(Activation):
    """``f(x) = x`` where ``x > 0``, else ``slope * x``; ``f'(x) = 1`` or ``slope``.

    Maas, Hannun & Ng 2013 use 0.01; 0.2 is the "large leak".

    Parameters
    ----------
    slope : float, default 0.01
        Any finite number.
    """

    kernel: ClassVar[str] = "leaky_relu"
    rectifies: ClassVar[bool] = True

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        self.slope = require_number("LeakyReLU slope", slope)

    @property
    def constants(self) -> tuple[float, ...]:
        return (self.slope,)

    def options(self) -> str:
        return f"slope={self.slope:g}"


class ELU(Activation):
    """``f(x) = x`` where ``x > 0``, else ``alpha (e^x - 1)``; ``f'(x) = 1`` or ``alpha e^x``.

    Clevert, Unterthiner & Hochreiter 2015. With ``alpha = 1`` the slope has no jump at zero.

    Parameters
    ----------
    alpha : float >= 0, default 1
    """

    kernel: ClassVar[str] = "elu"

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = require_number("ELU alpha", alpha, least=0)

    @property
    def constants(self) -> tuple[float, ...]:
        return (self.alpha,)

    @property
    def saturation(self) -> tuple[float, float]:  # type: ignore[override]
        return (-0.97 * self.alpha if self.alpha > 0 else math.nan, math.nan)

    def options(self) -> str:
        return f"alpha={self.alpha:g}"


class SELU(Activation):
    """``f(x) = scale * x`` where ``x > 0``, else ``scale * alpha (e^x - 1)``.

    ``f'(x) = scale`` or ``scale * alpha e^x``. With ``alpha = 1.6732632`` and ``scale = 1.0507010``
    mean 0 and variance 1 are a fixed point of the map from layer to layer, for LeCun's weights
    (Klambauer et al. 2017).
    """

    kernel: ClassVar[str] = "selu"
    saturation = (-0.97 * 1.0507009873554805 * 1.6732632423543772, math.nan)


class PReLU(Layer):
    """``f(x) = x`` where ``x > 0``, else ``slope * x``, with a learned slope.

    Backward: ``dx = dy`` or ``slope * dy``; ``dslope`` is the sum of ``dy * x`` where ``x <= 0``,
    over the batch, and over the units too if they share one slope. He et al. 2015, who start at
    0.25 and put no weight decay on it.

    Parameters
    ----------
    features : int or None
        None: one slope for all units, shape ``(1,)``. A number: a slope per unit, ``(features,)``.
    initial : float, default 0.25
    """

    kind: ClassVar[str] = "prelu"
    role: ClassVar[str] = "activation"
    rectifies: ClassVar[bool] = True
    captured_whole: ClassVar[bool] = True

    def __init__(self, features: int | None = None, initial: float = 0.25) -> None:
        super().__init__()
        self.features = None if features is None else require_count("PReLU features", features)
        self.initial = require_number("PReLU initial", initial)

    def parameter_shapes(self) -> Shapes:
        return {"slope": (self.features or 1,)}

    def input_features(self) -> int | None:
        return self.features

    def reset(self, rng: np.random.Generator) -> None:
        self.params["slope"][...] = self.initial

    def slope_moments(self) -> tuple[float, float]:
        return self.initial, self.initial**2

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        x = self.check_input(x, self.features)
        y = self.buffer("y", x.shape)
        kernels.prelu_forward(rows(y), rows(x), self.params["slope"])
        return y, x

    def backward(
        self, dy: Array, cache: Array, accumulate: bool = False, input_gradient: bool = True
    ) -> Array:
        x = cache
        dx = self.buffer("dx", x.shape)
        slope = self.params["slope"]
        kernels.prelu_backward(rows(dx), self.grads["slope"], rows(dy), rows(x), slope, accumulate)
        return dx

    def options(self) -> str:
        return ("" if self.features is None else f"{self.features}, ") + f"initial={self.initial:g}"
