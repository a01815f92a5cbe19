"""What is wrong before step 0: with the data given to a prediction, and with the weights."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from nnscratch.arrays import Array
from nnscratch.datasets.codes import codes, line_without
from nnscratch.layers import Dense
from nnscratch.network.model import Sequential
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
from nnscratch_records.words import listed, number, percent

_GRID = np.linspace(-8.0, 8.0, 1601)
_CHANCE = np.exp(-(_GRID**2) / 2) / np.exp(-(_GRID**2) / 2).sum()
_FLAT = 0.1  # of its largest slope: there an activation hands little down
_ENDLESS = 1e300
_REACH = np.array([-_ENDLESS, *np.linspace(-60.0, 60.0, 2401), _ENDLESS])
_NOTHING = 1e-6
_ROWS = 4096  # are looked through for codes
_MISSED = 0.01  # of the targets' range


def of_codes(x: Array) -> list[str]:
    """Return that a number among the inputs stands for values that are missing: see `codes`."""
    rows = np.asarray(x[:_ROWS], np.float64)
    found = codes(rows.reshape(-1, rows.shape[-1])) if rows.ndim > 1 else {}
    code = found.get("missing_code", math.nan)
    if math.isnan(code):  # scaled with the rest it is no number that could be named
        return []
    return [
        f"{percent(found['missing_share'])} of the rows have the number {code:g}, far from all "
        f"others, as what stands for a missing value: {line_without(code)}"
    ]


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


def of_weights(model: Sequential, ends: Collection[str] = ()) -> list[str]:
    """Return hidden layers whose units are copies of one another.

    Units of the last layer are told apart by their answers, those of `ends`, at the end of a
    residual branch, by what is above them: there weights may be 0.
    """
    dense = {name: layer for name, layer in model.layers.items() if isinstance(layer, Dense)}
    hidden = {name: layer.params["weight"] for name, layer in [*dense.items()][:-1]}
    zero = [name for name, weight in hidden.items() if name not in ends and not weight.any()]
    equal = [
        name
        for name, weight in hidden.items()
        if weight.any() and weight.shape[1] > 1 and (weight == weight[:, :1]).all()
    ]
    found = []
    if zero:
        found.append(
            f"all weights of {listed(zero)} are 0: the units of a layer are copies of one another, "
            f"and no gradient gets past them: draw them at random"
        )
    if equal:
        found.append(
            f"the units of {listed(equal)} have equal weights and stay copies of one another: draw "
            f"them at random"
        )
    return found


def of_units(signals: Sequence[Signal]) -> list[str]:
    """Return that hidden units saturate at the weights' and the inputs' scale."""
    shares = {
        signal.block.name: (_at_the_ends(signal.block.activation, signal.q), signal.q)
        for signal in signals[:-1]
        if not signal.block.norm or signal.block.norm_after
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


def of_output(probabilities: bool, outputs: int) -> list[str]:
    """Return that a softmax over one unit ends the network."""
    if not probabilities or outputs > 1:
        return []
    return [
        "a softmax over one unit gives 1 whatever goes in, and no gradient passes it: end with "
        "nn.Sigmoid()"
    ]


def of_targets(targets: Array, phi: Nonlinearity, probabilities: bool, output: float) -> list[str]:
    """Return what is wrong with numbers that a network is asked for.

    phi, probabilities : the activation at its end, and whether a softmax is behind that
    output : root mean square of what the untrained network gives
    """
    y = np.asarray(targets, np.float64)
    found = []
    size = math.sqrt(float(np.square(y).mean()))
    reached = np.array([0.0, 1.0]) if probabilities else phi.value(_REACH)
    low, high, slack = np.nanmin(reached), np.nanmax(reached), _MISSED * float(np.ptp(y))
    if y.min() < low - slack or y.max() > high + slack:
        found.append(
            f"the targets run from {number(float(y.min()))} to {number(float(y.max()))}, and "
            f"{'softmax' if probabilities else 'the activation'} at the output gives "
            f"{_between(low, high)}: end with the last layer of weights"
        )
    if probabilities:
        return found
    large = size > LARGE_TARGET and output < size / BESIDE
    if large or (size < SMALL_TARGET and output > size * BESIDE):
        found.append(
            f"the targets are {'large' if large else 'small'}, root mean square {number(size)}, "
            f"where the untrained network gives {number(output)}: y = (y - y.mean(axis=0)) / "
            f"(y.std(axis=0) + 1e-8)"
        )
    return found


def _between(low: float, high: float) -> str:
    """Return the range of an activation in words."""
    if high >= _ENDLESS:
        return f"nothing below {number(low if abs(low) > _NOTHING else 0.0)}"
    if low <= -_ENDLESS:
        return f"nothing above {number(high)}"
    return f"{number(low if abs(low) > _NOTHING else 0.0)} to {number(high)} at most"
