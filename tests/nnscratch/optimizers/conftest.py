"""Parameters and a stream of gradients for all optimizers."""

import numpy as np
import pytest

from nnscratch.optimizers.measures import ParameterMeasures
from nnscratch.parameters import Parameters

SHAPES = {"0.weight": (6, 5), "0.bias": (5,), "1.gamma": (5,), "2.weight": (5, 3), "2.bias": (3,)}


def make(seed, dtype=np.float64):
    made = Parameters(SHAPES, dtype)
    made.flat[...] = np.random.default_rng(seed).standard_normal(made.flat.size)
    return made


@pytest.fixture
def parameters():
    """A function of a seed (and a dtype) to `Parameters` drawn from N(0, 1)."""
    return make


@pytest.fixture
def run():
    """Make `steps` updates with gradients 100, 101, ...; return the flat parameters after each."""

    def run(optimizer, steps=12, dtype=np.float64, params=None):
        params = make(0, dtype) if params is None else params
        grads = make(1, dtype)
        path = []
        for step in range(steps):
            grads.flat[...] = make(100 + step, dtype).flat
            optimizer.step(params, grads)
            path.append(params.flat.copy())
        return np.array(path)

    return run


@pytest.fixture
def stream():
    """The parameters that `run` starts from and the gradients that it uses, flat, in float64."""
    return make(0).flat, [make(100 + step).flat for step in range(12)]


class Watch:
    """A tap that keeps copies of what it is told."""

    due = True

    def __init__(self, params, grads):
        self.watched, self.measures = params, ParameterMeasures(params, grads)
        self.told, self.begun = [], 0

    def before_update(self):
        self.begun += 1

    def updated(self, report, lr):
        assert self.begun == len(self.told) + 1
        self.told.append((report, lr, self.measures.values.copy(), self.measures.histogram()))


@pytest.fixture
def watch():
    """A class of taps: ``watch(params, grads)``."""
    return Watch
