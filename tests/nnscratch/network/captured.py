"""Networks that are captured, and the passes that they are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnscratch as nn

COMPILED = pytest.mark.skipif(
    nn.active_kernels() != "numba", reason="only compiled kernels are captured"
)

NETWORKS: dict[str, Any] = {
    "batchnorm": lambda: [
        *(nn.Dense(13, 70), nn.BatchNorm(70), nn.ELU(), nn.Dense(70, 37), nn.PReLU(37)),
        *(nn.Dense(37, 10), nn.BatchNorm(10, momentum=0.5)),
    ],
    "activations": lambda: [
        *(nn.Tanh(), nn.Dense(13, 50), nn.Sigmoid(), nn.Identity(), nn.GELU(), nn.Dense(50, 33)),
        *(nn.SiLU(), nn.Softplus(), nn.Softsign(), nn.SELU(), nn.PReLU(), nn.LeakyReLU(0.2)),
        *(nn.Dense(33, 10), nn.ReLU(), nn.Identity()),
    ],
    "deep": lambda: [
        *(layer for _ in range(30) for layer in (nn.Dense(13, 13), nn.Tanh())),
        nn.Dense(13, 10),
    ],
    "wide": lambda: [
        nn.Dense(13, 600),
        nn.ReLU(),
        nn.Dense(600, 400),
        nn.ReLU(),
        nn.Dense(400, 10),
    ],
    "identity": lambda: [nn.Identity(), nn.Identity(), nn.Dense(13, 10)],
}


def layer_by_layer(model, x, labels, loss):
    value, dlogits = loss(model.forward(x, training=True), labels)
    model.backward(dlogits)
    return value


def assert_same_state(found, expected):
    for name in ("params", "grads", "statistics"):
        np.testing.assert_array_equal(getattr(found, name).flat, getattr(expected, name).flat, name)
    for name, layer in expected.last.items():
        for part in ("input", "output", "upstream", "downstream"):
            got, want = getattr(found.last[name], part), getattr(layer, part)
            assert (got is None) == (want is None)
            if want is not None:
                np.testing.assert_array_equal(got, want, f"{part} of {name}")
