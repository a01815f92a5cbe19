"""Rungs of the ladder, and a small network for digits."""

import nnscratch as nn
from nnscratch.experiments import ladder

BATCH = 50


def rung(name):
    (found,) = ladder.select([name])
    return found


def small(*hidden, seed=0, init="he_normal"):
    return nn.Sequential(
        nn.Dense(64, 30, init=init), *hidden, nn.Dense(30, 10, init=init), seed=seed
    )
