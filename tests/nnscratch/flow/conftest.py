"""Synthetic recordings: rows of a small layout, filled with seeded numbers."""

import numpy as np
import pytest

from nnscratch.flow.layout import Layout

LAYOUT = Layout(
    label="a run",
    layers=("0.dense", "1.tanh", "2.batchnorm", "3.dense"),
    features=(6, 6, 6, 3),
    params=("0.weight", "0.bias", "2.gamma", "2.beta", "3.weight", "3.bias"),
    param_sizes=(24, 6, 6, 6, 18, 3),
    batchnorm_layers=("2.batchnorm",),
    census_layers=("1.tanh",),
    census_units=(0, 6),
    clip="ClipNorm(1.0)",
)


class Recording:
    """`count` rows of LAYOUT with NaN and infinities among them, and a census every 4th step."""

    layout = LAYOUT

    def __init__(self, count, seed=0):
        rng = np.random.default_rng(seed)
        self.steps = np.arange(count, dtype=np.int64)
        self.numbers = rng.lognormal(0, 3, (count, LAYOUT.numbers))
        self.numbers[rng.random(self.numbers.shape) < 0.05] = np.nan
        self.numbers[rng.random(self.numbers.shape) < 0.02] = np.inf
        self.numbers[:, 2] = 20  # the batch
        self.samples = rng.integers(0, 70, (count, LAYOUT.samples), dtype=np.uint8)
        self.census_steps = self.steps[::4]
        self.census = rng.integers(0, 4, (len(self.census_steps), 6), dtype=np.uint8)

    def record(self, **options):
        return self.layout.to_record(
            self.steps, self.numbers, self.samples, self.census_steps, self.census, **options
        )


@pytest.fixture
def recording():
    return Recording(10)
