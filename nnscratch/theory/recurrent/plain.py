"""The plain recurrent layer: the theory of deep networks, with time in place of depth.

Such a unit keeps nothing of its own, so two different ways through time never meet, and weights
that are the same at every step do what fresh ones would (measured: within 1.2 %). The input enters
at every step, like a bias that is drawn anew,

    q' = sw2 E phi(sqrt(q) z)^2 + sv2 E x^2 + sb2,     squared rate sw2 E phi'(sqrt(q) z)^2

(Chen, Pennington & Schoenholz 2018). So the *size of the input* is part of the rate: with the same
weights, and units that saturate, more is lost under a larger one.
"""

from __future__ import annotations

import numpy as np

from nnscratch.arrays import Array
from nnscratch.theory.meanfield import ActivationLike, gradient_rate, variance_map
from nnscratch.theory.nonlinearity import nonlinearity


def plain_squares(activation: ActivationLike, sw2: float, added: Array, sb2: float = 0.0) -> Array:
    """Return the expected squared norm of dL/dh by steps back from the end, 1 at the end.

    added : (time,) array, ``sv2 E x_t^2``: what the input adds to the variance at each step
    """
    phi = nonlinearity(activation)
    rates = []
    q = 0.0
    for step, more in enumerate(added):
        q = (variance_map(phi, q, sw2) if step > 0 else 0.0) + float(more) + sb2
        rates.append(gradient_rate(phi, q, sw2))
    squares: Array = np.cumprod([1.0, *rates[:0:-1]])
    return squares
