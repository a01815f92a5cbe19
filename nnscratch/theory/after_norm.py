"""Batch norm placed after the activation: each unit is normalized by its own variance.

A unit's inputs over the batch are ``sqrt(q c) g + sqrt(q (1 - c)) h``: g is the unit's own, shared
by all inputs, h differs from input to input. So the variance that batch norm divides by,
``V(g) = Var_h phi``, differs from unit to unit. In a batch of B the variance s^2 of the few differs
from V besides, by ``(kurtosis - 1) / B`` of it for inputs unrelated but for g.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnscratch.theory.nonlinearity import Nonlinearity

_Z = np.arange(-8.0, 8.0, 0.02) + 0.01  # corners move with g, so an even grid; good to about 1e-4
_W = np.exp(-_Z * _Z / 2)
_W /= _W.sum()


@dataclass(frozen=True)
class Normalized:
    """What batch norm after an activation does to the gradient.

    Attributes
    ----------
    rate : float
        ``E phi'^2 / (V(g) + epsilon)``, the limit of large batches.
    kurtosis : float
        ``E (phi - mean)^4 / V^2`` over h and g; 3 for a linear activation.
    aligned : float
        ``Cov(phi'^2, (phi - mean)^2) / (E phi'^2 V)``: above 0 where steep units are far out.
    """

    rate: float
    kurtosis: float
    aligned: float

    def uneven(self, inverse_mean: float) -> float:
        """Return ``E phi'^2 / s^2`` over its limit, from that of a linear activation.

        To first order in 1 / B its excess is to theirs, ``2 / B``, as
        ``kurtosis - 1 - aligned`` is to 2.
        """
        return inverse_mean ** ((self.kurtosis - 1 - self.aligned) / 2)

    def passed(self, r: float, batch: float) -> float:
        """Return the share of the squared gradient that normalization lets through.

        It takes out the mean, of gradients that correlate by `r`, and what lies along the units.
        """
        return (1 - r) * (1 - (2 + self.aligned) / batch)


def normalized(phi: Nonlinearity, q: float, c: float, epsilon: float) -> Normalized:
    """Return the factors for inputs of mean square `q` that correlate by `c`."""
    c = min(1.0 - 1e-12, max(0.0, c))  # nearer to 1 rounding alone would tell examples apart
    u = math.sqrt(q * c) * _Z[:, None] + math.sqrt(q * (1 - c)) * _Z
    value, slope = phi.value(u), phi.slope_square(u)
    away = (value - (value @ _W)[:, None]) ** 2
    variance, steep = away @ _W, slope @ _W
    spread, together = _W @ variance**2, _W @ (steep * variance)
    return Normalized(
        float(_W @ (steep / (variance + epsilon))),
        float(_W @ (away**2 @ _W) / spread) if spread > 0 else 3.0,
        float(_W @ ((slope * away) @ _W) / together) - 1 if together > 0 else 0.0,
    )
