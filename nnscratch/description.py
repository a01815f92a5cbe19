"""Models, losses and optimizers as plain data (what JSON can hold), and made again from it.

A layer, an initializer, a loss, an optimizer or a clip of this package becomes
``{"class": "Dense", "options": {"n_in": 64, ...}}`` with the arguments it was made with, a schedule
the rate of the next step. What is not of this package becomes ``{"unknown": "module.Class"}``,
which `rebuild` refuses by name. Weights are not part of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy.typing as npt

from nnscratch import clipping, initializers, layers, losses, optimizers
from nnscratch.errors import ConfigError, DataError, NnscratchError
from nnscratch.initializers import Initializer
from nnscratch.layers import Layer
from nnscratch.model import Sequential

Description = dict[str, Any]

_MODULES = (layers, initializers, losses, optimizers, clipping)
_BASES = (Layer, layers.Activation, Initializer, optimizers.Optimizer, clipping.Clip)
_PLAIN = (bool, int, float, str, type(None))


def _find(name: str) -> type | None:
    """Return the class of that name, if it is one of this package that can be described."""
    for module in _MODULES:
        found = getattr(module, name, None)
        if isinstance(found, type) and found not in _BASES:
            return found
    return None


def describe(thing: object) -> Any:
    """Return `thing`, a layer, loss, optimizer or the like, as plain data."""
    if isinstance(thing, _PLAIN):
        return thing
    if isinstance(thing, Real):  # a number of NumPy's
        return float(thing)
    kind = type(thing)
    if _find(kind.__name__) is not kind:
        return {"unknown": f"{kind.__module__}.{kind.__qualname__}"}
    return {
        "class": kind.__name__,
        "options": {name: describe(value) for name, value in arguments(thing).items()},
    }


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


def describe_model(model: Sequential) -> list[Description]:
    """Return the layers of `model` in order, as plain data."""
    return [describe(layer) for layer in model.layers.values()]


def rebuild(description: object, what: str) -> Any:
    """Return what `describe` described. `what` names it in messages: ``"the loss"``.

    An initializer that is not of this package is left out: weights are loaded, not drawn.
    Raises `ConfigError` for a class that is not of this package, `DataError` for a damaged
    description.
    """
    if isinstance(description, _PLAIN):
        return description
    if not isinstance(description, Mapping) or not ({"class", "unknown"} & set(description)):
        raise DataError(f"the description of {what} is damaged: {description!r}")
    if "unknown" in description:
        raise ConfigError(
            f"{what} is of the class {description['unknown']} that nnscratch does not know"
        )
    kind = _find(str(description["class"]))
    if kind is None:
        raise DataError(f"{what} is of the class {description['class']!r} that is not in nnscratch")
    try:
        options = description["options"]
        made = {
            name: rebuild(value, f"{name} of {what}")
            for name, value in options.items()
            if not (name.endswith("init") and isinstance(value, Mapping) and "unknown" in value)
        }
        return kind(**made)
    except (ConfigError, DataError):
        raise
    except (NnscratchError, AttributeError, KeyError, TypeError) as error:
        raise DataError(f"the description of {what} is damaged: {error}") from error


def rebuild_model(
    description: Sequence[Description], dtype: npt.DTypeLike = "float32"
) -> Sequential:
    """Return a model of the layers that `describe_model` described, with new weights.

    Raises `ConfigError` naming the first layer that is not of this package, `DataError` or
    `ShapeError` for a damaged description.
    """
    made = []
    for i, one in enumerate(description):
        layer = rebuild(one, f"layer {i}")
        if not isinstance(layer, Layer):
            raise DataError(f"the description of layer {i} is damaged: {layer!r} is no layer")
        made.append(layer)
    return Sequential(*made, dtype=dtype)
