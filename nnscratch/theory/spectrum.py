"""How the variance within a batch is spread over directions, which batch norm feels.

The variance s^2 of one unit over a batch is ``sum share_i xi_i^2`` with xi_i ~ N(0, 1) over the
draw of the unit's weights. The fewer directions real data vary in, the more s^2 differs from unit
to unit, and the larger is ``E 1/s^2``, by which batch norm multiplies the squared gradient. Layers
make the spectrum ever more even.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array

_LOGS = np.linspace(np.log(1e-7), np.log(1e5), 500)
_T = np.exp(_LOGS)
_DT = _T * (_LOGS[1] - _LOGS[0])  # the trapezoidal rule in log t
_DT[[0, -1]] /= 2
_MOST_ROWS = 1000  # of the data, where batches have no given size
_BATCHES = 8


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Shares of the variance by direction, eigenvalues of the centred inputs' covariance.

    Attributes
    ----------
    shares : array
    rest : float
        What is spread evenly over endlessly many directions; 0 for batches of a given size. Shares
        and rest sum to 1.
    """

    shares: Array
    rest: float = 0.0

    def _damping(self) -> Array:
        """Return ``prod (1 + 2 t share_i)^(-1/2)``, the Laplace transform of s^2."""
        exponent = np.log1p(np.multiply.outer(_T, 2 * self.shares)).sum(axis=1)
        damping: Array = np.exp(-exponent / 2 - self.rest * _T)
        return damping

    def inverse_mean(self) -> float:
        """Return ``E 1/s^2``, which is ``int_0^inf prod (1 + 2 t share_i)^(-1/2) dt``.

        Infinite for one or two directions; (B - 1) / (B - 3) evenly over B - 1.
        """
        if self.rest == 0 and self.shares.size < 3:
            return np.inf
        return float(_DT @ self._damping())

    def normalized(self) -> Spectrum:
        """Return the spectrum once each unit is divided by its own s.

        ``share_i' = E share_i xi_i^2 / s^2 = int share_i / (1 + 2 t share_i) prod (...) dt``.
        """
        damped = _DT * self._damping()
        shares = self.shares * (damped @ (1 / (1 + 2 * np.multiply.outer(_T, self.shares))))
        rest = self.rest * float(damped.sum())
        total = float(shares.sum()) + rest
        return Spectrum(shares / total, rest / total)

    def mixed(self, kept: float, batch_size: int | None) -> Spectrum:
        """Return the spectrum after an activation that keeps the fraction `kept` of it."""
        if batch_size is None:
            return Spectrum(kept * self.shares, kept * self.rest + 1 - kept)
        return Spectrum(kept * self.shares + (1 - kept) / (batch_size - 1))

    def blended(self, other: Spectrum, share: float) -> Spectrum:
        """Return the spectrum of a sum in which `other` has that share of the variance.

        Both come from one input: their largest directions are taken to be the same.
        """
        shares = (1 - share) * self.shares + share * other.shares
        return Spectrum(shares, (1 - share) * self.rest + share * other.rest)


def even_spectrum(batch_size: int | None) -> Spectrum:
    """Return the spectrum of inputs that are all equally correlated."""
    if batch_size is None:
        return Spectrum(np.empty(0), 1.0)
    return Spectrum(np.full(batch_size - 1, 1 / (batch_size - 1)))


def spectrum_of(x: Array, batch_size: int | None) -> Spectrum:
    """Return the spectrum of batches out of the rows of `x`, an average over a few of them."""
    size = min(len(x), _MOST_ROWS if batch_size is None else batch_size)
    count = min(_BATCHES, len(x) // size)
    directions = size - 1 if batch_size is None else batch_size - 1
    shares = np.zeros(directions)
    for k in range(count):
        some = x[(k + np.arange(size) * count) * len(x) // (size * count)].astype(np.float64)
        some -= some.mean(axis=0)
        values = np.linalg.svd(some, compute_uv=False)[:directions] ** 2
        shares[: values.size] += values
    total = float(shares.sum())
    return Spectrum(shares / total) if total > 0 else even_spectrum(batch_size)
