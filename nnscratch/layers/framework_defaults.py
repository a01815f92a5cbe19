"""How the frameworks draw a recurrent layer that is given nothing but its sizes.

Said in the order of `Recurrent.gates`; PyTorch's and Keras's read from their sources (PyTorch 2.13,
Keras 3). Of TensorFlow 1 these are ``BasicRNNCell``, ``BasicLSTMCell`` and ``GRUCell``, whose
weights of input and state are one matrix, and whose fans therefore are those of both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import numpy as np

from nnscratch.arrays import Array
from nnscratch.initializers import Orthogonal, Uniform, VarianceScaling
from nnscratch.parameters import Views

_GLOROT = VarianceScaling(1.0, "fan_avg", "uniform")


class Drawn(Protocol):
    """A recurrent layer, as far as its parameters go."""

    features: int
    params: Views

    @property
    def gates(self) -> tuple[str, ...]:
        """The names of the gates."""
        ...

    def gate(self, name: str, values: Array) -> Array:
        """Return one gate's part of a parameter."""
        ...


def _pytorch(layer: Drawn, rng: np.random.Generator) -> None:
    """U(-1/sqrt n, 1/sqrt n), biases too. A second bias is added up where there is but one."""
    bound = 1 / math.sqrt(layer.features)
    draw = Uniform(-bound, bound)
    for name in ("weight", "recurrent_weight", "bias", "recurrent_bias"):
        if name in layer.params:
            layer.params[name][...] = draw(layer.params[name].shape, rng, np.float64)
    if "recurrent_bias" not in layer.params:
        layer.params["bias"][...] += draw(layer.params["bias"].shape, rng, np.float64)


def _keras(layer: Drawn, rng: np.random.Generator) -> None:
    """Glorot and orthogonal over the whole matrix of all gates; biases 0, the forget gate's 1.

    The *rows* of the wide matrix are orthonormal: no gate's own matrix is orthogonal.
    """
    for name, draw in (("weight", _GLOROT), ("recurrent_weight", Orthogonal())):
        layer.params[name][...] = draw(layer.params[name].shape, rng, np.float64)
    _set_biases(layer, {"f": 1.0})


def _tf1(layer: Drawn, rng: np.random.Generator) -> None:
    """Glorot over input and state together; biases 0, of the gates of a GRU and forget gates 1."""
    weight, recurrent = layer.params["weight"], layer.params["recurrent_weight"]
    together = [layer.gates] if "r" not in layer.gates else [("r", "z"), ("n",)]
    for gates in together:
        wide = len(gates) * layer.features
        drawn = _GLOROT((len(weight) + len(recurrent), wide), rng, np.float64)
        for k, gate in enumerate(gates):
            part = drawn[:, k * layer.features : (k + 1) * layer.features]
            layer.gate(gate, weight)[...] = part[: len(weight)]
            layer.gate(gate, recurrent)[...] = part[len(weight) :]
    _set_biases(layer, {"f": 1.0, "r": 1.0, "z": 1.0})


def _set_biases(layer: Drawn, ones: Mapping[str, float]) -> None:
    for name in ("bias", "recurrent_bias"):
        for gate in layer.gates if name in layer.params else ():
            value = ones.get(gate, 0.0) if name == "bias" else 0.0
            layer.gate(gate, layer.params[name])[...] = value


DEFAULTS: Final[dict[str, Callable[[Drawn, np.random.Generator], None]]] = {
    "pytorch": _pytorch,
    "keras": _keras,
    "tf1": _tf1,
}
