"""Frozen layers: what a network that is made anew keeps of the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnscratch.errors import ConfigError, ShapeError, require_name, shown
from nnscratch.layers import Layer
from nnscratch.network.blocks import Bidirectional, Residual
from nnscratch.network.model import Sequential, require_model
from nnscratch.network.nodes import Block, Node

_FOLLOWS = {"activation", "norm", "noise", "shape"}  # the weights it stands behind


def keep_frozen(old: Sequential, new: Sequential, names: Mapping[str, str]) -> None:
    """Give layers of `new` the parameters and statistics of layers of `old`, and freeze them.

    Parameters
    ----------
    old, new : Sequential
        `old` is left as it is.
    names : mapping of str
        By the name of a layer in `old` its name in `new`.

    Raises `UnknownNameError` for a layer that is not there, `ShapeError` for one that has other
    arrays than the layer it is to take them from; nothing is changed then.

    >>> import nnscratch as nn
    >>> old = nn.Sequential(nn.Dense(8, 5), nn.Dense(5, 2), seed=1)
    >>> new = nn.Sequential(nn.LayerNorm(8), nn.Dense(8, 5), nn.ReLU(), nn.Dense(5, 2), seed=2)
    >>> nn.keep_frozen(old, new, {"0.dense": "1.dense"})
    >>> new.frozen, bool((new.params["1.weight"] == old.params["0.weight"]).all())
    (('1.dense',), True)
    """
    require_model("keep_frozen old", old)
    require_model("keep_frozen new", new)
    if not isinstance(names, Mapping):
        raise ConfigError(f"keep_frozen names must be a mapping of names, got {shown(names)}")
    pairs = [(_layer(old, there), _layer(new, here)) for there, here in names.items()]
    for source, target in pairs:
        has, takes = _shapes(source), _shapes(target)
        if has != takes:
            raise ShapeError(
                f"layer {target.name!r} cannot be kept as {source.name!r} was: it has the arrays "
                f"{takes}, that one {has}; name another layer, or make it as that one was"
            )
    for source, target in pairs:
        for name, values in source.params.items():
            target.params[name] = values
        for name, values in source.statistics.items():
            target.statistics[name] = values
        target.frozen = True


def frozen_names(nodes: Sequence[Node]) -> list[str]:
    """Return the names of the frozen layers that have learned something, each once."""
    first = {id(node.layer): node for node in reversed(nodes)}.values()
    return [node.name for node in reversed(first) if is_frozen(node.layer)]


def is_frozen(part: object) -> bool:
    """Whether all that a layer or block has learned is frozen, and there is something."""
    if isinstance(part, Layer):
        return part.frozen and bool(_shapes(part))
    within = [one for one in inside(part) if not isinstance(one, Layer) or _shapes(one)]
    return bool(within) and all(map(is_frozen, within))


def inside(part: object) -> list[Layer | Block]:
    """Return the layers and blocks of a block."""
    if isinstance(part, Bidirectional):
        return [part.layer, part.other]
    if isinstance(part, Residual):
        return [*part.layers, *([] if part.skip is None else [part.skip])]
    return []


def settled_parts(roles: Sequence[str], frozen: Sequence[bool]) -> set[int]:
    """Return which parts of a row are frozen, or stand behind a frozen one that makes what they
    take: its activation, its norm.

    roles : of the layers; empty for a block
    """
    found, behind = set(), False
    for i, (role, held) in enumerate(zip(roles, frozen, strict=True)):
        behind = behind if role in _FOLLOWS else held
        if held or behind:
            found.add(i)
    return found


def _layer(model: Sequential, name: str) -> Layer:
    require_name("layer", name, model.layers)
    return model.layers[name]


def _shapes(layer: Layer) -> dict[str, tuple[int, ...]]:
    return {**layer.parameter_shapes(), **layer.statistic_shapes()}
