"""Roots of functions of one positive number."""

from __future__ import annotations

import math
from collections.abc import Callable

_MOST_STEPS = 200


def root(f: Callable[[float], float], low: float, high: float) -> float:
    """Return x between `low` and `high`, both positive, where `f` changes its sign.

    Regula falsi in ln x in the Illinois form (Dowell & Jarratt 1971), which keeps the sign change
    enclosed, to a relative width of 1e-13.
    """
    a, b = math.log(low), math.log(high)
    fa, fb = f(low), f(high)
    if (fa > 0) == (fb > 0):
        raise ValueError(f"f has the same sign at {low:g} and {high:g}")
    for step in range(_MOST_STEPS):
        if abs(b - a) < 1e-13 or fb == 0:
            break
        # Every third step halves: where f jumps or is flat, regula falsi alone would creep.
        c = (a + b) / 2 if step % 3 == 2 else b - fb * (b - a) / (fb - fa)
        fc = f(math.exp(c))
        if (fc > 0) == (fb > 0):
            fa /= 2
        else:
            a, fa = b, fb
        b, fb = c, fc
    return math.exp(b)
