"""Batch norm placed after the activation: each unit is normalized by its own variance.

A unit's inputs over the batch are ``sqrt(q c) g + sqrt(q (1 - c)) h``: g is the unit's own, shared
by all inputs, h differs from input to input. So the variance that batch norm divides by,
``V(g) = Var_h phi``, differs from unit to unit. This is the limit for large batches.
"""

from __future__ import annotations

import math

import numpy as np

from nnscratch.theory.nonlinearity import Nonlinearity

_Z = np.arange(-8.0, 8.0, 0.02) + 0.01  # corners move with g, so an even grid; good to about 1e-4
_W = np.exp(-_Z * _Z / 2)
_W /= _W.sum()


def moments(phi: Nonlinearity, q: float, c: float, epsilon: float) -> tuple[float, float]:
    """Return ``E phi'^2 / (V(g) + epsilon)``, and the product of two inputs afterwards, 0."""
    c = min(1.0, max(0.0, c))
    u = math.sqrt(q * c) * _Z[:, None] + math.sqrt(q * (1 - c)) * _Z
    variance = phi.square(u) @ _W - (phi.value(u) @ _W) ** 2
    slope_square = phi.slope_square(u) @ _W
    return float(_W @ (slope_square / (np.maximum(variance, 0.0) + epsilon))), 0.0
