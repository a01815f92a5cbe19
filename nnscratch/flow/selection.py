"""What a recorder is asked to keep: which layers, where in a row, and how much memory."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from nnscratch.errors import ConfigError, require_count, unknown_name
from nnscratch.flow.layout import Layout
from nnscratch.model import Sequential

_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def select_layers(model: Sequential, layers: Sequence[str] | None) -> tuple[str, ...]:
    """Return the layers to record, in the model's order."""
    if not any(layer.params for layer in model.layers.values()):
        raise ConfigError("GradientFlow found no layer with weights in the model")
    if layers is None:
        return tuple(model.layers)
    if isinstance(layers, str):
        raise ConfigError(f"GradientFlow layers must be a list of names: layers=[{layers!r}]")
    for name in layers:
        if name not in model.layers:
            raise unknown_name("layer of the model", name, model.layers)
    if not layers:
        raise ConfigError("GradientFlow layers is empty: name at least one, or None for all")
    return tuple(name for name in model.layers if name in layers)


def make_layout(
    model: Sequential,
    layers: tuple[str, ...],
    counted: tuple[str, ...],
    *,
    label: str,
    every: int,
    clip: str,
    histograms: bool,
) -> Layout:
    """Return where everything lies that is recorded of `layers`; the census takes `counted`."""
    widths = {
        node.name: shape[-1] or 0 for node, shape in zip(model.nodes, model.shapes(), strict=True)
    }
    params = [param for param, name in model.owners.items() if name in layers]
    units = np.cumsum([0, *(widths[name] for name in counted)])
    return Layout(
        label=label,
        layers=layers,
        features=tuple(widths[name] for name in layers),
        params=tuple(params),
        param_sizes=tuple(model.params[name].size for name in params),
        batchnorm_layers=tuple(n for n in layers if model.layers[n].adds_to_record == "batchnorm"),
        census_layers=counted,
        census_units=tuple(int(unit) for unit in units),
        every=every,
        clip=clip,
        histograms=histograms,
    )


def parse_size(memory: str | int) -> int:
    """Return bytes, from a number or from text such as ``"512 MB"``."""
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b)\s*", memory.lower())
        if match is None:
            raise ConfigError(
                f"GradientFlow memory must be bytes or a size such as '512 MB', got {memory!r}"
            )
        return int(float(match[1]) * _UNITS[match[2]])
    return require_count("GradientFlow memory", memory)
