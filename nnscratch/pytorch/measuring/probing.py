"""A look at a network in between two steps, of which nothing remains."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from nnscratch.arrays import Array
from nnscratch.flow.builder import Recorder

_RUNNING = ("running_mean", "running_var")


@contextlib.contextmanager
def unseen(model: nn.Module, as_it_is: bool = False) -> Iterator[None]:
    """Within it a model goes forward without noise and gradients, and what its modules note of
    themselves meanwhile is forgotten.

    as_it_is : norms go by the statistics they kept, not by those of what they are given
    """
    before = [(module, dict(vars(module))) for module in model.modules()]
    kept: list[tuple[nn.Module, dict[str, Any]]] = []
    drawn, others = random.getstate(), np.random.get_state()  # noqa: NPY002 (a model may use it)
    try:
        model.eval()
        for module, _ in before if not as_it_is else ():
            buffers = {name: module._buffers.get(name) for name in _RUNNING}
            if buffers["running_mean"] is not None:
                kept.append((module, buffers))
                module._buffers.update(dict.fromkeys(_RUNNING))
        devices = {one.device.index for one in model.parameters() if one.is_cuda}
        with torch.no_grad(), torch.random.fork_rng(devices=sorted(devices)):
            yield
    finally:
        random.setstate(drawn)
        np.random.set_state(others)  # noqa: NPY002
        for module, buffers in kept:
            module._buffers.update(buffers)
        for module, attributes in before:
            vars(module).clear()
            vars(module).update(attributes)


def probe_outputs(model: nn.Module, probe: Any) -> None:
    """Send a probe through a model, of which nothing remains."""
    with unseen(model):
        model(probe)


def count_units(recorder: Recorder, outputs: Mapping[str, Array]) -> str:
    """Have the units of all activations counted; return the first without an output, if any."""
    counted = [name for name, layer in recorder.layers.items() if layer.role == "activation"]
    missing = [name for name in counted if name not in outputs]
    for name in counted if not missing else ():
        recorder.census(name, outputs[name])
    return missing[0] if missing else ""
