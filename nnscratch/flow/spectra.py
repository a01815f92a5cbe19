"""Spectral radius and norm of recurrent weights: of large ones by squaring, not by decomposing.

|A^2p| / |A^p|, to the power 1/p, tends to the largest magnitude of an eigenvalue of A as p doubles.
A product takes much less time than what LAPACK does column by column.
"""

from __future__ import annotations

import math

import numpy as np

from nnscratch.arrays import Array
from nnscratch.backend import kernels

_FEW = 64  # of fewer units LAPACK is as fast
_STEADY, _TWICE = 2e-4, 2  # estimates of a logarithm that differ by no more, so often in a row
_SQUARINGS = 20


def spectra(weight: Array) -> dict[str, Array]:
    """Return spectral radius and norm of each gate's recurrent weights, (units, gates * units).

    Of 64 units and more to 0.1 %. NaN where a weight is not finite.
    """
    units = len(weight)
    blocks = weight.astype(np.float64).reshape(units, -1, units).swapaxes(0, 1)
    made = np.full((2, len(blocks)), np.nan)
    for found, block in zip(made.T, blocks, strict=True):
        if np.isfinite(block).all():
            found[...] = _by_lapack(block) if units < _FEW else _by_powers(block)
    return {"spectral_radius": made[0], "spectral_norm": made[1]}


def _by_lapack(a: Array) -> tuple[float, float]:
    return float(np.abs(np.linalg.eigvals(a)).max()), float(np.linalg.norm(a, 2))


def _by_powers(a: Array) -> tuple[float, float]:
    size = float(np.abs(a).max()) or 1.0  # without it squares may overflow
    a = np.ascontiguousarray(a / size)
    gram = np.empty_like(a)
    kernels.matmul_at_b(gram, a, a)
    # What takes as many steps as there are units to come round shows in longer powers only.
    radius, square = powers_radius(a, 2 * len(a)), powers_radius(gram, 1)
    if radius is None or square is None:
        radius, norm = _by_lapack(a)
    else:
        norm = math.sqrt(square)
    return size * radius, size * norm


def powers_radius(a: Array, least: int) -> float | None:
    """Return the largest magnitude of an eigenvalue of `a`, float64, from powers above `least`.

    None where they do not tell it: where there is nothing left of them, as of a nilpotent matrix
    and of what nearly is one, and where they have not settled after 20 squarings.
    """
    norm = float(np.linalg.norm(a))
    if norm == 0:
        return 0.0
    power, squared = a / norm, np.empty_like(a)
    log_norm, p, before, steady = math.log(norm), 1, math.inf, 0
    for _ in range(_SQUARINGS):
        kernels.matmul(squared, power, power)
        norm = float(np.linalg.norm(squared))
        if norm == 0:
            return None
        growth = (math.log(norm) + log_norm) / p  # log of |a^2p| / |a^p|
        steady = steady + 1 if abs(growth - before) < _STEADY else 0
        log_norm, p, before = 2 * log_norm + math.log(norm), 2 * p, growth
        if steady >= _TWICE and p > least:
            return math.exp(growth)
        power, squared = squared, power
        power /= norm
    return None
