"""Synthetic records: runs whose gradient flow is known because it was written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Record = dict[str, Any]


def make_record(
    label: str,
    *,
    layers: int = 6,
    steps: int = 40,
    per_layer: float = 1.0,
    growth: float = 1.0,
    seed: int = 0,
) -> Record:
    """A run whose gradient norm changes by `per_layer` per layer towards the input.

    `growth` multiplies it at every step; beyond float32's range it is infinite, afterwards NaN.
    """
    rng = np.random.default_rng(seed)
    depth = np.arange(layers)[::-1]
    step = np.arange(steps)
    with np.errstate(over="ignore"):
        exponents = np.log10(0.05) + depth * np.log10(per_layer) + step[:, None] * np.log10(growth)
        norms = 10.0 ** (exponents + 0.05 * rng.standard_normal((steps, layers)))
    norms[norms > 3e38] = np.inf
    ended = np.flatnonzero(np.isinf(norms).any(axis=1))
    loss = 2.3 * np.exp(-step / max(1, steps / 3)) + 0.02 + 0.02 * rng.random(steps)
    if ended.size:
        norms[ended[0] + 1 :] = np.nan
        loss[ended[0]] = np.inf
        loss[ended[0] + 1 :] = np.nan
    norms[norms < 1e-45] = 0.0
    return {
        "label": label,
        "layers": np.array([f"{2 * i}.dense" for i in range(layers)]),
        "steps": np.arange(steps, dtype=np.int64),
        "backprop_norm": norms,
        "weight_gradient_norm": norms * np.linspace(3.0, 1.0, layers),
        "loss": loss,
    }


@pytest.fixture
def record() -> Callable[..., Record]:
    return make_record
