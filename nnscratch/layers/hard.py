"""Bounded activation functions made of straight lines.

Outside their middle part the derivative is exactly 0, at its two corners too: an input beyond them
gets no gradient at all, where that of a smooth function is only small.
"""

from __future__ import annotations

from typing import ClassVar

from nnscratch.errors import require_number
from nnscratch.layers.activations import Activation

__all__ = ["HardSigmoid", "HardTanh"]


class HardSigmoid(Activation):
    """``f(x) = slope x + 1/2``, cut off at 0 and 1; ``f'(x) = slope`` in between, else 0.

    Courbariaux, Bengio & David 2015.

    Parameters
    ----------
    slope : float > 0, default 1/6
        1/6 is the slope of PyTorch and Keras 3, 0.2 that of Keras 1 and 2 and of Theano.
    """

    kernel: ClassVar[str] = "hard_sigmoid"
    saturation = (0.015, 0.985)

    def __init__(self, slope: float = 1 / 6) -> None:
        super().__init__()
        self.slope = require_number("HardSigmoid slope", slope, above=0)

    @property
    def constants(self) -> tuple[float, ...]:
        return (self.slope,)

    def options(self) -> str:
        return "" if self.slope == 1 / 6 else f"slope={self.slope:g}"


class HardTanh(Activation):
    """``f(x) = x``, cut off at -1 and 1; ``f'(x) = 1`` in between, else 0 (Collobert 2004)."""

    kernel: ClassVar[str] = "hard_tanh"
    saturation = (-0.97, 0.97)
