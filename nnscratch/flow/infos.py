"""What is known of a network before it is recorded: its layers, its parameters, who reads whom."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import (
    ConfigError,
    require_count,
    require_flag,
    require_list,
    require_name,
    require_number,
    require_real,
    require_text,
    shown,
    unknown_name,
)
from nnscratch_records import PARAM_ROLES, ROLES, WEIGHTED

INPUT = "input"
INITIAL = ("param_norm_initial", "param_mean_initial", "param_max_initial")


@dataclass(frozen=True)
class LayerInfo:
    """A layer of a network that is recorded.

    Attributes
    ----------
    name : str
        Any, such as ``"encoder.fc0"``; each layer has its own.
    kind : str
        What it is called in sentences: ``"dense"``, ``"elu"``.
    features : int
        The size of the axis of features of its output, the last one unless `axis` says otherwise.
        0 if that is not known, in a network that no batch has gone through yet.
    saturation : (low, high)
        Outputs at or below `low`, at or above `high` are at an end of its range; NaN: no such end.
    role : str
        What it does, one of `nnscratch_records.ROLES`.
    block : str
        The block it belongs to, so that pictures keep them together; empty for none.
    sources : sequence of str or None
        The layers whose outputs it reads, ``"input"`` for the network's input; None: the layer
        before it.
    rectifies : bool
        Whether a unit is dead that is 0 or less for every example.
    by_batch : bool
        Whether it normalises by the batch, and its statistics are recorded.
    gates : str or sequence of str
        Of a recurrent layer: a letter for each block of its recurrent weights' columns, in their
        order, ``"ifgo"`` of an LSTM and ``"rzn"`` of a GRU; ``g`` and ``n`` are candidates, the
        others lie between 0 and 1. Empty for one without gates.
    reverse : bool
        Whether a recurrent layer goes through the sequence from its end.
    axis : int
        The axis of features in what is given of it: 1 for images (batch, channels, rows, columns).

    Raises `ConfigError` for an unknown role or a width that is none.
    """

    name: str
    kind: str
    features: int
    saturation: tuple[float, float] = (math.nan, math.nan)
    role: str = "opaque"
    block: str = ""
    sources: Sequence[str] | None = None
    rectifies: bool = False
    by_batch: bool = False
    gates: Sequence[str] = ""
    reverse: bool = False
    axis: int = -1

    def __post_init__(self) -> None:
        for what in ("name", "kind", "block"):
            require_text(f"{what} of a layer", getattr(self, what))
        for what in ("rectifies", "by_batch", "reverse"):
            require_flag(f"{what} of layer {self.name!r}", getattr(self, what))
        require_count(f"features of layer {self.name!r}", self.features, least=0)
        if not isinstance(self.axis, int | np.integer) or isinstance(self.axis, bool):
            raise ConfigError(f"axis of layer {self.name!r} must be whole, got {shown(self.axis)}")
        require_name(f"role of layer {self.name!r}:", self.role, ROLES)
        if isinstance(self.sources, str):  # it would be read letter by letter
            raise ConfigError(
                f"sources of layer {self.name!r} must be a list of names, got {self.sources!r}: "
                f"write [{self.sources!r}]"
            )
        if self.sources is not None:
            require_list(f"sources of layer {self.name!r}", self.sources, str)
        if not isinstance(self.gates, str):
            require_list(f"gates of layer {self.name!r}", self.gates, str)
        ends = self.saturation
        listed = isinstance(ends, Sequence) and len(ends) == 2
        if not (listed or (isinstance(ends, np.ndarray) and ends.shape == (2,))):
            raise ConfigError(
                f"saturation of layer {self.name!r} must be a pair (low, high), NaN for no such "
                f"end, got {shown(ends)}"
            )
        for end in ends:
            require_real(f"saturation of layer {self.name!r}", end)


@dataclass(frozen=True)
class ParamInfo:
    """A parameter of a layer that is recorded.

    Attributes
    ----------
    name, layer : str
        Its own name and that of its layer.
    role : str
        One of `nnscratch_records.PARAM_ROLES`.
    shape : tuple of int
    fan_in : int or None
        How many inputs each output sums. None: the product of all but the last of `shape` where
        the role is that of weights, whose outputs come last; 0 for other parameters.
    rate : float
        The factor of the learning rate it gets; 0: it is frozen.
    """

    name: str
    layer: str
    role: str
    shape: tuple[int, ...]
    fan_in: int | None = None
    rate: float = 1.0

    def __post_init__(self) -> None:
        for what in ("name", "layer"):
            require_text(f"{what} of a parameter", getattr(self, what))
        require_name(f"role of parameter {self.name!r}:", self.role, PARAM_ROLES)
        require_number(f"rate of parameter {self.name!r}", self.rate, least=0)
        if self.fan_in is not None:
            require_count(f"fan_in of parameter {self.name!r}", self.fan_in, least=0)
        for size in require_list(f"shape of parameter {self.name!r}", self.shape, int):
            require_count(f"shape of parameter {self.name!r}", size, least=0)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def inputs(self) -> int:
        """How many inputs each output sums; 0: none."""
        if self.fan_in is not None:
            return self.fan_in
        return math.prod(self.shape[:-1]) if self.role in ("weight", "recurrent_weight") else 0


def gates_of(gates: Sequence[str]) -> Sequence[str]:
    """Return the letters of a recurrent layer's gates: ``"h"``, the state, where it has none."""
    return gates or "h"


def network_facts(
    layers: Sequence[LayerInfo],
    params: Sequence[ParamInfo],
    recorded: Collection[str] | None = None,
    counted: Collection[str] = (),
    initial: Mapping[str, Array] | None = None,
) -> dict[str, Any]:
    """Return what a record holds of a network and its parameters, whatever happens to them.

    layers : all of them, each after its sources
    recorded : names of those that are recorded; None: all
    counted : of these, the names of those whose units are counted
    initial : of each recorded parameter `INITIAL`

    Raises `ConfigError` for names that do not fit each other.
    """
    sources = _sources(layers)
    depths = _depths(layers, sources)
    recorded = None if recorded is None else set(recorded)
    counted = set(counted)
    kept = [i for i, layer in enumerate(layers) if recorded is None or layer.name in recorded]
    shown = [layers[i] for i in kept]
    columns = {layer.name: column for column, layer in enumerate(shown)}
    known = {layer.name for layer in layers}
    for param in params:
        require_name(f"layer of parameter {param.name!r}:", param.layer, known)
    own = [param for param in params if param.layer in columns]
    edges = _edges(sources, kept)
    census = [layer for layer in shown if layer.name in counted]
    recurrent = [layer for layer in shown if layer.role == "recurrent"]
    gates = [(i, gate) for i, layer in enumerate(recurrent) for gate in gates_of(layer.gates)]
    unknown = np.full(len(own), math.nan)
    return {
        "layers": _texts(layer.name for layer in shown),
        "kinds": _texts(layer.kind for layer in shown),
        "roles": _texts(layer.role for layer in shown),
        "blocks": _texts(layer.block for layer in shown),
        "depths": _whole(depths[i] for i in kept),
        "features": _whole(layer.features for layer in shown),
        "saturation": np.array([layer.saturation for layer in shown], np.float64).reshape(-1, 2),
        "edges": _whole(edge[:2] for edge in edges).reshape(-1, 2),
        "gaps": _whole(gap for _, _, gap in edges),
        "batchnorm_layers": _texts(layer.name for layer in shown if layer.by_batch),
        "recurrent_layers": _texts(layer.name for layer in recurrent),
        "gates": _texts(f"{recurrent[i].name} {gate}" for i, gate in gates),
        "gate_layers": _whole(i for i, _ in gates),
        "params": _texts(param.name for param in own),
        "param_sizes": _whole(param.size for param in own),
        "param_roles": _texts(param.role for param in own),
        "param_fan_in": _whole(param.inputs for param in own),
        "param_layers": _whole(columns[param.layer] for param in own),
        **{name: unknown.copy() if initial is None else initial[name] for name in INITIAL},
        "census_layers": _texts(layer.name for layer in census),
        "census_units": np.cumsum([0, *(layer.features for layer in census)], dtype=np.int64),
    }


def initial_measures(params: Sequence[Array]) -> dict[str, Array]:
    """Return `INITIAL` of parameters as they are now."""
    made = np.zeros((len(INITIAL), len(params)))
    for column, values in zip(made.T, params, strict=True):
        largest = float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))
        unit = largest or 1.0  # scaled, no square over- or underflows
        with np.errstate(all="ignore"):
            norm = math.sqrt(float(np.sum((values / unit) ** 2, dtype=np.float64))) * unit
            mean = float(np.mean(values, dtype=np.float64)) if values.size else 0.0
        column[...] = norm, mean, largest
    return dict(zip(INITIAL, made, strict=True))


def _sources(layers: Sequence[LayerInfo]) -> list[list[int]]:
    """Return the sources of each layer, by index; -1 is the network's input."""
    places = {INPUT: -1}
    made = []
    for i, layer in enumerate(layers):
        if layer.name in places and layer.name != INPUT:
            raise ConfigError(f"two layers are called {layer.name!r}: each needs its own name")
        if layer.sources is None:
            made.append([i - 1])
        else:
            for source in layer.sources:
                if source not in places:
                    what = f"source of layer {layer.name!r}, or it comes after it:"
                    raise unknown_name(what, source, places)
            made.append([places[source] for source in layer.sources])
        places[layer.name] = i
    return made


def _depths(layers: Sequence[LayerInfo], sources: Sequence[Sequence[int]]) -> list[int]:
    """Return how many layers with weights lie on the longest way up to each one, itself too."""
    made: list[int] = []
    for layer, below in zip(layers, sources, strict=True):
        before = max((made[i] for i in below if i >= 0), default=0)
        made.append(before + (layer.role in WEIGHTED))
    return made


def _edges(sources: Sequence[Sequence[int]], kept: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return source, reader and layers left out between them, by column of the layers kept.

    Of several ways past layers that were left out from one layer to another, the longest counts.
    """
    columns = {-1: -1, **{i: column for column, i in enumerate(kept)}}
    reached: list[dict[tuple[int, bool], int]] = []  # by layer: (recorded source, indirect): gap
    edges = []
    for i, below in enumerate(sources):
        found: dict[tuple[int, bool], int] = {}
        for source in below:
            if source in columns:
                found.setdefault((columns[source], False), 0)
                continue
            for (origin, _), gap in reached[source].items():
                found[origin, True] = max(gap + 1, found.get((origin, True), 0))
        reached.append(found)
        if i in columns:
            edges += [(origin, columns[i], gap) for (origin, _), gap in found.items()]
    return edges


def _texts(values: Any) -> Array:
    return np.array(list(values), dtype=np.str_)


def _whole(values: Any) -> Array:
    return np.array(list(values), dtype=np.int64)
