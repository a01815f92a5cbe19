"""The gradient back through time, with the same weights at every step.

What step t sends through the recurrent weights reaches dh at t - 1 as a Gaussian over their draw,
and since they are the same at every step these Gaussians are correlated over time. So the
covariance C of dh at *two* lags has to be followed, not its variance alone:

    dD_k = kept dD_(k-1) + entered dh_k                  along each unit, k steps from the end
    C[k+1, l+1] = sum over exits of E (exit_k exit_l dD_k dD_l)

with C[0, 0] = 1: the gradient at the end is random. For a plain cell, which keeps nothing, C is
diagonal, and this is ``chi = sw2 E phi'^2``; for a cell that keeps a part a of everything and mixes
a part s it is the binomial sum of `tied.tied_square`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnscratch.arrays import Array
from nnscratch.theory.recurrent.cells import Units


@dataclass(frozen=True, eq=False)
class ByLag:
    """Expected squared norms of the gradient, by steps back from the end; dh is 1 at lag 0.

    Attributes
    ----------
    hidden : (lags,) array
        Of dL/dh_t, what comes from all later steps.
    kept : (lags,) array
        Of dL/dc_t for an LSTM, whose state is (h, c). For other cells the same as `hidden`.
    """

    hidden: Array
    kept: Array


def gradient_by_lag(units: Units) -> ByLag:
    """Return how the gradient of the last step's output falls or grows on its way back."""
    kept, entered = units.kept[::-1], units.entered[::-1]
    exits = [exit_[::-1] for exit_ in units.exits]
    outputs = [output[::-1] for output in units.outputs]
    lags, count = kept.shape
    c = np.zeros((lags + 1, lags + 1))
    c[0, 0] = 1.0
    response = np.zeros((lags, count))  # dD_k = sum_j response[j] dh_j
    shared = np.zeros((lags, count))  # E dD_k dh_j over draws of the weights
    squares = np.zeros((lags, count))  # E dD_k dD_j
    states = np.empty(lags)
    for k in range(lags):
        now = slice(k + 1)
        if k > 0:
            shared[k] = c[k, :k] @ response[:k]
            shared[now] *= kept[k - 1]
            response[:k] *= kept[k - 1]
        shared[now] += entered[k] * c[k, now, None]
        response[k] = entered[k]
        squares[0] = entered[0] * shared[0]
        for j in range(1, k + 1):
            squares[j] = kept[j - 1] * squares[j - 1] + entered[j] * shared[j]
        row = sum((exit_[now] * squares[now]) @ exit_[k] for exit_ in exits)
        row = row + sum(c[k, now] * (output[now] @ output[k]) for output in outputs)
        c[k + 1, 1 : k + 2] = c[1 : k + 2, k + 1] = row / count
        states[k] = squares[k].mean()
    hidden = np.diagonal(c)[:lags].copy() if units.outputs else states
    return ByLag(hidden, states)
