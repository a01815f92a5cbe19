"""The dense (fully connected) layer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nnscratch import initializers
from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import require_count
from nnscratch.layers.base import Features, Layer, Shapes

__all__ = ["Dense"]


class Dense(Layer):
    """``y = x @ weight + bias``.

    Backward: ``dweight = x.T @ dy``, ``dbias = dy.sum(axis=0)``, ``dx = dy @ weight.T``.

    Parameters
    ----------
    n_in, n_out : int
        Features in and out; `weight` is ``(n_in, n_out)``, `bias` is ``(n_out,)``.
    init, bias_init : name or Initializer
        See `nnscratch.initializers.names`. The default for weights is Glorot & Bengio (2010),
        for biases zero.
    """

    kind: ClassVar[str] = "dense"
    role: ClassVar[str] = "weights"
    captured_whole: ClassVar[bool] = True

    def __init__(
        self,
        n_in: int,
        n_out: int,
        init: str | initializers.Initializer = "glorot_uniform",
        bias_init: str | initializers.Initializer = "zeros",
    ) -> None:
        super().__init__()
        self.n_in = require_count("Dense n_in", n_in)
        self.n_out = require_count("Dense n_out", n_out)
        self.init = initializers.get(init)
        self.bias_init = initializers.get(bias_init)

    def parameter_shapes(self) -> Shapes:
        return {"weight": (self.n_in, self.n_out), "bias": (self.n_out,)}

    def input_features(self) -> int:
        return self.n_in

    def output_features(self, features: Features) -> int:
        return self.n_out

    def reset(self, rng: np.random.Generator) -> None:
        for name, init in (("weight", self.init), ("bias", self.bias_init)):
            values = self.params[name]
            values[...] = init(values.shape, rng, values.dtype)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        x = self.check_input(x, self.n_in)
        y = self.buffer("y", (*x.shape[:-1], self.n_out))
        kernels.dense_forward(rows(y), rows(x), self.params["weight"], self.params["bias"])
        return y, x

    def backward(
        self, dy: Array, cache: Array, accumulate: bool = False, input_gradient: bool = True
    ) -> Array | None:
        x = cache
        kernels.dense_backward_parameters(
            self.grads["weight"], self.grads["bias"], rows(dy), rows(x), accumulate
        )
        if not input_gradient:
            return None
        dx = self.buffer("dx", x.shape)
        weight_t = self.buffer("weight_t", (self.n_out, self.n_in))
        kernels.dense_backward_input(rows(dx), rows(dy), self.params["weight"], weight_t)
        return dx

    def options(self) -> str:
        return f"{self.n_in}, {self.n_out}, init={self.init!r}"
