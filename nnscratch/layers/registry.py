"""Activation functions by name, for the command line and for experiments."""

from __future__ import annotations

import inspect
from typing import Any

from nnscratch.errors import ConfigError, unknown_name
from nnscratch.layers.activations import (
    GELU,
    Exponential,
    Identity,
    Mish,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
)
from nnscratch.layers.base import Layer
from nnscratch.layers.hard import HardSigmoid, HardTanh
from nnscratch.layers.rectifiers import ELU, SELU, LeakyReLU, PReLU, ReLU
from nnscratch.layers.rrelu import RReLU

_ACTIVATIONS: dict[str, type[Layer]] = {
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "rrelu": RReLU,
    "prelu": PReLU,
    "elu": ELU,
    "selu": SELU,
    "softsign": Softsign,
    "softplus": Softplus,
    "gelu": GELU,
    "silu": SiLU,
    "mish": Mish,
    "exponential": Exponential,
    "hard_sigmoid": HardSigmoid,
    "hard_tanh": HardTanh,
    "identity": Identity,
}


def activation_names() -> tuple[str, ...]:
    """Return the names that `activation` knows."""
    return tuple(_ACTIVATIONS)


def activation(name: str, **options: Any) -> Layer:
    """Return a new layer: ``activation("leaky_relu", slope=0.2)`` is ``LeakyReLU(slope=0.2)``.

    Raises `ConfigError` for an unknown name, an option the layer does not have, or a bad value.
    """
    if name not in _ACTIVATIONS:
        raise unknown_name("activation", name, _ACTIVATIONS)
    layer = _ACTIVATIONS[name]
    known = list(inspect.signature(layer).parameters)
    for option in options:
        if option not in known:
            expected = f"it takes {', '.join(known)}" if known else "it takes no options"
            raise ConfigError(f"activation {name!r} has no option {option!r}: {expected}")
    return layer(**options)
