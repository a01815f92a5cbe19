"""Recurrent modules of PyTorch as layers of this engine, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from nnscratch import layers
from nnscratch.arguments import arguments, make
from nnscratch.layouts import read_weights, write_weights
from nnscratch.network.blocks import Bidirectional
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


class Turned(Outputs):
    """`Outputs` of one layer that begins at the last step, or with a state that it learns.

    start : of the hidden state, and an LSTM's cell, an array (directions, features); none: zeros
    """

    def __init__(self, layer: nn.Module, reverse: bool, start: list[Any]) -> None:
        super().__init__(layer)
        self.reverse, self.start = reverse, nn.ParameterList(start)

    def forward(self, x: Any) -> Any:
        """Return the outputs of all steps."""
        start = [one[:, None].expand(-1, len(x), -1).contiguous() for one in self.start]
        state = tuple(start) if len(start) > 1 else start[0] if start else None
        y = self.layer(x.flip(1) if self.reverse else x, state)[0]
        return y.flip(1) if self.reverse else y


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


def recurrent_parts(module: Any) -> list[Any]:
    """Return the layers of a recurrent module, with dropout between."""
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


def turned_parts(module: Turned) -> list[Any]:
    """Return the layer, of one direction or both, that `recurrent_module` made a module of."""
    (layer,) = stacked(module.layer)
    initial = "learned" if len(module.start) else "zeros"
    given = {**arguments(layer), "reverse": module.reverse, "initial": initial}
    made = make(type(layer), given)
    return [Bidirectional(made) if module.layer.bidirectional else made]


def read_turned(module: Turned, parts: list[Any]) -> None:
    """Copy the weights of a module into what `turned_parts` made of it."""
    read_recurrent(module.layer, parts, module.reverse)
    for k, layer in enumerate(directions(parts[0])):
        for name, values in zip(layer.state_shapes(), module.start, strict=False):
            layer.params[f"initial_{name}"] = as_array(values)[k]


def _named(name: str, turned: bool) -> str:
    """Return what a weight is called where the direction that comes first goes backwards."""
    if not turned:
        return name
    plain = name.removesuffix("_reverse")
    return plain if plain != name else f"{name}_reverse"


def read_recurrent(module: Any, parts: list[Any], turned: bool = False) -> None:
    """Copy the weights of a module into the layers that `recurrent_parts` made of it.

    turned : those that go backwards are its first
    """
    weights = {
        _named(name, turned): as_array(getattr(module, name)) for name in module._flat_weights_names
    }
    none = np.zeros(len(module.weight_hh_l0))
    for k, part in enumerate(part for part in parts if not isinstance(part, layers.Dropout)):
        biases = ("bias_ih_l0", "bias_hh_l0")
        own = {_named(name, turned): none for name in biases} | {
            name.replace(f"_l{k}", "_l0"): values
            for name, values in weights.items()
            if name.removesuffix("_reverse").endswith(f"_l{k}")
        }
        for layer in directions(part):
            read_weights(layer, own, "pytorch")


def recurrent_module(part: Any) -> nn.Module | None:
    """Return the module of a recurrent layer, or of one in both directions; None if there is
    none."""
    both = directions(part)
    layer = both[0]
    kinds = {ours: theirs for theirs, ours in _KINDS.items()}
    activation = getattr(layer, "activation", "tanh")
    if activation not in ("tanh", "relu"):
        return None
    options = {"nonlinearity": activation} if type(layer) is layers.RNN else {}
    options |= {"batch_first": True, "bidirectional": len(both) == 2}
    module = kinds[type(layer)](layer.features_in, layer.features, **options)
    module = module.to(torch.float64) if layer.dtype == "float64" else module
    weights = {
        _named(name, layer.reverse): torch.from_numpy(values)
        for one in both
        for name, values in write_weights(one, "pytorch").items()
    }
    module.load_state_dict(weights)
    made = Outputs(module)
    learned = layer.state_shapes() if layer.initial == "learned" else ()
    if layer.reverse or learned:
        begun = [np.stack([one.params[f"initial_{name}"] for one in both]) for name in learned]
        start = [nn.Parameter(torch.from_numpy(values)) for values in begun]
        made = Turned(module, layer.reverse, start)
    return made.requires_grad_(not all(layer.frozen for layer in both))


def directions(part: Any) -> list[Any]:
    """Return the layers of a part: two of a bidirectional one."""
    return [part.layer, part.other] if isinstance(part, Bidirectional) else [part]
