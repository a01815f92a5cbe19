"""What layers, optimizers and the like were made with, kept as attributes: to make them anew."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from nnscratch.errors import ConfigError

T = TypeVar("T")


def arguments(thing: object) -> dict[str, Any]:
    """Return what `thing` was made with: every layer, optimizer or the like keeps its arguments
    under their own names. Raises `ConfigError` for a class that does not.
    """
    names = inspect.signature(type(thing)).parameters
    missing = [name for name in names if not hasattr(thing, name)]
    if missing:
        raise ConfigError(
            f"cannot make {thing!r} anew: its class takes {missing[0]!r}, but keeps no attribute "
            f"of that name"
        )
    return {name: getattr(thing, name) for name in names}


@functools.cache
def _settings(kind: type) -> frozenset[str]:
    """Return what a class of this package is made with."""
    own = kind.__module__.startswith("nnscratch.")
    return frozenset(inspect.signature(kind).parameters if own else ())


class Settings:
    """What is made with settings that may be set again: within the limits that its class knows.

    ``loss.label_smoothing = 2`` raises what ``SoftmaxCrossEntropy(label_smoothing=2)`` does, and
    changes nothing. Somebody's own class is left to itself.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        kind: Any = type(self)
        if name in self.__dict__ and name in _settings(kind):
            value = getattr(make(kind, {**arguments(self), name: value}), name)
        object.__setattr__(self, name, value)


def make(kind: type[T], given: Mapping[str, Any]) -> T:
    """Return what `arguments` described. Raises what the class raises."""
    options = dict(given)
    several = [
        option
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL
        for option in options.pop(name)
    ]
    return kind(*several, **options)
