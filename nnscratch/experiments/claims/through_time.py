"""Recurrent layers as frameworks draw them, and what is left of a gradient after many steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nnscratch import theory
from nnscratch.arrays import Array
from nnscratch.layers import GRU, LSTM, RNN, Layer
from nnscratch.network.model import Sequential
from nnscratch.theory.recurrent.report import rate_of

# As the layers know them; Flax is said here: LeCun's normal, orthogonal for each gate.
FRAMEWORKS = {"PyTorch": "pytorch", "Keras": "keras", "TensorFlow 1": "tf1", "Flax": None}
KINDS: dict[str, Callable[..., Layer]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
_KEEPS = {"lstm": "f", "gru": "z"}


def drawn(
    framework: str, kind: str, units: int, added: float, features: int, seed: int
) -> Sequential:
    """Return a model of one recurrent layer with the weights of a framework's defaults.

    `added` is put on the bias of the gate that keeps, forget or update, beside what the framework
    puts there: Keras and TensorFlow 1 a forget bias of 1.
    """
    named = FRAMEWORKS[framework]
    options: dict[str, Any] = {"defaults": named} if named else {"init": "lecun_normal"}
    if kind == "lstm":
        options["forget_bias"] = 0.0
    model = Sequential(KINDS[kind](features, units, **options), seed=seed)
    if added:
        layer = model.layers[f"0.{kind}"]
        assert isinstance(layer, LSTM | GRU)
        layer.gate(_KEEPS[kind], layer.params["bias"])[...] += added
    return model


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
