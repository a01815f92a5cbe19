"""Recurrent modules of PyTorch as layers of this engine, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from nnscratch import layers
from nnscratch.blocks import Bidirectional
from nnscratch.layouts import read_weights, write_weights
from nnscratch.pytorch.tensors import as_array

_KINDS: dict[Any, Any] = {nn.RNN: layers.RNN, nn.LSTM: layers.LSTM, nn.GRU: layers.GRU}


class Outputs(nn.Module):  # type: ignore[misc]  # without torch's types it is of type Any
    """A recurrent module that gives its outputs alone, to stand in a `Sequential`."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any) -> Any:
        """Return the outputs of all steps."""
        return self.layer(x)[0]


class LastStep(nn.Module):  # type: ignore[misc]
    """``x[:, -1]``: what `nnscratch.LastStep` is as a module."""

    def forward(self, x: Any) -> Any:
        """Return the last step."""
        return x[:, -1]


class MeanOverTime(nn.Module):  # type: ignore[misc]
    """``x.mean(1)``: what `nnscratch.MeanOverTime` is as a module."""

    def forward(self, x: Any) -> Any:
        """Return the mean over the steps."""
        return x.mean(1)


def recurrent_parts(module: Any) -> list[Any] | None:
    """Return the layers of a recurrent module, with dropout between; None for what is none here.

    Those here have biases, take the batch first, and give their state as it is.
    """
    if not (module.bias and module.batch_first and not module.proj_size):
        return None
    made = [Bidirectional(one) if module.bidirectional else one for one in stacked(module)]
    for k in range(len(made) - 1, 0, -1) if module.dropout else ():
        made.insert(k, layers.Dropout(module.dropout))
    return made


def stacked(module: Any) -> list[Any]:
    """Return the layers of a recurrent module, those of one direction."""
    kind = next(kind for kind in _KINDS if isinstance(module, kind))
    options = {"activation": module.nonlinearity} if kind is nn.RNN else {}
    wide = module.hidden_size * (1 + module.bidirectional)
    widths = [module.input_size, *[wide] * (module.num_layers - 1)]
    return [
        _KINDS[kind](n_in, module.hidden_size, defaults="pytorch", **options) for n_in in widths
    ]


def read_recurrent(module: Any, parts: list[Any]) -> None:
    """Copy the weights of a module into the layers that `recurrent_parts` made of it."""
    weights = {name: as_array(getattr(module, name)) for name in module._flat_weights_names}
    none = np.zeros(len(weights["weight_hh_l0"]))
    for k, part in enumerate(part for part in parts if not isinstance(part, layers.Dropout)):
        own = {"bias_ih_l0": none, "bias_hh_l0": none} | {
            name.replace(f"_l{k}", "_l0"): values
            for name, values in weights.items()
            if name.removesuffix("_reverse").endswith(f"_l{k}")
        }
        for layer in directions(part):
            read_weights(layer, own, "pytorch")


def recurrent_module(part: Any) -> nn.Module | None:
    """Return the module of a recurrent layer, or of one in both directions; None if there is none.

    PyTorch's begin with zeros, and have none that goes backwards alone.
    """
    both = directions(part)
    layer = both[0]
    kinds = {ours: theirs for theirs, ours in _KINDS.items()}
    activation = getattr(layer, "activation", "tanh")
    if layer.reverse or layer.initial != "zeros" or activation not in ("tanh", "relu"):
        return None
    options = {"nonlinearity": activation} if type(layer) is layers.RNN else {}
    options |= {"batch_first": True, "bidirectional": len(both) == 2}
    module = kinds[type(layer)](layer.features_in, layer.features, **options)
    module = module.to(torch.float64) if layer.dtype == "float64" else module
    weights = {
        name: values for one in both for name, values in write_weights(one, "pytorch").items()
    }
    module.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return Outputs(module).requires_grad_(not all(layer.frozen for layer in both))


def directions(part: Any) -> list[Any]:
    """Return the layers of a part: two of a bidirectional one."""
    return [part.layer, part.other] if isinstance(part, Bidirectional) else [part]
