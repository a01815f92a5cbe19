"""Optimizers: gradient descent, momentum, Nesterov, those with steps of their own, steepest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnscratch.errors import ConfigError, require_name
from nnscratch.optimizers import adaptive
from nnscratch.optimizers.adaptive import *
from nnscratch.optimizers.base import Optimizer
from nnscratch.optimizers.gradient_descent import SGD
from nnscratch.optimizers.steepest import SteepestDescent, steepest_direction
from nnscratch.schedules import Schedule

__all__ = ["SGD", "Optimizer", "SteepestDescent", "names", "optimizer", "steepest_direction"]
__all__ += adaptive.__all__

_REGISTRY: dict[str, tuple[Callable[..., Optimizer], dict[str, Any]]] = {
    "sgd": (SGD, {}),
    "momentum": (SGD, {"momentum": 0.9}),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
    **{name.lower(): (getattr(adaptive, name), {}) for name in sorted(adaptive.__all__)},
    "steepest": (SteepestDescent, {}),
}


def names() -> tuple[str, ...]:
    """Return the names that `optimizer` knows."""
    return tuple(_REGISTRY)


def optimizer(name: str, lr: float | Schedule, **options: Any) -> Optimizer:
    """Return a new optimizer by name: ``optimizer("momentum", 0.1, clip=ClipByValue(1.0))``.

    `options` are those of the class; "momentum" and "nesterov" are `SGD` with ``momentum=0.9``
    unless it is given. Raises `ConfigError` for an unknown name or option.
    """
    require_name("optimizer", name, _REGISTRY)
    make, defaults = _REGISTRY[name]
    try:
        return make(lr, **{**defaults, **options})
    except TypeError as error:
        raise ConfigError(f"optimizer {name!r}: {error}") from None
