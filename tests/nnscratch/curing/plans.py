"""Networks of dense layers and of blocks, their plans, what their lines make, and a penalty."""

import numpy as np

import nnscratch as nn
from nnscratch.curing import read_plan

LOSS = nn.MeanSquaredError()


def network(*, norm=False):
    parts = []
    for n_in in (6, 5, 5):
        parts.append(nn.Dense(n_in, 5, init="he_uniform"))
        if norm:
            parts.append(nn.BatchNorm(5, momentum=0.8))
        parts += [nn.LeakyReLU(0.2), nn.Dropout(0.1)]
    return nn.Sequential(*parts, nn.Dense(5, 3), nn.Sigmoid(), seed=4, dtype=np.float64)


def blocks():
    inner = nn.LayerNorm(5), nn.Tanh(), nn.Dense(5, 5)
    return nn.Sequential(
        nn.Dense(6, 5),
        nn.Residual(*inner, scale=0.5, skip=nn.Dense(5, 5, init="orthogonal")),
        nn.Dense(5, 3),
        seed=4,
    )


def read(model=None, optimizer=None, loss=LOSS):
    return read_plan(model or network(), optimizer or nn.SGD(lr=0.1), loss)


def run(plan, **names):
    """Paste the plan's lines and run them."""
    names = {"nn": nn, "np": np, "x": np.eye(6), "y": np.eye(6, 3), **names}
    exec("\n".join(plan.statements(seed=4)), names)
    return names


def kinds(plan):
    return [part.make.__name__ for part in plan.layers]


class Pull(nn.Callback):
    """A penalty of somebody's own: a pull of all parameters towards 1."""

    def __init__(self, strength):
        self.strength, self.calls = strength, 0

    def on_backward(self, trainer, step):
        self.calls += 1
        trainer.model.grads.flat[...] += self.strength * (trainer.model.params.flat - 1)
