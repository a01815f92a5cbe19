"""The randomized leaky ReLU."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.errors import require_name, require_number
from nnscratch.layers.base import Layer

__all__ = ["RReLU"]


class RReLU(Layer):
    """``f(x) = x`` where ``x > 0``, else ``slope * x``, with a slope drawn for every element.

    Two conventions are in use, and they are not the same function:

    * ``"divisor"``, the paper (Xu et al. 2015): ``slope = 1 / a`` with ``a ~ U(3, 8)`` in training
      and ``slope = 1 / 5.5 = 0.1818``, one over the mean of ``a``, in evaluation.
    * ``"slope"``, a popular framework: ``slope ~ U(1/8, 1/3)`` in training and its mean, 0.2292, in
      evaluation.

    The trap: the paper's evaluation slope is not the mean of its training slopes, which is
    ``ln(8/3) / 5 = 0.1962``. Forward and backward of one pass use the same draw.

    Parameters
    ----------
    convention : "divisor" or "slope"
    low, high : float
        Bounds of what is drawn. By default 3 and 8 for the divisor, 1/8 and 1/3 for the slope.
    """

    kind: ClassVar[str] = "rrelu"
    role: ClassVar[str] = "activation"
    rectifies: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "divisor": (3.0, 8.0),
        "slope": (1 / 8, 1 / 3),
    }

    def __init__(
        self, convention: str = "divisor", low: float | None = None, high: float | None = None
    ) -> None:
        super().__init__()
        require_name("RReLU convention", convention, self.bounds)
        default_low, default_high = self.bounds[convention]
        self.convention = convention
        # A divisor near 0 would be an endless slope; a drawn slope may be anything.
        above = 0.0 if convention == "divisor" else -np.inf
        self.low = require_number("RReLU low", default_low if low is None else low, above=above)
        self.high = require_number(
            "RReLU high", default_high if high is None else high, least=self.low
        )

    @property
    def evaluation_slope(self) -> float:
        """The slope when not training."""
        middle = (self.low + self.high) / 2
        return 1 / middle if self.convention == "divisor" else middle

    def slope_moments(self) -> tuple[float, float]:
        """Return mean and mean square of the slopes drawn in training."""
        low, high = self.low, self.high
        if self.convention == "slope":
            return (low + high) / 2, (low * low + low * high + high * high) / 3
        # The slope is 1 / a with a ~ U(low, high).
        average = 1 / low if low == high else math.log(high / low) / (high - low)
        return average, 1 / (low * high)

    def forward(
        self, x: Array, training: bool = False
    ) -> tuple[Array, tuple[Array, Array, Array | None]]:
        x = self.check_input(x)
        y = self.buffer("y", x.shape)
        if not training:
            kernels.leaky_relu_forward(rows(y), rows(x), self.evaluation_slope)
            return y, (x, y, None)
        slope = self.buffer("slope", x.shape)
        self.noise.random(out=slope, dtype=slope.dtype.type)
        slope *= self.high - self.low
        slope += self.low
        if self.convention == "divisor":
            np.reciprocal(slope, out=slope)
        kernels.rrelu_forward(rows(y), rows(x), rows(slope))
        return y, (x, y, slope)

    def backward(
        self,
        dy: Array,
        cache: tuple[Array, Array, Array | None],
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> Array | None:
        if not input_gradient:
            return None
        x, y, slope = cache
        dx = self.buffer("dx", x.shape)
        if slope is None:
            kernels.leaky_relu_backward(rows(dx), rows(dy), rows(x), rows(y), self.evaluation_slope)
        else:
            kernels.rrelu_backward(rows(dx), rows(dy), rows(x), rows(slope))
        return dx

    def options(self) -> str:
        return f"convention={self.convention!r}, low={self.low:g}, high={self.high:g}"
