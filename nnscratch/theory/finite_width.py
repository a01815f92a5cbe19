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
the slopes of the layers above; that is followed to first order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.errors import require_count, require_number
from nnscratch.theory.nonlinearity import Nonlinearity
from nnscratch.theory.quadrature import mean, pair_mean

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
    """

    units: int
    kappa: float
    kappa_pair: float
    kept: float
    square: float = 0.0
    covariance: float = 0.0
    square_gain: float = 0.0
    factor_gain: float = 0.0


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


def log_ratio_variance(
    noises: Sequence[LayerNoise], sw2: Sequence[float], rho_square: float, batch: float
) -> Array:
    """Return the variance over draws of ln (|dz_l|^2 / |dz_last|^2), shape ``(layers + 1,)``.

    `noises` are those of the layers below the last, first to last; ``sw2[i]`` belongs to the
    weights above layer i; `rho_square` is the mean square correlation of the gradients of two
    inputs at the last layer.
    """
    count = len(noises)
    variance = np.zeros(count + 1)
    one, two, aligned = 1.0, 1.0, rho_square
    for i in range(count - 1, -1, -1):
        noise, n = noises[i], noises[i].units
        one = one * (1 - 1 / n) + noise.kappa * 3 * one / n
        new = noise.kappa_pair * (two + 2 * aligned) / n
        two = two * (1 - 1 / n) + new
        aligned = aligned * noise.kept**2 * (1 - 1 / n) + new
        variance[i] = np.log(one / batch + two * (1 - 1 / batch))
    return np.maximum(variance + _from_signal(noises, sw2), 0.0)


def _from_signal(noises: Sequence[LayerNoise], sw2: Sequence[float]) -> Array:
    """Return what the signal's own deviations add to that variance."""
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
