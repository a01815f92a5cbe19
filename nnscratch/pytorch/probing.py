"""A look at a network in between two steps, of which nothing remains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nnscratch.arrays import Array
from nnscratch.flow.builder import Recorder

_RUNNING = ("running_mean", "running_var")


def probe_outputs(model: nn.Module, probe: Any) -> None:
    """Send a probe through a model: without noise, normalised by the probe's own statistics."""
    modes = [(module, module.training) for module in model.modules()]
    kept: list[tuple[nn.Module, dict[str, Any]]] = []
    try:
        model.eval()
        for module, _ in modes:
            buffers = {name: module._buffers.get(name) for name in _RUNNING}
            if buffers["running_mean"] is not None:
                kept.append((module, buffers))
                module._buffers.update(dict.fromkeys(_RUNNING))
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            model(probe)
    finally:
        for module, buffers in kept:
            module._buffers.update(buffers)
        for module, training in modes:
            module.training = training


def count_units(recorder: Recorder, outputs: Mapping[str, Array]) -> str:
    """Have the units of all activations counted; return the first without an output, if any."""
    counted = [name for name, layer in recorder.layers.items() if layer.role == "activation"]
    missing = [name for name in counted if name not in outputs]
    for name in counted if not missing else ():
        recorder.census(name, outputs[name])
    return missing[0] if missing else ""
