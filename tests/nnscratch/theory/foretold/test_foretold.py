"""Predictions as they are printed, word by word, against `said.txt`: `SAID=write pytest` writes it.

How right their numbers are is for the other tests; whoever changes a limit, a formula or a word
sees here what else it changes. What is measured beside a prediction is left out.
"""

import numpy as np
import pytest

import nnscratch as nn

X = np.random.default_rng(0).standard_normal((64, 20)).astype(np.float32)
SEQUENCES = np.random.default_rng(1).standard_normal((32, 40, 6)).astype(np.float32)
NUMBERS = X[:, :1] * 2 + 1


def deep(activation, layers=10, width=50, init="glorot_normal", *, last=3, norm=None, after=None):
    """A chain of dense layers and activations, with a norm between them or behind."""
    parts, n_in = [], 20
    for _ in range(layers):
        between = [] if norm is None else [norm(width)]
        behind = [] if after is None else [after(width)]
        parts += [nn.Dense(n_in, width, init=init), *between, activation(), *behind]
        n_in = width
    return nn.Sequential(*parts, nn.Dense(width, last, init=init), seed=0)


def blocks(count, *, norm=None, after=None, activation=nn.ReLU, scale=1.0, init="he_normal"):
    """Residual blocks of two dense layers, a norm at their beginning or behind their sum."""
    parts = [nn.Dense(20, 40)]
    for _ in range(count):
        first = [] if norm is None else [norm(40)]
        layers = nn.Dense(40, 40, init=init), activation(), nn.Dense(40, 40, init="lecun_normal")
        parts.append(nn.Residual(*first, *layers, scale=scale))
        parts += [] if after is None else [after(40)]
    return nn.Sequential(*parts, nn.Dense(40, 3), seed=0)


def recurrent(layer, units=20):
    return nn.Sequential(layer, nn.LastStep(), nn.Dense(units, 2), seed=0)


def biased():
    model = deep(nn.Tanh, 3)
    model.params["0.bias"][...] = np.linspace(3, 5, 50)
    return model


SMALL = nn.initializers.Normal(0.01)
CASES = {
    "sigmoid": lambda: (deep(nn.Sigmoid),),
    "sigmoid, one layer": lambda: (deep(nn.Sigmoid, 1),),
    "no hidden layer": lambda: (deep(nn.Sigmoid, 0),),
    "tanh": lambda: (deep(nn.Tanh),),
    "tanh, deep": lambda: (deep(nn.Tanh, 60),),
    "tanh, ordered": lambda: (deep(nn.Tanh, 30, 100, nn.initializers.VarianceScaling(0.8)),),
    "tanh, chaotic": lambda: (deep(nn.Tanh, 30, 100, nn.initializers.VarianceScaling(3.0)),),
    "tanh, small weights": lambda: (deep(nn.Tanh, 5, init=SMALL),),
    "ReLU": lambda: (deep(nn.ReLU, 20, 50, "he_normal"),),
    "ReLU, narrow": lambda: (deep(nn.ReLU, 20, 9, "he_normal"),),
    "ReLU, not so narrow": lambda: (deep(nn.ReLU, 3, 10, "he_normal"),),
    "ReLU, large weights": lambda: (deep(nn.ReLU, 20, 48, "normal"),),
    "ReLU, weights a little large": lambda: (
        deep(nn.ReLU, 20, 200, nn.initializers.VarianceScaling(2.15)),
    ),
    "ELU": lambda: (deep(nn.ELU, 30, 80, "he_normal"),),
    "SELU": lambda: (deep(nn.SELU, 30, 80, "lecun_normal"),),
    "softplus": lambda: (deep(nn.Softplus, 10, 40),),
    "leaky ReLU": lambda: (deep(nn.LeakyReLU, 30, 80, "he_normal"),),
    "no activation": lambda: (deep(nn.Identity, 10, 40, "lecun_normal"),),
    "orthogonal": lambda: (deep(nn.Tanh, 30, 20, "orthogonal"),),
    "batch norm": lambda: (deep(nn.ReLU, 20, 60, "he_normal", norm=nn.BatchNorm),),
    "batch norm behind": lambda: (deep(nn.Tanh, 12, 60, after=nn.BatchNorm),),
    "layer norm behind": lambda: (deep(nn.ReLU, 20, 60, "he_normal", after=nn.LayerNorm),),
    "layer norm": lambda: (deep(nn.Tanh, 30, 60, norm=nn.LayerNorm),),
    "RMS norm behind": lambda: (deep(nn.GELU, 12, 60, "he_normal", after=nn.RMSNorm),),
    "residual": lambda: (blocks(5),),
    "residual, deep": lambda: (blocks(40), X),
    "residual, tanh": lambda: (blocks(20, activation=nn.Tanh), X),
    "residual, scaled": lambda: (blocks(6, scale=0.4),),
    "residual, scale 0": lambda: (blocks(3, scale=0.0),),
    "layer norm first": lambda: (blocks(6, norm=nn.LayerNorm),),
    "batch norm first": lambda: (blocks(6, norm=nn.BatchNorm), X),
    "layer norm after sums": lambda: (blocks(6, after=nn.LayerNorm, activation=nn.Tanh),),
    "layer norm after many sums": lambda: (
        blocks(100, after=nn.LayerNorm, activation=nn.Tanh, init="lecun_normal"),
        X,
    ),
    "RNN": lambda: (recurrent(nn.RNN(6, 20)),),
    "RNN of small weights": lambda: (recurrent(nn.RNN(6, 20, recurrent_init=SMALL)),),
    "LSTM": lambda: (recurrent(nn.LSTM(6, 20)),),
    "LSTM, forget bias 4": lambda: (recurrent(nn.LSTM(6, 20, forget_bias=4.0)),),
    "GRU": lambda: (recurrent(nn.GRU(6, 20)),),
    "two recurrent layers": lambda: (
        nn.Sequential(nn.GRU(6, 20), nn.RNN(20, 30), nn.LastStep(), nn.Dense(30, 2), seed=0),
    ),
    # Of what is beside the gradient: the data, the ends.
    "small batches": lambda: (deep(nn.ReLU, 5, 60, "he_normal", norm=nn.BatchNorm), X[:6]),
    "large inputs": lambda: (deep(nn.Tanh, 5), X * 100),
    "small inputs": lambda: (deep(nn.Tanh, 5), X * 1e-4),
    "inputs off centre": lambda: (deep(nn.Tanh, 5), X + 30),
    "large biases": lambda: (biased(), X),
    "weights of zero": lambda: (deep(nn.Tanh, 3, init="zeros"), X),
    "weights all the same": lambda: (deep(nn.Tanh, 3, init=nn.initializers.Constant(0.1)), X),
    "a sigmoid before numbers": lambda: (deep(nn.Tanh, 1, last=1), X, NUMBERS * 300),
    "an end that does not reach": lambda: (
        nn.Sequential(nn.Dense(20, 30), nn.Tanh(), nn.Dense(30, 1), nn.Sigmoid(), seed=0),
        *(X, NUMBERS),
    ),
    "a ReLU at the end": lambda: (
        nn.Sequential(nn.Dense(20, 30), nn.Tanh(), nn.Dense(30, 1), nn.ReLU(), seed=0),
        *(X, NUMBERS),
    ),
    "sequences": lambda: (recurrent(nn.LSTM(6, 20)), SEQUENCES, np.arange(32) % 2),
    "large sequences": lambda: (recurrent(nn.GRU(6, 20)), SEQUENCES * 300, np.arange(32) % 2),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_predicted(said, name):
    model, *data = CASES[name]()
    found = nn.predict(model, *data)
    lines = repr(found).splitlines() if not data else [found.verdict, *found.notes]
    said(__file__, CASES).check(name, "\n".join(line.rstrip() for line in lines))
