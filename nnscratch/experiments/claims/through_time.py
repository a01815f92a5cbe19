"""Recurrent layers as frameworks draw them, and what is left of a gradient after many steps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from nnscratch import theory
from nnscratch.arrays import Array
from nnscratch.initializers import Normal, Orthogonal, Uniform, VarianceScaling
from nnscratch.layers import GRU, LSTM, RNN, Layer
from nnscratch.model import Sequential
from nnscratch.theory.recurrent.report import rate_of

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
FRAMEWORKS = ("PyTorch", "Keras", "TensorFlow 1", "Flax")


def drawn(framework: str, kind: str, units: int, kept: float, features: int, seed: int) -> Any:
    """Return a model of one recurrent layer with the weights of a framework's defaults.

    `kept` is added to the bias of the gate that keeps, forget or update. PyTorch draws everything
    from U(-1/sqrt(n), 1/sqrt(n)), and adds two biases; Keras takes Glorot's uniform for the input
    and one orthogonal matrix over all gates; TensorFlow 1 one Glorot matrix for input and state;
    Flax LeCun's normal for the input and an orthogonal matrix for each gate.
    """
    wide, reach = GATES[kind] * units, units**-0.5
    both = 2 / (features + units + wide)
    uniform = Uniform(-reach, reach)
    given: dict[str, dict[str, Any]] = {
        "PyTorch": {
            "init": uniform,
            "recurrent_init": uniform,
            "bias_init": uniform if kind == "gru" else Normal(reach * (2 / 3) ** 0.5),
        },
        "Keras": {"init": VarianceScaling(2 * features / (features + wide), "fan_in", "uniform")},
        "TensorFlow 1": {
            "init": VarianceScaling(features * both, "fan_in", "uniform"),
            "recurrent_init": VarianceScaling(units * both, "fan_in", "uniform"),
        },
        "Flax": {"init": "lecun_normal", "recurrent_init": "orthogonal"},
    }
    model = Sequential(layer(kind, features, units, kept, **given[framework]), seed=seed)
    if framework == "Keras":
        rng = np.random.default_rng([seed, 4])
        model.params["0.recurrent_weight"][...] = Orthogonal()((units, wide), rng)
    return model


def layer(kind: str, features: int, units: int, kept: float = 0.0, **options: Any) -> Layer:
    """Return a recurrent layer; `kept` is added to the bias of the gate that keeps."""
    if kind == "lstm":
        return LSTM(features, units, forget_bias=kept, **options)
    if kind == "gru":
        return GRU(features, units, update_bias=kept, **options)
    return RNN(features, units, **options)


def per_step(models: Iterable[Sequential], scale: float, steps: int) -> tuple[list[float], float]:
    """Return the factor on the gradient's norm per step in each of `models`, one recurrent layer,
    and the factor that theory expects of the first.

    Inputs are N(0, scale^2), new at each step; the gradient at the last one is random.
    """
    found: list[float] = []
    predicted = math.nan
    for k, model in enumerate(models):
        rng = np.random.default_rng([k, 3])
        x: Array = (scale * rng.standard_normal((8, steps, len(model.params["0.weight"])))).astype(
            model.dtype
        )
        if not found:
            predicted = theory.recurrent.predict_through_time(model, x).layers[0].rate
        found.append(rate_of(theory.measure_through_time(model, x)[0]))
    return found, predicted
