"""The part of the gradient that lies along the signal, around residual blocks.

Weights that are right for a gradient of random direction are not for its part along the signal h
that goes through them. By Euler's theorem, of a block y = h + scale F(h) with a F that grows with h

    (dL/dh) . h = (dL/dy) . (h + scale dF / dlog|h|),

which for a ReLU network is (dL/dy) . y: this part grows on the way down by as much as the signal
grew on its way up. Where that is more than the gradient otherwise grows, because a branch ends in
values of one sign, it takes over, however small it is in a wide layer (1 / units at the top).
"""

from __future__ import annotations

import math
from dataclasses import replace

from nnscratch.theory.ends import InputStatistics
from nnscratch.theory.propagation import Forked, propagate_signal

_LEANING = 0.05  # of the mean square of what a branch gives: the square of its mean over units
_STEP = 1e-3  # of the logarithm of the signal, for a derivative by central differences


def leans(signal: Forked) -> bool:
    """Return whether a branch ends in values of one sign, or nearly, that add up block by block.

    Of others the part along the signal grows no faster than the rest, and stays of the order of
    1 / width.
    """
    return signal.given.average**2 > _LEANING * signal.given.square


def around(
    signal: Forked, aligned: float, rate: float, batch_size: int | None
) -> tuple[float, float]:
    """Return the factor on the squared gradient below a fork beyond the sum of both lanes, and the
    share of it along the signal there.

    Parameters
    ----------
    aligned : float
        The share of the squared gradient along the signal above.
    rate : float
        Factor on the squared norm by the branch alone.
    """
    scale, low, high = signal.fork.scale, signal.incoming, signal.outgoing
    more, less = (_given(signal, math.exp(step), batch_size) for step in (_STEP, -_STEP))
    average = (more.average - less.average) / (2 * _STEP)
    square = (more.square - less.square) / (2 * _STEP)
    size = math.sqrt(low.square * high.square)
    if not size > 0:
        return 1.0, aligned
    kept = low.square + scale * low.average * signal.given.average
    turned = kept + scale * low.average * average + scale**2 * square / 2
    along = aligned * (turned / size) ** 2
    others = (1 - aligned) * (1 + rate) + aligned * (max(0.0, 1 - (kept / size) ** 2) + rate)
    return (along + others) / (1 + rate), along / (along + others)


def _given(signal: Forked, factor: float, batch_size: int | None) -> InputStatistics:
    """Return what the branch gives where its input is so many times as large."""
    state = signal.incoming
    squares = ("square", "product", "average_square", "average_product")
    larger = {name: factor**2 * getattr(state, name) for name in squares}
    units = None if state.units is None else factor * state.units
    state = replace(state, average=factor * state.average, units=units, **larger)
    made = propagate_signal(signal.fork.branch, state, batch_size)
    return made[-1].outgoing if made else state
