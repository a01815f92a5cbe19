"""LSUV on a real model: unit variance at every dense layer (Mishkin & Matas 2016)."""

import numpy as np
import pytest

import nnscratch as nn


def variances(model, x):
    model.forward(x)
    trace = model.last
    return [trace[n].output.var() for n, layer in model.layers.items() if layer.kind == "dense"]


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.Sigmoid])
def test_every_layer_gets_unit_variance(activation):
    x = nn.datasets.digits()[0][:500]
    parts = []
    for n_in in (64, 80, 80, 80):
        parts += [nn.Dense(n_in, 80, init="normal"), activation()]
    model = nn.Sequential(*parts, nn.Dense(80, 10, init="normal"))
    assert max(variances(model, x)) > 3
    report = nn.lsuv(model, x, rng=np.random.default_rng(0))
    assert all(result.converged for result in report.values())
    np.testing.assert_allclose(variances(model, x), 1, atol=0.1)
    assert list(report) == ["0.dense", "2.dense", "4.dense", "6.dense", "8.dense"]
