"""What findings name in the network, and one change mends."""

from types import SimpleNamespace

import numpy as np
import pytest

import nnscratch as nn
from nnscratch.curing import cure
from nnscratch.curing.named import named_in_network
from nnscratch.curing.reading import read_plan

Z = np.random.default_rng(0).standard_normal((1500, 4)).astype(np.float32)


def read(activation="ReLU", units=16):
    model = nn.Sequential(nn.Dense(4, units), getattr(nn, activation)(), nn.Dense(units, 1), seed=0)
    return read_plan(model, nn.SGD(lr=0.1), nn.Huber())


def test_weights_that_are_found_the_cause_are_drawn_first():
    model = nn.Sequential(
        *(nn.Dense(4, 16, init=nn.initializers.Normal(std=1e-3)), nn.Tanh()),
        *(nn.Dense(16, 16, init=nn.initializers.Normal(std=1e-3)), nn.Tanh()),
        *(nn.Dense(16, 16, init=nn.initializers.Normal(std=1e-3)), nn.Tanh()),
        nn.Dense(16, 1, init=nn.initializers.Normal(std=1e-3)),
        seed=0,
    )
    found = cure(
        *(model, nn.MeanSquaredError(), nn.SGD(lr=0.05), Z, np.tanh(Z[:, :1] - Z[:, 1:2])),
        batch_size=64,
        steps=150,
        tries=1,
        progress=False,
    )
    assert found.trials[0].label == "lecun_normal"
    assert found.best.skill > 0.5


def test_few_units_get_more_and_an_activation_that_does_not_saturate():
    bits = np.array(np.meshgrid(*[[0, 1]] * 6)).reshape(6, -1).T.astype(np.float32)
    parity = bits.sum(axis=1, keepdims=True) % 2
    model = nn.Sequential(nn.Dense(6, 2), nn.Tanh(), nn.Dense(2, 1), seed=0)
    found = cure(
        *(model, nn.SigmoidCrossEntropy(), nn.Adam(lr=0.02), bits, parity),
        batch_size=16,
        steps=1000,
        tries=1,
        progress=False,
    )
    assert found.best.label.startswith("32 units a layer + ")
    assert found.best.skill > 0.9


@pytest.mark.parametrize(
    ("units", "skill", "ills", "wider"),
    [
        (3, 0.19, (), True),
        (4, 0.19, (), True),
        (5, 0.19, (), False),
        (4, 0.21, (), False),
        (9, 0.9, ("capacity",), True),
    ],
)
def test_few_units_are_too_few_where_nothing_is_learned(units, skill, ills, wider):
    plan = read("Tanh", units)
    trial = SimpleNamespace(plan=plan, skill=skill, ills=ills, findings=SimpleNamespace(causes=()))
    found = named_in_network(trial, SimpleNamespace(given_back=False))
    assert list(map(str, found)) == (
        ["32 units a layer", "32 units a layer + ReLU, he_normal"] if wider else []
    )
    again = named_in_network(trial, SimpleNamespace(given_back=True))
    assert again == ([] if units < 4 else found)  # fewer numbers than the 4 that go in are a code


@pytest.mark.parametrize(("kind", "drawn"), [("initial weights", True), ("activation", False)])
def test_weights_are_drawn_anew_where_they_are_found_the_cause(kind, drawn):
    causes = (SimpleNamespace(kind=kind), SimpleNamespace(kind="initial weights"))
    findings = SimpleNamespace(causes=causes)
    trial = SimpleNamespace(plan=read(), skill=0.0, ills=(), findings=findings)
    found = named_in_network(trial, SimpleNamespace(given_back=False))
    assert list(map(str, found)) == (["he_normal"] if drawn else [])
