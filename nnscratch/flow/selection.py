"""What a recorder is asked to keep: which layers, where in a row, and how much memory."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence

from nnscratch.errors import ConfigError, require_count, require_list, require_name
from nnscratch.flow.infos import INPUT, LayerInfo, ParamInfo
from nnscratch.network.network import Network

_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def select_layers(model: Network, layers: Sequence[str] | None) -> tuple[str, ...]:
    """Return the layers to record, in the model's order."""
    if not any(layer.params for layer in model.layers.values()):
        raise ConfigError("GradientFlow found no layer with weights in the model")
    if layers is None:
        return tuple(model.layers)
    if isinstance(layers, str):
        raise ConfigError(f"GradientFlow layers must be a list of names: layers=[{layers!r}]")
    layers = require_list("GradientFlow layers", layers, str)
    for name in layers:
        require_name("layer of the model", name, model.layers)
    if not layers:
        raise ConfigError("GradientFlow layers is empty: name at least one, or None for all")
    chosen = set(layers)
    return tuple(name for name in model.layers if name in chosen)


def describe_network(
    model: Network, widths: Mapping[str, int]
) -> tuple[list[LayerInfo], list[ParamInfo]]:
    """Return what is known of the layers and parameters of a model.

    widths : of the layers whose output was seen; of the others, what they say themselves
    """
    names = [INPUT, *(node.name for node in model.nodes)]
    layers = [
        LayerInfo(
            name=node.name,
            kind=node.layer.kind,
            features=widths.get(node.name, shape[-1] or 0),
            saturation=node.layer.saturation,
            role=node.layer.role,
            block=node.block,
            sources=[names[source + 1] for source in node.sources],
            rectifies=node.layer.rectifies,
            by_batch=node.layer.adds_to_record == "batchnorm",
            gates=node.layer.gates,
            reverse=getattr(node.layer, "reverse", False) is True,
        )
        for node, shape in zip(model.nodes, model.shapes(), strict=True)
    ]
    params = [
        ParamInfo(
            name=name,
            layer=owner,
            role=model.layers[owner].parameter_roles()[name.rpartition(".")[2]],
            shape=model.params[name].shape,
        )
        for name, owner in model.owners.items()
    ]
    return layers, params


def parse_size(memory: str | int) -> int:
    """Return bytes, from a number or from text such as ``"512 MB"``."""
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b)\s*", memory.lower())
        if match is None:
            raise ConfigError(
                f"GradientFlow memory must be bytes or a size such as '512 MB', got {memory!r}"
            )
        size = float(match[1]) * _UNITS[match[2]]
        return int(min(size, sys.maxsize))  # which may be infinite
    return require_count("GradientFlow memory", memory)
