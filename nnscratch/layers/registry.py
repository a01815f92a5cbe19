"""Activation functions by name, for the command line and for experiments."""

from __future__ import annotations

import inspect
from typing import Any

from nnscratch.errors import ConfigError, require_name
from nnscratch.layers import activations, hard, rectifiers, rrelu
from nnscratch.layers.base import Layer


def _by_name() -> dict[str, type[Layer]]:
    """Every activation by the name of its kernels, and the one that does nothing."""
    found: dict[str, type[Layer]] = {}
    for module in (activations, rectifiers, hard, rrelu):
        for name in module.__all__:
            kind = getattr(module, name)
            if kind.role == "activation" and "kind" in vars(kind):
                found[getattr(kind, "kernel", kind.kind)] = kind
    return {**found, "identity": activations.Identity}


_ACTIVATIONS = _by_name()


def activation_names() -> tuple[str, ...]:
    """Return the names that `activation` knows."""
    return tuple(_ACTIVATIONS)


def activation(name: str, **options: Any) -> Layer:
    """Return a new layer: ``activation("leaky_relu", slope=0.2)`` is ``LeakyReLU(slope=0.2)``.

    Raises `ConfigError` for an unknown name, an option the layer does not have, or a bad value.
    """
    require_name("activation", name, _ACTIVATIONS)
    layer = _ACTIVATIONS[name]
    known = list(inspect.signature(layer).parameters)
    for option in options:
        if option not in known:
            expected = f"it takes {', '.join(known)}" if known else "it takes no options"
            raise ConfigError(f"activation {name!r} has no option {option!r}: {expected}")
    return layer(**options)
