"""Smooth activation functions, and what all activation functions share.

The functions with a corner at zero are in `rectifiers`. In the formulas ``f(x)`` is the function,
``f'(x)`` its derivative; forward is ``y = f(x)``, backward ``dx = dy * f'(x)``, element by element.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from nnscratch.arrays import Array, rows
from nnscratch.backend import kernels
from nnscratch.layers.base import Layer

__all__ = [
    "GELU",
    "Activation",
    "Exponential",
    "Identity",
    "Mish",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Tanh",
]


class KernelPair(Layer):
    """What one pair of kernels computes from input and output alone, without parameters.

    A subclass says which pair, ``kernel = "leaky_relu"``, and the constants they take: its kind is
    then ``"leakyrelu"``. The kernels are looked up at each call, because the kernel set can be
    switched between two steps.
    """

    role: ClassVar[str] = "activation"
    kernel: ClassVar[str]
    _forward_kernel: ClassVar[str]
    _backward_kernel: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if "kernel" in own:  # a class that only stands between has none
            name = cls.kernel
            cls._forward_kernel, cls._backward_kernel = f"{name}_forward", f"{name}_backward"
            cls.kind = own.get("kind", name.replace("_", ""))
            cls.captured_whole = not {"forward", "backward"} & own.keys()

    @property
    def constants(self) -> tuple[float, ...]:
        """The constants of the function, as its kernels take them."""
        return ()

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        x = self.check_input(x)
        y = self.buffer("y", x.shape)
        getattr(kernels, self._forward_kernel)(rows(y), rows(x), *self.constants)
        return y, (x, y)

    def backward(
        self,
        dy: Array,
        cache: tuple[Array, Array],
        accumulate: bool = False,
        input_gradient: bool = True,
    ) -> Array | None:
        if not input_gradient:
            return None
        x, y = cache
        dx = self.buffer("dx", x.shape)
        getattr(kernels, self._backward_kernel)(
            rows(dx), rows(dy), rows(x), rows(y), *self.constants
        )
        return dx


class Activation(KernelPair):
    """A function applied to every element: ``y = f(x)``, ``dx = dy * f'(x)``."""


class Sigmoid(Activation):
    """``f(x) = 1 / (1 + e^-x)``, ``f'(x) = y (1 - y) <= 1/4``.

    The logistic function. Its outputs average about 0.5, not 0, and its slope is at most a quarter:
    two of the reasons why gradients vanish (Glorot & Bengio 2010).
    """

    kernel: ClassVar[str] = "sigmoid"
    saturation = (0.015, 0.985)


class Tanh(Activation):
    """``f(x) = tanh x``, ``f'(x) = 1 - y^2`` (LeCun et al., "Efficient BackProp", 1998)."""

    kernel: ClassVar[str] = "tanh"
    saturation = (-0.97, 0.97)


class Softsign(Activation):
    """``f(x) = x / (1 + |x|)``, ``f'(x) = 1 / (1 + |x|)^2``.

    Saturates polynomially where tanh does exponentially (Bergstra et al. 2009; Glorot & Bengio
    2010).
    """

    kernel: ClassVar[str] = "softsign"
    saturation = (-0.97, 0.97)


class Softplus(Activation):
    """``f(x) = log(1 + e^x)``, ``f'(x) = 1 / (1 + e^-x)`` (Dugas et al. 2001)."""

    kernel: ClassVar[str] = "softplus"
    saturation = (0.03, math.nan)


class GELU(Activation):
    """``f(x) = x P(x)``, ``f'(x) = P(x) + x p(x)``, with the standard normal distribution P.

    ``P(x) = (1 + erf(x / sqrt 2)) / 2`` and ``p(x) = e^(-x^2/2) / sqrt(2 pi)``: the exact form, not
    the approximation by tanh (Hendrycks & Gimpel 2016).
    """

    kernel: ClassVar[str] = "gelu"


class SiLU(Activation):
    """``f(x) = x s(x)``, ``f'(x) = s (1 + x (1 - s))``, with ``s(x) = 1 / (1 + e^-x)``.

    Also called swish (Elfwing et al. 2018; Ramachandran et al. 2017).
    """

    kernel: ClassVar[str] = "silu"


class Mish(Activation):
    """``f(x) = x tanh(log(1 + e^x))``; ``f'(x) = t + x (1 - t^2) s``, t the tanh, s the sigmoid.

    Close to `SiLU` (Misra 2019).
    """

    kernel: ClassVar[str] = "mish"


class Exponential(Activation):
    """``f(x) = f'(x) = e^x``.

    Keras has it, and networks that use it in hidden layers explode or die: the gradient is as large
    as the output is (an input of 89 overflows float32).
    """

    kernel: ClassVar[str] = "exponential"
    saturation = (0.03, math.nan)


class Identity(Layer):
    """``f(x) = x``, ``f'(x) = 1``: a linear network, or a place held free.

    Nothing is computed or copied: the output *is* the input, and the same for the gradients.
    """

    kind: ClassVar[str] = "identity"
    role: ClassVar[str] = "shape"
    captured_whole: ClassVar[bool] = True

    def forward(self, x: Array, training: bool = False) -> tuple[Array, None]:
        return self.check_input(x), None

    def backward(
        self, dy: Array, cache: None, accumulate: bool = False, input_gradient: bool = True
    ) -> Array | None:
        return dy if input_gradient else None
