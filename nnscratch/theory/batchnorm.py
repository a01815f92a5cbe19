"""Mean-field theory of networks with batch norm between each dense layer and its activation.

Over the draw of the weights the B inputs of one unit are Gaussian; batch norm puts them on the
sphere of vectors with mean 0 and mean square 1, which has B - 1 dimensions, uniformly if all inputs
of the batch are equally correlated. They become so after a few layers, at any depth of network and
for any weights: scale and bias drop out. The gradient is divided by the standard deviation that the
batch had, and loses its components along the mean and along the normalized inputs. With the batch
y uniform on the sphere and d = phi'(y), element by element, this gives, exactly for every B > 3 as
the layers become wide,

    rate = B / ((B - 3) (E phi(y_1)^2 - E phi(y_1) phi(y_2)))
           * (E[sum d^2 (1 - 1/B - y^2/B)] - E[sum d^2 - (sum d)^2/B - (sum d y)^2/B] / B) / (B - 1)

The expectations are integrals over one and over two coordinates of the sphere. For a linear network
and for ReLU they have closed forms; as B grows the rate tends to ``E phi'^2 / Var phi``. It is
never below 1: batch norm makes deep networks explode (Yang et al. 2019, theorems 8 and 9).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from nnscratch.arrays import Array
from nnscratch.errors import ConfigError, require_count
from nnscratch.theory.meanfield import ActivationLike
from nnscratch.theory.nonlinearity import Nonlinearity, nonlinearity
from nnscratch.theory.quadrature import mean, pair_mean, sphere, sphere_plane

LEAST_BATCH = 5  # from here on all four integrals exist without singular ends


def linear_rate(batch_size: int) -> float:
    """Return the rate without activation, ``(B - 2) / (B - 3)`` (Yang et al. 2019)."""
    b = checked_batch(batch_size)
    return (b - 2) / (b - 3)


def relu_rate(batch_size: int) -> float:
    """Return the rate with ReLU (Yang et al. 2019).

    ``[J'(c) + B - 1] / [(B - 3) (1 - J(c))] - 1 / (B - 3)`` with ``c = -1 / (B - 1)``,
    ``J(c) = [sqrt(1 - c^2) + (pi - arccos c) c] / pi`` and ``J'(c) = (pi - arccos c) / pi``.
    """
    b = checked_batch(batch_size)
    c = -1 / (b - 1)
    slope = (math.pi - math.acos(c)) / math.pi
    j = math.sqrt(1 - c * c) / math.pi + slope * c
    return (slope + b - 1) / ((b - 3) * (1 - j)) - 1 / (b - 3)


def large_batch_rate(activation: ActivationLike) -> float:
    """Return the limit for large batches, ``E phi'(z)^2 / Var phi(z)`` with z ~ N(0, 1)."""
    moments = batch_moments(nonlinearity(activation), None)
    return moments.slope_square / (moments.square - moments.product)


def rate(activation: ActivationLike, batch_size: int | None = None) -> float:
    """Return the rate for any activation and batch: exact quadrature on the sphere.

    `batch_size` None is the limit for large batches. Raises `ConfigError` below 5.
    """
    phi = nonlinearity(activation)
    if batch_size is None:
        return large_batch_rate(phi)
    b = checked_batch(batch_size)
    moments = batch_moments(phi, b)
    spread = moments.square - moments.product
    return b / ((b - 3) * spread) * moments.passed(-1 / (b - 1))


@dataclass(frozen=True)
class BatchMoments:
    """Expectations over the activations of one normalized batch.

    Attributes
    ----------
    batch_size : int or None
    square, product : float
        ``E phi(y_1)^2`` and ``E phi(y_1) phi(y_2)``.
    slope_square, slope_product : float
        The same of the derivative.
    along_square, along_product : float
        ``E [y_1 phi'(y_1)]^2`` and ``E y_1 phi'(y_1) y_2 phi'(y_2)``.
    """

    batch_size: int | None
    square: float
    product: float
    slope_square: float
    slope_product: float
    along_square: float
    along_product: float

    def passed(self, gradient_correlation: float) -> float:
        """Return the fraction of the squared gradient that activation and normalization let
        through.

        The division by the standard deviation is not in it. `gradient_correlation` is that between
        the gradients that arrive at one unit's activation from two examples: -1 / (B - 1) where
        another batch norm is above.
        """
        r = gradient_correlation
        if self.batch_size is None:
            return self.slope_square - r * (self.slope_product + self.along_product)
        b = self.batch_size
        one = self.slope_square * (1 - 1 / b) - self.along_square / b
        two = (
            self.slope_square
            - (self.slope_square + (b - 1) * self.slope_product) / b
            - (self.along_square + (b - 1) * self.along_product) / b
        )
        return (1 - r) * one + r * two


@lru_cache(maxsize=256)
def batch_moments(phi: Nonlinearity, batch_size: int | None, variance: float = 1.0) -> BatchMoments:
    """Return the expectations over a batch that was normalized to `variance`.

    `variance` is a little below 1 where batch norm's epsilon counts. Inputs of the batch are
    equally correlated, by ``-1 / (B - 1)``, or by 0 for `batch_size` None.
    """
    scale = math.sqrt(variance)

    def along(u: Array) -> Array:
        return u * phi.slope(u) / scale

    def along_square(u: Array) -> Array:
        return u * u * phi.slope_square(u) / variance

    if batch_size is None:
        return BatchMoments(
            None,
            mean(phi.square, variance),
            mean(phi.value, variance) ** 2,
            mean(phi.slope_square, variance),
            mean(phi.slope, variance) ** 2,
            mean(along_square, variance),
            mean(along, variance) ** 2,
        )
    b = checked_batch(batch_size)
    t, w = sphere(b - 1)
    plane, c = sphere_plane(b - 1), -1 / (b - 1)
    u = scale * t
    return BatchMoments(
        b,
        float(w @ phi.square(u)),
        pair_mean(phi.value, phi.value, variance, c, plane),
        float(w @ phi.slope_square(u)),
        pair_mean(phi.slope, phi.slope, variance, c, plane),
        float(w @ along_square(u)),
        pair_mean(along, along, variance, c, plane),
    )


def checked_batch(batch_size: int) -> int:
    """Return `batch_size`, or raise `ConfigError` where it is too small for the theory."""
    b = require_count("batch_size", batch_size)
    if b < LEAST_BATCH:
        raise ConfigError(
            f"the theory of batch norm needs batches of at least {LEAST_BATCH}, got {b}: with 3 or "
            "fewer the mean of the squared gradient is infinite"
        )
    return b
