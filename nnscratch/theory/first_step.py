"""Prediction for a run that was recorded: what theory expected of its first step."""

from __future__ import annotations

import copy

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError
from nnscratch.layers import Dense
from nnscratch.network.model import Sequential
from nnscratch.theory.prediction import predict_layers
from nnscratch.theory.report import Prediction
from nnscratch.theory.weights import as_drawn
from nnscratch_records import Record


def predict_first_step(model: Sequential, record: Record, x: Array | None) -> Prediction:
    """Return what `predict_layers` says of `model` with weights as its initializers draw them.

    What training has made of the weights since plays no part. `record` is that of a `GradientFlow`
    on `model`, `x` the batch of its step 0. Raises `ConfigError` where the record does not begin at
    step 0 or where the weights did not begin as their initializers draw them, and what `predict`
    raises.
    """
    first = int(record["steps"][0])
    if first != 0 or x is None:
        raise ConfigError(f"theory is for the first step, and the record begins at step {first}")
    norms = record["param_norm_initial"], record["param_sizes"]
    for name, norm, size in zip(record["params"].tolist(), *norms, strict=True):
        layer = model.layers[model.owners[name]]
        if not _began_as_drawn(layer, name.rpartition(".")[2], float(norm**2 / size)):
            raise ConfigError(
                f"theory is for parameters as their initializers draw them, and {name} did not "
                f"begin so"
            )
    twin = copy.deepcopy(model)
    rng = np.random.default_rng(0)
    for layer in twin.layers.values():
        layer.reset(rng)
    return predict_layers(twin, x)


def _began_as_drawn(layer: object, parameter: str, square: float) -> bool:
    if parameter in ("gamma", "beta"):
        return abs(square - (parameter == "gamma")) < 1e-5
    if isinstance(layer, Dense):
        init = layer.init if parameter == "weight" else layer.bias_init
        return as_drawn(square, init, layer.params[parameter].shape)
    return True
