"""How much one draw of the weights differs from the average over draws, at finite width.

A layer of n units multiplies the squared norm of one input's gradient by a random factor, a mean of
n terms ``phi'(z_j)^2 xi_j^2`` with xi_j ~ N(0, 1): its relative variance is ``(3 kappa - 1) / n``
with ``kappa = E phi'^4 / (E phi'^2)^2``. The factors of the layers multiply, so the logarithm of
the squared norm has a variance of ``(3 kappa - 1) beta`` and a mean of minus half of that, where
``beta = sum 1 / n_j``. With ReLU kappa is 2: Hanin 2018.

The norm over a batch varies less, because inputs differ. With P = E |g_a|^2 |g_b|^2 and
T = E (g_a . g_b)^2 for the gradients of two inputs, in units of their expectations, one layer makes

    P' = P (1 - 1/n) + kappa_ab (P + 2 T) / n
    T' = T s^2 (1 - 1/n) + kappa_ab (P + 2 T) / n

with ``kappa_ab = E phi'_a^2 phi'_b^2 / (E phi'^2)^2`` and ``s = E phi'_a phi'_b / E phi'^2``.
On the way up, the mean square of each layer's output differs from its expectation too, and with it
the slopes of the layers above; that is followed to first order, in networks without branches.
Where a branch and what goes around it are added, with shares w and v = 1 - w of the expected
square, a gradient s and its image r in the branch, of random direction, give

    P' = v^2 P_s + w^2 P_r + v w (2 P + 4 k T / n)
    T' = v^2 T_s + w^2 T_r + v w (2 k T + 2 (P + k T) / n)

where k is by how much the correlation of two gradients shrinks in both together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import require_count, require_number
from nnscratch.theory.nonlinearity import Nonlinearity
from nnscratch.theory.quadrature import Function, mean, pair_mean

_STEP = 1e-4  # relative, for derivatives by q


def log_norm_moments(widths: Iterable[int], kappa: float = 2.0) -> tuple[float, float]:
    """Return mean and variance, over draws of Gaussian weights, of ln ||.||^2 of one input.

    Relative to the logarithm of the expected squared norm: ``-(3 kappa - 1) / 2 * beta`` and
    ``(3 kappa - 1) * beta`` with ``beta = sum 1 / n_j`` over the hidden widths. `kappa` is 2 for
    ReLU (Hanin 2018; forward and backward), 1 for a linear network.
    """
    beta = sum(1 / require_count("width", n) for n in widths)
    variance = (3 * require_number("kappa", kappa, least=1) - 1) * beta
    return -variance / 2, variance


@dataclass(frozen=True)
class LayerNoise:
    """The random part of one layer of finite width.

    Attributes
    ----------
    units : int
    kappa, kappa_pair : float
        ``E phi'^4`` and ``E phi'_a^2 phi'_b^2``, over ``(E phi'^2)^2``.
    kept : float
        ``E phi'_a phi'_b / E phi'^2``: by this the correlation of two gradients shrinks.
    square, covariance : float
        Variance of the mean square of the layer's output over a batch, and its covariance with the
        logarithm of the factor.
    square_gain, factor_gain : float
        How that mean square, and the logarithm of the factor, follow the variance q of the layer's
        input: derivatives by q.
    one, two : float
        Relative variance of what a norm of examples divides the squared gradient by, and its
        covariance for two inputs, times n.
    """

    units: int
    kappa: float
    kappa_pair: float
    kept: float
    square: float = 0.0
    covariance: float = 0.0
    square_gain: float = 0.0
    factor_gain: float = 0.0
    one: float = 0.0
    two: float = 0.0


def plain_noise(phi: Nonlinearity, q: float, c: float, units: int, batch: float) -> LayerNoise:
    """Return the noise of a layer without batch norm, for a batch of `batch` inputs (or inf)."""

    def average(one: float, two: float) -> float:
        return one / batch + two * (1 - 1 / batch)

    m, d = mean(phi.square, q), mean(phi.slope_square, q)
    if d == 0 or q == 0:
        return LayerNoise(units, 1.0, 1.0, 0.0)
    kappa = mean(lambda u: phi.slope_square(u) ** 2, q) / d**2
    kappa_pair = pair_mean(phi.slope_square, phi.slope_square, q, c) / d**2
    square = average(mean(lambda u: phi.square(u) ** 2, q), pair_mean(phi.square, phi.square, q, c))
    mixed = average(
        mean(lambda u: phi.square(u) * phi.slope_square(u), q),
        pair_mean(phi.square, phi.slope_square, q, c),
    )
    up, down = q * (1 + _STEP), q * (1 - _STEP)
    m_change = mean(phi.square, up) - mean(phi.square, down)
    d_change = mean(phi.slope_square, up) - mean(phi.slope_square, down)
    return LayerNoise(
        units,
        kappa,
        kappa_pair,
        pair_mean(phi.slope, phi.slope, q, c) / d,
        (square - m * m) / units,
        (mixed - m * d) / (units * d),
        m_change / (up - down),
        d_change / (up - down) / d,
    )


def normalized_noise(phi: Nonlinearity, variance: float, units: int) -> LayerNoise:
    """Return the noise of a layer with batch norm, which resets the signal and parts the inputs."""
    d = mean(phi.slope_square, variance)
    if d == 0:
        return LayerNoise(units, 1.0, 1.0, 0.0)
    kappa = mean(lambda u: phi.slope_square(u) ** 2, variance) / d**2
    return LayerNoise(units, kappa, 1.0, mean(phi.slope, variance) ** 2 / d)


def example_noise(
    phi: Nonlinearity, q: float, c: float, units: int, centred: bool, after: bool
) -> LayerNoise:
    """Return the noise of a layer with a norm over the units of each example.

    Whatever the norm divides by, the gradient is divided by too. It stands before phi: then of n
    Gaussian units their mean square, ``2 / n``, and that of the layer below after phi, which varies
    as far as what the norm has fixed leaves it free; or after phi, whose mean square it is then.

    centred : it takes out the mean over the units too
    """
    m, d = mean(phi.square, q), mean(phi.slope_square, q)
    if d == 0 or q == 0:
        return LayerNoise(units, 1.0, 1.0, 0.0)
    middle = mean(phi.value, q) if after and centred else 0.0
    m -= middle**2

    def squared(u: Array) -> Array:
        return (phi.value(u) - middle) ** 2 / m - 1 if m > 0 else 0 * u

    def sloped(u: Array) -> Array:
        return phi.slope_square(u) / d - 1

    both: list[Function] = [squared, sloped]
    if not after:  # the norm leaves no other mean square, nor mean
        both = [_freed(f, q, centred) for f in both]
    square, slope = both

    def together(f: Function, g: Function) -> Array:
        return np.array([mean(lambda u: f(u) * g(u), q), pair_mean(f, g, q, c)])

    divided = together(square, square) - 2 * together(square, slope)
    kappa = 1 + together(slope, slope)
    one, two = divided + (0.0 if after else 2 * np.array([1.0, c * c]))
    kept = pair_mean(phi.slope, phi.slope, q, c) / d
    return LayerNoise(units, float(kappa[0]), float(kappa[1]), kept, one=float(one), two=float(two))


def _freed(f: Function, q: float, centred: bool) -> Function:
    """Return f without what follows the square of its input, and the input itself if `centred`."""
    squared = mean(lambda u: f(u) * (u * u / q - 1), q) / 2
    linear = mean(lambda u: f(u) * u, q) / q if centred else 0.0
    return lambda u: f(u) - squared * (u * u / q - 1) - linear * u


@dataclass(frozen=True)
class Spread:
    """How much the squared norm of a gradient varies over draws, in units of its expectation.

    Attributes
    ----------
    one, two : float
        ``E |g_a|^4`` and ``E |g_a|^2 |g_b|^2`` for two inputs a and b.
    aligned : float
        ``E (g_a . g_b)^2``.
    """

    one: float = 1.0
    two: float = 1.0
    aligned: float = 1.0

    def below(self, noise: LayerNoise) -> Spread:
        """Return that below a layer and the random weights above it."""
        n = noise.units
        new = noise.kappa_pair * (self.two + 2 * self.aligned) / n
        return Spread(
            self.one * (1 - 1 / n) + noise.kappa * 3 * self.one / n,
            self.two * (1 - 1 / n) + new,
            self.aligned * noise.kept**2 * (1 - 1 / n) + new,
        ).divided(noise)

    def divided(self, noise: LayerNoise) -> Spread:
        """Return that below what a layer's norm divides by."""
        one, two = 1 + noise.one / noise.units, 1 + noise.two / noise.units
        return Spread(self.one * one, self.two * two, self.aligned * two)

    def below_slopes(self, noise: LayerNoise) -> Spread:
        """Return that below a layer alone, where a sum is above it."""
        crossed, kept = (self.two + 2 * self.aligned) / noise.units, noise.kept**2
        return Spread(
            self.one * (1 + 3 * (noise.kappa - 1) / noise.units),
            self.two + (noise.kappa_pair - 1) * crossed,
            self.aligned * kept + (noise.kappa_pair - kept) * crossed,
        ).divided(noise)

    def joined(self, skip: Spread, branch: Spread, share: float, kept: float, units: int) -> Spread:
        """Return that below a fork, self being above it.

        share : of the branch in the expected square; kept : k of the module's docstring
        """
        both, n = share * (1 - share), units
        crossed = kept * self.aligned

        def of(s: float, r: float, cross: float) -> float:
            return (1 - share) ** 2 * s + share**2 * r + both * cross

        return Spread(
            of(skip.one, branch.one, 2 * self.one + 4 * self.one / n),
            of(skip.two, branch.two, 2 * self.two + 4 * crossed / n),
            of(skip.aligned, branch.aligned, 2 * crossed + 2 * (self.two + crossed) / n),
        )

    def log_variance(self, batch: float) -> float:
        """Return the variance of the logarithm of the squared norm over a batch."""
        return float(np.log(self.one / batch + self.two * (1 - 1 / batch)))


def linear_noise(units: int) -> LayerNoise:
    """Return the noise of weights alone."""
    return LayerNoise(units, 1.0, 1.0, 1.0)


def from_signal(noises: Sequence[LayerNoise], sw2: Sequence[float]) -> Array:
    """Return what the signal's own deviations add to that variance, shape ``(layers + 1,)``.

    `noises` are those of the layers below the last, first to last; ``sw2[i]`` belongs to the
    weights above layer i.
    """
    count = len(noises)
    variance = np.zeros(count + 1)
    gains = np.array([noise.factor_gain for noise in noises])
    for m, noise in enumerate(noises):
        if noise.square == 0:
            continue
        # What a deviation of this layer's mean square does to the factors of the layers above it.
        pushed = np.zeros(count + 1)
        deviation = sw2[m]
        for k in range(m + 1, count):
            pushed[k] = gains[k] * deviation
            deviation *= sw2[k] * noises[k].square_gain
        through = np.cumsum(pushed[::-1])[::-1]
        through[: m + 1] = through[m]
        variance += through**2 * noise.square
        variance[: m + 1] += 2 * through[m] * noise.covariance
    return variance
