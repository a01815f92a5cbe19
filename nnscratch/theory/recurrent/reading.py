"""Reading the recurrent layers of a model as theory sees them."""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError
from nnscratch.layers import Layer
from nnscratch.theory.nonlinearity import nonlinearity
from nnscratch.theory.recurrent.cells import Cell

KINDS = ("rnn", "lstm", "gru")
_CLEAR = 6.0  # standard errors of a mean that is not 0


def is_recurrent(layer: Layer) -> bool:
    """Whether `layer` goes through time."""
    return layer.role == "recurrent"


def read_cell(name: str, layer: Layer) -> Cell:
    """Return the `Cell` of a recurrent layer, from the weights that it has.

    Raises `ConfigError`, naming the layer, for a kind that theory does not know and for weights
    that it cannot follow.
    """
    if layer.kind not in KINDS:
        raise ConfigError(
            f"theory through time does not know layer {name!r} ({layer!r}): it knows RNN, LSTM and "
            "GRU"
        )
    params = {key: np.asarray(value, dtype=np.float64) for key, value in layer.params.items()}
    if not all(np.isfinite(value).all() for value in params.values()):
        raise ConfigError(f"theory cannot say anything about {name!r}: its parameters hold NaN")
    units, wide = params["recurrent_weight"].shape
    gates = params["recurrent_weight"].reshape(units, wide // units, units).transpose(1, 0, 2)
    kept = np.array([_identity(gate) for gate in gates])
    if layer.kind != "rnn" and kept.any():
        raise ConfigError(
            f"theory through time cannot follow {name!r}: recurrent weights of its gates stand on "
            "their diagonal, where it expects them spread over all (orthogonal, normal, uniform)"
        )
    spread = gates - kept[:, None, None] * np.eye(units)
    return Cell(
        kind=layer.kind,
        sw2=units * np.mean(spread * spread, axis=(1, 2)),
        sv2=np.sum(params["weight"].reshape(-1, wide // units, units) ** 2, axis=(0, 2)) / units,
        bias=params["bias"].reshape(wide // units, units),
        recurrent_bias=params.get("recurrent_bias", np.empty(0))[-units:],  # of a GRU alone
        activation=nonlinearity(getattr(layer, "activation", "tanh")),
        identity=float(kept[0]),
    )


def _identity(gate: Array) -> float:
    """Return the multiple of the identity that is in a square matrix; 0 for one that is random."""
    mean = float(np.diagonal(gate).mean())
    scale = math.sqrt(float(np.mean(gate * gate)))
    return mean if abs(mean) > _CLEAR * scale / math.sqrt(len(gate)) else 0.0
