"""Norms of examples at finite width: the variance they divide by differs from draw to draw.

In a layer of n units the mean square s^2 of one example has over draws a relative variance V, of
order 1 / n, and a relative covariance C with the slopes of the layers since the last norm, by which
the gradient is multiplied too. A norm takes out of the gradient what lies along the signal, and
layer norm the mean. To first order in 1 / n it multiplies the squared gradient by

    (1 + V - C - A - b / n) / E s^2,    b = E phi'^2 h^2 / E phi'^2, and 1 more behind weights

with the slopes phi' at the normalized h behind it (b is 1 where no activation follows). A is what
the slopes phi' below lose for a gradient without its part along x = phi(u), the norm's input:
``(E phi'^2 x^2 / (E phi'^2 E x^2) - 1) / n``. Where those u come from a norm themselves, that has
less to take out of it, by ``((E u phi' x)^2 + (E phi' x)^2) / (E x^2 E phi'^2 n)``, the second for
layer norm. For n units of linear layers all is ``(n - 2) / (n - 3)``, as batch norm of n examples
has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.theory.nonlinearity import Nonlinearity
from nnscratch.theory.quadrature import Function, gaussian, mean

_STEP = 1e-3  # relative, for derivatives by q


@dataclass(frozen=True)
class Wobble:
    """V, C and A of a signal.

    As RMS norm divides by it; a `Wobbles` has them about the signal's mean too.
    """

    variance: float = 0.0
    tied: float = 0.0
    along: float = 0.0


@dataclass(frozen=True)
class Wobbles:
    """Those of RMS norm, and of layer norm."""

    whole: Wobble = Wobble()
    centred: Wobble = Wobble()


def behind_weights(before: Wobbles, phi: Nonlinearity, q: float, units: int) -> Wobbles:
    """Return those behind random weights, whose outputs over units are N(0, q), and `phi`."""
    z, w = gaussian()
    up, down = math.sqrt(q * (1 + _STEP)), math.sqrt(q * (1 - _STEP))
    v, c = before.whole.variance, before.whole.tied

    def made(centred: bool) -> Wobble:
        size, steep = _functions(phi, q, centred)
        if not w @ size(up * z) > 0 or not w @ steep(up * z) > 0:
            return Wobble()
        gain, turn = (
            float(np.log(w @ f(up * z) / (w @ f(down * z)))) / (2 * _STEP) for f in (size, steep)
        )
        spread, together = _relative(size, steep, math.sqrt(q))
        tied = gain * (c + turn * v) + together / units
        return Wobble(gain**2 * v + spread / units, tied, together / units)

    return Wobbles(made(centred=False), made(centred=True))


def behind_norm(phi: Nonlinearity, variance: float, centred: bool, units: int) -> Wobbles:
    """Return those behind a norm and `phi`: the h of one example have a fixed mean square and, of
    layer norm (`centred`), a fixed mean."""
    z, w = gaussian()
    fixed = ((z * z - 1) / math.sqrt(2), *((z,) if centred else ()))

    def made(about_mean: bool) -> Wobble:
        size, steep = _functions(phi, variance, about_mean)
        scale = math.sqrt(variance)
        spread, together = _relative(size, steep, scale, fixed)
        _, along = _relative(size, steep, scale)
        x, slope = phi.value(scale * z), phi.slope(scale * z)
        x = x - about_mean * (w @ x)
        whole = float(w @ size(scale * z)) * float(w @ steep(scale * z))
        if whole > 0:
            along -= float(w @ (z * slope * x)) ** 2 / whole
            along -= float(w @ (slope * x)) ** 2 / whole * centred
        return Wobble(spread / units, together / units, along / units)

    return Wobbles(made(about_mean=False), made(about_mean=True))


def summed(branch: Wobbles, skip: Wobbles, share: float, handed: float, units: int) -> Wobbles:
    """Return those of a sum in which the branch has a share of the mean square, and in what comes
    back through the fork the share `handed`."""

    def of(one: Wobble, two: Wobble) -> Wobble:
        rest = 1 - share
        variance = share**2 * one.variance + rest**2 * two.variance + 4 * share * rest / units
        tied = share * handed * one.tied + rest * two.tied
        return Wobble(variance, tied, share * handed * one.along + rest * two.along)

    return Wobbles(of(branch.whole, skip.whole), of(branch.centred, skip.centred))


def taken_out(phi: Nonlinearity, variance: float) -> float:
    """Return a, of what a norm takes out of a gradient that comes through `phi`."""
    z, w = gaussian()
    steep = phi.slope_square(math.sqrt(variance) * z)
    whole = float(w @ steep)
    return float(w @ (steep * z * z)) / whole if whole > 0 else 1.0


def _functions(phi: Nonlinearity, q: float, centred: bool) -> tuple[Function, Function]:
    """Return the square of `phi`, or that of its distance from its mean, and of its slope."""
    m = mean(phi.value, q) if centred else 0.0
    return lambda u: phi.square(u) - 2 * m * phi.value(u) + m * m, phi.slope_square


def _relative(
    f: Function, g: Function, scale: float, alongside: tuple[Array, ...] = ()
) -> tuple[float, float]:
    """Return relative variance of f and covariance with g, less what goes along with `alongside`,
    functions of mean 0 and variance 1 that do not correlate."""
    z, w = gaussian()
    one, two = f(scale * z), g(scale * z)
    if not w @ one > 0 or not w @ two > 0:
        return 0.0, 0.0
    one, two = one / (w @ one) - 1, two / (w @ two) - 1
    variance, covariance = w @ (one * one), w @ (one * two)
    for fixed in alongside:
        along = w @ (one * fixed)
        variance, covariance = variance - along**2, covariance - along * (w @ (two * fixed))
    return float(variance), float(covariance)
