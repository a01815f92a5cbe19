"""What is wrong before step 0: with the data given to a prediction, and with the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nnscratch.arrays import Array
from nnscratch.layers import Dense
from nnscratch.model import Sequential
from nnscratch.theory.blocks import LINEAR, Block
from nnscratch.theory.ends import InputStatistics
from nnscratch.theory.nonlinearity import Nonlinearity
from nnscratch.theory.propagation import Signal
from nnscratch_records.limits import (
    BESIDE,
    LARGE_INPUT,
    LARGE_TARGET,
    OFF_CENTRE,
    SATURATED,
    SMALL_INPUT,
    SMALL_TARGET,
)
from nnscratch_records.words import number, percent

_GRID = np.linspace(-8.0, 8.0, 1601)
_CHANCE = np.exp(-(_GRID**2) / 2) / np.exp(-(_GRID**2) / 2).sum()
_FLAT = 0.1  # of its largest slope: there an activation hands little down
_REACH = np.linspace(-60.0, 60.0, 2401)
_MISSED = 0.01  # of the targets' range


def of_inputs(inputs: InputStatistics) -> list[str]:
    """Return what is wrong with the scale of what the first dense layer gets."""
    size, alike = math.sqrt(inputs.square), max(0.0, inputs.product) / inputs.square
    if size > LARGE_INPUT or size < SMALL_INPUT:
        word = "large" if size > LARGE_INPUT else "small"
        return [
            f"the inputs are {word}, root mean square {number(size)}, where weights are drawn for "
            f"inputs of about 1: x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-8)"
        ]
    if size > 1 and alike > OFF_CENTRE**2 / (1 + OFF_CENTRE**2):
        return [
            f"the inputs lie far from 0 beside what tells them apart (correlation "
            f"{number(alike)}): x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-8)"
        ]
    return []


def of_weights(model: Sequential) -> list[str]:
    """Return layers whose units are copies of one another."""
    found = []
    for name, layer in model.layers.items():
        if not isinstance(layer, Dense) or layer.n_out < 2:
            continue
        weight = layer.params["weight"]
        if not weight.any():
            found.append(
                f"all weights of {name} are 0: its units are copies of one another, and no "
                f"gradient gets past them: draw them at random"
            )
        elif (weight == weight[:, :1]).all():
            found.append(
                f"the units of {name} have equal weights and stay copies of one another: draw "
                f"them at random"
            )
    return found


def of_units(blocks: Sequence[Block], signals: Sequence[Signal]) -> list[str]:
    """Return that hidden units saturate at the weights' and the inputs' scale."""
    shares = {
        block.name: (_at_the_ends(block.activation, signal.q), signal.q)
        for block, signal in zip(blocks[:-1], signals, strict=False)
        if block.epsilon is None or block.norm_after
    }
    over = {name: found for name, found in shares.items() if found[0] > SATURATED}
    if not over:
        return []
    worst = max(over, key=lambda name: over[name][0])
    share, q = over[worst]
    return [
        f"{percent(share)} of the activations above {worst} begin saturated: their inputs have "
        f"standard deviation {number(math.sqrt(q))}"
    ]


def _at_the_ends(phi: Nonlinearity, q: float) -> float:
    """Return which share of N(0, q) lies where `phi` is flat, of one that has two flat ends."""
    slope = np.sqrt(phi.slope_square(_GRID * math.sqrt(q)))
    ends = np.sqrt(phi.slope_square(np.array([-60.0, 60.0])))
    largest = float(np.sqrt(phi.slope_square(np.linspace(-3.0, 3.0, 61))).max())
    if (ends > _FLAT * largest).any():
        return 0.0
    return float(_CHANCE[slope < _FLAT * largest].sum())


def of_targets(targets: Array, last: Block, signal: Signal) -> list[str]:
    """Return what is wrong with numbers that the network is asked for."""
    y = np.asarray(targets, np.float64)
    found = []
    size, output = math.sqrt(float(np.square(y).mean())), math.sqrt(signal.q)
    if last.activation != LINEAR:
        reached = last.activation.value(_REACH)
        low, high, slack = float(reached.min()), float(reached.max()), _MISSED * float(np.ptp(y))
        if y.min() < low - slack or y.max() > high + slack:
            found.append(
                f"the targets run from {number(float(y.min()))} to {number(float(y.max()))}, and "
                f"the activation at the output gives {number(low)} to {number(high)} at most: end "
                f"with the last layer of weights"
            )
        output = math.sqrt(float(_CHANCE @ last.activation.square(_GRID * math.sqrt(signal.q))))
    large = size > LARGE_TARGET and output < size / BESIDE
    if large or (size < SMALL_TARGET and output > size * BESIDE):
        found.append(
            f"the targets are {'large' if large else 'small'}, root mean square {number(size)}, "
            f"where the untrained network gives {number(output)}: y = (y - y.mean(axis=0)) / "
            f"(y.std(axis=0) + 1e-8)"
        )
    return found
