"""Clipping in place: one pass that measures and, only where something exceeds, one that writes.

Definitions, results and what happens to NaN and infinity: see `reference.clipping`. These run the
operations that clip in a step of an optimizer, for which alone they need be fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnscratch_kernels.compiled.stepping.step import ClipResult, Step

Array = npt.NDArray[Any]


def clip_by_value(grads: Array, threshold: float) -> ClipResult:
    """Limit every component to [-threshold, threshold]; NaN stays NaN, infinity is clipped."""
    return _clip(grads, "value", threshold)


def clip_by_norm(grads: Array, max_norm: float) -> ClipResult:
    """If norm > max_norm: g *= max_norm / norm; unchanged where the norm is NaN or infinite."""
    return _clip(grads, "norm", max_norm)


def _clip(grads: Array, clip: str, limit: float) -> ClipResult:
    step = Step(grads, np.array([0, len(grads)]), clip=clip, limit=limit)
    step.run(())
    return step.clip_result()
