"""Normalization of every example by itself: over its features, whatever the batch."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import require_count, require_number
from nnscratch.layers.base import Features, Layer, Shapes

__all__ = ["LayerNorm", "RMSNorm"]


class _OfFeatures(Layer):
    """What the two have in common: a gain for every feature, which begins at 1."""

    role: ClassVar[str] = "norm"

    def __init__(self, features: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        name = type(self).__name__
        self.features = require_count(f"{name} features", features)
        self.epsilon = require_number(f"{name} epsilon", epsilon, above=0)

    def input_features(self) -> int:
        return self.features

    def output_features(self, features: Features) -> int:
        return self.features

    def options(self) -> str:
        return f"{self.features}, epsilon={self.epsilon:g}"


class LayerNorm(_OfFeatures):
    """``y = gamma * h + beta`` with ``h = (x - mean) / sqrt(variance + epsilon)``, row by row.

    Mean and (biased) variance are those of the features of one example, at one position: no
    statistics are kept, and training and evaluation are the same. Backward, with
    ``g = gamma * dy``: ``dx = (g - mean(g) - h * mean(g * h)) / sqrt(variance + epsilon)``,
    ``dgamma = sum(dy * h)``, ``dbeta = sum(dy)``. Ba, Kiros & Hinton, "Layer Normalization", 2016.

    Parameters
    ----------
    features : int
    epsilon : float > 0, default 1e-5

    Raises `ConfigError` for other values.

    >>> import numpy as np, nnscratch as nn
    >>> y, _ = nn.LayerNorm(4).initialize(0).forward(np.array([[1, 2, 3, 4]], np.float32))
    >>> y.round(3).tolist()
    [[-1.342, -0.447, 0.447, 1.342]]
    """

    kind: ClassVar[str] = "layernorm"
    captured_whole: ClassVar[bool] = True

    def parameter_shapes(self) -> Shapes:
        return {"gamma": (self.features,), "beta": (self.features,)}

    def reset(self, rng: np.random.Generator) -> None:
        self.params["gamma"][...] = 1
        self.params["beta"][...] = 0

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array, Array]]:
        x = self.check_input(x, self.features)
        y = self.buffer("y", x.shape)
        mean, inv_std = (self.buffer(name, (len(rows(x)),)) for name in ("mean", "inv_std"))
        gamma, beta = self.params["gamma"], self.params["beta"]
        kernels.layernorm_forward(rows(y), mean, inv_std, rows(x), gamma, beta, self.epsilon)
        return y, (x, mean, inv_std)

    def backward(
        self,
        dy: Array,
        cache: tuple[Array, Array, Array],
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> Array | None:
        x, mean, inv_std = cache
        kernels.layernorm_backward_parameters(
            self.grads["gamma"], self.grads["beta"], rows(dy), rows(x), mean, inv_std, accumulate
        )
        if not input_gradient:
            return None
        dx = self.buffer("dx", x.shape)
        gamma = self.params["gamma"]
        kernels.layernorm_backward_input(rows(dx), rows(dy), rows(x), mean, inv_std, gamma)
        return dx


class RMSNorm(_OfFeatures):
    """``y = gamma * h`` with ``h = x / sqrt(mean(x^2) + epsilon)``, row by row.

    Layer norm without centring. Backward, with ``g = gamma * dy``:
    ``dx = (g - h * mean(g * h)) / sqrt(mean(x^2) + epsilon)``, ``dgamma = sum(dy * h)``.
    Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019.

    Parameters
    ----------
    features : int
    epsilon : float > 0, default 1e-5

    Raises `ConfigError` for other values.

    >>> import numpy as np, nnscratch as nn
    >>> y, _ = nn.RMSNorm(4).initialize(0).forward(np.array([[1, 1, 1, 1]], np.float32))
    >>> y.round(3).tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    """

    kind: ClassVar[str] = "rmsnorm"
    captured_whole: ClassVar[bool] = True

    def parameter_shapes(self) -> Shapes:
        return {"gamma": (self.features,)}

    def reset(self, rng: np.random.Generator) -> None:
        self.params["gamma"][...] = 1

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        x = self.check_input(x, self.features)
        y, inv_rms = self.buffer("y", x.shape), self.buffer("inv_rms", (len(rows(x)),))
        kernels.rmsnorm_forward(rows(y), inv_rms, rows(x), self.params["gamma"], self.epsilon)
        return y, (x, inv_rms)

    def backward(
        self,
        dy: Array,
        cache: tuple[Array, Array],
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> Array | None:
        x, inv_rms = cache
        kernels.rmsnorm_backward_parameters(
            self.grads["gamma"], rows(dy), rows(x), inv_rms, accumulate
        )
        if not input_gradient:
            return None
        dx = self.buffer("dx", x.shape)
        kernels.rmsnorm_backward_input(rows(dx), rows(dy), rows(x), inv_rms, self.params["gamma"])
        return dx
