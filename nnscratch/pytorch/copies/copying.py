"""Networks copied from PyTorch into this engine, and back, with equal outputs and gradients."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from torch import nn

from nnscratch import layers
from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, shown
from nnscratch.initializers import Normal, VarianceScaling
from nnscratch.layers.base import Layer
from nnscratch.layers.recurrent import Recurrent
from nnscratch.network.blocks import Bidirectional, Residual
from nnscratch.network.model import Sequential
from nnscratch.pytorch.copies.recurrent import (
    LastStep,
    MeanOverTime,
    Turned,
    directions,
    read_recurrent,
    read_turned,
    recurrent_module,
    recurrent_parts,
    turned_parts,
)
from nnscratch.pytorch.copies.tracing import Reader
from nnscratch.pytorch.tensors import as_array, require_module

# A module, what it is here, and how both are made of the other.
_ALIKE: tuple[tuple[Any, type, Callable[[Any], Layer], Callable[[Any], Any]], ...] = (
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
        *(nn.RMSNorm, layers.RMSNorm),
        lambda m: layers.RMSNorm(m.normalized_shape[0], epsilon=_epsilon(m)),
        lambda x: nn.RMSNorm(x.features, eps=x.epsilon),
    ),
    (
        *(nn.LeakyReLU, layers.LeakyReLU),
        lambda m: layers.LeakyReLU(m.negative_slope),
        lambda x: nn.LeakyReLU(x.slope),
    ),
    (
        *(nn.PReLU, layers.PReLU),
        lambda m: layers.PReLU(None if m.num_parameters == 1 else m.num_parameters),
        lambda x: nn.PReLU(x.features or 1),
    ),
    (nn.ELU, layers.ELU, lambda m: layers.ELU(m.alpha), lambda x: nn.ELU(x.alpha)),
    (nn.Dropout, layers.Dropout, lambda m: layers.Dropout(m.p), lambda x: nn.Dropout(x.rate)),
    (nn.Softmax, layers.Softmax, lambda m: layers.Softmax(), lambda x: nn.Softmax(-1)),
    *(
        (theirs, ours, lambda m, ours=ours: ours(), lambda x, theirs=theirs: theirs())
        for theirs, ours in (
            *((nn.Sigmoid, layers.Sigmoid), (nn.Tanh, layers.Tanh), (nn.ReLU, layers.ReLU)),
            *((nn.SELU, layers.SELU), (nn.Softsign, layers.Softsign), (nn.SiLU, layers.SiLU)),
            *((nn.Softplus, layers.Softplus), (nn.Mish, layers.Mish), (nn.GELU, layers.GELU)),
            *((nn.Identity, layers.Identity), (nn.Hardsigmoid, layers.HardSigmoid)),
            *((nn.Hardtanh, layers.HardTanh), (LastStep, layers.LastStep)),
            (MeanOverTime, layers.MeanOverTime),
        )
    ),
)
_PARAMS = {
    nn.Linear: {"weight": "weight", "bias": "bias"},
    nn.BatchNorm1d: {"weight": "gamma", "bias": "beta"},
    nn.LayerNorm: {"weight": "gamma", "bias": "beta"},
    nn.RMSNorm: {"weight": "gamma"},
    nn.PReLU: {"weight": "slope"},
}
_STATISTICS = {"running_mean": "running_mean", "running_var": "running_variance"}
# How a module must be made, to be one of those here.
_PLAIN: dict[Any, tuple[tuple[str, Callable[[Any], bool]], ...]] = {
    nn.Linear: (("bias=True", lambda m: m.bias is not None),),
    nn.BatchNorm1d: (
        ("affine=True", lambda m: m.weight is not None and m.bias is not None),
        ("track_running_stats=True", lambda m: m.track_running_stats),
        ("a number as momentum", lambda m: m.momentum is not None),
    ),
    nn.LayerNorm: (
        ("elementwise_affine=True and bias=True", lambda m: m.bias is not None),
        ("one axis", lambda m: len(m.normalized_shape) == 1),
    ),
    nn.RMSNorm: (
        ("elementwise_affine=True", lambda m: m.weight is not None),
        ("one axis", lambda m: len(m.normalized_shape) == 1),
    ),
    nn.Softplus: (("beta=1 and threshold=20", lambda m: m.beta == 1 and m.threshold >= 20),),
    nn.Softmax: (("dim=-1", lambda m: m.dim in (-1, 1)),),
    nn.GELU: (("approximate='none'", lambda m: m.approximate == "none"),),
    nn.Hardtanh: (("the limits -1 and 1", lambda m: (m.min_val, m.max_val) == (-1, 1)),),
    **dict.fromkeys(
        (nn.RNN, nn.LSTM, nn.GRU),
        (
            ("bias=True", lambda m: m.bias),
            ("batch_first=True", lambda m: m.batch_first),
            ("proj_size=0", lambda m: not m.proj_size),
        ),
    ),
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

    ``nn.predict(from_torch(model))``, ``nn.cure(from_torch(model), ...)``. The model's forward is
    followed as `torch.fx` follows it: modules and functions one behind another, sums
    ``x + scale * f(x)``, and of sequences the last step or the mean. Known are Linear, BatchNorm1d,
    LayerNorm, RMSNorm, Dropout, RNN, LSTM and GRU with the batch first, and the activations that
    both have. Layers say of their initializers what the weights look like,
    and are frozen where no parameter of the module requires a gradient.

    PyTorch's running variance is that of n - 1 examples, ours that of n: after a step of training
    evaluation differs by as much. Raises `ConfigError` naming each module that it does not know.
    """
    reader = Reader(require_module("from_torch", model), _layers, _needs)
    parts = reader.parts()
    if reader.unknown:
        raise ConfigError(
            f"from_torch does not know {', '.join(reader.unknown)}: watch(model, optimizer) "
            f"records any network, or build the same one of layers of nnscratch"
        )
    double = any(tensor.dtype == torch.float64 for tensor in model.parameters())
    made = Sequential(*parts, dtype="float64" if double else "float32")
    for module, own in reader.leaves:
        if isinstance(module, Turned):
            read_turned(module, own)
        elif isinstance(module, nn.RNNBase):
            read_recurrent(module, own)
        else:
            _read(module, own[0])
        learned = list(module.parameters())
        for layer in (layer for part in own for layer in directions(part)):
            layer.frozen = bool(learned) and not any(one.requires_grad for one in learned)
    return made


def to_torch(model: Sequential) -> nn.Sequential:
    """Return a copy of a network as a `torch.nn.Sequential` with equal weights.

    Raises `ConfigError` naming the layer that PyTorch, or this function, does not know.
    """
    if not isinstance(model, Sequential):
        raise ConfigError(f"to_torch takes an nn.Sequential of nnscratch, got {shown(model)}")
    made = [_module(part) for part in model]
    twin = nn.Sequential(*made)
    return twin.double() if model.dtype == np.float64 else twin


def write_state_dict(model: Sequential) -> dict[str, Any]:
    """Return the weights as the state dict of ``to_torch(model)``.

    ``safetensors.torch.save_file(write_state_dict(model), "model.safetensors")``
    """
    state: dict[str, Any] = to_torch(model).state_dict()
    return state


def read_state_dict(model: Sequential, state: Mapping[str, Any]) -> None:
    """Set the weights to those of a state dict, without the module that it is of.

    Its names are those of `write_state_dict`, or any others in the same order: then what is in a
    place must be called alike (``weight``, ``bias``) and have the same shape. Tensors or arrays.
    Raises `ConfigError` naming the first that does not fit; nothing is changed then.
    """
    twin = to_torch(model)
    own = {name: like for name, like in twin.state_dict().items() if not _counts(name)}
    if not isinstance(state, Mapping):
        raise ConfigError(f"a state dict maps names to tensors, got {shown(state)}")
    given = {name: torch.as_tensor(one) for name, one in state.items() if not _counts(name)}
    names = list(own) if own.keys() == given.keys() else list(given)
    for theirs, ours in zip_longest(names, own):
        found, expected = _what(theirs, given), _what(ours, own)
        if found != expected:
            raise ConfigError(
                f"the state dict does not fit: it has {found} ({theirs}) where the model has "
                f"{expected} ({ours})"
            )
    pairs = zip(own, names, strict=True)
    twin.load_state_dict({ours: given[theirs] for ours, theirs in pairs}, strict=False)
    copied = from_torch(twin)
    model.params.flat[...] = copied.params.flat
    model.statistics.flat[...] = copied.statistics.flat


def _counts(name: str) -> bool:
    """Whether it is what batch norm counts its steps with, which has no place here."""
    return name.endswith("num_batches_tracked")


def _what(name: str | None, state: Mapping[str, Any]) -> str:
    if name is None:
        return "nothing"
    kind = re.sub(r"_l\d+", "", name.rsplit(".", 1)[-1])  # whichever layer of a stack it is
    return f"{kind} of shape {tuple(state[name].shape)}"


def _layers(module: nn.Module) -> list[Any] | None:
    """Return what a module is here."""
    if _needs(module):
        return None
    if type(module) in (nn.RNN, nn.LSTM, nn.GRU):
        return recurrent_parts(module)
    if type(module) is Turned:
        return turned_parts(module)
    for theirs, _, make, _ in _ALIKE:
        if type(module) is theirs:
            return [make(module)]
    return None


def _needs(module: nn.Module) -> str:
    """Return how a module would have to be made to be one of those here; empty if it is."""
    asked = _PLAIN.get(type(module), ())
    return " and ".join(said for said, holds in asked if not holds(module))


def _read(module: nn.Module, layer: Any) -> None:
    """Copy the parameters and statistics of a module into its layer."""
    for theirs, ours in _PARAMS.get(type(module), {}).items():
        values = as_array(getattr(module, theirs))
        layer.params[ours] = values.T if theirs == "weight" and values.ndim == 2 else values
    if isinstance(module, nn.BatchNorm1d):
        for theirs, ours in _STATISTICS.items():
            layer.statistics[ours] = as_array(getattr(module, theirs))
    if isinstance(layer, layers.Dense):
        _note_draw(layer)


def _note_draw(layer: layers.Dense) -> None:
    """Say of a layer's initializers what its weights look like: theory and cures go by that."""
    weight, bias = layer.params["weight"], layer.params["bias"]
    variance = float(np.mean(np.square(weight, dtype=np.float64)))
    if 0 < variance < math.inf:
        flat = np.abs(weight).max() <= 1.1 * math.sqrt(3 * variance)
        scale = float(f"{layer.n_in * variance:.4g}")
        layer.init = VarianceScaling(scale, "fan_in", "uniform" if flat else "normal")
    deviation = float(np.sqrt(np.mean(np.square(bias, dtype=np.float64))))
    if 0 < deviation < math.inf:
        layer.bias_init = Normal(float(f"{deviation:.4g}"))


def _epsilon(module: Any) -> float:
    return torch.finfo(module.weight.dtype).eps if module.eps is None else module.eps


def _module(part: Any) -> Any:
    if isinstance(part, Residual):
        skip = None if part.skip is None else _module(part.skip)
        return Sum(nn.Sequential(*(_module(one) for one in part.layers)), part.scale, skip)
    if isinstance(part, Recurrent | Bidirectional):
        made = recurrent_module(part)
        if made is not None:
            return made
    found = [(theirs, make) for theirs, ours, _, make in _ALIKE if type(part) is ours]
    if not found:
        raise ConfigError(f"to_torch does not know {part!r}: build its module by hand")
    theirs, make = found[0]
    module = make(part)
    for name, own in _PARAMS.get(theirs, {}).items():
        values: Array = part.params[own]
        turned = values.T if name == "weight" and values.ndim == 2 else values
        module.register_parameter(name, nn.Parameter(torch.from_numpy(turned.copy())))
    if theirs is nn.BatchNorm1d:
        for name, own in _STATISTICS.items():
            module.register_buffer(name, torch.from_numpy(part.statistics[own].copy()))
    return module.requires_grad_(not part.frozen)
