"""The edge between vanishing and exploding: which weights give a rate of exactly 1."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError
from nnscratch.theory.meanfield import (
    LARGEST,
    SMALLEST,
    ActivationLike,
    FixedPoint,
    chi_1,
    fixed_point,
    gradient_rate,
    variance_fixed_point,
)
from nnscratch.theory.nonlinearity import Nonlinearity, nonlinearity
from nnscratch.theory.roots import root

_SCALES = np.logspace(-1, 3, 121)  # the weight variances sw2 among which the edge is looked for


def critical_scales(activation: ActivationLike, sb2: float = 0.0) -> tuple[float, ...]:
    """Return every sw2 between 0.1 and 1000 at which chi_1 = 1, in increasing order.

    Most activations have one. sigmoid needs weights so large that its units saturate; an activation
    whose rate never crosses 1 has none.
    """
    return _critical_scales(nonlinearity(activation), sb2)


@functools.lru_cache(maxsize=1024)
def _critical_scales(phi: Nonlinearity, sb2: float) -> tuple[float, ...]:
    """`critical_scales`, which `nn.cure` asks again for every network that it tries."""

    def excess(sw2: float) -> float:
        return chi_1(phi, sw2, sb2) - 1

    rates = [excess(float(sw2)) for sw2 in _SCALES]
    found = []
    for i, (before, after) in enumerate(itertools.pairwise(rates)):
        low, high = float(_SCALES[i]), float(_SCALES[i + 1])
        if (before > 0) == (after > 0):
            continue
        scale = root(excess, low, high)
        if abs(excess(scale)) < 1e-3:  # else a jump, not a crossing
            found.append(scale)
    return tuple(found)


def critical_scale(activation: ActivationLike, sb2: float = 0.0, near: float = 1.0) -> float | None:
    """Return the critical sw2 closest to `near` (as a ratio), or None if there is none."""
    scales = critical_scales(activation, sb2)
    return min(scales, key=lambda scale: abs(math.log(scale / near)), default=None)


def best_scale(
    activation: ActivationLike, sb2: float = 0.0, near: float = 1.0
) -> tuple[float, FixedPoint]:
    """Return the sw2 that brings the rate closest to 1, and the fixed point there.

    The critical one closest to `near`, or where there is none the best of a grid.
    """
    phi = nonlinearity(activation)
    sw2 = critical_scale(phi, sb2, near)
    if sw2 is None:
        sw2 = float(min(_SCALES, key=lambda scale: _distance(chi_1(phi, float(scale), sb2))))
    return sw2, fixed_point(phi, sw2, sb2)


def _distance(rate: float) -> float:
    """Return ``|ln rate|``, infinite for 0."""
    return abs(math.log(rate)) if rate > 0 else math.inf


def phase_diagram(
    activation: ActivationLike, sw2: Array, sb2: Array, start: float = 1.0
) -> dict[str, Array]:
    """Return rate and variance over a grid of weight and bias variances.

    ``"rate"`` and ``"q"`` have shape ``(len(sb2), len(sw2))``; ``"sw2"`` and ``"sb2"`` are the
    axes.
    """
    phi = nonlinearity(activation)
    weights, biases = np.asarray(sw2, dtype=np.float64), np.asarray(sb2, dtype=np.float64)
    if weights.ndim != 1 or biases.ndim != 1 or not weights.size or not biases.size:
        raise ConfigError(
            "phase_diagram needs two lists of variances, "
            f"got shapes {weights.shape} and {biases.shape}"
        )
    q = np.array(
        [[variance_fixed_point(phi, float(w), float(b), start) for w in weights] for b in biases]
    )
    at = np.clip(q, SMALLEST, LARGEST)
    rate = np.array(
        [[gradient_rate(phi, v, float(w)) for v, w in zip(row, weights, strict=True)] for row in at]
    )
    return {"sw2": weights, "sb2": biases, "rate": rate, "q": q}
