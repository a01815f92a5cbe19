"""Units drawn one by one, where those of a layer are no Gaussian.

What an activation gives is none, and a sum with it is none either: in ``h' = phi(h + f(h))``, with
a branch f that ends in random weights, a unit goes from block to block by random steps and is bent
after each. So some thousand units are followed, each with its values at two inputs. On the way down
the gradient is not the same for all of them: a unit that a ReLU has cut off gets none through this
block, and more than others where it was never cut off. What goes through weights is shared out
evenly anew.
"""

from __future__ import annotations

import functools
import zlib

import numpy as np

from nnscratch.arrays import Array
from nnscratch.theory.ends import InputStatistics

_COUNT = 1 << 15


@functools.lru_cache(maxsize=64)
def _normals(name: str) -> Array:
    """Return independent N(0, 1), shape (2, units): for each name others, always the same."""
    half = np.random.default_rng(zlib.crc32(name.encode())).standard_normal((2, _COUNT // 2))
    return np.concatenate([half, -half], axis=1)


def fresh(name: str, variance: float, correlation: float) -> Array:
    """Return the values of units behind random weights, Gaussian, at two inputs: (2, units)."""
    return _with_moments(_normals(name), variance, correlation * variance)


def added(skip: Array, branch: Array, scale: float, given: InputStatistics) -> Array:
    """Return ``skip + scale * branch`` of units, the branch freed of what chance has them share.

    given : what comes out of the branch, whose mean squares it gets

    Units that a ReLU cut off stay at 0: where both are, another one after the sum cuts them off.
    """
    if not branch.all():
        return skip + scale * branch
    ways = np.concatenate([np.ones((1, _COUNT)), skip])
    along, *_ = np.linalg.lstsq(ways @ ways.T, ways @ branch.T, rcond=None)
    alone = branch - along.T @ ways
    own = given.average**2
    alone = _with_moments(alone, given.square - own, given.product - own)
    return skip + scale * (given.average + alone)


def _with_moments(units: Array, square: float, product: float) -> Array:
    """Return what is nearest to units of mean 0 with such mean squares and mean product."""
    product = min(square, max(-square, product))
    values, vectors = np.linalg.eigh(units @ units.T / _COUNT)
    whitened = vectors @ np.diag(np.maximum(values, 1e-300) ** -0.5) @ vectors.T @ units
    # The symmetric root of [[square, product], [product, square]].
    both, apart = np.sqrt(max(0.0, square + product)), np.sqrt(max(0.0, square - product))
    here, there = (both + apart) / 2, (both - apart) / 2
    return np.array([[here, there], [there, here]]) @ whitened
