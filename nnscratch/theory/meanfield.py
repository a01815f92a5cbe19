"""Mean-field theory of signal and gradient in wide random networks without batch norm.

In a wide layer the inputs z of the activations are Gaussian over the draw of the weights, so that
a few numbers describe a whole layer (Poole et al. 2016; Schoenholz et al. 2017):

* the variance of z, ``q' = sw2 E phi(sqrt(q) z)^2 + sb2``, with ``sw2 = fan_in * Var(w)`` and
  ``sb2 = Var(b)``;
* the correlation of two inputs, ``c' = (sw2 E phi(u) phi(v) + sb2) / q'``, where u and v have
  variance q and correlation c;
* the rate, by which the squared norm of the gradient changes from one layer to the one below:
  ``chi_1 = sw2 E phi'(sqrt(q) z)^2``. It is also the slope of the correlation map at c = 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import require_number
from nnscratch.layers import Layer
from nnscratch.theory.nonlinearity import Nonlinearity, nonlinearity
from nnscratch.theory.quadrature import gaussian, mean, pair_mean
from nnscratch.theory.roots import root

DEPTH_SCALES = 6.0  # a network trains up to about this many depth scales (Schoenholz et al. 2017)

# Where variances are looked for. Beyond it they count as 0 and infinite.
SMALLEST, LARGEST = 1e-12, 1e12
_GRID = np.logspace(-12, 12, 289)
_NEUTRAL = 1e-10  # relative change per layer below which a variance stands still

ActivationLike = str | Layer | Nonlinearity


def depth_scale(rate: float) -> float:
    """Return ``1 / |ln rate|``: over that many layers a quantity changes by a factor e.

    Where `rate` is below 1 this is the ``xi = -1 / ln rate`` of Schoenholz et al. 2017; above 1 the
    same number says how fast it grows. Infinite at 1, 0 at 0 and infinity.
    """
    if rate in (0.0, math.inf):
        return 0.0
    logarithm = abs(math.log(rate))
    return 1 / logarithm if logarithm > 1e-9 else math.inf


def variance_map(activation: ActivationLike, q: float, sw2: float, sb2: float = 0.0) -> float:
    """Return ``q' = sw2 E phi(sqrt(q) z)^2 + sb2``."""
    return sw2 * mean(nonlinearity(activation).square, q) + sb2


def correlation_map(
    activation: ActivationLike, c: float, q: float, sw2: float, sb2: float = 0.0
) -> float:
    """Return the next layer's correlation ``c' = (sw2 E phi(u) phi(v) + sb2) / q'``.

    1 where no signal is left to tell two inputs apart.
    """
    phi = nonlinearity(activation)
    after = variance_map(phi, q, sw2, sb2)
    return (sw2 * pair_mean(phi.value, phi.value, q, c) + sb2) / after if after > 0 else 1.0


def gradient_rate(activation: ActivationLike, q: float, sw2: float) -> float:
    """Return ``sw2 E phi'(sqrt(q) z)^2``, chi_1 where q is the fixed point."""
    return sw2 * mean(nonlinearity(activation).slope_square, q)


@dataclass(frozen=True)
class FixedPoint:
    """What a network of many equal layers tends to, and how fast.

    Attributes
    ----------
    q : float
        Variance of the activations' inputs; 0 or infinity where it shrinks or grows without end.
    c : float
        Correlation of two inputs.
    chi_1 : float
        Rate: factor on the squared norm of the gradient per layer.
    chi_c : float
        Factor on the distance of the correlation from `c` per layer.
    """

    q: float
    c: float
    chi_1: float
    chi_c: float

    @property
    def gradient_depth(self) -> float:
        """Depth scale of the gradient, ``1 / |ln chi_1|``."""
        return depth_scale(self.chi_1)

    @property
    def correlation_depth(self) -> float:
        """Depth scale of the correlation, ``1 / |ln chi_c|``."""
        return depth_scale(self.chi_c)

    @property
    def trainable_depth(self) -> float:
        """Depth up to which such a network trains, about six times the smaller of the two
        scales."""
        return DEPTH_SCALES * min(self.gradient_depth, self.correlation_depth)


@lru_cache(maxsize=64)
def _moments(phi: Nonlinearity) -> tuple[Array, Array]:
    """Return E phi^2 and E phi'^2 on the grid of variances."""
    z, w = gaussian()
    u = np.sqrt(_GRID)[:, None] * z
    return phi.square(u) @ w, phi.slope_square(u) @ w


def variance_fixed_point(
    activation: ActivationLike, sw2: float, sb2: float = 0.0, start: float = 1.0
) -> float:
    """Return the variance that layers tend to from `start`: q with ``q = sw2 E phi^2 + sb2``.

    0 or infinity where there is none; `start` itself where every variance stands still, as with
    ReLU at sw2 = 2.
    """
    phi = nonlinearity(activation)
    sw2, sb2 = require_number("sw2", sw2, least=0), require_number("sb2", sb2, least=0)
    start = require_number("start", start, above=0)

    def growth(q: float) -> float:
        return variance_map(phi, q, sw2, sb2) / q - 1

    growing = growth(start)
    if abs(growing) < _NEUTRAL:
        return start
    changes = (sw2 * _moments(phi)[0] + sb2) / _GRID - 1
    # The first variance of the grid, on the way up or down, that no longer moves that way.
    if growing > 0:
        ahead = np.flatnonzero((start < _GRID) & (changes <= _NEUTRAL))
        if not ahead.size:
            return math.inf
        at, step, endless = int(ahead[0]), 1, math.inf
    else:
        behind = np.flatnonzero((start > _GRID) & (changes >= -_NEUTRAL))
        if not behind.size:
            return 0.0
        at, step, endless = int(behind[-1]), -1, 0.0
    if abs(changes[at]) <= _NEUTRAL:
        # A fixed point on the grid itself, or a variance so far out that it seems to stand still?
        beyond = changes[min(max(at + step, 0), len(_GRID) - 1)]
        return float(_GRID[at]) if beyond * step < -_NEUTRAL else endless
    before = _GRID[at - step] if 0 <= at - step < len(_GRID) else start
    near = max(start, float(before)) if step > 0 else min(start, float(before))
    return root(growth, *sorted((near, float(_GRID[at]))))


def fixed_point(
    activation: ActivationLike, sw2: float, sb2: float = 0.0, start: float = 1.0
) -> FixedPoint:
    """Return the `FixedPoint` of a network of equal layers, from the variance `start`."""
    phi = nonlinearity(activation)
    q = variance_fixed_point(phi, sw2, sb2, start)
    at = min(max(q, SMALLEST), LARGEST)  # at 0 and infinity: the limit
    chi_1 = gradient_rate(phi, at, sw2)
    # Two equal inputs stay equal, unless the activation draws noise.
    apart = correlation_map(phi, 1.0, at, sw2, sb2) < 1 - 1e-9
    c = _correlation_below_1(phi, at, sw2, sb2) if chi_1 > 1 + 1e-9 or apart else 1.0
    chi_c = chi_1
    if c < 1:
        scale = at / variance_map(phi, at, sw2, sb2)
        chi_c = scale * sw2 * pair_mean(phi.slope, phi.slope, at, c)
    return FixedPoint(q, c, chi_1, chi_c)


def _correlation_below_1(phi: Nonlinearity, q: float, sw2: float, sb2: float) -> float:
    """Return the stable fixed point of the correlation map; 1 repels."""
    low, high = 0.0, 1 - 1e-9
    if correlation_map(phi, low, q, sw2, sb2) <= 1e-14:
        return 0.0
    if correlation_map(phi, high, q, sw2, sb2) >= high:
        return 1.0
    while high - low > 1e-12:
        c = (low + high) / 2
        low, high = (c, high) if correlation_map(phi, c, q, sw2, sb2) > c else (low, c)
    return (low + high) / 2


def chi_1(activation: ActivationLike, sw2: float, sb2: float = 0.0, start: float = 1.0) -> float:
    """Return the rate at the fixed point, ``sw2 E phi'(sqrt(q*) z)^2``."""
    phi = nonlinearity(activation)
    q = variance_fixed_point(phi, sw2, sb2, start)
    return gradient_rate(phi, min(max(q, SMALLEST), LARGEST), sw2)
