"""Dropout."""

from __future__ import annotations

from typing import ClassVar

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import require_number
from nnscratch.layers.base import Layer

__all__ = ["Dropout"]


class Dropout(Layer):
    """In training each element is set to 0 with probability `rate`, else divided by ``1 - rate``.

    ``y = x * m``, ``dx = dy * m`` with ``m = 0`` or ``1 / (1 - rate)``, so that the expectation of
    y is x and evaluation needs no scaling: there the layer is the identity and copies nothing.
    Srivastava et al. 2014, in the inverted form. Forward and backward of one pass use the same
    draw.

    Parameters
    ----------
    rate : float in [0, 1)
        Probability of being dropped.
    """

    kind: ClassVar[str] = "dropout"
    role: ClassVar[str] = "noise"

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = require_number("Dropout rate", rate, least=0, below=1)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array | None]:
        x = self.check_input(x)
        if not training or self.rate == 0:
            return x, None
        noise = self.buffer("noise", x.shape)
        self.noise.random(out=noise, dtype=noise.dtype.type)
        y = self.buffer("y", x.shape)
        kernels.dropout_forward(rows(y), rows(x), rows(noise), self.rate)
        return y, noise

    def backward(
        self,
        dy: Array,
        cache: Array | None,
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> Array | None:
        if not input_gradient:
            return None
        if cache is None:
            return dy
        dx = self.buffer("dx", dy.shape)
        kernels.dropout_backward(rows(dx), rows(dy), rows(cache), self.rate)
        return dx

    def options(self) -> str:
        return f"{self.rate:g}"
