"""Networks copied from PyTorch into this engine, and back, with equal outputs and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from nnscratch import layers
from nnscratch.arrays import Array
from nnscratch.blocks import Residual
from nnscratch.errors import ConfigError
from nnscratch.layers.base import Layer
from nnscratch.model import Sequential

# A module, what it is here, and how both are made of the other.
_ALIKE: tuple[tuple[type, type, Callable[[Any], Layer], Callable[[Any], Any]], ...] = (
    (
        *(nn.Linear, layers.Dense),
        lambda m: layers.Dense(m.in_features, m.out_features),
        lambda x: nn.Linear(x.n_in, x.n_out),
    ),
    (
        *(nn.BatchNorm1d, layers.BatchNorm),
        lambda m: layers.BatchNorm(m.num_features, momentum=1 - m.momentum, epsilon=m.eps),
        lambda x: nn.BatchNorm1d(x.features, momentum=1 - x.momentum, eps=x.epsilon),
    ),
    (
        *(nn.LayerNorm, layers.LayerNorm),
        lambda m: layers.LayerNorm(m.normalized_shape[0], epsilon=m.eps),
        lambda x: nn.LayerNorm(x.features, eps=x.epsilon),
    ),
    (
        *(nn.LeakyReLU, layers.LeakyReLU),
        lambda m: layers.LeakyReLU(m.negative_slope),
        lambda x: nn.LeakyReLU(x.slope),
    ),
    (nn.ELU, layers.ELU, lambda m: layers.ELU(m.alpha), lambda x: nn.ELU(x.alpha)),
    (nn.Dropout, layers.Dropout, lambda m: layers.Dropout(m.p), lambda x: nn.Dropout(x.rate)),
    (nn.Softmax, layers.Softmax, lambda m: layers.Softmax(), lambda x: nn.Softmax(-1)),
    *(
        (theirs, ours, lambda m, ours=ours: ours(), lambda x, theirs=theirs: theirs())
        for theirs, ours in (
            *((nn.Sigmoid, layers.Sigmoid), (nn.Tanh, layers.Tanh), (nn.ReLU, layers.ReLU)),
            *((nn.SELU, layers.SELU), (nn.Softsign, layers.Softsign), (nn.SiLU, layers.SiLU)),
            *((nn.Softplus, layers.Softplus), (nn.Mish, layers.Mish)),
            *((nn.Identity, layers.Identity), (nn.Hardsigmoid, layers.HardSigmoid)),
        )
    ),
)
_PARAMS = {
    nn.Linear: {"weight": "weight", "bias": "bias"},
    nn.BatchNorm1d: {"weight": "gamma", "bias": "beta"},
    nn.LayerNorm: {"weight": "gamma", "bias": "beta"},
}
_STATISTICS = {"running_mean": "running_mean", "running_var": "running_variance"}
# What a module must be set to, to be one of those here.
_PLAIN: dict[type, Callable[[Any], bool]] = {
    nn.Linear: lambda m: m.bias is not None,
    nn.BatchNorm1d: lambda m: m.affine and m.track_running_stats and m.momentum is not None,
    nn.LayerNorm: lambda m: (
        m.elementwise_affine and m.bias is not None and len(m.normalized_shape) == 1
    ),
    nn.Softplus: lambda m: m.beta == 1 and m.threshold >= 20,
    nn.Softmax: lambda m: m.dim in (-1, 1),
}


class Sum(nn.Module):  # type: ignore[misc]  # without torch's types it is of type Any
    """``x + scale * branch(x)``: what `nnscratch.Residual` is as a module."""

    def __init__(self, branch: Any, scale: float = 1.0, skip: Any = None) -> None:
        super().__init__()
        self.branch, self.scale, self.skip = branch, scale, skip

    def forward(self, x: Any) -> Any:
        """Return the sum."""
        return (x if self.skip is None else self.skip(x)) + self.scale * self.branch(x)


def from_torch(model: nn.Module) -> Sequential:
    """Return a copy of a PyTorch network in this engine: equal outputs, gradients and statistics.

    ``nn.predict(from_torch(model))``, ``nn.cure(from_torch(model), ...)``. Known are Sequential,
    nested as it may be, Linear, BatchNorm1d, LayerNorm, Dropout, Softmax, the activations that both
    have, and what `to_torch` makes of `Residual`.

    PyTorch's running variance is that of n - 1 examples, ours that of n: after a step of training
    evaluation differs by as much. Raises `ConfigError` naming each module that it does not know.
    """
    leaves: list[tuple[Any, Layer]] = []
    unknown: list[str] = []
    parts = _parts(model, "", leaves, unknown)
    if unknown:
        raise ConfigError(
            f"from_torch does not know {', '.join(unknown)}: watch(model, optimizer) records any "
            f"network, or build the same one of layers of nnscratch"
        )
    double = any(tensor.dtype == torch.float64 for tensor in model.parameters())
    made = Sequential(*parts, dtype="float64" if double else "float32")
    for module, layer in leaves:
        for theirs, ours in _PARAMS.get(type(module), {}).items():
            values = getattr(module, theirs).detach().cpu().numpy()
            layer.params[ours] = values.T if theirs == "weight" and values.ndim == 2 else values
        if isinstance(module, nn.BatchNorm1d):
            for theirs, ours in _STATISTICS.items():
                layer.statistics[ours] = getattr(module, theirs).cpu().numpy()
    return made


def to_torch(model: Sequential) -> nn.Sequential:
    """Return a copy of a network as a `torch.nn.Sequential` with equal weights.

    Raises `ConfigError` naming the layer that PyTorch, or this function, does not know.
    """
    made = [_module(part) for part in model]
    twin = nn.Sequential(*made)
    return twin.double() if model.dtype == np.float64 else twin


def _parts(module: nn.Module, name: str, leaves: list[Any], unknown: list[str]) -> list[Any]:
    """Return layers and blocks of a module; note which layer is which module, and what is none."""
    if isinstance(module, nn.Sequential):
        below = f"{name}." if name else ""
        inner = [
            _parts(child, f"{below}{own}", leaves, unknown)
            for own, child in module.named_children()
        ]
        return [part for parts in inner for part in parts]
    if isinstance(module, Sum):
        branch = _parts(module.branch, f"{name}.branch", leaves, unknown)
        skip = _parts(module.skip, f"{name}.skip", leaves, unknown) if module.skip else []
        if not branch or len(skip) > 1:
            unknown.append(f"{name} ({module})")
            return []
        return [Residual(*branch, scale=module.scale, skip=skip[0] if skip else None)]
    for theirs, _, make, _ in _ALIKE:
        if type(module) is theirs and _PLAIN.get(theirs, lambda m: True)(module):
            layer = make(module)
            leaves.append((module, layer))
            return [layer]
    unknown.append(f"{name or 'the model'} ({' '.join(repr(module).split())[:60]})")
    return []


def _module(part: Any) -> Any:
    if isinstance(part, Residual):
        skip = None if part.skip is None else _module(part.skip)
        return Sum(nn.Sequential(*(_module(one) for one in part.layers)), part.scale, skip)
    found = [(theirs, make) for theirs, ours, _, make in _ALIKE if type(part) is ours]
    if not found:
        raise ConfigError(f"to_torch does not know {part!r}: build its module by hand")
    theirs, make = found[0]
    module = make(part)
    with torch.no_grad():
        for name, own in _PARAMS.get(theirs, {}).items():
            values: Array = part.params[own]
            turned = values.T if name == "weight" and values.ndim == 2 else values
            _set(module, name, turned)
        if theirs is nn.BatchNorm1d:
            for name, own in _STATISTICS.items():
                module.register_buffer(name, torch.from_numpy(part.statistics[own].copy()))
    return module


def _set(module: Any, name: str, values: Array) -> None:
    module.register_parameter(name, nn.Parameter(torch.from_numpy(values.copy())))
