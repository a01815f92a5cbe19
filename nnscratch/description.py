"""Models, losses and optimizers as plain data (what JSON can hold), and made again from it.

A layer, an initializer, a loss, an optimizer or a clip of this package becomes
``{"class": "Dense", "options": {"n_in": 64, ...}}`` with the arguments it was made with, a schedule
the rate of the next step. What is not of this package becomes ``{"unknown": "module.Class"}``,
which `rebuild` refuses by name. Weights are not part of it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy.typing as npt

from nnscratch import clipping, initializers, layers, losses, optimizers
from nnscratch.arguments import arguments, make
from nnscratch.errors import ConfigError, DataError, NnscratchError
from nnscratch.initializers import Initializer
from nnscratch.layers import Layer
from nnscratch.network import blocks
from nnscratch.network.model import Sequential

Description = dict[str, Any]
T = TypeVar("T")

_MODULES = (layers, blocks, initializers, losses, optimizers, clipping)
_BASES = (Layer, layers.Activation, Initializer, losses.Loss, optimizers.Optimizer, clipping.Clip)
_PLAIN = (bool, int, float, str, type(None))
_KEYS = {"class", "unknown", "again", "items"}


def _find(name: str) -> type | None:
    """Return the class of that name, if it is one of this package that can be described."""
    for module in _MODULES:
        found = getattr(module, name, None)
        if isinstance(found, type) and found not in _BASES:
            return found
    return None


def describe(thing: object, seen: list[object] | None = None) -> Any:
    """Return `thing`, a layer, loss, optimizer or the like, as plain data.

    seen : the layers described so far; one of them becomes ``{"again": place}``, tied weights
    """
    if isinstance(thing, _PLAIN):
        return thing
    if isinstance(thing, Real):  # a number of NumPy's
        return float(thing)
    if isinstance(thing, tuple | list):
        return [describe(part, seen) for part in thing]
    if isinstance(thing, dict):
        return {"items": {str(name): describe(value, seen) for name, value in thing.items()}}
    if seen is not None and isinstance(thing, Layer):
        for place, other in enumerate(seen):
            if other is thing:
                return {"again": place}
        seen.append(thing)
    kind = type(thing)
    if _find(kind.__name__) is not kind:
        return {"unknown": f"{kind.__module__}.{kind.__qualname__}"}
    made: Description = {
        "class": kind.__name__,
        "options": {name: describe(value, seen) for name, value in arguments(thing).items()},
    }
    return made | {"frozen": True} if isinstance(thing, Layer) and thing.frozen else made


def describe_model(model: Sequential) -> list[Description]:
    """Return the parts of `model` in order, layers and blocks, as plain data."""
    seen: list[object] = []
    return [describe(part, seen) for part in model.parts]


def rebuild(description: object, what: str, made: list[Layer] | None = None) -> Any:
    """Return what `describe` described. `what` names it in messages: ``"the loss"``.

    An initializer that is not of this package is left out: weights are loaded, not drawn.
    `made` are the layers rebuilt so far. Raises `ConfigError` for a class that is not of this
    package, `DataError` for a damaged description.
    """
    made = [] if made is None else made
    if isinstance(description, _PLAIN):
        return description
    if not isinstance(description, Mapping) or not (_KEYS & set(description)):
        raise DataError(f"the description of {what} is damaged: {reprlib.repr(description)}")
    if "again" in description:
        place = description["again"]
        if not isinstance(place, int) or not 0 <= place < len(made):
            raise DataError(f"the description of {what} is damaged: it is layer {place!r} again")
        return made[place]
    if isinstance(description.get("items"), Mapping):
        items = description["items"]
        return {key: rebuild(value, f"{key} of {what}", made) for key, value in items.items()}
    if "unknown" in description:
        raise ConfigError(
            f"{what} is of the class {description['unknown']} that nnscratch does not know"
        )
    kind = _find(str(description.get("class")))
    if kind is None:
        raise DataError(
            f"{what} is of the class {description.get('class')!r} that is not in nnscratch"
        )
    try:
        options = {
            name: [rebuild(part, f"part {i} of {what}", made) for i, part in enumerate(value)]
            if isinstance(value, list)
            else rebuild(value, f"{name} of {what}", made)
            for name, value in description["options"].items()
            if not (name.endswith("init") and isinstance(value, Mapping) and "unknown" in value)
        }
        found: object = make(kind, options)
    except (ConfigError, DataError):
        raise
    except (NnscratchError, AttributeError, KeyError, RecursionError, TypeError) as error:
        raise DataError(f"the description of {what} is damaged: {error}") from error
    if isinstance(found, Layer):
        found.frozen = description.get("frozen") is True
        made.append(found)
    return found


def rebuild_as(kind: type[T], description: object, what: str) -> T:
    """Return what `rebuild` does; `DataError` unless it is a `kind`."""
    found = rebuild(description, what)
    if not isinstance(found, kind):
        raise DataError(
            f"the description of {what} is damaged: {reprlib.repr(found)} is no {kind.__name__}"
        )
    return found


def rebuild_model(
    description: Sequence[Description], dtype: npt.DTypeLike = "float32"
) -> Sequential:
    """Return a model of the parts that `describe_model` described, with new weights.

    Raises `ConfigError` naming the first layer that is not of this package, `DataError` or
    `ShapeError` for a damaged description.
    """
    if not isinstance(description, list | tuple):
        raise DataError(
            f"the description of a model is damaged: {reprlib.repr(description)} is no list"
        )
    layers_made: list[Layer] = []
    parts = []
    for i, one in enumerate(description):
        part = rebuild(one, f"layer {i}", layers_made)
        if not isinstance(part, Layer | blocks.Residual | blocks.Bidirectional):
            raise DataError(f"the description of layer {i} is damaged: {part!r} is no layer")
        parts.append(part)
    return Sequential(*parts, dtype=dtype)
